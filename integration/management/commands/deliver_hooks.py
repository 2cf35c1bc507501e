"""`manage.py deliver_hooks`: what Celery's workers do, for a site without Redis; `serve` starts it."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from flowfinity import clock
from integration.hooks import delivery

log = logging.getLogger(__name__)
THREADS = 8
PAUSE_SECONDS = 0.5


class Command(BaseCommand):
    help = "Delivers hooks until it is stopped; needs no Redis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--beside", type=int, default=0, help="Stop when the process of this number is gone.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Looks for what is due twice a second, and works on several subscriptions at once."""
        parent = options["beside"]
        working: dict[int, Future[None]] = {}
        with ThreadPoolExecutor(THREADS) as pool:
            while not parent or os.getppid() == parent:
                working = {key: future for key, future in working.items() if not future.done()}
                try:
                    for key in delivery.due(clock.now()):
                        if key not in working and len(working) < 4 * THREADS:
                            working[key] = pool.submit(deliver, key)
                except DatabaseError as error:
                    log.error("hooks wait for the database: %s", type(error).__name__)
                    connections.close_all()
                    time.sleep(5)
                time.sleep(PAUSE_SECONDS)


def deliver(key: int) -> None:
    """Works on one subscription; what goes wrong is logged, and tried again when its lease is over."""
    try:
        delivery.deliver(key)
    except DatabaseError as error:
        log.error("a delivery waits for the database: %s", type(error).__name__)
        connections.close_all()
    except Exception:
        log.exception("a delivery failed unexpectedly")
