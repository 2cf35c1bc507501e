"""The submissions feed: one item a submission, ascending, frozen as submitted (contract, Addresses).

A reader that remembers the last SubmissionID it has processed gets every submission exactly once: deletions, states in
between and records that left every view included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.http import QueryDict

from flowfinity import references
from flowfinity.definitions import AppDefinition
from flowfinity.fields import FORMATS, Format, World, record_id
from flowfinity.models import Submission
from integration import items
from integration.rest.arguments import choice, whole
from integration.rest.errors import invalid_parameter

MOST = 1_000
ROW = ("id", "record_id", "operation", "kind", "by__display_name", "on", "changed", "values")


def read(data: QueryDict) -> tuple[int, int, Format]:
    """`after`, `limit` and `values`. Raises Refusal (400); other names are ignored."""
    given: dict[str, str] = {}
    for name, values in data.lists():
        key = name.lower()
        if key in {"after", "limit", "values"}:
            if key in given or len(values) > 1:
                raise invalid_parameter(key, "is given twice; give it once.")
            given[key] = str(values[0])
    after = whole(given, "after", 0, 2**53 - 1)
    limit = whole(given, "limit", 1, MOST)
    return after or 0, limit or MOST, choice(given, "values", FORMATS) or "flowfinity"


def after(app: AppDefinition, place: int, limit: int, format: Format, base_url: str) -> tuple[bytes, int | None]:
    """The submissions after `place`, at most `limit`, as a JSON array; and the last one's number where more follow."""
    rows = Submission.objects.filter(app=app.id, id__gt=place).order_by("id").values_list(*ROW)
    found = list(rows[: limit + 1])
    world = references.world(app.fields.values(), (row[-1] for row in found[:limit]), base_url)
    item = renderer(app, format, world)
    body = orjson.dumps([item(row) for row in found[:limit]])
    return body, found[limit - 1][0] if len(found) > limit else None


def renderer(app: AppDefinition, format: Format, world: World) -> Callable[[Any], Mapping[str, Any]]:
    """A function from a row of `ROW` to an item of the feed."""
    values_of = items.values_renderer(app.fields.values(), format, world)

    def item(row: Any) -> Mapping[str, Any]:
        number, record, operation, kind, by, on, changed, values = row
        return {
            "SubmissionID": number,
            "RecordID": record_id(record),
            "Operation": operation or None,
            "Kind": kind,
            "SubmittedBy": by,
            "SubmittedOn": items.with_offset(on),
            "Changed": changed,
            "Record": values_of(values),
        }

    return item
