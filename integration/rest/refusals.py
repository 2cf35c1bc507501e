"""Keeps each refused call with its true reason, so that one 404 for all stays supportable (contract, Errors).

Written after the answer is made; a failure to write is logged and never reaches the client.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache

from django.db import DatabaseError
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop

from flowfinity import clock
from integration.models import Refusal as Row
from integration.poll_log import briefly
from integration.rest.errors import Refusal, shortened
from integration.rest.state import State

log = logging.getLogger(__name__)
MOST_ROWS = 1_000
NO_APP = gettext_noop("There is no app %(app)s.")
# Of what is called: that it is unknown, that it is not enabled, that it is not granted.
REASONS: Mapping[str, tuple[str, str, str]] = {
    "view": (
        gettext_noop("The app %(app)s has no view %(name)s."),
        gettext_noop("The view %(name)s of %(app)s is not enabled for REST."),
        gettext_noop("The view %(name)s of %(app)s is enabled, but none of %(account)s's roles grants it."),
    ),
    "operation": (
        gettext_noop("The app %(app)s has no operation %(name)s."),
        gettext_noop("The operation %(name)s of %(app)s is not enabled for REST."),
        gettext_noop("The operation %(name)s of %(app)s is enabled, but none of %(account)s's roles grants it."),
    ),
    "feed": (
        gettext_noop("The app %(app)s has no submissions feed."),
        gettext_noop("The submissions feed of %(app)s is not enabled for REST."),
        gettext_noop("The submissions feed of %(app)s is enabled, but none of %(account)s's roles grants it."),
    ),
}
# Those with figures that calls are refused with most: as they are written where a value is checked.
FAULTS = (
    gettext_noop("%s is required: give it a value."),
    gettext_noop("Choose one of: %s."),
    gettext_noop("Choose among: %s."),
    gettext_noop("%s is set by the platform: leave it out."),
    gettext_noop("The operation %(operation)s does not set %(field)s: leave it out."),
    gettext_noop("There is no field %s here; the view's /fields lists them."),
    gettext_noop("Name a record of %s that is not deleted, by RecordID."),
)
TEMPLATES = (NO_APP, *(words for three in REASONS.values() for words in three), *FAULTS)
FAULT = re.compile(r"(?:^|(?<=[.?)]) )(\w+): ")


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
    figures = {"app": app, "name": name, "account": state.username}
    if not state.app:
        return NO_APP % figures
    unknown, closed, ungranted = REASONS[kind]
    if not state.target:
        return unknown % figures
    return (ungranted if state.enabled else closed) % figures


def told(reason: str) -> str:
    """A kept reason in the reader's language, as far as it is made of sentences that are known; else as it is."""
    # "Rating: Choose one of: Hot, Cold. Company: …": the name of each field, and what is wrong with it.
    faults = FAULT.split(reason)
    if faults[0]:
        return recognised(reason) or reason
    said = [(name, recognised(words)) for name, words in zip(faults[1::2], faults[2::2], strict=True)]
    return " ".join(f"{name}: {words}" for name, words in said) if all(words for _name, words in said) else reason


def recognised(sentence: str) -> str | None:
    """The translation of an English sentence, its figures being what they were; None for one that is not known."""
    for template in TEMPLATES:
        if found := pattern_of(template).fullmatch(sentence):
            figures = found.groupdict() or found.groups()
            return gettext(template) % figures
    translated = gettext(sentence)
    return translated if translated != sentence else None


@cache
def pattern_of(template: str) -> re.Pattern[str]:
    """What a sentence with places for figures may have become."""
    pattern = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(template))
    return re.compile(pattern.replace("%s", "(.+)"), re.DOTALL)
