"""A record as an item, in either format: one shape for poll, sample, hook and connector (contract, Records).

The renderers are closed over the view's columns and made once a definition version: measured against JSON built in SQL
(wrong in five places), generated code (no faster) and copies rendered at write time (they go stale).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.utils import timezone

from flowfinity.definitions import AppDefinition, ViewDefinition
from flowfinity.fields import NOWHERE, Format, World, record_id
from flowfinity.query import SYSTEM_COLUMNS, Column

Row = tuple[Any, ...]
Item = dict[str, Any]

# What `renderer` takes, of a record.
ROW = (
    "values",
    "pk",
    "created_by__display_name",
    "created_on",
    "modified_by__display_name",
    "modified_on",
    "last_submission_id",
    "first_submission_id",
    "last_operation",
)

# The same of a submission, frozen as submitted.
SUBMISSION_ROW = (
    "values",
    "record_id",
    "record__created_by__display_name",
    "record__created_on",
    "by__display_name",
    "on",
    "pk",
    "record__first_submission_id",
    "last_operation",
)


@lru_cache(maxsize=256)
def offset_time(zone: dt.tzinfo) -> Callable[[dt.datetime], str]:
    """A function from a moment to ISO 8601 with an offset, in the site's zone."""
    return lambda moment: moment.astimezone(zone).isoformat(timespec="milliseconds")


def with_offset(moment: dt.datetime) -> str:
    """The moment as ISO 8601 with an offset, in the site's zone."""
    return offset_time(timezone.get_default_timezone())(moment)


def values_renderer(
    columns: Iterable[Column], format: Format, world: World = NOWHERE
) -> Callable[[Mapping[str, Any]], Item]:
    """A function from stored values to the wire: every key present, an empty value in its shape."""
    shapes = [(column.name, *column.type.renderer(column.config, format, world)) for column in columns]

    def values_of(values: Mapping[str, Any]) -> Item:
        return {name: blank if (value := values.get(name)) is None else render(value) for name, render, blank in shapes}

    return values_of


def renderer(view: ViewDefinition, format: Format, zapier: bool, world: World = NOWHERE) -> Callable[[Row], Item]:
    """A function from a row of `ROW` to an item: the layout's fields, then the system fields."""
    values_of = values_renderer((column for column in view.columns if not column.system), format, world)
    if zapier:
        time = offset_time(timezone.get_default_timezone())
    else:
        time = SYSTEM_COLUMNS["CreatedOn"].type.renderer({}, format)[0]

    def item(row: Row) -> Item:
        values, pk, created_by, created_on, modified_by, modified_on, last, first, operation = row
        out = values_of(values)
        out["RecordID"] = record_id(pk)
        out["CreatedBy"] = created_by
        out["CreatedOn"] = time(created_on)
        out["LastModifiedBy"] = modified_by
        out["LastModifiedOn"] = time(modified_on)
        out["lastSubmissionID"] = last
        if zapier:
            out["id"] = last
            out["IsNew"] = first == last
            out["LastOperation"] = operation
        return out

    return item


def made_up(app: AppDefinition, view: ViewDefinition, now: dt.datetime) -> Row:
    """A believable row of `ROW`, for a view that has no record yet: made by the app's first create operation."""
    values = {column.name: column.type.sample(column.config) for column in view.columns if not column.system}
    return (
        {name: value for name, value in values.items() if value is not None},
        1,
        "Ada",
        now,
        "Ada",
        now,
        1,
        1,
        next((one.name for one in app.operations if one.kind == "create"), "Create"),
    )
