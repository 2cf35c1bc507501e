"""A view's page: its records as a table, searched, narrowed, sorted and paged.

At 100,000 records a page is one pass over the app's rows, with a sort of the few that are shown: nothing here looks at
a row twice, and no condition is asked of all rows again only to count them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.db.models import F, TextField, Value
from django.db.models.functions import Replace
from django.db.models.lookups import Contains
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from flowfinity import cells, clock, cursors
from flowfinity.definitions import AppDefinition, ViewDefinition
from flowfinity.fields import MultipleSelection, Number, Person, SingleSelection, Text
from flowfinity.folding import sought
from flowfinity.forms import ParameterForm
from flowfinity.models import Record, User
from flowfinity.query import (
    MOST_COUNTED,
    SYSTEM_COLUMNS,
    Column,
    Condition,
    Group,
    Holding,
    Order,
    Query,
    QueryError,
)
from flowfinity.requests import wants_part
from flowfinity.showing import cell, count_words, counted
from flowfinity.workspace import context
from flowfinity.workspace.context import world_of
from flowfinity.workspace.pages import PersonRequest, page

PAGE = 50
MOST_WORDS = 5
LONGEST_WORDS = 200
MOST_PEOPLE = 50
# A number as it is written, up to the zeros at the end of its decimals, which are not kept.
NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?)\.?0*", re.ASCII)
RECORD = re.compile(r"#?0*([1-9][0-9]{0,14})", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """What an address asks of a view: its parameters, words to search for, an order.

    `query` is what answers; None while something in `parameters` cannot be read.
    """

    parameters: ParameterForm
    words: str
    query: Query | None

    @property
    def narrowed(self) -> bool:
        """True when something was asked."""
        return bool(self.words or (self.query is not None and self.parameters.arguments))


@require_safe
@page
def view(request: PersonRequest, app: str, view: str) -> HttpResponse:
    """A view's records; for htmx, the table alone."""
    granted = context.of(request).app(app)
    chosen = granted.view(view)
    asking = asked(request, chosen)
    found = listed(request, granted.app, chosen, asking)
    fragment = wants_part(request)
    response = render(
        request,
        "flowfinity/workspace/rows.html" if fragment else "flowfinity/workspace/view.html",
        {
            "app": {"name": granted.app.name, "label": granted.app.label, "url": granted.url},
            "view": {"name": chosen.name, "label": chosen.label, "description": chosen.description},
            "views": [
                {"label": one.label, "url": granted.view_url(one), "current": one.id == chosen.id}
                for one in granted.views
            ],
            "captures": granted.captures,
            "changes": bool(granted.of_kind("create") or granted.of_kind("update")),
            "deletes": bool(granted.of_kind("delete")),
            "parameters": asking.parameters if chosen.parameters else None,
            "search": {"words": asking.words} if any(searchable(column) for column in chosen.columns) else None,
            "sort": request.GET.get("sort", ""),
            "narrowed": asking.narrowed,
            "asked": address(request, after=None, before=None).partition("?")[2],
            "columns": [heading(request, column, sorted_by(chosen, request).order[:1]) for column in chosen.columns],
            "sorts": sorts(request, chosen),
            "rows": found.rows,
            "count_text": found.count,
            "next_url": address(request, after=found.after, before=None) if found.after else None,
            "previous_url": address(request, before=found.before, after=None) if found.before else None,
            "first_url": address(request, after=None, before=None) if found.start else None,
            "empty_text": empty(asking, found),
            "fragment": fragment,
        },
    )
    if fragment:
        response["HX-Replace-Url"] = address(request, after=None, before=None)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def asked(request: HttpRequest, view: ViewDefinition) -> Asked:
    """What the query string asks of the view: `q`, `sort` and the view's own parameters."""
    questions = [Column(one.name, one.label, one.type, one.config) for one in view.parameters.values()]
    parameters = ParameterForm(view.parameters, request.GET, world_of(request, offered=questions))
    words = " ".join(request.GET.get("q", "")[:LONGEST_WORDS].split())
    query = answered(sorted_by(view, request), parameters)
    return Asked(parameters, words, None if query is None else searching(query, view.columns, words))


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


def sorted_by(view: ViewDefinition, request: HttpRequest) -> Query:
    """The view's query, sorted by a column that the person chose ("Company", or "-Company" for descending)."""
    sort = request.GET.get("sort", "")
    for column in view.columns:
        if column.name == sort.removeprefix("-") and column.type.sortable:
            return replace(view.query, order=(Order(column, sort.startswith("-")),))
    return view.query


