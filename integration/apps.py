"""Publication to other systems, as a Django app; here the bell is received that a submission rings."""

from __future__ import annotations

import logging
import time
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.cache import cache

log = logging.getLogger(__name__)


class IntegrationConfig(AppConfig):
    name = "integration"
    verbose_name = "REST integration"

    def ready(self) -> None:
        from flowfinity.submissions import submitted

        if settings.REDIS_URL:
            import_module("flowfinity.celery")
            submitted.connect(ring, dispatch_uid="integration.ring")


# After a bell that was not heard, submitting does not wait for Redis again for so long; the sweep hears what is due.
QUIET_SECONDS = 5
_quiet_until = 0.0


def ring(apps: list[int], **_: Any) -> None:
    """Tells the workers, after commit. A bell that is lost delays and loses nothing: beat rings again."""
    from integration.hooks import tasks

    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        if fresh := [app for app in apps if cache.add(tasks.rung(app), 1, tasks.RUNG_SECONDS)]:
            tasks.ring.apply_async([fresh], retry=False)
    except Exception as error:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning("the bell was not heard: %s", type(error).__name__)
