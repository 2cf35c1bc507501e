"""The platform's Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from flowfinity.query import fold


def register_functions(connection: Any, **_: Any) -> None:
    """Gives each SQLite connection the folding that PostgreSQL gets from ICU."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("flowfinity_fold", 1, fold, deterministic=True)


class FlowfinityConfig(AppConfig):
    name = "flowfinity"
    verbose_name = "Flowfinity"

    def ready(self) -> None:
        connection_created.connect(register_functions, dispatch_uid="flowfinity.functions")
