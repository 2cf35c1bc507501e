"""Fills an empty site: `python -m bench.data RECORDS PASSWORD`, in the environment of the site.

The leads are those of the demo, over and over. One view under three names, each with a lookback of its own, shows
none, 100 or 500 of them to Zapier; no record is near the edge of a window while the bench runs.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

import leads  # noqa: E402
from bench.cases import USERNAME, WINDOWS  # noqa: E402
from flowfinity import blueprint, clock, definitions  # noqa: E402
from flowfinity.definitions import AppDefinition  # noqa: E402
from flowfinity.models import App, Journal, Record, Role, User, configuring  # noqa: E402
from flowfinity.submissions import milliseconds  # noqa: E402
from integration.models import RestAccess, Surface  # noqa: E402
from leads import demo  # noqa: E402

BLUEPRINT = Path(leads.__file__).with_name("lead_registration.json")
# Where the records lie that a window shows, in days before now: (how many, from, to).
AGES = ((100, 1.5, 3.5), (400, 5, 29))
OTHERS = (31, 3 * 365)
# The app that writers write to, and a fifth of the records lie in: an index that ignores the app shows itself.
OTHER_APP = "Writing"


def fill(records: int, password: str) -> None:
    """Migrates, makes two apps, an integration account that may poll, and the records."""
    call_command("migrate", verbosity=0, interactive=False)
    document = json.loads(BLUEPRINT.read_text(encoding="utf-8"))
    view = next(part for part in document["views"] if part["name"] == "ViewAllRecords")
    document["views"] = [{**view, "name": name, "label": name} for name in WINDOWS]
    with transaction.atomic(), configuring():
        app = blueprint.import_app(document)
        other = blueprint.import_app({**document, "app": {**document["app"], "name": OTHER_APP, "label": OTHER_APP}})
        role = Role.objects.create(name="Integration")
        role.views.add(*app.views.all())
        User.objects.create_user(USERNAME, password=password, account_type=User.INTEGRATION).roles.add(role)
        people = [User.objects.create_user(name) for name in demo.AUTHORS]
        Surface.objects.filter(pk=1).update(query_enabled=True)
        for name, (days, _) in WINDOWS.items():
            RestAccess.objects.create(view=app.views.get(name=name), lookback_days=days)
    with transaction.atomic():
        first = insert(definitions.of(app.pk), people, records, 1)
        insert(definitions.of(other.pk), people, records // 5, first)
    with connection.cursor() as cursor:
        # What autovacuum would do before long; a site on SQLite never does it.
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")


def insert(app: AppDefinition, people: list[User], count: int, number: int) -> int:
    """Writes so many records of the app, oldest first, each with its submission; returns the next free number."""
    now = clock.now()
    values = itertools.cycle(stored(app))
    authors = itertools.cycle(people)
    rows = (
        Record(
            app_id=app.id,
            values=next(values),
            created_on=(on := now - dt.timedelta(days=age)),
            modified_on=on,
            created_by=(by := next(authors)),
            modified_by=by,
            first_submission_id=number + place,
            last_submission_id=number + place,
            last_operation="CaptureLead",
        )
        for place, age in enumerate(ages(count))
    )
    while batch := list(itertools.islice(rows, 2_000)):
        Record.objects.bulk_create(batch)
    last = number + count - 1
    Journal.objects.filter(app=app.id).update(last_submission_id=last, last_submitted_ms=milliseconds(now))
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO flowfinity_submission (id, app_id, record_id, kind, operation, last_operation, "values",'
            ' changed, deleted, by_id, "on")'
            " SELECT last_submission_id, app_id, id, 'created', last_operation, last_operation, \"values\", '[]',"
            " deleted, modified_by_id, modified_on FROM flowfinity_record WHERE app_id = %s",
            [app.id],
        )
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval('flowfinity_submission_number', %s)", [last])
        else:
            cursor.execute("UPDATE flowfinity_submission_number SET value = %s", [last])
    return last + 1


def stored(app: AppDefinition) -> list[dict[str, Any]]:
    """The values of the demo's leads, as records keep them."""
    found: dict[int, dict[str, Any]] = {}
    for event in demo.events(clock.now()):
        found.setdefault(event.lead, {}).update(event.values)
    kept = []
    for lead in found.values():
        values = {name: app.fields[name].type.validate(raw, app.fields[name].config) for name, raw in lead.items()}
        kept.append({name: value for name, value in values.items() if value is not None})
    return kept


def ages(count: int) -> Iterator[float]:
    """How old each record is, in days, the oldest first."""
    windows = sum(part[0] for part in AGES)
    for many, newest, oldest in ((count - windows, *OTHERS), *reversed(AGES)):
        for place in range(many):
            yield oldest - (oldest - newest) * place / many


if __name__ == "__main__":
    fill(int(sys.argv[1]), sys.argv[2])
    print(json.dumps({"records": Record.objects.count(), "apps": App.objects.count()}))
