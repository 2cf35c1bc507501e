"""What clients read: the poll, a view's metadata, the feed, and what an account may use (contract, Addresses)."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from flowfinity import clock, definitions
from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import Format
from flowfinity.query import SYSTEM_COLUMNS, Order
from flowfinity.submissions import milliseconds, moment
from integration import poll_log, zapier_mode
from integration.models import RestAccess
from integration.rest import answers, cursors, feed, polls
from integration.rest.answers import Kept
from integration.rest.arguments import Asked, read
from integration.rest.authentication import client_of
from integration.rest.endpoint import FRESH, Endpoint, absolute, link
from integration.rest.errors import (
    Json,
    invalid_parameter,
)

GZIP_FROM = 1_000
# Also of an answer that is not compressed: another asker may get it so.
VARY = f"{FRESH['Vary']}, Accept-Encoding"
# How a sync view is sorted (contract, The poll, 5).
IN_SYNC = (Order(SYSTEM_COLUMNS["lastSubmissionID"]),)


class Views(Endpoint):
    """A view: the poll, the metadata of its fields, a sample."""

    target = "view"
    surfaces = {"": "Query()"}

    def poll(self, request: Request, app: str, name: str) -> HttpResponse:
        """A bare array of records. Zapier mode is an overlay (contract, The poll)."""
        now = clock.now()
        state = self.state
        view = self.view()
        asked = read(request._request.GET, view, state.version)
        zapier = zapier_mode.is_on(asked.mode, request.META.get("HTTP_USER_AGENT", ""))
        if zapier and (asked.limit is not None or asked.cursor is not None):
            one = "limit" if asked.limit is not None else "cursor"
            raise invalid_parameter(one, "Zapier reads one page, so this is for plain mode (mode=plain) only.")
        away = self.away(now) if zapier else (0, 0)
        question = [
            zapier,
            self.format(asked),
            asked.arguments,
            asked.limit,
            asked.cursor,
            absolute(request, ""),
            away[0],
        ]
        digest = answers.digest(state, question)
        known = request.META.get("HTTP_IF_NONE_MATCH", "")
        if view.stable and (tag := answers.holds(known, digest, now)):
            self.keep(asked, zapier, now, away, None)
            return NotModified(tag)
        key = orjson.dumps([state.target, question], default=str)
        kept = answers.answers.get(key, digest, now) if view.stable else None
        if kept is None:
            kept = self.made(view, asked, zapier, now, digest, away)
            if view.stable:
                answers.answers.put(key, kept)
        self.keep(asked, zapier, now, away, kept)
        if not view.stable and kept.tag in known:
            return NotModified(kept.tag)
        # Made for each caller: what is kept is everybody's, and the link repeats what this one has asked.
        more = {"Link": next_page(request, view, asked, kept.place)} if kept.place is not None else {}
        headers = {**FRESH, "Vary": VARY, **kept.headers, **more, "ETag": kept.tag}
        return compressed(request, kept.body, headers, kept.gzipped)

    @cached_property
    def client(self) -> poll_log.Client:
        """Who polls, and what is known of it."""
        state = self.state
        return poll_log.Client(
            state.account,
            state.target or 0,
            client_of(self.request._request),
            state.poll or 0,
            state.poll_last_ms or 0,
            state.poll_newest or 0,
            state.poll_outage_window_ms or 0,
            state.poll_outage_until_ms or 0,
        )

    def away(self, now: dt.datetime) -> tuple[int, int]:
        """Where the window starts after an outage of this client, and until when, in ms since 1970; zeros for none."""
        if not self.state.outages:
            return 0, 0
        return poll_log.outage(self.client, milliseconds(now), *self.state.lookback)

    def keep(self, asked: Asked, zapier: bool, now: dt.datetime, away: tuple[int, int], kept: Kept | None) -> None:
        """Keeps the poll in the log. A page of a longer answer and a HEAD are no polls."""
        if self.request.method != "GET" or asked.cursor is not None:
            return
        client = self.client
        start = milliseconds(zapier_mode.window_start(now, *self.state.lookback)) if zapier else 0
        shown = poll_log.Shown(
            "zapier" if zapier else "plain",
            milliseconds(now),
            min(start, away[0]) if away[0] else start,
            kept.newest if kept else client.newest,
            self.seen(kept),
            kept.count if kept else 0,
            len(kept.body) if kept else 0,
            milliseconds(clock.now()) - milliseconds(now),
            kept.cut if kept else False,
            kept.oldest if kept else 0,
        )
        poll_log.keep(client, shown, away)

    def seen(self, kept: Kept | None) -> int:
        """Up to which submission the client is now up to date: the app's last, but of a longer sync view its page's."""
        in_sync = kept and kept.place is not None and self.view().query.order[:1] == IN_SYNC
        return kept.newest if kept and in_sync else self.state.last_submission_id or 0

    def made(
        self, view: ViewDefinition, asked: Asked, zapier: bool, now: dt.datetime, digest: str, away: tuple[int, int]
    ) -> Kept:
        """The answer, made from the records. Raises Refusal (400)."""
        question = polls.Question(view, self.format(asked), asked.arguments, now, absolute(self.request, ""))
        leaves = 0
        if zapier:
            start = zapier_mode.window_start(now, *self.state.lookback)
            answer = polls.zapier_answer(question, min(start, moment(away[0])) if away[0] else start)
            if answer.count:
                leaves = away[1] or zapier_mode.leaves_ms(answer.oldest_ms, self.state.lookback[0])
        else:
            answer = polls.plain_answer(question, asked.limit, cursor_place(view, asked))
        if not view.stable:
            # Time alone changes these rows: the tag can only be the answer's own.
            digest, leaves = hashlib.sha256(answer.body).hexdigest()[:32], 0
        return Kept(
            digest,
            leaves,
            answer.body,
            answer.headers,
            count=answer.count,
            newest=answer.newest,
            oldest=answer.oldest,
            cut=answer.cut,
            place=answer.place,
        )

    def fields(self, request: Request, app: str, name: str) -> HttpResponse:
        """The view's fields and parameters, for a client that wants labels and types."""
        view = self.view()
        columns = [c for c in view.columns if not c.system] + list(SYSTEM_COLUMNS.values())
        body = {
            "fields": [field_json(c.name, c.label, c.type.name, c.required, c.config) for c in columns],
            "parameters": [field_json(p.name, p.label, p.type.name, False, p.config) for p in view.parameters.values()],
        }
        return Json(orjson.dumps(body), headers=FRESH)

    def sample(self, request: Request, app: str, name: str) -> HttpResponse:
        """Up to three items of the Zapier-mode shape."""
        view = self.view()
        asked = read(request._request.GET, view, self.state.version)
        question = polls.Question(view, self.format(asked), {}, clock.now(), absolute(request, ""))
        return Json(polls.sample_answer(question), headers=FRESH)

    def view(self) -> ViewDefinition:
        """The view that is asked for; the configuration's version was read before it."""
        state = self.state
        assert state.app is not None and state.target is not None
        return definitions.of(state.app, state.version).view(state.target)

    def format(self, asked: Asked) -> Format:
        """The format that the request names, else the view's own."""
        return asked.values or ("typed" if self.state.format == "typed" else "flowfinity")


