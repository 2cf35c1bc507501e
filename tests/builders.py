"""What tests are made of: people, apps, submissions, and the baseline of query counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.test.utils import CaptureQueriesContext

from flowfinity import definitions
from flowfinity.blueprint import import_app
from flowfinity.definitions import AppDefinition
from flowfinity.models import App, Configuration, Record, User
from flowfinity.submissions import Call, Result, submit
from integration.models import Surface

LEADS = Path(__file__).parent.parent / "leads" / "lead_registration.json"
QUERY_COUNTS = Path(__file__).parent / "query_counts.json"


@receiver(post_migrate)
def make_what_migrations_made(sender: Any, **_: Any) -> None:
    """The rows of which there is one each, again: a test that commits is followed by a flush of the whole database."""
    for model in (Configuration, Surface):
        if model._meta.app_label == sender.label:
            model._default_manager.get_or_create(pk=1)


def person(username: str = "ada", **extra: Any) -> User:
    """An account of a person, with the password "secret" and no role."""
    return User.objects.create_user(username, password="secret", **extra)


def integration(username: str = "restuser", **extra: Any) -> User:
    """An account of an integration, with the password "secret" and no role."""
    return User.objects.create_user(username, password="secret", account_type=User.INTEGRATION, **extra)


def make(document: Mapping[str, Any]) -> App:
    """The app that a blueprint describes."""
    # A test that rolls back leaves its keys and versions to the next one.
    definitions._kept.clear()
    return import_app(document)


def make_leads() -> App:
    """Lead Registration, as the demo has it, without records."""
    return make(json.loads(LEADS.read_text(encoding="utf-8")))


def make_app(
    fields: Mapping[str, str | Mapping[str, Any]],
    name: str = "Things",
    views: list[Mapping[str, Any]] | None = None,
    operations: list[Mapping[str, Any]] | None = None,
) -> App:
    """An app with these fields (name to type, or to a type and its settings); labels are the names.

    Without `operations` it has Make, Change and Remove, which set all fields.
    """
    names = list(fields)
    if operations is None:
        operations = [
            {"name": "Make", "label": "Make", "kind": "create", "fields": names},
            {"name": "Change", "label": "Change", "kind": "update", "fields": names},
            {"name": "Remove", "label": "Remove", "kind": "delete"},
        ]
    return make(
        {
            "blueprint": 1,
            "app": {"name": name, "label": name},
            "fields": [
                {"name": key, "label": key, **({"type": kind} if isinstance(kind, str) else kind)}
                for key, kind in fields.items()
            ],
            "operations": operations,
            "views": views or [],
        }
    )


def call(app: App | AppDefinition, operation: str, record: int | None = None, /, **values: Any) -> Call:
    """A call of the app's operation; values as they come from a client."""
    definition = app if isinstance(app, AppDefinition) else definitions.of(app.pk)
    return Call(definition.operation(operation), values, record)


def do(by: User, app: App, operation: str, record: int | None = None, /, **values: Any) -> Result:
    """The result of submitting one call on its own."""
    return submit([call(app, operation, record, **values)], by).results[0]


def values_of(record: int) -> dict[str, Any]:
    """What is stored of a record."""
    return dict(Record.objects.get(pk=record).values)


@contextmanager
def counted_queries(name: str) -> Iterator[None]:
    """Fails when the block takes another number of queries than the baseline file says for `name` and this database.

    Statements of transactions are not counted: a test's own transaction turns BEGIN into SAVEPOINT. With
    UPDATE_QUERY_COUNTS=1 the file is rewritten.
    """
    with CaptureQueriesContext(connection) as captured:
        yield
    # A statement that PostgreSQL has planned before is not told again, but it is one.
    told = [query["sql"] or "a planned statement" for query in captured.captured_queries]
    queries = [sql for sql in told if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK"))]
    baseline = json.loads(QUERY_COUNTS.read_text(encoding="utf-8")) if QUERY_COUNTS.exists() else {}
    known = baseline.setdefault(connection.vendor, {})
    if os.environ.get("UPDATE_QUERY_COUNTS") == "1":
        known[name] = len(queries)
        QUERY_COUNTS.write_text(json.dumps(baseline, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    listed = "\n".join(sql[:300] for sql in queries)
    assert known.get(name) == len(queries), (
        f"{name} takes {len(queries)} queries, the baseline says {known.get(name)};"
        f" if that is meant, run once with UPDATE_QUERY_COUNTS=1:\n{listed}"
    )
