"""Celery rings for jobs, every few seconds from beat. The tables are the truth: a task that is lost only delays."""

from __future__ import annotations

from celery import shared_task

from flowfinity import clock, jobs

# A message that nobody has taken by then is dropped, so that none pile up while no worker is there.
EXPIRES = 30


@shared_task(ignore_result=True, expires=EXPIRES)
def sweep() -> None:
    """Rings for every job that has something to do."""
    for key in jobs.due(clock.now()):
        work.delay(key)


@shared_task(ignore_result=True, expires=EXPIRES)
def work(key: int) -> None:
    """A turn of one job; rings again when it was too short."""
    jobs.work(key)
    if jobs.is_due(key, clock.now()):
        work.delay(key)
