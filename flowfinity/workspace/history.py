"""A record's history: who did what when, and what it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from flowfinity.definitions import AppDefinition, OperationDefinition, Unknown
from flowfinity.fields import TYPES, World, cut
from flowfinity.models import Record, Submission
from flowfinity.query import Column
from flowfinity.showing import LONGEST_CHANGE, Shown, ago, shown

MOST_HISTORY = 100
SHOWN_BEFORE = 25


def latest(found: Record) -> list[Submission]:
    """The record's latest submissions, newest first: those of its history, and the one before them."""
    return list(Submission.objects.filter(record=found).select_related("by").order_by("-pk")[: MOST_HISTORY + 1])


def history(app: AppDefinition, submissions: Sequence[Submission], world: World) -> list[dict[str, Any]]:
    """The submissions, each with what it changed."""
    earlier: Iterable[Submission | None] = [*submissions[1:], None]
    return [
        {
            "initials": one.by.initials,
            "name": str(one.by),
            "words": words(app, one, before),
            "on": one.on,
            "ago": ago(one.on),
            "number": one.pk,
            "kind": one.kind,
            "changes": differences(app, one.changed, before.values, one.values, world) if before is not None else [],
        }
        for one, before in zip(submissions, earlier, strict=True)
    ][:MOST_HISTORY]


def differences(
    app: AppDefinition, changed: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any], world: World
) -> list[dict[str, str | Shown]]:
    """The fields of these names, old and new, in the app's order."""
    places = {name: index for index, name in enumerate(app.fields)}
    columns = [
        # A field that is no longer defined is still part of what happened.
        app.fields.get(name) or Column(name, name, TYPES["text"])
        for name in sorted(changed, key=lambda name: (places.get(name, len(places)), name))
    ]
    found: list[dict[str, str | Shown]] = []
    for one in columns:
        old, new = shown(one, before, world), shown(one, after, world)
        texts = (cut(text, LONGEST_CHANGE) for text in apart(old.text, new.text))
        old, new = (replace(side, text=text) for side, text in zip((old, new), texts, strict=True))
        found.append({"label": one.label, "before": old, "after": new})
    return found


def apart(old: str, new: str) -> tuple[str, str]:
    """Both texts from shortly before they part: of a long text that was added to, the history shows what was added."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((index for index, (one, other) in pairs if one != other), min(len(old), len(new)))
    part = same - SHOWN_BEFORE
    if part <= SHOWN_BEFORE:
        return old, new
    word = old.find(" ", part, part + SHOWN_BEFORE)
    start = part if word < 0 else word + 1
    return f"…{old[start:]}", f"…{new[start:]}"


def words(app: AppDefinition, submission: Submission, before: Submission | None = None) -> str:
    """What was done, to follow a person's name: "updated this lead"."""
    if submission.kind == Submission.RESTORED:
        undeleted = before is not None and before.deleted
        return _("brought this back") if undeleted else _("restored an earlier version")
    if submission.kind == Submission.RESENT:
        return _("sent this again, unchanged, to whoever follows it")
    try:
        operation = app.operation(submission.operation)
    except Unknown:
        return {
            Submission.CREATED: _("created this"),
            Submission.UPDATED: _("updated this"),
            Submission.DELETED: _("deleted this"),
        }[submission.kind]
    return operation.done or _("chose “%s”") % operation.label


def did(operation: OperationDefinition) -> str:
    """What to tell the person who has just run it."""
    return _("You %s.") % operation.done if operation.done else _("Done: %s.") % operation.label
