"""Going back: an earlier version of a record, and records that were deleted, as a new submission each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from flowfinity.definitions import AppDefinition
from flowfinity.fields import record_id
from flowfinity.models import Record, Submission
from flowfinity.showing import ago, title
from flowfinity.submissions import Call, Conflict, Refused, Stale, submit
from flowfinity.workspace import context
from flowfinity.workspace.context import Granted, world_of
from flowfinity.workspace.history import differences, words
from flowfinity.workspace.pages import PersonRequest, page
from flowfinity.workspace.sent import fresh_key, sent_key, sent_number

PAGE = 50


@require_safe
@page
def deleted(request: PersonRequest, app: str) -> HttpResponse:
    """The app's deleted records, the latest first, for who may delete there."""
    granted = context.of(request).app(app)
    if not granted.views or not granted.of_kind("delete"):
        raise Http404
    found = Record.objects.filter(app=granted.app.id, deleted=True).select_related("modified_by")
    if (place := request.GET.get("before", "")).isdecimal():
        found = found.filter(last_submission_id__lt=min(int(place), 2**63 - 1))
    records = list(found.order_by("-last_submission_id")[: PAGE + 1])
    shown = records[:PAGE]
    return render(
        request,
        "flowfinity/workspace/deleted.html",
        {
            "app": {"label": granted.app.label, "url": granted.url},
            "records": [
                {
                    "title": title(granted.app, one),
                    "number": record_id(one.pk),
                    "who": str(one.modified_by),
                    "on": one.modified_on,
                    "ago": ago(one.modified_on),
                    "url": address(granted, one, one.last_submission_id),
                }
                for one in shown
            ],
            "next_url": f"{request.path}?before={shown[-1].last_submission_id}" if len(records) > PAGE else None,
            "first_url": request.path if place else None,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def restore(request: PersonRequest, app: str, record: int, submission: int) -> HttpResponse:
    """What would change if the record became again what it was after a submission; sent, it does."""
    granted = context.of(request).app(app)
    found = get_object_or_404(Record.objects.select_related("modified_by"), pk=record, app=granted.app.id)
    then = get_object_or_404(Submission.objects.select_related("by"), pk=submission, record=found)
    if not may_restore(granted, found, then):
        raise Http404
    if request.method == "POST":
        return carry_out(request, granted, found, then)
    values = restored(granted.app, found.values, then.values)
    if not found.deleted and values == found.values:
        return nothing(request, granted, found)
    world = world_of(request, granted.app.fields.values(), [found.values, values])
    return render(
        request,
        "flowfinity/workspace/restore.html",
        {
            "app": {"label": granted.app.label, "url": granted.url},
            "title": title(granted.app, found),
            "deleted": found.deleted,
            "who": str(then.by),
            "words": words(granted.app, then),
            "on": then.on,
            "ago": ago(then.on),
            "changes": differences(granted.app, changed(found.values, values), found.values, values, world),
            "cancel_url": reverse("deleted", args=[granted.app.name]) if found.deleted else granted.record_url(record),
            "expected": found.last_submission_id,
            "transaction": fresh_key().id,
        },
    )


def carry_out(request: PersonRequest, granted: Granted, found: Record, then: Submission) -> HttpResponse:
    """Restores what the page showed; a record that has changed since is shown first."""
    expected = sent_number(request, "expected")
    key = sent_key(request, [granted.app.id, Submission.RESTORED, found.pk, then.pk])
    values = restored(granted.app, found.values, then.values)
    if expected == found.last_submission_id and values == found.values and not found.deleted:
        return nothing(request, granted, found)
    call = Call(None, values, found.pk, expected, Submission.RESTORED, granted.app.id)
    try:
        submit([call], by=request.user, transaction=key)
    except (Stale, Conflict):
        messages.warning(request, _("This was changed while you were looking. Look again before you restore it."))
        return redirect(address(granted, found, then.pk))
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("You brought this back.") if found.deleted else _("You restored this version."))
    return redirect(granted.record_url(found.pk))


def nothing(request: PersonRequest, granted: Granted, found: Record) -> HttpResponse:
    """Says so, on the record's page."""
    messages.info(request, _("This is how it stands now, so there is nothing to restore."))
    return redirect(granted.record_url(found.pk))


def may_restore(granted: Granted, found: Record, then: Submission) -> bool:
    """Whether the person may: bring back what was deleted, as it was, with a delete operation; make an earlier version
    stand again with an update operation that sets every field that would change."""
    if not granted.views:
        return False
    if found.deleted:
        return bool(granted.of_kind("delete")) and then.pk == found.last_submission_id
    names = changed(found.values, restored(granted.app, found.values, then.values))
    # Who brings something back twice, by a double click, asks for nothing more, and is not told that it is gone.
    return bool(granted.of_kind("delete") and not names) or any(
        names <= {column.name for column in one.fields} for one in granted.of_kind("update")
    )


def restored(app: AppDefinition, now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the earlier version, as far as the app still has its fields; of the others, today's.

    A field that is required by now keeps today's value where the earlier one is blank. What a value refers to may be
    gone: then it shows as it does in any record that still names it.
    """
    values = {name: value for name, value in now.items() if name not in app.fields}
    for name, column in app.fields.items():
        value = then.get(name)
        if value is None and column.required and not column.type.never_blank:
            value = now.get(name)
        if value is not None:
            values[name] = value
    return values


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The names of the fields that differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def restore_url(granted: Granted, found: Record, then: Submission) -> str:
    """Where an earlier version is restored; "" where it may not be, and for what stands now."""
    if not changed(found.values, restored(granted.app, found.values, then.values)):
        return ""
    return address(granted, found, then.pk) if may_restore(granted, found, then) else ""


def bring_back_url(granted: Granted, number: int) -> str:
    """Where a deleted record is brought back; "" for one that is not deleted, and for who may not."""
    found = Record.objects.filter(pk=number, app=granted.app.id, deleted=True).first() if number < 2**63 else None
    if found is None or not granted.views or not granted.of_kind("delete"):
        return ""
    return address(granted, found, found.last_submission_id)


def address(granted: Granted, found: Record, submission: int) -> str:
    """Where a record is restored to what it was after a submission."""
    return reverse("restore", args=[granted.app.name, found.pk, submission])
