"""How subscriptions and deliveries stand, for whoever looks: the pages and the API say the same."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Min, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext, gettext_noop

from flowfinity.models import Journal, Submission
from integration.models import Attempt, Delivery, Subscription

# What is counted beyond this says "more than".
MOST_COUNTED = 1_000
# What the API says of an attempt that failed, by a kind and its detail, and how it is told to a person.
FAILURES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (
            r"The connection failed: ConnectionRefusedError: (?P<detail>.*)",
            gettext_noop("The target refused the connection: %(detail)s"),
        ),
        (
            r"The connection failed: RemoteDisconnected: .*",
            gettext_noop("The target ended the connection without an answer."),
        ),
        (
            r"The connection failed: (?:Connection(?:Reset|Aborted)|BrokenPipe|SSLEOF)Error: (?P<detail>.*)",
            gettext_noop("The target broke off the connection: %(detail)s"),
        ),
        (
            r"The connection failed: IncompleteRead: (?P<detail>.*)",
            gettext_noop("The target broke off its answer: %(detail)s"),
        ),
        (
            r"The connection failed: gaierror: (?P<detail>.*)",
            gettext_noop("No address was found for the target's name: %(detail)s"),
        ),
        (
            r"The connection failed: SSLCertVerificationError: (?P<detail>.*)",
            gettext_noop("The target's certificate is not trusted: %(detail)s"),
        ),
        (
            r"The connection failed: SSL\w*Error: (?P<detail>.*)",
            gettext_noop("No secure connection (TLS) could be made to the target: %(detail)s"),
        ),
        (
            r"The connection failed: OSError: (?P<detail>.*)",
            gettext_noop("The target cannot be reached: %(detail)s"),
        ),
        (r"The connection failed: (?P<detail>.*)", gettext_noop("The connection failed: %(detail)s")),
        (
            r"(?P<host>\S+) leads to (?P<address>\S+), which is not a public address\.",
            gettext_noop("%(host)s leads to %(address)s, which is not a public address."),
        ),
        (r"The item cannot be written: (?P<kind>\w+)\.", gettext_noop("The item cannot be written: %(kind)s.")),
    )
]
# What an attempt needs to be told in a line.
BODIES = ("request_headers", "request_body", "answer_headers", "answer_body")


@dataclass(frozen=True)
class Standing:
    """What is still to be sent for a subscription (`due`), to be looked at (`unread`, up to MOST_COUNTED + 1), what has
    failed for good, and when it is worked on next; None where nothing is to come.
    """

    due: int
    unread: int
    failed: int
    next_on: dt.datetime | None


def standings(subscriptions: Iterable[Subscription]) -> dict[int, Standing]:
    """By a subscription's key how it stands."""
    rows = {row.pk: row for row in subscriptions}
    due, failed = Q(state=Delivery.DUE), Q(state=Delivery.FAILED)
    counted = {
        key: (owed, lost, earliest)
        for key, owed, lost, earliest in Delivery.objects.filter(due | failed, subscription__in=rows)
        .values("subscription")
        .annotate(
            owed=Count("pk", filter=due),
            lost=Count("pk", filter=failed),
            earliest=Min(Coalesce("next_on", "created_on"), filter=due),
        )
        .values_list("subscription", "owed", "lost", "earliest")
    }
    apps = {row.view.app_id for row in rows.values()}
    last = dict(Journal.objects.filter(app__in=apps).values_list("app", "last_submission_id"))
    found = {}
    for key, row in rows.items():
        owed, lost, earliest = counted.get(key, (0, 0, None))
        unread = 0
        if row.state != Subscription.REMOVED and last.get(row.view.app_id, 0) > row.place:
            ahead = Submission.objects.filter(app=row.view.app_id, id__gt=row.place)
            unread = ahead.order_by("id")[: MOST_COUNTED + 1].count()
        next_on = None
        if row.state == Subscription.ACTIVE and (owed or unread):
            next_on = row.next_on if unread or earliest is None else max(row.next_on, earliest)
        found[key] = Standing(owed, unread, lost, next_on)
    return found


class Sentence(NamedTuple):
    """A sentence of a reason, in English, with places for the figures in it."""

    text: str
    figures: Mapping[str, Any]


def reasoned(reason: Iterable[str | Sentence]) -> dict[str, Any]:
    """A reason as a subscription keeps it: for the API in English, and in pieces that a page translates."""
    sentences = [Sentence(one, {}) if isinstance(one, str) else Sentence(*one) for one in reason]
    return {"reason": said(sentences, str)[:250], "sentences": sentences}


def reason_of(subscription: Subscription) -> str:
    """Why it is paused or removed, in the reader's language; as it was kept where it was not kept in pieces."""
    return said(subscription.sentences or ([[subscription.reason, {}]] if subscription.reason else []), told)


def told(sentence: str) -> str:
    """A sentence that is kept in English, such as an attempt's error, in the reader's language and plain words."""
    for pattern, words in FAILURES:
        if found := pattern.fullmatch(sentence):
            return gettext(words) % found.groupdict()
    return gettext(sentence)


def said(sentences: Iterable[Sequence[Any]], translate: Callable[[str], str]) -> str:
    """The sentences, each (text, figures), as one text."""
    return " ".join(translate(text) % figures if figures else translate(text) for text, figures in sentences)


def next_try(subscription: Subscription, delivery: Delivery) -> dt.datetime | None:
    """When a delivery is tried next, a moment that is past where it is its turn now; None where it is not tried."""
    if delivery.state != Delivery.DUE or subscription.state != Subscription.ACTIVE:
        return None
    return max(subscription.next_on, delivery.next_on or delivery.created_on)


def with_tries(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The deliveries with their attempts, without what was sent and answered."""
    return deliveries.prefetch_related(Prefetch("tries", Attempt.objects.defer(*BODIES)))
