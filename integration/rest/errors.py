"""Refusals, and the one shape that every error has (contract, Errors)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_noop
from django.views import defaults
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAuthenticated

from flowfinity.submissions import Conflict, Fault, Invalid, Refused, Stale

log = logging.getLogger(__name__)
LONGEST = 249
RETRY_SECONDS = 5
# Answered in English to everybody; Configure says them in the admin's language, as it does all that is marked here.
SWITCHED_OFF = {
    "Query()": gettext_noop(
        "Query() is switched off for this site. Ask an admin: Configure > Integration > REST Integration."
    ),
    "Execute()": gettext_noop(
        "Execute() is switched off for this site. Ask an admin: Configure > Integration > REST Integration."
    ),
}


class Json(HttpResponse):
    """Bytes of JSON with their length: without one the server would answer in chunks."""

    def __init__(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body, status=status, headers=headers, content_type="application/json")
        self["Content-Length"] = str(len(body))


class Refusal(APIException):
    """A request that is refused: a row of the contract's error table."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Sequence[Fault] = (),
        operation: int | None = None,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message, code)
        self.status_code = status
        self.code = code
        self.message = message
        self.fields = fields
        self.operation = operation
        self.headers = headers or {}
        # What only the admin is told.
        self.reason = reason


def not_authenticated(reason: str = "") -> Refusal:
    """401, the same for no credentials, wrong ones, and a person's."""
    return Refusal(
        401,
        "not_authenticated",
        gettext_noop(
            "Log in with HTTP Basic as an integration account of this site: check the user name and the password."
        ),
        headers={"WWW-Authenticate": 'Basic realm="Flowfinity", charset="UTF-8"'},
        reason=reason,
    )


def not_active() -> Refusal:
    """403 for the right credentials of an account that was deactivated."""
    return Refusal(
        403, "not_active", gettext_noop("This integration account is deactivated. Ask an admin to activate it.")
    )


def surface_disabled(switch: str) -> Refusal:
    """403 while the site's switch is off."""
    return Refusal(403, "surface_disabled", SWITCHED_OFF[switch])


def not_found(reason: str = "", operation: int | None = None) -> Refusal:
    """404, one body for unknown, not enabled and not allowed: which of them, Configure tells the admin."""
    return Refusal(
        404,
        "not_found",
        gettext_noop(
            "Nothing here for this account: check the address, that it is enabled for REST, and the account's roles."
        ),
        operation=operation,
        reason=reason,
    )


def invalid_json(message: str) -> Refusal:
    """400 for a body that is not whole, valid JSON with an object in it."""
    return Refusal(400, "invalid_json", message)


def invalid_parameter(field: str, message: str) -> Refusal:
    """400 for a parameter of the query string, or a header, that cannot be read."""
    return Refusal(400, "invalid_parameter", f"{field}: {message}", [Fault(field, "invalid", message)])


def invalid_fields(faults: Sequence[Fault], operation: int | None = None) -> Refusal:
    """422 with every wrong field."""
    message = " ".join(f"{fault.field}: {fault.message}" for fault in faults)
    return Refusal(422, "invalid_fields", message, faults, operation)


def body_of(refusal: Refusal) -> bytes:
    """The error's JSON."""
    error: dict[str, Any] = {
        "code": refusal.code,
        "message": shortened(refusal.message),
        "fields": [
            {"field": fault.field, "code": fault.code, "message": shortened(fault.message)} for fault in refusal.fields
        ],
    }
    if refusal.operation is not None:
        error["operation"] = refusal.operation
    return orjson.dumps({"error": error})


def shortened(message: str) -> str:
    """The message within what Zapier shows its users: 250 characters."""
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"


def from_submission(error: Refused | Conflict, universal: bool) -> Refusal:
    """What `submit` refused, as a row of the error table."""
    if isinstance(error, Conflict):
        return Refusal(
            409,
            "transaction_conflict",
            gettext_noop(
                "This ExternalTransactionId has already succeeded with another call. Give each call an id of its own."
            ),
        )
    operation = error.call if universal else None
    if isinstance(error, Invalid):
        return invalid_fields(error.faults, operation)
    if isinstance(error, Stale):
        return Refusal(
            412,
            "stale_record",
            f"The record was changed since: its last submission is {error.standing}. Read it again, then decide.",
            operation=operation,
        )
    return not_found()


def as_refusal(error: Exception) -> Refusal:
    """Any exception as a refusal; what nobody expected is logged and becomes 500 without a trace of itself."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MethodNotAllowed):
        return Refusal(
            405, "method_not_allowed", gettext_noop("This address does not take that method; see the Allow header.")
        )
    if isinstance(error, Http404):
        return not_found()
    if isinstance(error, NotAuthenticated):
        return not_authenticated()
    if isinstance(error, RequestDataTooBig):
        return too_large()
    if isinstance(error, SuspiciousOperation):  # more names in a query string than Django reads, say
        return unreadable()
    if isinstance(error, OperationalError | InterfaceError):
        log.error("the database is away: %s", type(error).__name__)
        return Refusal(
            503,
            "unavailable",
            gettext_noop(
                "The database is away for a moment. Send it again; under the same ExternalTransactionId if it writes."
            ),
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    log.exception("unexpected error", exc_info=error)
    return Refusal(
        500,
        "internal_error",
        gettext_noop("Something went wrong on our side; it was logged. Send the request again later."),
    )


def unreadable() -> Refusal:
    """400 for what Django refuses to read: a foreign Host header, a thousand parameters."""
    return Refusal(
        400, "bad_request", gettext_noop("This request cannot be read: check its host name, headers and query string.")
    )


def too_large() -> Refusal:
    """413 for a body over the limit."""
    return Refusal(
        413, "too_large", gettext_noop("The body is larger than this site takes (10 MB). Send less at a time.")
    )


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler: every error in one shape."""
    refusal = as_refusal(error)
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if isinstance(error, MethodNotAllowed) and context.get("view") is not None:
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Json(body_of(refusal), refusal.status_code, headers)


def is_api(request: HttpRequest) -> bool:
    """Whether only JSON may be spoken here: also at what is no address, but was meant to be one of these."""
    return re.match(r"/+api(/|$)", request.path_info, re.I) is not None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before an endpoint is reached, a foreign Host header say."""
    if is_api(request):
        return answer(unreadable(), {})
    return defaults.bad_request(request, exception)


def unknown_address(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 outside any endpoint."""
    return answer(not_found(), {}) if is_api(request) else defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    """500 outside any endpoint; Django has logged it."""
    if is_api(request):
        return answer(
            Refusal(500, "internal_error", gettext_noop("Something went wrong on our side; it was logged.")), {}
        )
    return defaults.server_error(request)
