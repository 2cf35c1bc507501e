"""The poll: a view applied to records, in plain or Zapier mode, as bytes (contract, The poll).

State and definition are settled before; here is one query for the rows, and their rendering.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from flowfinity import clock, definitions, references
from flowfinity.definitions import ViewDefinition
from flowfinity.fields import Format
from flowfinity.models import Record, User
from flowfinity.query import Query, QueryError
from flowfinity.submissions import milliseconds
from integration import items, zapier_mode
from integration.models import RestAccess, Surface
from integration.rest.arguments import MOST_RECORDS, answered

SAMPLES = 3


@dataclass(frozen=True)
class Answer:
    """A poll's body; `newest` is its greatest submission number, `cut` says that 5 MB were reached."""

    body: bytes
    count: int
    newest: int
    cut: bool = False
    # The last row's sort values, where more rows follow.
    place: tuple[Any, ...] | None = None
    # The last row's submission number, and when it was modified, in ms since 1970: in Zapier mode the oldest.
    oldest: int = 0
    oldest_ms: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """What a client, and Configure, is told about the size."""
        if self.cut:
            return {"X-Flowfinity-Cut": f"oldest records left out: the answer reached {zapier_mode.MOST_BYTES} bytes"}
        if len(self.body) >= zapier_mode.WARN_BYTES:
            return {"X-Flowfinity-Warning": f"the answer nears {zapier_mode.MOST_BYTES} bytes: shorten the lookback"}
        return {}


@dataclass(frozen=True)
class Question:
    """What a poll asks: the view, its format, its arguments, when, and what URLs in the answer start with."""

    view: ViewDefinition
    format: Format
    arguments: Mapping[str, Any]
    now: dt.datetime
    base_url: str

    @property
    def query(self) -> Query:
        """The view's query with the arguments. Raises Refusal (400)."""
        return answered(self.view.query, self.arguments, self.now)

    def item(self, rows: Iterable[Any], zapier: bool) -> tuple[Iterable[Any], Callable[[Any], items.Item]]:
        """The rows, and a function from one of them to an item."""
        if not self.view.refers:
            return rows, items.renderer(self.view, self.format, zapier)
        rows = list(rows)
        world = references.world(self.view.columns, (row[0] for row in rows), self.base_url)
        return rows, items.renderer(self.view, self.format, zapier, world)


def zapier_answer(question: Question, start: dt.datetime) -> Answer:
    """What Zapier gets: modified since `start`, newest first, cut at its oldest end. Raises Refusal (400)."""
    rows = compiled_rows(question, start)
    if rows is None:
        query = zapier_mode.overlay(question.query, start)
        rows = query.apply(Record.objects.all()).values_list(*items.ROW).iterator(chunk_size=500)
    return rendered(*question.item(rows, zapier=True), zapier_mode.MOST_BYTES)


@dataclass(frozen=True)
class Compiled:
    """A view's query in Zapier mode as SQL; `OPEN` stands among its parameters for the window's start."""

    view: ViewDefinition
    sql: str
    parameters: tuple[Any, ...]
    converters: Any


# No window starts here.
OPEN = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_compiled: dict[int, Compiled] = {}


def compiled_rows(question: Question, start: dt.datetime) -> Iterable[Any] | None:
    """The rows of `items.ROW` modified since `start`, by SQL that is made once a definition version; None where it
    depends on more than the start.

    To build and compile the same query anew is a fifth of a poll of 100 records, and half of an empty one.
    """
    view = question.view
    if not view.query.stable or any(value is not None for value in question.arguments.values()):
        return None
    kept = _compiled.get(view.id)
    if kept is None or kept.view is not view:
        query = zapier_mode.overlay(question.query, OPEN).apply(Record.objects.all()).values_list(*items.ROW).query
        compiler = query.get_compiler(connection=connection)
        try:
            sql, parameters = compiler.as_sql()
        except EmptyResultSet:
            return []
        converters = compiler.get_converters([selected[0] for selected in compiler.select])
        kept = _compiled[view.id] = Compiled(view, sql, tuple(parameters), converters)
    since, place = (connection.ops.adapt_datetimefield_value(moment) for moment in (start, OPEN))
    with connection.cursor() as cursor:
        cursor.execute(kept.sql, [since if one == place else one for one in kept.parameters])
        found = cursor.fetchall()
    compiler = Record.objects.all().query.get_compiler(connection=connection)
    rows: Iterable[Any] = compiler.apply_converters(found, kept.converters)
    return rows