def searchable(column: Column) -> bool:
    """True for a column in which words are looked for. Not who created and changed: that would find too much."""
    if column.system:
        return column.name == "RecordID"
    return isinstance(column.type, Text | Number | SingleSelection | MultipleSelection | Person)


def searching(query: Query, columns: Sequence[Column], words: str) -> Query:
    """The query narrowed to records that hold every word, each in any of the columns."""
    looked = [column for column in columns if searchable(column)]
    for word in words.split()[:MOST_WORDS]:
        digits = {column.name: digits_of(column, word) for column in looked}
        held = [Holding(tuple(column for column in looked if isinstance(column.type, Text)), (word,))]
        # The digits are no word of a text: "$2.00" is not "Room 27".
        if numbers := tuple(column for column in looked if digits[column.name]):
            held.append(Holding(numbers, tuple(dict.fromkeys(digits[column.name] for column in numbers))))
        meant = [part for column in looked for part in meaning(column, word)]
        query = query.and_where(Group("any", (*held, *meant, *numbered(looked, word))))
    return query


def digits_of(column: Column, word: str) -> str:
    """The digits of the number that a word says, as a page of the language writes it or as it is kept; "" for none."""
    if column.system or not isinstance(column.type, Number):
        return ""
    found = NUMBER.fullmatch(cells.number_of(word.rstrip(".,"), column, get_format("DECIMAL_SEPARATOR")))
    return found[1] if found else ""


def numbered(columns: Sequence[Column], word: str) -> Iterator[Condition]:
    """The condition under which a word is the record's own number: "#123", or 123 where that number is shown."""
    found = RECORD.fullmatch(word)
    if found and (word.startswith("#") or any(column.name == "RecordID" for column in columns)):
        yield Condition(SYSTEM_COLUMNS["RecordID"], "is", int(found[1]))


def meaning(column: Column, word: str) -> Iterator[Condition]:
    """The conditions under which a choice, a person or a currency, as it is shown, contains the word."""
    choices = [choice for choice in column.config.get("choices", ()) if sought(word) in sought(choice)]
    if isinstance(column.type, SingleSelection):
        yield Condition(column, "is_any_of", choices)
    elif isinstance(column.type, MultipleSelection):
        yield from (Condition(column, "includes", choice) for choice in choices)
    elif isinstance(column.type, Person) and "\x00" not in word:
        name = Replace("display_name__folded", Value("ß"), Value("ss"), output_field=TextField())
        people = User.objects.filter(Contains(name, sought(word))).values_list("username", flat=True)
        yield Condition(column, "is_any_of", list(people[:MOST_PEOPLE]))
    elif isinstance(column.type, Number) and word == column.type.unit(column.config):
        yield Condition(column, "is_not_blank")


def empty(asking: Asked, found: Page) -> str:
    """Why there is no row, in words."""
    if asking.query is None:
        return _("Nothing is shown until what is marked above is corrected.")
    if found.start:
        return _("There is nothing on this page any more.")
    if asking.words:
        return _("Nothing here matches “%s”.") % asking.words
    return _("Nothing matches what you asked for.") if asking.parameters.arguments else _("Nothing is here yet.")


