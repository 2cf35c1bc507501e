"""Whether the site lives, and whether it is ready: no credentials, no detail that helps an attacker."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

log = logging.getLogger(__name__)
# Migrations only ever become applied, so the question is asked until the answer is yes.
_migrated = False


def alive(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database is reached and migrated, else 503. A missing broker is reported, not fatal."""
    parts = {"database": database(), "broker": broker()}
    healthy = parts["database"] == "ok"
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", **parts},
        status=200 if healthy else 503,
        headers={"Cache-Control": "no-store", **({} if healthy else {"Retry-After": "5"})},
    )


def database() -> str:
    """ "ok", "unmigrated" or "unavailable"."""
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        log.error("not ready: %s", type(error).__name__)
        connection.close()
        return "unavailable"
    return "ok" if _migrated else "unmigrated"


def broker() -> str:
    """ "ok", "unavailable", or "none" where no REDIS_URL is set."""
    if not settings.REDIS_URL:
        return "none"
    try:
        cache.get("ready")
    except Exception as error:
        log.warning("the broker is away: %s", type(error).__name__)
        return "unavailable"
    return "ok"
