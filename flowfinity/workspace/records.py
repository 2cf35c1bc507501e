"""A record's page and the forms of operations: nothing is written twice, or over what others wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from flowfinity.definitions import OperationDefinition
from flowfinity.fields import cut, record_id
from flowfinity.forms import OperationForm
from flowfinity.models import Record, Submission
from flowfinity.showing import LONGEST_CHANGE, ago, in_words, sentence, shown, title
from flowfinity.submissions import Call, Conflict, Invalid, Refused, Stale, submit
from flowfinity.workspace import context
from flowfinity.workspace.context import Granted, world_of
from flowfinity.workspace.history import did, history, latest
from flowfinity.workspace.pages import PersonRequest, page
from flowfinity.workspace.restoring import bring_back_url, restore_url
from flowfinity.workspace.sent import fresh_key, sent_key, sent_number


@require_http_methods(["GET", "HEAD", "POST"])
@page
def record(request: PersonRequest, app: str, record: int) -> HttpResponse:
    """A record: the form of an update operation over its values, and its history; of a deleted one, the way back."""
    granted = context.of(request).app(app)
    try:
        found = reachable(granted, record)
    except Http404:
        if request.method != "POST" and (back := bring_back_url(granted, record)):
            return redirect(back)
        raise
    operation = chosen_update(request, granted)
    if request.method != "POST":
        form = None
        if operation is not None:
            world = world_of(request, operation.fields, [found.values], offered=operation.fields)
            form = OperationForm(operation, found.values, world=world)
        return record_page(request, granted, found, form, found.last_submission_id)
    if operation is None:
        raise Http404
    return update(request, granted, found, operation)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def operation(request: PersonRequest, app: str, operation: str) -> HttpResponse:
    """The form of a create operation; for a delete operation, only what the record's page sends."""
    granted = context.of(request).app(app)
    chosen = granted.operation(operation)
    if chosen.kind == "create":
        return capture(request, granted, chosen)
    if chosen.kind == "delete" and request.method == "POST":
        return delete(request, granted, chosen)
    raise Http404


def capture(request: PersonRequest, granted: Granted, operation: OperationDefinition) -> HttpResponse:
    """Makes a record, once for each form that was handed out, however often it is sent."""
    world = world_of(request, operation.fields, offered=operation.fields)
    if request.method == "POST":
        form = OperationForm(operation, {}, request.POST, request.FILES, world)
    else:
        form = OperationForm(operation, {}, world=world)
    key = sent_key(request, [operation.app, operation.name, None, form.sent]) if form.is_bound else fresh_key()
    if form.is_bound:
        try:
            outcome = submit([Call(operation, form.sent)], by=request.user, transaction=key)
        except Conflict:
            key = fresh_key()
            form.add_error(
                None,
                _("This form was saved before, with other values. “%s” again saves these as well.") % operation.label,
            )
        except Refused as refused:
            show_faults(form, refused)
        else:
            messages.success(request, did(operation))
            made = outcome.results[0].record
            return redirect(granted.record_url(made) if granted.views else reverse("home"))
        form.keep_files()
    return render(
        request,
        "flowfinity/workspace/capture.html",
        {
            "app": {"label": granted.app.label, "url": granted.url},
            "title": operation.label,
            "form": form,
            "action": operation.label,
            "cancel_url": granted.url if granted.views else reverse("home"),
            "transaction": key.id,
        },
    )


def update(request: PersonRequest, granted: Granted, found: Record, operation: OperationDefinition) -> HttpResponse:
    """Sends what the person changed against the record as it was shown; shows both sides when it has moved on."""
    expected = sent_number(request, "expected")
    stored = values_at(found, expected)
    world = world_of(request, operation.fields, [stored], offered=operation.fields)
    form = OperationForm(operation, stored, request.POST, request.FILES, world)
    key = sent_key(request, [operation.app, operation.name, found.pk, form.sent])
    conflict = None
    here = request.get_full_path()
    if not form.changed_data:
        messages.info(request, _("Nothing was changed, so nothing was saved."))
        return redirect(here)
    call = Call(operation, form.sent, found.pk, expected)
    try:
        try:
            submit([call], by=request.user, transaction=key)
        except Conflict:
            # Sent back to and sent again: a call of its own, which `expected` still guards.
            key = fresh_key(key.fingerprint)
            submit([call], by=request.user, transaction=key)
    except Stale:
        found = reachable(granted, found.pk)
        conflict, form = compared(request, found, form)
        expected = found.last_submission_id
        if not form.changed_data:
            messages.info(request, _("%s has saved the same meanwhile, so nothing more was saved.") % conflict["who"])
            return redirect(here)
    except Refused as refused:
        show_faults(form, refused)
    else:
        messages.success(request, did(operation))
        return redirect(here)
    form.keep_files()
    return record_page(request, granted, found, form, expected, key.id, conflict)


