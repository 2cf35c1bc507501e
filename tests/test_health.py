"""Alive and ready: asked by whoever watches the site, without credentials, and telling an attacker nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, override_settings

from flowfinity import health

DEAD = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has just been started."""
    monkeypatch.setattr(health, "_migrated", False)
    yield


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/readyz", "/readyz/"])
def test_well(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer["Content-Type"] == "application/json"
    assert Client().head(path).status_code == 200


def test_ready_says_what_of() -> None:
    assert Client().get("/readyz").json() == {"status": "ok", "database": "ok", "broker": "none"}


def test_nothing_is_kept_by_a_cache() -> None:
    assert "no-store" in Client().get("/readyz")["Cache-Control"]


def test_the_database_is_away(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("connection to 10.1.2.3 failed: password hunter2")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        patch.setattr(connection, "close", lambda: None)
        answer = Client().get("/readyz")
        assert Client().get("/healthz").status_code == 200
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "unavailable", "broker": "none"}
    assert int(answer["Retry-After"]) > 0
    assert b"hunter2" not in answer.content and "hunter2" not in caplog.text
    assert Client().get("/readyz").status_code == 200


def test_migrations_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MigrationExecutor, "migration_plan", lambda *args, **kwargs: ["one"])
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unmigrated"
    assert Client().get("/readyz").status_code == 200


def test_a_missing_broker_is_reported_and_not_fatal() -> None:
    with override_settings(CACHES=DEAD, REDIS_URL="redis://127.0.0.1:1/0"):
        answer = Client().get("/readyz")
        caches.close_all()
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "broker": "unavailable"}