class Feed(Endpoint):
    """An app's submissions, one by one."""

    target = "feed"
    surfaces = {"": "Query()"}

    def read(self, request: Request, app: str) -> HttpResponse:
        """A bare array, ascending, frozen as submitted; `Link` leads on."""
        state = self.state
        assert state.app is not None
        place, limit, format = feed.read(request._request.GET)
        body, last = feed.after(definitions.of(state.app, state.version), place, limit, format, absolute(request, ""))
        headers = dict(FRESH)
        if last is not None:
            headers["Link"] = link(request, {"after": str(last), "limit": str(limit), "values": format})
        return compressed(request, body, {**headers, "Vary": VARY}, partial(answers.squeeze, body))


class Apps(Endpoint):
    """What this account may use."""

    def index(self, request: Request) -> HttpResponse:
        """The apps with their enabled views and operations, each with its URL."""
        state = self.state
        access = granted(state.account)
        found = []
        for app in definitions.every():
            views = [view for view in app.views if view.id in access["view"]]
            operations = [operation for operation in app.operations if operation.id in access["operation"]]
            fed = app.id in access["feed_of"]
            if views or operations or fed:
                found.append(app_json(request, app, views, operations, fed))
        return Json(orjson.dumps(found), headers=FRESH)


def granted(account: int | None) -> dict[str, dict[int, str]]:
    """What is enabled and granted to the account (to anybody: None): for each kind, formats by key."""
    rows = RestAccess.objects.filter(enabled=True).order_by()
    return {
        kind: dict(
            (rows if account is None else rows.filter(**{f"{kind}__roles__members": account}))
            .filter(**{f"{kind}__isnull": False})
            .values_list(f"{kind}_id", "format")
        )
        for kind in ("view", "operation", "feed_of")
    }


