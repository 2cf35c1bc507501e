"""Reads the feed, writes what is due, claims a subscription, sends, records (contract, REST hooks).

Within an app submissions commit in the order of their numbers, so a subscription is a place in them: what is owed is
written and the place moved in one transaction, and nothing is forgotten, whoever dies when. A subscription is worked on
by one worker at a time, claimed by a conditional UPDATE with a lease; what a dead worker held is taken up when the
lease is over, and what it had sent without recording it is sent again, under the same id. Nothing is sent inside a
transaction. A target that fails keeps its whole queue waiting, and nobody else's.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from standardwebhooks import Webhook

from flowfinity import clock, definitions, references
from flowfinity.definitions import ViewDefinition
from flowfinity.fields import Format
from flowfinity.models import Role, Submission, User
from flowfinity.query import QueryError
from integration import items
from integration.hooks import http, retry
from integration.models import Attempt, Delivery, RestAccess, Subscription, Surface

log = logging.getLogger(__name__)
# Longer than a volley takes, whose sends are cut after http.WHOLE_SECONDS.
LEASE = dt.timedelta(seconds=30)
# How long one subscription may keep a worker before others have their turn.
TURN_SECONDS = 5
# A target far away answers after 200 ms: one at a time it would get five a second. Order is not promised.
SENT_AT_ONCE = 4
READ_AT_ONCE = 1_000
MOST_REFUSALS = 10
KEPT_BODY = 20_000
WAIT_FOR_SURFACE = dt.timedelta(seconds=30)


def due(now: dt.datetime, apps: list[int] | None = None) -> list[int]:
    """The keys of the subscriptions that have something to do and that nobody works on, longest waiting first."""
    rows = waiting(now)
    if apps is not None:
        rows = rows.filter(view__app__in=apps)
    return list(rows.order_by("next_on", "pk").values_list("pk", flat=True))


def is_due(key: int, now: dt.datetime) -> bool:
    """Whether one subscription has something to do and nobody works on it."""
    return waiting(now).filter(pk=key).exists()


def waiting(now: dt.datetime) -> QuerySet[Subscription]:
    """The subscriptions that have something to do and that nobody works on."""
    owed = Delivery.objects.filter(subscription=OuterRef("pk"), state=Delivery.DUE)
    unread = Q(view__app__journal__last_submission_id__gt=F("place"))
    rows = Subscription.objects.filter(free(now), state=Subscription.ACTIVE, next_on__lte=now)
    return rows.filter(unread | Exists(owed))


def free(now: dt.datetime) -> Q:
    """Subscriptions that no living worker holds."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


@dataclass
class Turn:
    """A worker's hold on a subscription: its row, and the lease that proves the hold."""

    subscription: Subscription
    until: dt.datetime

    def renew(self, now: dt.datetime) -> bool:
        """Holds on for another lease; False when somebody else has taken over, or it was paused or removed."""
        fresh = now + LEASE
        held = Subscription.objects.filter(pk=self.subscription.pk, lease_until=self.until, state=Subscription.ACTIVE)
        if held.update(lease_until=fresh) != 1:
            return False
        self.until = fresh
        return True

    def release(self) -> None:
        """Lets go."""
        Subscription.objects.filter(pk=self.subscription.pk, lease_until=self.until).update(lease_until=None)


def claim(key: int, now: dt.datetime) -> Turn | None:
    """The turn on a subscription, or None when somebody else has it or there is nothing to do now."""
    until = now + LEASE
    rows = Subscription.objects.filter(free(now), pk=key, state=Subscription.ACTIVE, next_on__lte=now)
    if rows.update(lease_until=until) != 1:
        return None
    return Turn(Subscription.objects.select_related("view", "account").get(pk=key), until)


