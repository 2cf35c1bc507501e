"""Celery looks after the clients, once a minute from beat, and deletes what is old, once an hour."""

from __future__ import annotations

from celery import shared_task

from flowfinity import clock
from integration import alarms, retention

EXPIRES = 60


@shared_task(ignore_result=True, expires=EXPIRES)
def look_after_clients() -> None:
    """Opens, closes and tells incidents."""
    alarms.check(clock.now())


@shared_task(ignore_result=True, expires=EXPIRES)
def prune() -> None:
    """Deletes what is old."""
    retention.prune(clock.now())