def app_json(
    request: Request,
    app: AppDefinition,
    views: Sequence[ViewDefinition],
    operations: Sequence[OperationDefinition],
    fed: bool,
) -> dict[str, Any]:
    """An app with what of it may be used."""
    url = absolute(request, f"/api/apps/{app.name}")
    return {
        "Name": app.name,
        "Label": app.label,
        "Views": [{"Name": v.name, "Label": v.label, "Url": f"{url}/views/{v.name}"} for v in views],
        "Operations": [
            {"Name": o.name, "Label": o.label, "Kind": o.kind, "Url": f"{url}/operations/{o.name}"} for o in operations
        ],
        "Submissions": f"{url}/submissions" if fed else None,
    }


def field_json(name: str, label: str, kind: str, required: bool, config: Mapping[str, Any]) -> dict[str, Any]:
    """A field's or a parameter's metadata; a record link's `app` is whose records it names."""
    about = {"key": name, "label": label, "type": kind, "required": required, "choices": config.get("choices", [])}
    return {**about, "app": config["app"]} if "app" in config else about


class NotModified(HttpResponse):
    """304: what the client has is what it would get."""

    status_code = 304

    def __init__(self, tag: str) -> None:
        super().__init__(headers={**FRESH, "Vary": VARY, "ETag": tag})
        del self["Content-Type"]


def compressed(
    request: Request, body: bytes, headers: Mapping[str, str], squeezed: Callable[[], bytes]
) -> HttpResponse:
    """The answer, compressed when the client takes it and it is worth it."""
    if len(body) < GZIP_FROM or not takes_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")):
        return Json(body, headers=headers)
    return Json(squeezed(), headers={**headers, "Content-Encoding": "gzip"})


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not with the weight 0."""
    for one in accepted.lower().split(","):
        coding, *parameters = (part.strip() for part in one.split(";"))
        if coding == "gzip":
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    return False


def cursor_question(view: ViewDefinition, asked: Asked) -> str:
    """What a cursor belongs to: the view as it stands, and the arguments."""
    parts = [view.id, view.digest, sorted((name, str(value)) for name, value in asked.arguments.items())]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def cursor_place(view: ViewDefinition, asked: Asked) -> tuple[Any, ...] | None:
    """The place to go on from, or None to start. Raises Refusal (400)."""
    return None if asked.cursor is None else cursors.read(asked.cursor, cursor_question(view, asked))


def next_page(request: Request, view: ViewDefinition, asked: Asked, place: Sequence[Any]) -> str:
    """The Link header to what follows: the same question, with a cursor."""
    given = {**asked.given, "cursor": cursors.write(cursor_question(view, asked), place)}
    return link(request, given)
