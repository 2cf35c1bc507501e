"""`manage.py deliver_hooks`: what Celery's workers do, for a site without Redis; `serve` starts it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from flowfinity import clock
from integration.hooks import delivery

log = logging.getLogger(__name__)
# Most of their time they wait for a target; one that hangs keeps one of them for http.WHOLE_SECONDS.
THREADS = 16
PAUSE_SECONDS = 0.5


class Command(BaseCommand):
    help = "Delivers hooks until it is stopped; needs no Redis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--beside", type=int, default=0, help="Stop when the process of this number is gone.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Looks for what is due twice a second, and works on several subscriptions at once."""
        parent = options["beside"]
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        working: dict[int, Future[Any]] = {}
        with ThreadPoolExecutor(THREADS) as pool:
            while not stopping.is_set() and (not parent or os.getppid() == parent):
                working = {key: future for key, future in working.items() if not future.done()}
                for key in without_failing(lambda: delivery.due(clock.now())) or []:
                    if key not in working and len(working) < 4 * THREADS:
                        turn = partial(delivery.deliver, key, stopping.is_set)
                        working[key] = pool.submit(without_failing, turn)
                stopping.wait(PAUSE_SECONDS)
            stopping.set()


def without_failing(work: Any) -> Any:
    """What the work gives, None when it fails: it is logged, and tried again at the next look or after the lease."""
    try:
        # A connection that broke, when the database was restarted say, is replaced.
        close_old_connections()
        return work()
    except Exception:
        log.exception("hooks wait")
        return None
