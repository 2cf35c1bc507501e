"""The platform's Django app."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from flowfinity.folding import fold, holds


def register_functions(connection: Any, **_: Any) -> None:
    """Gives each SQLite connection the folding that PostgreSQL gets from ICU, and each of PostgreSQL fast times."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("flowfinity_fold", 1, fold, deterministic=True)
        connection.connection.create_function("flowfinity_holds", 3, holds, deterministic=True)
    else:
        fast_times(connection.connection)


def fast_times(connection: Any) -> None:
    """Reads PostgreSQL's times by the standard library: Django's loader is a sixth of a poll of 100 records."""
    from psycopg.types.datetime import TimestamptzLoader

    class UtcLoader(TimestamptzLoader):
        # Django looks here for the zone that it asks of the connection.
        timezone = dt.UTC

        def load(self, data: Any) -> dt.datetime:
            try:
                return dt.datetime.fromisoformat(bytes(data).decode())
            except ValueError:
                return super().load(data).replace(tzinfo=dt.UTC)

    connection.adapters.register_loader("timestamptz", UtcLoader)


class FlowfinityConfig(AppConfig):
    name = "flowfinity"
    verbose_name = "Flowfinity"

    def ready(self) -> None:
        connection_created.connect(register_functions, dispatch_uid="flowfinity.functions")
