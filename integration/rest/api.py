"""What clients call. Nothing here redirects, and JSON is the only thing spoken (contract, Addresses)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from flowfinity import clock, definitions
from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import Format, record_id
from flowfinity.models import Operation, User
from flowfinity.query import SYSTEM_COLUMNS, Column
from flowfinity.submissions import Call, Conflict, Fault, Key, Outcome, Refused, Result, milliseconds, moment, submit
from integration import items, poll_log, zapier_mode
from integration.models import RestAccess
from integration.rest import answers, cursors, feed, polls, refusals
from integration.rest.answers import Kept
from integration.rest.arguments import Asked, read
from integration.rest.authentication import Basic, client_of, named
from integration.rest.body import read_object, take
from integration.rest.errors import (
    Json,
    as_refusal,
    from_submission,
    invalid_fields,
    invalid_parameter,
    not_found,
    surface_disabled,
)
from integration.rest.state import State

MOST_OPERATIONS = 500
LONGEST_TRANSACTION = 255
GZIP_FROM = 1_000
FRESH = {"Cache-Control": "private, no-cache", "Vary": "User-Agent, Authorization"}


class Endpoint(ViewSet):
    """An address of the API: Basic authentication, then the refusals in the contract's order.

    `target` says what the address names (a view, an operation); `surfaces` which switch a method needs.
    """

    authentication_classes = [Basic]
    http_method_names = ["get", "head", "post", "delete"]
    target: ClassVar[str] = ""
    surfaces: ClassVar[Mapping[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses: 401 and 403 not_active (in Basic), 403 surface off, 404; 405 and 413 follow."""
        self.perform_authentication(request)
        state = self.state
        switch = self.surfaces.get(request.method or "", self.surfaces.get("", ""))
        if (switch == "Query()" and not state.query_enabled) or (switch == "Execute()" and not state.execute_enabled):
            raise surface_disabled(switch)
        if self.target and not self.admitted(request):
            app, name = kwargs["app"], kwargs.get("name", "")
            raise not_found(refusals.reason(state, self.target, app, name))

    def admitted(self, request: Request) -> bool:
        """Whether what the address names exists, is enabled, and is granted to the account."""
        return self.state.allowed

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """The refusal as an answer; kept for the admin, with the account that was named."""
        response = super().handle_exception(exc)
        sent = self.request.META.get("HTTP_AUTHORIZATION", "")
        if sent and response.status_code < 500 and response.status_code != 429:
            refusals.keep(self.request._request, as_refusal(exc), named(sent))
        return response

    @property
    def state(self) -> State:
        """Who asks, for what."""
        return self.request.auth  # type: ignore[return-value]


