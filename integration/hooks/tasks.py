"""Celery rings the bell: after a submission, and again from beat for whatever is due. The tables are the truth.

A task that is lost, with a worker or with all of Redis, delays and loses nothing: the next sweep finds what is due.
"""

from __future__ import annotations

from celery import shared_task
from django.core.cache import cache

from flowfinity import clock
from integration.hooks import delivery

# A message that nobody has taken by then is dropped, so that none pile up while no worker is there.
EXPIRES = 30
# While a bell waits to be heard, others for the same app add nothing; a bell that is lost keeps them quiet no longer.
RUNG_SECONDS = 2


def rung(app: int) -> str:
    """Where it is kept that an app's bell has been rung and not yet heard."""
    return f"hooks:rung:{app}"


@shared_task(ignore_result=True, expires=EXPIRES)
def ring(apps: list[int]) -> None:
    """Somebody has submitted to these apps."""
    # Forgotten before the look, so that whoever commits after it rings again.
    cache.delete_many([rung(app) for app in apps])
    for key in delivery.due(clock.now(), apps):
        deliver.delay(key)


@shared_task(ignore_result=True, expires=EXPIRES)
def sweep() -> None:
    """Rings for every subscription that has something to do."""
    for key in delivery.due(clock.now()):
        deliver.delay(key)


@shared_task(ignore_result=True, expires=EXPIRES)
def deliver(key: int) -> None:
    """Works on one subscription; rings again for what came while it was letting go, or when its turn was too short."""
    delivery.deliver(key)
    if delivery.is_due(key, clock.now()):
        deliver.delay(key)