def delete(request: PersonRequest, granted: Granted, operation: OperationDefinition) -> HttpResponse:
    """Deletes the record that the page showed; one that has changed since is shown first."""
    if not granted.views:
        raise Http404
    number, expected = sent_number(request, "record"), sent_number(request, "expected")
    call = Call(operation, {}, number, expected)
    try:
        submit([call], by=request.user, transaction=sent_key(request, [operation.app, operation.name, number, {}]))
    except Stale:
        messages.warning(request, _("This was changed while you were looking. Look again before you delete it."))
        return redirect(granted.record_url(number))
    except (Invalid, Conflict):
        messages.warning(request, _("This is not there any more: it was deleted before."))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(granted.record_url(number))
    else:
        deleted = reverse("deleted", args=[granted.app.name])
        messages.success(request, format_html('{} <a href="{}">{}</a>', did(operation), deleted, _("Deleted records")))
    return redirect(granted.url)


def record_page(
    request: PersonRequest,
    granted: Granted,
    found: Record,
    form: OperationForm | None,
    expected: int,
    form_id: str = "",
    conflict: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The record's page; without a form, its values to read."""
    operation = form.operation if form is not None else None
    fields = granted.app.fields
    covered = {column.name for column in operation.fields} if operation else set()
    submissions = latest(found)
    world = world_of(request, fields.values(), [found.values, *(one.values for one in submissions)])
    return render(
        request,
        "flowfinity/workspace/record.html",
        {
            "app": {"label": granted.app.label, "url": granted.url},
            "title": title(granted.app, found),
            "form": form,
            "action": operation.label if operation else "",
            "cancel_url": granted.url,
            "number": found.last_submission_id,
            "expected": expected,
            "transaction": form_id or fresh_key().id,
            "operations": other_operations(granted, found, operation),
            "history": [
                {**entry, "restore_url": restore_url(granted, found, one)}
                for entry, one in zip(history(granted.app, submissions, world), submissions, strict=False)
            ],
            "conflict": conflict,
            "readonly": operation is None,
            "values": [
                {"label": column.label, **asdict(shown(column, found.values, world))}
                for column in fields.values()
                if column.name not in covered
            ],
        },
    )


def reachable(granted: Granted, number: int) -> Record:
    """The record, for who may see a view of its app; else, and when it is deleted, a 404."""
    if not granted.views:
        raise Http404
    people = Record.objects.select_related("modified_by")
    return get_object_or_404(people, pk=number, app=granted.app.id, deleted=False)


def chosen_update(request: PersonRequest, granted: Granted) -> OperationDefinition | None:
    """The update operation that `?operation=` names, else the first one; None when the person may run none."""
    updates = granted.of_kind("update")
    if name := request.GET.get("operation"):
        named = granted.operation(name)
        if named not in updates:
            raise Http404
        return named
    return updates[0] if updates else None


def values_at(found: Record, submission: int) -> Mapping[str, Any]:
    """The record's values after one of its submissions: what the person was shown."""
    if submission == found.last_submission_id:
        return dict(found.values)
    earlier: Mapping[str, Any] | None = (
        Submission.objects.filter(pk=submission, record=found).values_list("values", flat=True).first()
    )
    if earlier is None:
        raise BadRequest(_("That is no submission of this record."))
    return earlier


def compared(request: HttpRequest, found: Record, form: OperationForm) -> tuple[dict[str, Any], OperationForm]:
    """Both sides of a record that has moved on, and the person's changes over the values that stand now.

    Nothing of either side is lost: what only the others changed is shown as they left it, and not sent back.
    """
    mine, columns = form.changes, form.operation.fields
    world = world_of(request, columns, [mine, found.values], offered=columns)
    changes = []
    for column in columns:
        theirs = found.values.get(column.name)
        if column.name in mine and mine[column.name] != theirs:
            said = in_words(column, mine, world)
        elif column.name not in mine and form.stored.get(column.name) != theirs:
            said = _("(you left this as it was)")
        else:
            continue
        theirs_said = cut(in_words(column, found.values, world), LONGEST_CHANGE)
        changes.append({"label": column.label, "mine": cut(said, LONGEST_CHANGE), "theirs": theirs_said})
    return (
        {"who": str(found.modified_by), "when": sentence(ago(found.modified_on)), "changes": changes},
        form.over(found.values, world),
    )


def show_faults(form: OperationForm, refused: Refused) -> None:
    """Puts what `submit` refused beside the fields, and the rest above the form."""
    if not isinstance(refused, Invalid):
        form.add_error(None, str(refused))
        return
    for fault in refused.faults:
        if fault.code == "unknown_record" and fault.field == "RecordID":
            form.add_error(None, _("This was deleted while you were editing, so it cannot be changed any more."))
        elif fault.field not in form.fields:
            form.add_error(None, f"{fault.field}: {fault.message}")
        elif fault.field not in form.errors:
            form.add_error(fault.field, fault.message)


def other_operations(granted: Granted, found: Record, current: OperationDefinition | None) -> list[dict[str, Any]]:
    """What else the person may do with the record."""
    here, number = granted.record_url(found.pk), record_id(found.pk)
    return [
        {"label": one.label, "url": f"{here}?{urlencode({'operation': one.name})}", "kind": one.kind}
        for one in granted.of_kind("update")
        if one != current
    ] + [
        {
            "label": one.label,
            "url": f"{reverse('operation', args=[granted.app.name, one.name])}?{urlencode({'record': number})}",
            "kind": one.kind,
            "transaction": fresh_key().id,
        }
        for one in granted.of_kind("delete")
    ]
