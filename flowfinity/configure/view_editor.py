"""The page of one view of an app's draft: columns, sort and parameters, and its filter in words.

One form, posted whole at each change and drawn again by the server with the records that the view would show, so the
page works the same without a script. Nothing is kept before it is saved, and nothing that is saved is published.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from django.contrib import messages
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from flowfinity import blueprint, clock, drafts, names, references
from flowfinity.configure import editor
from flowfinity.configure import filter_builder as builder
from flowfinity.configure.filter_builder import Asked, Columns
from flowfinity.configure.filter_controls import select, shown
from flowfinity.configure.view_sheet import (
    DIRECTIONS,
    Sheet,
    faults_of,
    order_of,
    part_of,
    pressed,
    question_fault,
    sent_sheet,
    sheet_of,
    unfinished,
    with_new_parameters,
)
from flowfinity.fields import TYPES, RecordLink, World
from flowfinity.models import App, Record
from flowfinity.query import (
    MOST_SORTS,
    OPERATORS,
    Column,
    Filter,
    Order,
    Parameter,
    Query,
    QueryError,
    load_filter,
)
from flowfinity.requests import wants_part
from flowfinity.showing import cell, counted

MOST_ROWS = 8
PREVIEW_SECONDS = 3
QUERY_CANCELED = "57014"


# What the view would show


@dataclass(frozen=True)
class Preview:
    """The first records of a view that is not saved yet, and how many there are, in words."""

    sentence: str
    count: str = ""
    headings: Sequence[Column] = ()
    rows: Sequence[Sequence[Mapping[str, Any]]] = ()
    asks: bool = False
    slow: bool = False


def preview(
    app: App, where: Filter | None, order: Sequence[Order], shown: Sequence[Column], now: dt.datetime
) -> Preview:
    """What a view would show, before its reader answers anything: one pass over the records, for a limited time."""
    query = Query(app.pk, where, tuple(order))
    asks = any(isinstance(condition.value, Parameter) for condition in query.conditions())
    records = Record.objects.all()
    system = [column.name for column in shown if column.system]
    try:
        with in_time():
            keys, count = query.with_arguments({}, now).first(records, MOST_ROWS)
            columns = ["pk", "values", *(Record.PATHS[name] for name in system)]
            lines = {line[0]: line for line in records.filter(pk__in=keys).values_list(*columns)}
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        return Preview(query.describe(), headings=shown, asks=asks, slow=True)
    rows = [{**values, **dict(zip(system, extra, strict=True))} for _pk, values, *extra in (lines[key] for key in keys)]
    world = references.world(shown, rows, "")
    return Preview(
        query.describe(), counted(count), shown, [[cell(one, row, world) for one in shown] for row in rows], asks
    )


@contextmanager
def in_time() -> Iterator[None]:
    """A transaction whose statements PostgreSQL cancels when they take too long."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{PREVIEW_SECONDS}s'")
        yield


def previewed(
    work: editor.Work, sheet: Sheet, part: Mapping[str, Any], columns: Columns, now: dt.datetime
) -> Preview | None:
    """The preview of the form; None while its stored filter cannot be read."""
    parameters = {one.name: one for one in sheet.asked.values()}
    document = part["filter"] if sheet.where is None else builder.document(sheet.where, columns, sheet.asked)
    try:
        where = load_filter(document, columns, parameters)
    except QueryError:
        return None
    chosen = [columns[name] for name in sheet.columns if name in columns]
    return preview(work.app, where, order_of(sheet, columns), chosen, now)