def deliver(key: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Works on one subscription until nothing is due, a send fails or the turn is over; answers how many it sent.

    `stopping` is asked between sends: a worker that is told to end lets go of the subscription, for the next one.
    """
    turn = claim(key, clock.now())
    if turn is None:
        return 0
    subscription = turn.subscription
    # By the machine's own count: a clock that is set must not make a turn endless.
    end = time.monotonic() + TURN_SECONDS
    sent, at_once = 0, 1
    # Its threads only wait for the target; all else is done here, over this thread's connection to the database.
    senders = ThreadPoolExecutor(SENT_AT_ONCE)
    try:
        while not stopping() and time.monotonic() < end and turn.renew(clock.now()):
            if (why := hindrance(subscription)) is not None:
                why(subscription)
                break
            owed = next_due(subscription, at_once)
            if not owed:
                if not advance(subscription):
                    break
                continue
            sent += len(owed)
            if not volley(subscription, owed, senders):
                break
            # One first, so that a target that is down costs one probe.
            at_once = 1 if subscription.failures else SENT_AT_ONCE
    finally:
        senders.shutdown()
        turn.release()
    return sent


def next_due(subscription: Subscription, most: int) -> list[Delivery]:
    """The oldest deliveries that are still to be made."""
    rows = Delivery.objects.filter(subscription=subscription, state=Delivery.DUE)
    return list(rows.order_by("submission_id")[:most])


def advance(subscription: Subscription) -> bool:
    """Looks at what comes after the place, writes what is owed and moves the place, both or neither.

    False when nothing comes after it, or another worker has been faster.
    """
    ahead = Submission.objects.filter(app=subscription.view.app_id, id__gt=subscription.place).order_by("id")
    seen = list(ahead.values_list("id", "on")[:READ_AT_ONCE])
    if not seen:
        return False
    # Submissions never change, so they are read before the transaction, which on SQLite would hold up all writers.
    numbers, now, last = shown(subscription, seen), clock.now(), seen[-1][0]
    with transaction.atomic():
        place = Subscription.objects.filter(pk=subscription.pk, place=subscription.place)
        if place.update(place=last) != 1:
            return False
        Delivery.objects.bulk_create(
            Delivery(subscription=subscription, submission_id=number, created_on=now) for number in numbers
        )
    subscription.place = last
    return True


def shown(subscription: Subscription, seen: Sequence[tuple[int, dt.datetime]]) -> list[int]:
    """Which of these submissions, each with its time, are in the view as it is defined now."""
    query = view_of(subscription).query
    if query.stable:
        rows = Submission.objects.filter(id__gte=seen[0][0], id__lte=seen[-1][0])
        return sorted(query.with_arguments({}, seen[-1][1]).apply(rows).values_list("id", flat=True))
    # "In the last 3 days" is meant as of the submission: one that is late, after a pause of a week, is still owed.
    return [
        number
        for number, on in seen
        if query.with_arguments({}, on).apply(Submission.objects.filter(id=number)).exists()
    ]


def view_of(subscription: Subscription) -> ViewDefinition:
    """The view as it is defined now."""
    return definitions.of(subscription.view.app_id).view(subscription.view_id)


def hindrance(subscription: Subscription) -> Any:
    """What to do instead of sending, or None: asked before each send (contract, REST hooks)."""
    account, view = subscription.account_id, subscription.view_id
    active, enabled, granted, open_ = User.objects.values_list(
        "is_active",
        Exists(RestAccess.objects.filter(view=view, enabled=True)),
        Exists(Role.objects.filter(members=account, views=view)),
        Exists(Surface.objects.filter(pk=1, query_enabled=True)),
    ).get(pk=account)
    if not active:
        return pausing("The account is deactivated.")
    if not enabled:
        return pausing("The view is not enabled for REST.")
    if not granted:
        return pausing("None of the account's roles grants the view.")
    try:
        view_of(subscription)
    except QueryError as error:
        return pausing(f"The view's filter cannot be read: {error}")
    return None if open_ else wait_for_surface


def pausing(reason: str) -> Any:
    """A function that pauses a subscription for the reason."""
    return lambda subscription: pause(subscription, reason)


def pause(subscription: Subscription, reason: str) -> None:
    """Stops sending, with the place and what is owed kept."""
    Subscription.objects.filter(pk=subscription.pk, state=Subscription.ACTIVE).update(
        state=Subscription.PAUSED, reason=reason[:250]
    )


def resume(subscription: Subscription) -> None:
    """Goes on from the place where it stopped, at once."""
    Subscription.objects.filter(pk=subscription.pk, state=Subscription.PAUSED).update(
        state=Subscription.ACTIVE, reason="", failures=0, failing_since=None, next_on=clock.now()
    )


def wait_for_surface(subscription: Subscription) -> None:
    """Query() is off for the site: looks again later, with nothing paused."""
    Subscription.objects.filter(pk=subscription.pk).update(next_on=clock.now() + WAIT_FOR_SURFACE)


def remove(subscription: Subscription, reason: str, tell: bool = False) -> None:
    """Ends the subscription; with `tell`, unsubscribes at the target, which pauses a Zap."""
    Subscription.objects.filter(pk=subscription.pk).exclude(state=Subscription.REMOVED).update(
        state=Subscription.REMOVED, reason=reason[:250]
    )
    if tell:
        http.send("DELETE", subscription.target_url, {"User-Agent": agent()})


def send_again(deliveries: Any) -> int:
    """Makes deliveries due once more, whatever became of them; answers with how many."""
    keys = list(deliveries.values_list("subscription_id", flat=True).distinct())
    changed = deliveries.exclude(state=Delivery.DUE).update(state=Delivery.DUE, delivered_on=None)
    Subscription.objects.filter(pk__in=keys, state=Subscription.ACTIVE).update(next_on=clock.now())
    return int(changed)


def bodies(subscription: Subscription, owed: Iterable[Delivery]) -> dict[int, bytes | str]:
    """By submission exactly one item of the view's Zapier-mode answer, frozen as submitted; URLs of files signed now.

    An item that cannot be written is a sentence that says so: it must not hold up the others.
    """
    view = view_of(subscription)
    format: Format = "flowfinity" if subscription.format == "flowfinity" else "typed"
    numbers = [delivery.submission_id for delivery in owed]
    rows = list(Submission.objects.filter(pk__in=numbers).values_list("pk", *items.SUBMISSION_ROW))
    found: dict[int, bytes | str] = {}
    for number, *row in rows:
        try:
            world = references.world(view.columns, [row[0]], settings.PUBLIC_URL or subscription.base_url)
            found[number] = orjson.dumps(items.renderer(view, format, True, world)(tuple(row)))
        except DatabaseError:
            raise
        except Exception as error:
            log.exception("an item cannot be written")
            found[number] = f"The item cannot be written: {type(error).__name__}."
    return found


def agent() -> str:
    """What we call ourselves at a target."""
    return f"Flowfinity-Hooks/{settings.VERSION}"


def headers_of(subscription: Subscription, delivery: Delivery, body: bytes, now: dt.datetime) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    signature = Webhook(subscription.secret).sign(delivery.webhook_id, now, body.decode())
    return {
        "Content-Type": "application/json",
        "User-Agent": agent(),
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def volley(subscription: Subscription, owed: Sequence[Delivery], senders: ThreadPoolExecutor) -> bool:
    """Sends, and records each answer as it comes; False when the subscription must wait or stop."""
    now = clock.now()
    body_of = bodies(subscription, owed)
    answers: list[tuple[retry.Fate, http.Answer]] = []
    sent = {}
    for delivery in owed:
        body = body_of[delivery.submission_id]
        if isinstance(body, str):
            answer = http.Answer(0, 0, body)
            record(delivery, now, {}, b"", answer, "failed")
            answers.append(("failed", answer))
            continue
        headers = headers_of(subscription, delivery, body, now)
        sending = senders.submit(http.send, "POST", subscription.target_url, headers, body)
        sent[sending] = (delivery, headers, body)
    for done in as_completed(sent):
        delivery, headers, body = sent[done]
        answer = done.result()
        fate = retry.fate(answer.status)
        record(delivery, now, headers, body, answer, fate)
        answers.append((fate, answer))
    return settle(subscription, answers, clock.now())


def record(
    delivery: Delivery,
    on: dt.datetime,
    headers: dict[str, str],
    body: bytes,
    answer: http.Answer,
    fate: retry.Fate,
) -> None:
    """Keeps an attempt and what became of the delivery."""
    rows = Delivery.objects.filter(pk=delivery.pk)
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery,
            on=on,
            ms=answer.ms,
            status=answer.status,
            error=answer.error,
            request_headers=headers,
            request_body=body.decode()[:KEPT_BODY],
            answer_headers=dict(answer.headers),
            answer_body=answer.body,
        )
        tried: dict[str, Any] = {"attempts": F("attempts") + 1, "first_on": delivery.first_on or on}
        if fate == "delivered":
            rows.update(**tried, state=Delivery.DELIVERED, delivered_on=clock.now())
            return
        rows.update(**tried)
        if fate != "retry":
            # Not where another worker, after this one's lease, has delivered it meanwhile.
            rows.filter(state=Delivery.DUE).update(state=Delivery.FAILED)


def settle(subscription: Subscription, answers: Sequence[tuple[retry.Fate, http.Answer]], now: dt.datetime) -> bool:
    """What the answers of a volley mean for the subscription; False when it must wait or stop.

    A volley that fails counts as one failure: pauses grow with the tries, not with what waits.
    """
    fates = {fate for fate, _ in answers}
    if fates == {"delivered"} and not subscription.failures:
        return True
    if "delivered" in fates:
        subscription.failures, subscription.failing_since = 0, None
    bad = [(fate, answer) for fate, answer in answers if fate != "delivered"]
    if bad:
        subscription.failures += 1
        subscription.failing_since = subscription.failing_since or now
    wishes = [wish for fate, answer in bad if fate == "retry" and (wish := answer.retry_after(now))]
    if "retry" in fates:
        subscription.next_on = retry.next_attempt(subscription.failures, now, max(wishes, default=None))
    active = Subscription.objects.filter(pk=subscription.pk, state=Subscription.ACTIVE)
    active.update(
        failures=subscription.failures, failing_since=subscription.failing_since, next_on=subscription.next_on
    )
    if not bad:
        return True
    said = bad[-1][1].error or f"The target answered {bad[-1][1].status}."
    if "gone" in fates:
        remove(subscription, "The target answered 410: it is gone for good.")
    elif "retry" in fates:
        if subscription.failing_since and retry.is_over(subscription.failing_since, now):
            pause(subscription, f"Every attempt has failed for three days. {said}")
    elif subscription.failures >= MOST_REFUSALS:
        pause(subscription, f"{subscription.failures} deliveries in a row were refused. {said}")
    else:
        return True
    return False
