"""Keeps each refused call with its true reason, so that one 404 for all stays supportable (contract, Errors).

Written after the answer is made; a failure to write is logged and never reaches the client.
"""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.db.models import F
from django.http import HttpRequest

from flowfinity import clock
from integration.models import Refusal as Row
from integration.poll_log import briefly
from integration.rest.errors import Refusal, shortened
from integration.rest.state import State

log = logging.getLogger(__name__)
MOST_ROWS = 1_000
KINDS = {"view": "view", "operation": "operation", "feed": "submissions feed"}


def keep(request: HttpRequest, refusal: Refusal, account: str) -> None:
    """Counts the refused call. `account` is the user name that was given."""
    now = clock.now()
    same = {
        "account": account[:150],
        "method": (request.method or "")[:10],
        "path": request.path_info[:300].replace("\x00", ""),
        "status": refusal.status_code,
        "code": refusal.code,
        "reason": shortened(refusal.reason or refusal.message).replace("\x00", ""),
    }
    try:
        with briefly():
            if Row.objects.filter(**same).update(times=F("times") + 1, last_on=now):
                return
            Row.objects.create(**same, first_on=now, last_on=now)
            old = Row.objects.order_by("-last_on").values_list("pk", flat=True)[MOST_ROWS:]
            Row.objects.filter(pk__in=list(old)).delete()
    except DatabaseError as error:
        log.warning("a refused call was not kept: %s", type(error).__name__)


def reason(state: State, kind: str, app: str, name: str) -> str:
    """Why `state.allowed` is false, in a sentence for the admin."""
    if not state.app:
        return f"There is no app {app}."
    what = f"The submissions feed of {app}" if kind == "feed" else f"The {KINDS[kind]} {name} of {app}"
    if not state.target:
        return f"The app {app} has no {KINDS[kind]} {name}."
    if not state.enabled:
        return f"{what} is not enabled for REST."
    return f"{what} is enabled, but none of {state.username}'s roles grants it."
