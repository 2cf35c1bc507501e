"""What clients write: one operation, or several as one transaction (contract, Writing)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from flowfinity import definitions
from flowfinity.definitions import AppDefinition, OperationDefinition
from flowfinity.fields import record_id
from flowfinity.models import Operation, User
from flowfinity.submissions import Call, Conflict, Fault, Key, Outcome, Refused, Result, moment, submit
from integration import items
from integration.rest.body import read_object, take
from integration.rest.endpoint import FRESH, Endpoint, absolute
from integration.rest.errors import (
    Json,
    from_submission,
    invalid_fields,
    invalid_parameter,
    not_found,
)
from integration.rest.state import State

MOST_OPERATIONS = 500
LONGEST_TRANSACTION = 255


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
            faults.append(
                Fault("IfLastSubmissionID", "invalid", "Send the number as it was read, without quotes, or null.")
            )
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
    if not isinstance(raw, str) or len(raw) > LONGEST_TRANSACTION:
        sentence = f"Send text of at most {LONGEST_TRANSACTION} characters, or null."
        raise invalid_fields([Fault("ExternalTransactionId", "invalid", sentence)])
    if "\x00" in raw:
        sentence = "It has a character that cannot be kept, NUL (\\u0000): leave that out."
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
    if operation.kind == "create":
        raise invalid_parameter("If-Match", "has no meaning where a record is created; leave it out.")
    number = header.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise invalid_parameter("If-Match", 'is the record\'s lastSubmissionID in quotes, like "1234".')
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
