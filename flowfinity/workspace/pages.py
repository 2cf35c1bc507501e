"""Pages for people who work with records. What a person may not use is a 404, like what is not there."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.exceptions import BadRequest
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.timesince import timesince
from django.views.decorators.http import require_http_methods, require_safe

from flowfinity import clock, cursors, references
from flowfinity.definitions import AppDefinition, OperationDefinition, Unknown, ViewDefinition
from flowfinity.fields import TYPES, Upload, World, record_id
from flowfinity.forms import OperationForm, ParameterForm
from flowfinity.models import Record, Submission, User
from flowfinity.query import Column, Order, Query, QueryError
from flowfinity.submissions import Call, Conflict, Invalid, Key, Refused, Stale, submit
from flowfinity.workspace import context
from flowfinity.workspace.context import Granted

PAGE = 50
MOST_COUNTED = 10_000
MOST_HISTORY = 100
LONGEST_CELL = 200
LONGEST_CHANGE = 1_000
SHOWN_BEFORE = 25
FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")

P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request of somebody who has logged in."""

    user: User


def page(
    made: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """The page, for people who have logged in; what it finds Unknown is a 404."""

    @functools.wraps(made)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return made(cast(PersonRequest, request), *args, **kwargs)
        except Unknown:
            raise Http404 from None

    return login_required(answer)


class LoginPage(LoginView):
    """Lets a person in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Django's, without its own `site`, which would hide that of all pages."""
        found = super().get_context_data(**kwargs)
        del found["site"], found["site_name"]
        return found


class PasswordPage(PasswordChangeView):
    """Changes one's own password."""

    template_name = "flowfinity/workspace/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        """Saves it, and stays logged in."""
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)


@require_safe
@page
def home(request: PersonRequest) -> HttpResponse:
    """The apps, with their views and what can be captured."""
    apps = [
        {
            "label": granted.app.label,
            "description": granted.app.description,
            "url": granted.url,
            "views": [
                {"label": one.label, "url": view_url(granted, one), "description": one.description}
                for one in granted.views
            ],
            "captures": captures(granted),
        }
        for granted in context.of(request).granted
    ]
    return render(request, "flowfinity/workspace/home.html", {"apps": apps})


@require_safe
@page
def app(request: PersonRequest, app: str) -> HttpResponse:
    """Where the app starts: its first view or, for who only captures, that."""
    granted = context.of(request).app(app)
    if granted.views:
        return redirect(view_url(granted, granted.views[0]))
    if granted.of_kind("create"):
        return redirect(captures(granted)[0]["url"])
    raise Http404


@require_safe
@page
def view(request: PersonRequest, app: str, view: str) -> HttpResponse:
    """A view's records, sorted and paged, under the questions that the view asks."""
    granted = context.of(request).app(app)
    chosen = granted.view(view)
    questions = [Column(one.name, one.label, one.type, one.config) for one in chosen.parameters.values()]
    parameters = ParameterForm(chosen.parameters, request.GET, world_of(request, offered=questions))
    query = sorted_by(chosen, request.GET.get("sort", ""))
    answer = answered(query, parameters)
    found = Page()
    if answer is not None:
        question = asked_question(chosen, query, parameters.arguments)
        found = listed(request, granted.app, chosen, answer, question)
    if answer is None:
        empty = "Nothing is shown until what is marked above is corrected."
    elif found.start:
        empty = "There is nothing on this page any more."
    else:
        empty = "Nothing matches what you asked for." if parameters.arguments else "Nothing is here yet."
    return render(
        request,
        "flowfinity/workspace/view.html",
        {
            "app": {"label": granted.app.label, "url": granted.url},
            "view": {"label": chosen.label, "description": chosen.description},
            "views": [
                {"label": one.label, "url": view_url(granted, one), "current": one.id == chosen.id}
                for one in granted.views
            ],
            "captures": captures(granted),
            "parameters": parameters if chosen.parameters else None,
            "columns": [heading(request, column, query.order[:1]) for column in chosen.columns],
            "rows": found.rows,
            "count_text": found.count,
            "next_url": address(request, after=found.after) if found.after else None,
            "first_url": address(request, after=None) if found.start else None,
            "empty_text": empty,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def record(request: PersonRequest, app: str, record: int) -> HttpResponse:
    """A record: the form of an update operation over its values, and its history."""
    granted = context.of(request).app(app)
    found = reachable(granted, record)
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
    key = sent_key(request, operation, None, form) if form.is_bound else fresh_key()
    if form.is_bound:
        try:
            outcome = submit([Call(operation, form.sent)], by=request.user, transaction=key)
        except Conflict:
            key = fresh_key()
            form.add_error(
                None, f"This form was saved before, with other values. “{operation.label}” again saves these as well."
            )
        except Refused as refused:
            show_faults(form, refused)
        else:
            messages.success(request, did(operation))
            made = outcome.results[0].record
            return redirect(record_url(granted, made) if granted.views else reverse("home"))
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
    key = sent_key(request, operation, found.pk, form)
    conflict = None
    here = request.get_full_path()
    if not form.changed_data:
        messages.info(request, "Nothing was changed, so nothing was saved.")
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
            messages.info(request, f"{conflict['who']} has saved the same meanwhile, so nothing more was saved.")
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
        submit([call], by=request.user, transaction=sent_key(request, operation, number, None))
    except Stale:
        messages.warning(request, "This was changed while you were looking. Look again before you delete it.")
        return redirect(record_url(granted, number))
    except (Invalid, Conflict):
        messages.warning(request, "This is not there any more: it was deleted before.")
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(record_url(granted, number))
    else:
        messages.success(request, did(operation))
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
            "history": history(granted.app, submissions, world),
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
        raise BadRequest("That is no submission of this record.")
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
            said = "(you left this as it was)"
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
            form.add_error(None, "This was deleted while you were editing, so it cannot be changed any more.")
        elif fault.field not in form.fields:
            form.add_error(None, f"{fault.field}: {fault.message}")
        elif fault.field not in form.errors:
            form.add_error(fault.field, fault.message)


def fresh_key(fingerprint: str = "") -> Key:
    """A key with an id that no other form has."""
    return Key(secrets.token_urlsafe(18), fingerprint)


def sent_key(
    request: PersonRequest, operation: OperationDefinition, number: int | None, form: OperationForm | None
) -> Key:
    """The key of what a form sends: its hidden id, so that a second click or a resend is recognised."""
    form_id = request.POST.get("transaction", "")
    if not FORM_ID.fullmatch(form_id):
        raise BadRequest("The form's hidden id is missing.")
    asked = [operation.app, operation.name, number, form.sent if form is not None else {}]
    return Key(form_id, hashlib.sha256(json.dumps(asked, sort_keys=True, default=spoken).encode()).hexdigest())


def spoken(upload: Upload) -> list[str]:
    """What tells one upload from another, as JSON."""
    return [upload.name, hashlib.sha256(upload.content).hexdigest()]


def sent_number(request: PersonRequest, name: str) -> int:
    """A hidden number of a form, or of its address."""
    sent = request.POST.get(name) or request.GET.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", sent, re.ASCII):
        raise BadRequest(f"The form's hidden number “{name}” is missing.")
    return int(sent)


def other_operations(granted: Granted, found: Record, current: OperationDefinition | None) -> list[dict[str, Any]]:
    """What else the person may do with the record."""
    here, number = record_url(granted, found.pk), record_id(found.pk)
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
            "words": words(app, one),
            "on": one.on,
            "ago": ago(one.on),
            "number": one.pk,
            "kind": one.kind,
            "changes": changes(app, one, before, world) if before is not None else [],
        }
        for one, before in zip(submissions, earlier, strict=True)
    ][:MOST_HISTORY]


def changes(
    app: AppDefinition, submission: Submission, before: Submission, world: World
) -> list[dict[str, str | Shown]]:
    """The fields that a submission changed, old and new, in the app's order."""
    places = {name: index for index, name in enumerate(app.fields)}
    columns = [
        # A field that is no longer defined is still part of what happened.
        app.fields.get(name) or Column(name, name, TYPES["text"])
        for name in sorted(submission.changed, key=lambda name: (places.get(name, len(places)), name))
    ]
    found: list[dict[str, str | Shown]] = []
    for one in columns:
        old, new = shown(one, before.values, world), shown(one, submission.values, world)
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


def words(app: AppDefinition, submission: Submission) -> str:
    """What was done, to follow a person's name: "updated this lead"."""
    if submission.kind == Submission.RESTORED:
        return "restored an earlier version"
    if submission.kind == Submission.RESENT:
        return "sent this again, unchanged, to whoever follows it"
    try:
        operation = app.operation(submission.operation)
    except Unknown:
        return f"{submission.kind} this"
    return operation.done or f"chose “{operation.label}”"


def did(operation: OperationDefinition) -> str:
    """What to tell the person who has just run it."""
    return f"You {operation.done}." if operation.done else f"Done: {operation.label}."


def world_of(
    request: HttpRequest,
    columns: Iterable[Column] = (),
    rows: Iterable[Mapping[str, Any]] = (),
    offered: Iterable[Column] = (),
) -> World:
    """What the columns' values in these rows refer to, and what a form of the `offered` columns offers."""
    site = context.of(request)
    return replace(
        references.world(columns, rows, ""),
        record_url=site.record_url,
        offers=references.offers(offered, site.readable),
    )


@dataclass(frozen=True)
class Shown:
    """A field's value on a page: its words, where they lead to, and whether that is a picture."""

    text: str
    url: str = ""
    pictured: bool = False


def shown(column: Column, values: Mapping[str, Any], world: World) -> Shown:
    """A field's value as a page shows it."""
    value = values.get(column.name)
    return Shown(
        column.type.display(value, column.config, world),
        column.type.url(value, column.config, world),
        column.type.pictured,
    )


def in_words(column: Column, values: Mapping[str, Any], world: World) -> str:
    """A field's value in words."""
    return shown(column, values, world).text


def title(app: AppDefinition, found: Record) -> str:
    """What a record is called: the first of its app's fields that says something, else its number."""
    return cut(references.title_of(app, found.values), LONGEST_CELL) or record_id(found.pk)


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as a page shows at a glance."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def ago(moment: Any) -> str:
    """How long ago, in one unit: "3 days ago"."""
    words = timesince(moment, clock.now(), depth=1)
    return "just now" if words.startswith("0") else f"{words} ago"


def sentence(words: str) -> str:
    """The words with a capital."""
    return words[:1].upper() + words[1:]


def captures(granted: Granted) -> list[dict[str, str]]:
    """The create operations, with where they are."""
    return [
        {"label": one.label, "url": reverse("operation", args=[granted.app.name, one.name])}
        for one in granted.of_kind("create")
    ]


def view_url(granted: Granted, view: ViewDefinition) -> str:
    """Where a view is."""
    return reverse("view", args=[granted.app.name, view.name])


def record_url(granted: Granted, number: int) -> str:
    """Where a record is."""
    return reverse("record", args=[granted.app.name, number])


def answered(query: Query, parameters: ParameterForm) -> Query | None:
    """The query with what the person asked for; None, with the errors in the form, when that cannot be read."""
    if not parameters.is_valid():
        return None
    try:
        return query.with_arguments(parameters.arguments, clock.now())
    except QueryError as error:
        for name, message in error.faults:
            parameters.add_error(name if name in parameters.fields else None, message)
        return None


def sorted_by(view: ViewDefinition, sort: str) -> Query:
    """The view's query, sorted by a column that the person chose ("Company", or "-Company" for descending)."""
    for column in view.columns:
        if column.name == sort.removeprefix("-") and column.type.sortable:
            return replace(view.query, order=(Order(column, sort.startswith("-")),))
    return view.query


@dataclass(frozen=True)
class Page:
    """A page of a view: its rows, how many stand before them, how many there are in words, and where it goes on."""

    rows: Sequence[Mapping[str, Any]] = ()
    start: int = 0
    count: str = ""
    after: str = ""


def listed(request: HttpRequest, app: AppDefinition, view: ViewDefinition, query: Query, question: str) -> Page:
    """The page that `?after=` asks for, the first by default."""
    start, place = asked_place(request, question)
    keys = query.keys()
    places = {f"place_{index}": F(key.path(Record.PATHS)) for index, key in enumerate(keys)}
    system = [column.name for column in view.columns if column.system]
    paths = [Record.PATHS[name] for name in system]
    found = replace(query, after=place).apply(Record.objects.annotate(**places))
    lines = list(found.values_list(*places, "pk", "values", *paths)[: PAGE + 1])
    more, lines = len(lines) > PAGE, lines[:PAGE]
    width = len(keys)
    world = world_of(request, view.columns, [line[width + 1] for line in lines])
    rows = [
        {
            "url": reverse("record", args=[app.name, pk]),
            "cells": [
                cell(column, {**values, **dict(zip(system, extra, strict=True))}, world) for column in view.columns
            ],
        }
        for pk, values, *extra in (line[width:] for line in lines)
    ]
    end = start + len(rows)
    after = cursors.write(question, (end, *lines[-1][:width])) if more else ""
    return Page(rows, start, counted(query, start, end, more), after)


def asked_place(request: HttpRequest, question: str) -> tuple[int, tuple[Any, ...] | None]:
    """How many rows stand before the page that is asked for, and the place behind which it begins; None to start."""
    if not (asked := request.GET.get("after")):
        return 0, None
    try:
        start, *place = cursors.read(asked, question)
    except cursors.Void:
        messages.info(request, "The view has changed since, so this is its first page.")
        return 0, None
    return start, tuple(place)


def asked_question(view: ViewDefinition, query: Query, arguments: Mapping[str, Any]) -> str:
    """What a place belongs to: the view as it stands, the order, and the arguments."""
    keys = query.keys()
    order = [(key.column.name, key.descending) for key in keys]
    parts = [view.id, view.digest, order, sorted((name, str(value)) for name, value in arguments.items())]
    return hashlib.sha256(json.dumps(["page", *parts]).encode()).hexdigest()[:16]


def counted(query: Query, start: int, end: int, more: bool) -> str:
    """How many records there are, in words, and which of them stand on the page."""
    count = query.apply(Record.objects.all()).order_by()[: MOST_COUNTED + 1].count()
    records = "1 record" if count == 1 else f"{min(count, MOST_COUNTED):,}{'+' * (count > MOST_COUNTED)} records"
    return f"{start + 1:,}–{end:,} of {records}" if end > start and (start or more) else records


def cell(column: Column, values: Mapping[str, Any], world: World) -> dict[str, Any]:
    """A table's cell. A choice looks like one where the field gives its choices a meaning (a tone)."""
    found = shown(column, values, world)
    tones = column.config.get("tones") or {}
    marked = bool(tones) and found.text in column.config.get("choices", ())
    return {
        "text": cut(found.text, LONGEST_CELL),
        "url": found.url,
        "numeric": column.type.numeric,
        "kind": "choice" if marked else "",
        "tone": tones.get(found.text, ""),
    }


def heading(request: HttpRequest, column: Column, order: tuple[Order, ...]) -> dict[str, Any]:
    """A table's heading, with the address that sorts by it, or turns its order around."""
    by = next((one for one in order if one.column.name == column.name), None)
    turned = f"-{column.name}" if by is not None and not by.descending else column.name
    return {
        "label": column.label,
        "numeric": column.type.numeric,
        "sort_url": address(request, sort=turned, after=None) if column.type.sortable else None,
        "sorted": None if by is None else "descending" if by.descending else "ascending",
    }


def address(request: HttpRequest, **changes: Any) -> str:
    """The page's own address with some of its query string changed; None takes a part away."""
    asked = request.GET.copy()
    for name, value in changes.items():
        asked.pop(name, None)
        if value is not None:
            asked[name] = value
    return f"{request.path}?{asked.urlencode()}" if asked else request.path