class Universal(Endpoint):
    """The universal endpoint: asked, whether the credentials work; told, several operations as one transaction."""

    surfaces = {"POST": "Execute()"}

    def retrieve(self, request: Request) -> HttpResponse:
        """What a Zapier authentication test calls: 200 and an object, also with both switches off."""
        state = self.state
        return Json(
            orjson.dumps(
                {
                    "Site": settings.SITE_NAME,
                    "User": state.display_name,
                    "Query": bool(state.query_enabled),
                    "Execute": bool(state.execute_enabled),
                    "Version": settings.VERSION,
                }
            ),
            headers=FRESH,
        )

    def run(self, request: Request) -> HttpResponse:
        """Several operations, of one app or several, all or none."""
        body = read_object(request._request)
        if "HTTP_IF_MATCH" in request.META:
            raise invalid_parameter(
                "If-Match", "is for a single edit; here, give IfLastSubmissionID in each operation."
            )
        external = transaction_id(take(body, "ExternalTransactionId"))
        parts = take(body, "Operations")
        faults = [Fault(str(name)[:100], "unknown_field", "This key is not known here.") for name in body]
        if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_OPERATIONS:
            faults.append(Fault("Operations", "invalid", f"Send a list of 1 to {MOST_OPERATIONS} operations."))
        if faults:
            raise invalid_fields(faults)
        allowed = allowed_operations(self.state)
        calls = [self.call(index, part, allowed) for index, part in enumerate(parts)]
        for part in parts:
            for name in ("App", "Operation"):  # matched without regard to case: compared as resolved
                take(part, name)
        asked = [[app.id, operation_id(call), canonical(part)] for (app, call), part in zip(calls, parts, strict=True)]
        outcome = self.submitted([call for _, call in calls], external, asked)
        apps = [app for app, _ in calls]
        results = [
            result_json(self.request, app, result, outcome.replayed)
            for app, result in zip(apps, outcome.results, strict=True)
        ]
        return Json(orjson.dumps({"ExternalTransactionId": external, "Replayed": outcome.replayed, "Results": results}))

    def call(
        self, index: int, part: Any, allowed: Mapping[tuple[str, str], tuple[AppDefinition, OperationDefinition]]
    ) -> tuple[AppDefinition, Call]:
        """One of the operations, as a call. Raises Refusal with its index."""
        if not isinstance(part, dict):
            raise invalid_fields([Fault("Operations", "invalid", "Each operation is an object.")], index)
        rest = dict(part)
        app, name = take(rest, "App"), take(rest, "Operation")
        record, expected, values = take(rest, "RecordID"), take(rest, "IfLastSubmissionID"), take(rest, "Record")
        faults = [Fault(str(key)[:100], "unknown_field", "Field values go into Record.") for key in rest]
        if not isinstance(app, str) or not isinstance(name, str):
            faults.append(Fault("App" if not isinstance(app, str) else "Operation", "required", "Name it, as text."))
        if values is not None and not isinstance(values, dict):
            faults.append(Fault("Record", "invalid", "Send an object with the fields to set."))
        if expected is not None and (isinstance(expected, bool) or not isinstance(expected, int)):
            faults.append(Fault("IfLastSubmissionID", "invalid", "Send the number as read, a JSON integer, or null."))
        if faults:
            raise invalid_fields(faults, index)
        found = allowed.get((app.lower(), name.lower()))
        if found is None:
            raise not_found(f"{app}/{name} is unknown, not enabled, or granted by none of the account's roles.", index)
        definition, operation = found
        if expected is not None and operation.kind == "create":
            refusal = invalid_parameter("IfLastSubmissionID", "has no meaning where a record is created; leave it out.")
            refusal.operation = index
            raise refusal
        return definition, Call(operation, values or {}, record_key(record, index), expected)

    def submitted(self, calls: Sequence[Call], external: str | None, asked: Any) -> Outcome:
        """What became of the calls. Raises Refusal."""
        return submitted(self.request.user, calls, external, ["POST /api", asked], universal=True)  # type: ignore[arg-type]


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
        return NotModified(kept.tag) if not view.stable and kept.tag in known else body_of(request, kept)

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
        return poll_log.outage(self.client(), milliseconds(now), *self.state.lookback)

    def keep(self, asked: Asked, zapier: bool, now: dt.datetime, away: tuple[int, int], kept: Kept | None) -> None:
        """Keeps the poll in the log. A page of a longer answer and a HEAD are no polls."""
        if self.request.method != "GET" or asked.cursor is not None:
            return
        client = self.client()
        start = milliseconds(zapier_mode.window_start(now, *self.state.lookback)) if zapier else 0
        shown = poll_log.Shown(
            "zapier" if zapier else "plain",
            milliseconds(now),
            min(start, away[0]) if away[0] else start,
            kept.newest if kept else client.newest,
            self.state.last_submission_id or 0,
            kept.count if kept else 0,
            len(kept.body) if kept else 0,
            milliseconds(clock.now()) - milliseconds(now),
            kept.cut if kept else False,
        )
        poll_log.keep(client, shown, away)

    def made(
        self, view: ViewDefinition, asked: Asked, zapier: bool, now: dt.datetime, digest: str, away: tuple[int, int]
    ) -> Kept:
        """The answer, made from the records. Raises Refusal (400)."""
        question = polls.Question(view, self.format(asked), asked.arguments, now, absolute(self.request, ""))
        headers, leaves = {}, 0
        if zapier:
            start = zapier_mode.window_start(now, *self.state.lookback)
            answer = polls.zapier_answer(question, min(start, moment(away[0])) if away[0] else start)
            if answer.count:
                leaves = away[1] or zapier_mode.leaves_ms(answer.oldest_ms, self.state.lookback[0])
        else:
            place = cursor_place(view, asked)
            answer = polls.plain_answer(question, asked.limit, place)
            if answer.place is not None:
                headers["Link"] = next_page(self.request, view, asked, answer.place)
        if not view.stable:
            # Time alone changes these rows: the tag can only be the answer's own.
            digest, leaves = hashlib.sha256(answer.body).hexdigest()[:32], 0
        return Kept(
            digest,
            leaves,
            answer.body,
            {**headers, **answer.headers},
            count=answer.count,
            newest=answer.newest,
            cut=answer.cut,
        )

    def fields(self, request: Request, app: str, name: str) -> HttpResponse:
        """The view's fields and parameters, for a client that wants labels and types."""
        view = self.view()
        columns = [c for c in view.columns if not c.system] + list(SYSTEM_COLUMNS.values())
        body = {
            "fields": [field_json(column) for column in columns],
            "parameters": [
                {"key": p.name, "label": p.label, "type": p.type.name, "required": False, "choices": choices(p.config)}
                for p in view.parameters.values()
            ],
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


class Operations(Endpoint):
    """An operation, run on one record."""

    target = "operation"
    surfaces = {"": "Execute()"}

    def run(self, request: Request, app: str, name: str) -> HttpResponse:
        """Runs it, and answers with the record and the number that now stands (contract, Writing)."""
        state = self.state
        assert state.app is not None and state.target is not None
        definition = definitions.of(state.app, state.version)
        operation = definition.operation(state.target)
        body = read_object(request._request)
        expected = if_match(request, operation)
        asked = canonical(body)
        external = transaction_id(take(body, "ExternalTransactionId"))
        call = Call(operation, body, record_key(take(body, "RecordID"), None), expected)
        outcome = submitted(
            request.user,  # type: ignore[arg-type]
            [call],
            external,
            ["POST", definition.id, operation.id, asked],
            universal=False,
        )
        return Json(orjson.dumps(result_json(request, definition, outcome.results[0], outcome.replayed)))


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
        return Json(body, headers=headers)


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


class Nothing(Endpoint):
    """Any other address under /api: 404 as JSON, for those who may know."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses: 401, else 404."""
        super().initial(request, *args, **kwargs)
        raise not_found()

    def nothing(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Never reached: `initial` has refused."""
        raise not_found()


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


def allowed_operations(state: State) -> dict[tuple[str, str], tuple[AppDefinition, OperationDefinition]]:
    """The enabled operations that the account's roles grant, by app and name in lower case."""
    rows = (
        Operation.objects.filter(rest__enabled=True, roles__members=state.account)
        .order_by()
        .distinct()
        .values_list("app_id", "pk")
    )
    found = {}
    for app, pk in rows:
        definition = definitions.of(app, state.version)
        operation = definition.operation(pk)
        found[definition.name.lower(), operation.name.lower()] = definition, operation
    return found


def submitted(account: User, calls: Sequence[Call], external: str | None, asked: Any, universal: bool) -> Outcome:
    """What became of the calls. Raises Refusal: 409, 422, 412."""
    key = Key(external, hashlib.sha256(orjson.dumps(asked)).hexdigest()) if external else None
    try:
        return submit(calls, account, key)
    except (Refused, Conflict) as error:
        raise from_submission(error, universal) from None


def canonical(value: Any) -> Any:
    """A body's meaning, to compare it with another: keys in lower case and in order, numbers told from text."""
    if isinstance(value, dict):
        return {key.lower(): canonical(value[key]) for key in sorted(value, key=str.lower)}
    if isinstance(value, list):
        return [canonical(one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    return f'"{value}' if isinstance(value, str) else f"#{value}"


def transaction_id(raw: Any) -> str | None:
    """An ExternalTransactionId, exact; None for null and "". Raises Refusal (422)."""
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or len(raw) > LONGEST_TRANSACTION or "\x00" in raw:
        sentence = f"Send text of at most {LONGEST_TRANSACTION} characters, or null."
        raise invalid_fields([Fault("ExternalTransactionId", "invalid", sentence)])
    return raw


def operation_id(call: Call) -> int:
    """The key of the operation as it was resolved."""
    return call.operation.id if call.operation else 0


def record_key(raw: Any, operation: int | None) -> int | None:
    """The key that a RecordID names; None for null and "", 0 (no record's) for what names none."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    return int(raw) if isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) < 19 else 0


def if_match(request: Request, operation: OperationDefinition) -> int | None:
    """The last submission that the caller knows, from `If-Match: "123"`. Raises Refusal (400)."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None:
        return None
    number = header.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise invalid_parameter("If-Match", 'is the record\'s lastSubmissionID in quotes, like "1234".')
    if operation.kind == "create":
        raise invalid_parameter("If-Match", "has no meaning where a record is created; leave it out.")
    return int(number)


def result_json(request: Request, app: AppDefinition, result: Result, replayed: bool) -> dict[str, Any]:
    """An operation's answer."""
    number = record_id(result.record)
    return {
        "RecordID": number,
        "lastSubmissionID": result.submission,
        "CreatedOn": items.with_offset(moment(result.created_ms)),
        "LastModifiedOn": items.with_offset(moment(result.modified_ms)),
        "Changed": list(result.changed),
        "Replayed": replayed,
        "Url": absolute(request, reverse("record", args=[app.name, number])),
    }


def absolute(request: Request, path: str) -> str:
    """The path as a URL: of PUBLIC_URL where it is set, else of the request."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}{path}"
    return f"{request.scheme}://{request.get_host()}{path}"


def choices(config: Mapping[str, Any]) -> list[str]:
    """The choices that the settings name, if any."""
    return list(config.get("choices", []))


def field_json(column: Column) -> dict[str, Any]:
    """A field's metadata."""
    return {
        "key": column.name,
        "label": column.label,
        "type": column.type.name,
        "required": column.required,
        "choices": choices(column.config),
    }


class NotModified(HttpResponse):
    """304: what the client has is what it would get."""

    status_code = 304

    def __init__(self, tag: str) -> None:
        super().__init__(headers={**FRESH, "ETag": tag})
        del self["Content-Type"]


def body_of(request: Request, kept: Kept) -> HttpResponse:
    """The answer, compressed when the client takes it and it is worth it."""
    headers = {**FRESH, **kept.headers, "ETag": kept.tag}
    if len(kept.body) < GZIP_FROM or "gzip" not in request.META.get("HTTP_ACCEPT_ENCODING", ""):
        return Json(kept.body, headers=headers)
    headers |= {"Content-Encoding": "gzip", "Vary": f"{FRESH['Vary']}, Accept-Encoding"}
    return Json(kept.gzipped(), headers=headers)


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


def link(request: Request, given: Mapping[str, str]) -> str:
    """A Link header to this address with these arguments."""
    return f'<{absolute(request, request._request.path)}?{urlencode(given)}>; rel="next"'
