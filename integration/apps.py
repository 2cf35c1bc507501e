"""Publication to other systems, as a Django app; here the bell is received that a submission rings."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings

log = logging.getLogger(__name__)


class IntegrationConfig(AppConfig):
    name = "integration"
    verbose_name = "REST integration"

    def ready(self) -> None:
        from flowfinity.submissions import submitted

        if settings.REDIS_URL:
            import_module("flowfinity.celery")
            submitted.connect(ring, dispatch_uid="integration.ring")


def ring(apps: list[int], **_: Any) -> None:
    """Tells the workers, after commit. A bell that is lost delays and loses nothing: beat rings again."""
    from integration.hooks import tasks

    try:
        tasks.ring.apply_async([apps], retry=False)
    except Exception as error:
        log.warning("the bell was not heard: %s", type(error).__name__)
