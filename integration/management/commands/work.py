"""`manage.py work`: what Celery's workers and beat do, for a site without Redis; `serve` starts it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from flowfinity import clock, jobs
from integration import alarms, retention
from integration.hooks import delivery

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
HOUR = 3_600.0


@dataclass
class Kind:
    """One kind of work: `due` answers with the keys of what there is to do, `turn` does a turn of one of them."""

    due: Callable[[], list[int]]
    turn: Callable[[int, Callable[[], bool]], Any]
    threads: int
    working: dict[int, Future[Any]] = field(default_factory=dict)

    def begin(self, pool: ThreadPoolExecutor, stopping: Callable[[], bool]) -> None:
        """Hands what is due, and not being worked on, to the pool."""
        self.working = {key: future for key, future in self.working.items() if not future.done()}
        for key in without_failing(self.due) or []:
            if key not in self.working and len(self.working) < 4 * self.threads:
                self.working[key] = pool.submit(without_failing, partial(self.turn, key, stopping))


def kinds() -> list[Kind]:
    """All that is done beside the server."""
    return [
        # Most of their time they wait for a target; one that hangs keeps one of them for http.WHOLE_SECONDS.
        Kind(lambda: delivery.due(clock.now()), delivery.deliver, threads=16),
        # Two, so that a small job does not wait for the turn of a great one.
        Kind(lambda: jobs.due(clock.now()), jobs.work, threads=2),
        Kind(lambda: alarms.due(clock.now()), lambda *_: alarms.check(clock.now()), threads=1),
        Kind(once_an(HOUR), lambda *_: retention.prune(clock.now()), threads=1),
    ]


def once_an(seconds: float) -> Callable[[], list[int]]:
    """Due at once, and again whenever so many seconds have passed by the machine's own count."""
    last = [float("-inf")]

    def due() -> list[int]:
        if time.monotonic() - last[0] < seconds:
            return []
        last[0] = time.monotonic()
        return [0]

    return due


class Command(BaseCommand):
    help = "Delivers hooks and does jobs until it is stopped; needs no Redis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The server that it ends with, if any."""
        parser.add_argument("--beside", type=int, default=0, help="Stop when the process of this number is gone.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Looks for what is due twice a second, and works on several things at once."""
        parent = options["beside"]
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        with ExitStack() as pools:
            all_kinds = [(kind, pools.enter_context(ThreadPoolExecutor(kind.threads))) for kind in kinds()]
            while not stopping.is_set() and (not parent or os.getppid() == parent):
                for kind, pool in all_kinds:
                    kind.begin(pool, stopping.is_set)
                stopping.wait(PAUSE_SECONDS)
            stopping.set()


def without_failing(work: Callable[[], Any]) -> Any:
    """What the work gives, None when it fails: it is logged, and tried again at the next look or after the lease."""
    try:
        # A connection that broke, when the database was restarted say, is replaced.
        close_old_connections()
        return work()
    except Exception:
        log.exception("work waits")
        return None
