"""What a connector consists of: every enabled view and operation, as one JSON document.

Keys are made of names, which are fixed, so they are the same whenever it is made again. Whether the site's switches are
on makes no difference: a switch that is thrown for an hour must take no trigger out of anybody's Zaps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import translation

from flowfinity import definitions
from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import World, record_id
from flowfinity.query import SYSTEM_COLUMNS, Column
from integration import items
from integration.connector import wording
from integration.models import RestAccess

# What a sample is made of: always the same, so that a connector made again is the same, too.
SAMPLE_TIME = dt.datetime(2020, 9, 6, 4, 37, 31, 120_000, tzinfo=dt.UTC)
SAMPLE_WORLD = World(
    people={"sam": "Sam Lowry"},
    titles={1: "ABC Inc"},
    file_url=lambda file: f"https://example.com/{file['FileName']}",
)
MADE = {"create": "makes a new record", "update": "changes a record", "delete": "deletes a record"}


def definition(site: str) -> dict[str, Any]:
    """The document. `site` is the site's address, which a new connection proposes, or "" for none."""
    views, operations = enabled("view"), enabled("operation")
    made: dict[str, Any] = {"site": site, "views": [], "operations": []}
    # Zapier's rules are for English, whatever language the page is in that it is downloaded from.
    with translation.override("en"):
        for app in definitions.every():
            made["views"] += [view_json(app, view) for view in app.views if view.id in views]
            made["operations"] += [operation_json(app, one) for one in app.operations if one.id in operations]
    for display in ("poll", "instant", "find"):
        tell_apart(view[display] for view in made["views"] if display in view)
    tell_apart(operation["run"] for operation in made["operations"])
    return made


def unreadable() -> list[str]:
    """The enabled views that a connector leaves out, because their filter cannot be read."""
    broken = [pk for app in definitions.every() for pk in app.broken]
    rows = RestAccess.objects.filter(enabled=True, view__in=broken).order_by("view__label")
    return [str(row.view) for row in rows.select_related("view")]


def enabled(kind: str) -> set[int]:
    """The keys of the views, or operations, that are open to REST."""
    rows = RestAccess.objects.filter(enabled=True, **{f"{kind}__isnull": False}).order_by()
    return set(rows.values_list(f"{kind}_id", flat=True))


def view_json(app: AppDefinition, view: ViewDefinition) -> dict[str, Any]:
    """A view: its two triggers and, where it has parameters, its search."""
    name = wording.line(view.label)
    what = wording.line(view.description.rstrip(" ."), 600)
    about = f" The view shows: {what}." if what else ""
    made: dict[str, Any] = {
        **part_json(app, view, "views"),
        "poll": display(
            app, view, "poll", "{app}: New or Updated in {part}",
            f"Triggers when a record of the view “{name}” is created or updated.{about}",
        ),
        "instant": display(
            app, view, "instant", "{app}: New or Updated in {part} (Instant)",
            f"Triggers when a record of the view “{name}” is created or updated, at once and for each change.{about}",
        ),
        "fields": [field_json(one) for one in (*shown(view), *SYSTEM_COLUMNS.values())],
        "parameters": [field_json(parameter) for parameter in view.parameters.values()],
        "sample": items.renderer(view, "typed", True, SAMPLE_WORLD)(items.made_up(app, view, SAMPLE_TIME)),
    }  # fmt: skip
    if view.parameters:
        sentence = f"Finds records of the view “{name}”; what you leave empty is not asked.{about}"
        made["find"] = display(app, view, "find", "{app}: Find in {part}", sentence)
    return made


def operation_json(app: AppDefinition, operation: OperationDefinition) -> dict[str, Any]:
    """An operation: its action."""
    name = wording.line(operation.label)
    sentence = f"Runs the operation “{name}”, which {MADE[operation.kind]}."
    return {
        **part_json(app, operation, "operations"),
        "kind": operation.kind,
        "run": display(app, operation, "run", "{app}: {part}", sentence),
        "fields": [
            field_json(column, operation.kind == "create" and column.required and not column.type.never_blank)
            for column in operation.fields
        ],
        "sample": {
            "id": 1,
            "RecordID": record_id(1),
            "lastSubmissionID": 1,
            "CreatedOn": items.with_offset(SAMPLE_TIME),
            "LastModifiedOn": items.with_offset(SAMPLE_TIME),
            "Changed": [column.name for column in operation.fields],
            "Replayed": False,
            "Url": f"https://example.com/apps/{app.name}/records/{record_id(1)}/",
        },
    }


def part_json(app: AppDefinition, part: ViewDefinition | OperationDefinition, kind: str) -> dict[str, Any]:
    """Where it is, and what Zapier calls one of its records."""
    noun = wording.title(wording.line(f"{app.label} Record", 255))
    return {"path": f"/api/apps/{app.name}/{kind}/{part.name}", "noun": noun}


def display(
    app: AppDefinition, part: ViewDefinition | OperationDefinition, use: str, pattern: str, description: str
) -> dict[str, Any]:
    """A trigger, search or action as Zapier lists it. No name has an underscore, so no two keys are alike."""
    return {
        "key": f"{app.name}_{part.name}_{use}",
        "label": wording.label(pattern, app.label, part.label),
        "description": wording.line(description),
    }


def tell_apart(displays: Iterable[dict[str, Any]]) -> None:
    """Numbers the labels that are the same: labels of views are free, and long ones are cut."""
    seen: dict[str, int] = {}
    for one in displays:
        times = seen[one["label"]] = seen.get(one["label"], 0) + 1
        if times > 1:
            number = f" ({times})"
            one["label"] = wording.title(wording.line(one["label"], wording.LONGEST_LABEL - len(number)) + number)


def shown(view: ViewDefinition) -> Iterable[Column]:
    """The app's fields that the view shows."""
    return (column for column in view.columns if not column.system)


def field_json(field: Any, required: bool = False) -> Mapping[str, Any]:
    """A field or a parameter, in the words of `…/fields`."""
    return {
        "key": field.name,
        "label": wording.line(field.label),
        "type": field.type.name,
        "required": required,
        "choices": list(field.config.get("choices", ())),
        "help": wording.line(getattr(field, "help", "")),
    }