@dataclass(frozen=True)
class Page:
    """A page of a view: its rows, how many stand before them, how many there are in words, and where it goes on."""

    rows: Sequence[Mapping[str, Any]] = ()
    start: int = 0
    count: str = ""
    after: str = ""
    before: str = ""


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind the sort values of a row, or before them; none of them for the first page.

    `start` is how many rows stand before the page (before that row, where the page lies before it); `total` how many
    there were in all when the first page was made.
    """

    start: int = 0
    total: int | None = None
    values: tuple[Any, ...] | None = None
    backwards: bool = False


def listed(request: HttpRequest, app: AppDefinition, view: ViewDefinition, asking: Asked) -> Page:
    """The page that `?after=` or `?before=` asks for, the first by default."""
    query = asking.query
    if query is None:
        return Page()
    question = asked_question(view, query, asking)
    place = asked_place(request, question)
    lines, total = read(query, view, place)
    more = len(lines) > PAGE
    if place.backwards and not more:
        # So few are left before it that they make no page of their own.
        place = Place()
        lines, total = read(query, view, place)
        more = len(lines) > PAGE
    lines = lines[:PAGE]
    start = place.start
    if place.backwards:
        lines.reverse()
        start = max(start - len(lines), 0)
    width = len(query.keys())
    system = [column.name for column in view.columns if column.system]
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
    if not more:
        total = end
    return Page(
        rows,
        start,
        told(total, start, end, more),
        cursors.write(question, (end, total, *lines[-1][:width])) if more else "",
        cursors.write(question, (start, total, *lines[0][:width])) if start and lines else "",
    )


def read(query: Query, view: ViewDefinition, place: Place) -> tuple[list[Any], int]:
    """The page's rows and one more: sort values, key, values, system columns; and how many there are in all.

    What a condition has cost a pass to count for the first page is not counted again for the others.
    """
    records, total = Record.objects.all(), place.total
    if total is None:
        shown, total = query.first(records, PAGE + 1)
    else:
        if query.where is None:
            total = records.filter(query.q(Record.PATHS), deleted=False)[: MOST_COUNTED + 1].count()
        turned = replace(query.turned() if place.backwards else query, after=place.values)
        shown = list(turned.apply(records).values_list("pk", flat=True)[: PAGE + 1])
    # The sort has moved keys about, not whole records: those are read of the few that are shown.
    places = {f"place_{index}": F(key.path(Record.PATHS)) for index, key in enumerate(query.keys())}
    columns = [*places, "pk", "values", *(Record.PATHS[column.name] for column in view.columns if column.system)]
    lines = Record.objects.filter(pk__in=shown).annotate(**places).values_list(*columns)
    found = {line[len(places)]: line for line in lines}
    return [found[pk] for pk in shown], total


def asked_place(request: HttpRequest, question: str) -> Place:
    """Where the page begins that is asked for."""
    backwards = "before" in request.GET
    if not (asked := request.GET.get("before" if backwards else "after")):
        return Place()
    try:
        start, total, *values = cursors.read(asked, question)
    except cursors.Void:
        messages.info(request, _("The view has changed since, so this is its first page."))
        return Place()
    return Place(start, total, tuple(values), backwards)


def asked_question(view: ViewDefinition, query: Query, asking: Asked) -> str:
    """What a place belongs to: the view as it stands, the order, and what is asked of it."""
    keys = query.keys()
    order = [(key.column.name, key.descending) for key in keys]
    arguments = sorted((name, str(value)) for name, value in asking.parameters.arguments.items())
    parts = ["page", view.id, view.digest, order, asking.words, arguments]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def told(total: int, start: int, end: int, more: bool) -> str:
    """How many records there are, in words, and which of them stand on the page."""
    count = max(total, end + more)
    if end > start and (start or more):
        return _("%(first)s–%(last)s of %(count)s records") % {
            "first": number_format(start + 1, force_grouping=True),
            "last": number_format(end, force_grouping=True),
            "count": count_words(count),
        }
    return counted(count)


def heading(request: HttpRequest, column: Column, order: tuple[Order, ...]) -> dict[str, Any]:
    """A table's heading, with the address that sorts by it, or turns its order around."""
    by = next((one for one in order if one.column.name == column.name), None)
    turned = f"-{column.name}" if by is not None and not by.descending else column.name
    return {
        "label": column.heading,
        "numeric": column.type.numeric,
        "sort_url": address(request, sort=turned, after=None, before=None) if column.type.sortable else None,
        "sorted": None if by is None else "descending" if by.descending else "ascending",
    }


def sorts(request: HttpRequest, view: ViewDefinition) -> dict[str, Any] | None:
    """The ways to sort the view, for a page too narrow for headings, and what is asked besides; None without a way."""
    columns = [column for column in view.columns if column.type.sortable]
    if not columns:
        return None
    ways = {"": _("The view’s own order")}
    for column in columns:
        ways |= {column.name: column.heading, f"-{column.name}": _("%s, descending") % column.heading}
    sort = request.GET.get("sort", "")
    return {
        "choices": [{"value": way, "label": label, "chosen": way == sort} for way, label in ways.items()],
        "asked": [
            (name, value)
            for name, values in request.GET.lists()
            if name not in {"sort", "after", "before"}
            for value in values
            if value
        ],
    }


def address(request: HttpRequest, **changes: Any) -> str:
    """The page's own address with some of its query string changed; None takes a part away, as it does blanks."""
    asked = request.GET.copy()
    for name, value in changes.items():
        asked.pop(name, None)
        if value is not None:
            asked[name] = value
    for name in [name for name, values in asked.lists() if not any(values)]:
        del asked[name]
    return f"{request.path}?{asked.urlencode()}" if asked else request.path