# The page


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """The page of a view. Each button and, with a script, each change posts the form; only `do=save` keeps it."""
    work = editor.opened(pk)
    part = editor.part_of(work, "views", name)
    published = drafts.find(work.published["views"], name)
    columns = blueprint.columns_of(work.document)
    focus, faults = "", list[str]()
    seen = digest(part)
    if request.method == "POST":
        sheet = with_new_parameters(sent_sheet(request.POST, part, published, columns), columns)
        for do in request.POST.getlist("do"):
            sheet, focus = pressed(sheet, do, columns)
        if "save" in request.POST.getlist("do"):
            faults = faults_of(sheet, part, columns)
            try:
                if not faults:
                    return saved(request, work, part_of(sheet, part, columns), request.POST.get("seen", ""))
            except Overtaken:
                faults = [_("Somebody has changed this view meanwhile. Save again to put yours in its place.")]
        else:
            seen = request.POST.get("seen", "")
    else:
        sheet = sheet_of(part, published, columns)
    found = {
        "view": part,
        "seen": seen,
        "faults": faults,
        "saved": part_of(sheet, part, columns) == part and not unfinished(sheet, columns),
        "preview": previewed(work, sheet, part, columns, clock.now()),
        **controls(sheet, part, columns, focus),
    }
    if wants_part(request):
        response = render(request, "flowfinity/configure/view_form.html", {**found, "work": work, "app": work.app})
    else:
        above = [(_("Views"), reverse("configure-app-views", args=[pk]))]
        response = editor.show(request, "view_edit", work, "configure-app-views", part["label"], above, **found)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def digest(part: Mapping[str, Any]) -> str:
    """What a form remembers of the view that it was made from."""
    return hashlib.sha256(orjson.dumps(part, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Overtaken(Exception):
    """Somebody else has changed the view since the form was made."""


def saved(request: HttpRequest, work: editor.Work, part: dict[str, Any], seen: str) -> HttpResponse:
    """Keeps the view in the draft, and answers with the way to its page. Raises Overtaken."""
    with drafts.editing(work.app, editor.editor_of(request), clock.now()) as document:
        stands = drafts.find(document["views"], part["name"])
        if stands is None or digest(stands) != seen:
            raise Overtaken
        document["views"][document["views"].index(stands)] = part
    messages.success(request, _("%s is saved in the draft. Publish it when you are ready.") % part["label"])
    url = reverse("configure-app-view", args=[work.app.pk, part["name"]])
    return redirect(url)


def controls(sheet: Sheet, part: Mapping[str, Any], columns: Columns, focus: str) -> dict[str, Any]:
    """What the form's template shows, but for the preview."""
    asked = sheet.asked
    compared = {line.field for line in sheet.where.lines()} if sheet.where is not None else set()
    people = [one for one in columns.values() if one.name in compared and not isinstance(one.type, RecordLink)]
    world = World(offers=references.offers(people, {}))
    used = {line.ask for line in sheet.where.lines()} if sheet.where is not None else None
    return {
        "sheet": sheet,
        "focus": focus,
        "filter": None if sheet.where is None else shown(sheet.where, columns, asked, world, focus),
        "unfinished": unfinished(sheet, columns),
        "kept_words": None if sheet.where is not None else kept_words(part, columns, asked),
        "columns": [
            {"name": name, "label": columns[name].heading if name in columns else name, "gone": name not in columns}
            for name in sheet.columns
        ],
        "available": [column for column in columns.values() if column.name not in sheet.columns],
        "sorts": sorts(sheet, columns),
        "questions": questions(sheet, used),
    }


def kept_words(part: Mapping[str, Any], columns: Columns, asked: Asked) -> dict[str, Any]:
    """A filter that the form cannot hold, in words; one that cannot be read, with what is wrong with it."""
    try:
        found = load_filter(part["filter"], columns, {one.name: one for one in asked.values()})
    except QueryError as error:
        document = orjson.dumps(part["filter"], option=orjson.OPT_INDENT_2).decode()
        return {"faults": [sentence for _where, sentence in error.faults], "document": document}
    return {"sentence": Query(0, found).describe()}


def sorts(sheet: Sheet, columns: Columns) -> list[dict[str, str]]:
    """The sort keys' controls as HTML: those that are set, and one more."""
    sortable = [(one.name, one.heading) for one in columns.values() if one.type.sortable]
    found = []
    for index in range(min(len(sheet.sort) + 1, MOST_SORTS)):
        name, direction = sheet.sort[index] if index < len(sheet.sort) else ("", DIRECTIONS[0])
        known: list[tuple[str, str]] = [("", _("Nothing") if index == 0 else _("Nothing more")), *sortable]
        if name not in dict(known):
            known.append((name, _("%s (no field any more)") % name))
        place = {"number": index + 1}
        found.append(
            {
                "word": _("Sort by") if index == 0 else _("then by"),
                "field": select("sort", name, known, _("Sort key %(number)d") % place, id=f"sort-{index}"),
                "direction": select(
                    "direction",
                    direction,
                    directions(columns.get(name)),
                    _("Direction of sort key %(number)d") % place,
                    id=f"direction-{index}",
                )
                if name
                else "",
            }
        )
    return found


def directions(column: Column | None) -> list[tuple[str, str]]:
    """The two directions in words that suit the field."""
    kind = "" if column is None else builder.kin(column.type)
    words = {
        "number": (_("smallest first"), _("largest first")),
        "date": (_("oldest first"), _("newest first")),
        "time": (_("oldest first"), _("newest first")),
        "": (_("ascending"), _("descending")),
    }.get(kind, (_("A to Z"), _("Z to A")))
    return list(zip(DIRECTIONS, words, strict=True))


def questions(sheet: Sheet, used: set[str | None] | None) -> list[dict[str, Any]]:
    """The parameters for the template. `used` are the keys that conditions ask for, where that is known."""
    taken = set[str]()
    kinds = [
        (name, type.label)
        for name, type in TYPES.items()
        if any(OPERATORS[one].operand == "one" for one in type.operators)
    ]
    apps = [(one.name, one.label) for one in App.objects.all()]
    found = []
    for number, question in enumerate(sheet.questions, 1):
        options = TYPES[question.type].options if question.type in TYPES else ()
        named = _("Parameter %d") % number
        entry: dict[str, Any] = {
            "question": question,
            "number": number,
            "named": named,
            "proposed": names.propose(question.label),
            "was": question.stored.get("name", ""),
            "fault": question_fault(question, taken),
            "idle": used is not None and question.key not in used,
            "type": select(f"{question.key}-type", question.type, kinds, _("%s: type") % named),
        }
        if "choices" in options:
            entry["choices"] = "\n".join(str(one) for one in question.options.get("choices", []))
        if "currency" in options:
            entry["currency"] = question.options.get("currency", "")
            entry["has_currency"] = True
        if "app" in options:
            value = str(question.options.get("app", ""))
            known = [("", _("Choose an app …")), *apps]
            entry["app"] = select(f"{question.key}-app", value, known, _("%s: app") % named)
        found.append(entry)
    return found