def plain_answer(question: Question, limit: int | None = None, after: tuple[Any, ...] | None = None) -> Answer:
    """The view's own records in its own order, at most `limit`, behind the place `after`. Raises Refusal (400)."""
    query = replace(question.query, after=after)
    most = limit or MOST_RECORDS
    places = {f"place_{index}": F(key.path(Record.PATHS)) for index, key in enumerate(query.keys())}
    rows = query.apply(Record.objects.annotate(**places)).values_list(*items.ROW, *places)
    found = list(rows[: most + 1])
    width = len(items.ROW)
    answer = rendered(*question.item((row[:width] for row in found[:most]), zapier=False))
    return replace(answer, place=found[most - 1][width:]) if len(found) > most else answer


def rendered(rows: Iterable[Any], item: Callable[[Any], items.Item], most: int = 0) -> Answer:
    """The rows as a JSON array of at most `most` bytes (0: no bound), checked while rendering."""
    parts: list[bytes] = []
    size, newest, cut = 2, 0, False
    for row in rows:
        part = orjson.dumps(item(row))
        size += len(part) + 1
        if most and size > most:
            cut = True
            break
        newest = max(newest, row[6])
        last = row
        parts.append(part)
    oldest, oldest_ms = (last[6], milliseconds(last[5])) if parts else (0, 0)
    return Answer(b"[" + b",".join(parts) + b"]", len(parts), newest, cut, oldest=oldest, oldest_ms=oldest_ms)


def sample_answer(question: Question) -> bytes:
    """Up to three items of exactly the Zapier-mode shape; made up from the field types when there is no record."""
    query = zapier_mode.overlay(question.query, dt.datetime.fromtimestamp(0, dt.UTC))
    rows = list(query.apply(Record.objects.all()).values_list(*items.ROW)[:SAMPLES])
    if not rows:
        rows = [items.made_up(definitions.of(question.view.app), question.view, question.now)]
    found, item = question.item(rows, zapier=True)
    return orjson.dumps([item(row) for row in found])


@dataclass(frozen=True)
class Preview:
    """What a client would get now, for Configure: `error` is a sentence when it would be refused."""

    status: int
    body: bytes
    count: int
    error: str
    newest: int = 0


def preview(view_id: int, account: User, base_url: str = "", mode: str = "zapier") -> Preview:
    """What the account would get from the view now. Runs in process, needs no password, and counts as no poll."""
    access = RestAccess.objects.select_related("view").filter(view_id=view_id).first()
    surface = Surface.objects.get(pk=1)
    if not account.is_active:
        return Preview(403, b"", 0, _("The account is deactivated."))
    if not surface.query_enabled:
        return Preview(403, b"", 0, _("Query() is switched off for this site."))
    if access is None or not access.enabled:
        return Preview(404, b"", 0, _("The view is not enabled for REST."))
    if not account.roles.filter(views=view_id).exists():
        return Preview(404, b"", 0, _("None of the account's roles grants this view."))
    assert access.view is not None
    now = clock.now()
    try:
        view = definitions.of(access.view.app_id).view(view_id)
    except QueryError as error:
        return Preview(500, b"", 0, _("The view's filter cannot be read: %s.") % error)
    format: Format = "typed" if access.format == "typed" else "flowfinity"
    question = Question(view, format, {}, now, base_url)
    start = None
    if mode == "zapier":
        own, site = (access.lookback_days, access.floor_ms), (surface.lookback_days, surface.floor_ms)
        start = zapier_mode.window_start(now, *zapier_mode.ruling_lookback(*own, *site))
    # As a client gets it, whatever language the page is in.
    with translation.override("en"):
        answer = plain_answer(question) if start is None else zapier_answer(question, start)
    return Preview(200, answer.body, answer.count, "", answer.newest)


def sample(view_id: int, base_url: str = "") -> bytes:
    """The view's sample in its format, for Configure. Raises QueryError for a filter that cannot be read."""
    access = RestAccess.objects.filter(view_id=view_id).first()
    format: Format = "typed" if access and access.format == "typed" else "flowfinity"
    with translation.override("en"):
        return sample_answer(Question(view_of(view_id), format, {}, clock.now(), base_url))


def view_of(view_id: int) -> ViewDefinition:
    """The view by key. Raises definitions.Unknown."""
    for app in definitions.every():
        for view in app.views:
            if view.id == view_id:
                return view
    raise definitions.Unknown(view_id)
