"""Celery rings the bell: after a submission, and again from beat for whatever is due. The tables are the truth.

A task that is lost, with a worker or with all of Redis, delays and loses nothing: the next sweep finds what is due.
"""

from __future__ import annotations

from celery import shared_task

from flowfinity import clock
from integration.hooks import delivery


@shared_task(ignore_result=True)
def ring(apps: list[int]) -> None:
    """Somebody has submitted to these apps."""
    for key in delivery.due(clock.now(), apps):
        deliver.delay(key)


@shared_task(ignore_result=True)
def sweep() -> None:
    """Rings for every subscription that has something to do."""
    for key in delivery.due(clock.now()):
        deliver.delay(key)


@shared_task(ignore_result=True)
def deliver(key: int) -> None:
    """Works on one subscription; rings again when its turn ended before its work."""
    if delivery.deliver(key) and key in delivery.due(clock.now()):
        deliver.delay(key)
