"""Reads the feed, writes what is due, claims a subscription, sends, records (contract, REST hooks).

Within an app submissions commit in the order of their numbers, so a subscription is a place in them: what is owed is
written and the place moved in one transaction, and nothing is forgotten, whoever dies when. A subscription is worked on
by one worker at a time, claimed by a conditional UPDATE with a lease; what a dead worker held is taken up when the
lease is over, and what it had sent without recording it is sent again, under the same id. Nothing is sent inside a
transaction. A delivery that fails waits by itself; when a second one fails and none arrives in between, the target is
taken to be away, and its whole queue waits, and nobody else's.
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
from django.utils.translation import gettext_noop
from standardwebhooks import Webhook

from flowfinity import clock, definitions, references
from flowfinity.definitions import ViewDefinition
from flowfinity.fields import Format
from flowfinity.models import Role, Submission, User
from flowfinity.query import QueryError
from integration import items
from integration.hooks import http, retry
from integration.hooks.standing import Sentence, reasoned
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
MOST_GOODBYES = 8
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
    owed = Delivery.objects.filter(ripe(now), subscription=OuterRef("pk"), state=Delivery.DUE)
    unread = Q(view__app__journal__last_submission_id__gt=F("place"))
    work = Q(state=Subscription.ACTIVE) & (unread | Exists(owed))
    return Subscription.objects.filter(free(now), work | GOODBYE, next_on__lte=now)


GOODBYE = Q(state=Subscription.REMOVED, goodbye=True)


def free(now: dt.datetime) -> Q:
    """Subscriptions that no living worker holds."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


def ripe(now: dt.datetime) -> Q:
    """Deliveries that do not wait by themselves."""
    return Q(next_on__isnull=True) | Q(next_on__lte=now)


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
        return take_leave(key, clock.now())
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
            owed = next_due(subscription, at_once, clock.now())
            # What was never tried is the better probe: what has failed may fail for itself.
            if (not owed or (subscription.failures and owed[0].attempts)) and advance(subscription):
                continue
            if not owed:
                break
            sent += len(owed)
            if not volley(subscription, owed, senders):
                break
            # One first, so that a target that is down costs one probe.
            at_once = 1 if subscription.failures else SENT_AT_ONCE
    finally:
        senders.shutdown()
        turn.release()
    return sent


def next_due(subscription: Subscription, most: int, now: dt.datetime) -> list[Delivery]:
    """The deliveries to be made next, the oldest first; while the target fails, what was tried least."""
    rows = Delivery.objects.filter(ripe(now), subscription=subscription, state=Delivery.DUE)
    order = ("attempts", "submission_id") if subscription.failures else ("submission_id",)
    return list(rows.order_by(*order)[:most])


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
        # Behind a place that was moved back (`catch_up.move_back`), what was sent before is due again, under its id.
        Delivery.objects.bulk_create(
            (Delivery(subscription=subscription, submission_id=number, created_on=now) for number in numbers),
            update_conflicts=True,
            unique_fields=["subscription", "submission"],
            update_fields=["state", "delivered_on", *ANEW],
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
        return pausing(gettext_noop("The account is deactivated."))
    if not enabled:
        return pausing(gettext_noop("The view is not enabled for REST."))
    if not granted:
        return pausing(gettext_noop("None of the account's roles grants the view."))
    try:
        view_of(subscription)
    except QueryError as error:
        return pausing(Sentence(gettext_noop("The view's filter cannot be read: %(error)s"), {"error": str(error)}))
    return None if open_ else wait_for_surface


def pausing(reason: str | Sentence) -> Any:
    """A function that pauses a subscription for the reason."""
    return lambda subscription: pause(subscription, reason)


def pause(subscription: Subscription, *reason: str | Sentence) -> None:
    """Stops sending, with the place and what is owed kept."""
    Subscription.objects.filter(pk=subscription.pk, state=Subscription.ACTIVE).update(
        state=Subscription.PAUSED, **reasoned(reason)
    )


# What is sent again, and what is owed after a pause, has three days before it once more.
ANEW: dict[str, Any] = {"attempts": 0, "first_on": None, "next_on": None, "alone": False}


def resume(subscription: Subscription) -> None:
    """Goes on from the place where it stopped, at once."""
    with transaction.atomic():
        resumed = Subscription.objects.filter(pk=subscription.pk, state=Subscription.PAUSED).update(
            state=Subscription.ACTIVE, reason="", sentences=[], failures=0, failing_since=None, next_on=clock.now()
        )
        if resumed:
            Delivery.objects.filter(subscription=subscription, state=Delivery.DUE, attempts__gt=0).update(**ANEW)


def wait_for_surface(subscription: Subscription) -> None:
    """Query() is off for the site: looks again later, with nothing paused."""
    Subscription.objects.filter(pk=subscription.pk).update(next_on=clock.now() + WAIT_FOR_SURFACE)


def remove(subscription: Subscription, reason: str | Sentence, tell: bool = False) -> None:
    """Ends the subscription; with `tell`, a worker unsubscribes at the target, which pauses a Zap."""
    Subscription.objects.filter(pk=subscription.pk).exclude(state=Subscription.REMOVED).update(
        state=Subscription.REMOVED, **reasoned([reason]), goodbye=tell, failures=0, next_on=clock.now()
    )


def take_leave(key: int, now: dt.datetime) -> int:
    """Tells the target of a subscription that an admin has removed; answers how many requests that took, 0 or 1."""
    until = now + LEASE
    rows = Subscription.objects.filter(GOODBYE, pk=key)
    if rows.filter(free(now), next_on__lte=now).update(lease_until=until) != 1:
        return 0
    subscription = Subscription.objects.get(pk=key)
    answer = http.send("DELETE", subscription.target_url, {"User-Agent": agent()})
    now, failures = clock.now(), subscription.failures + 1
    if retry.fate(answer.status) == "retry" and failures < MOST_GOODBYES:
        later = retry.next_attempt(failures, now, answer.retry_after(now))
        rows.update(failures=failures, next_on=later, lease_until=None)
        return 1
    said = answer.error or Sentence(gettext_noop("It answered %(status)s."), {"status": answer.status})
    why = subscription.sentences or [subscription.reason]
    reason = reasoned([*why, gettext_noop("The target was told."), said])
    rows.update(goodbye=False, failures=failures, lease_until=None, **reason)
    return 1


def send_again(deliveries: QuerySet[Delivery]) -> int:
    """Makes deliveries due once more, whatever became of them; answers with how many."""
    keys = list(deliveries.order_by().values_list("subscription_id", flat=True).distinct())
    with transaction.atomic():
        changed = deliveries.order_by().update(state=Delivery.DUE, delivered_on=None, **ANEW)
        Subscription.objects.filter(pk__in=keys, state=Subscription.ACTIVE).update(next_on=clock.now())
    return changed


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


@dataclass(frozen=True)
class Outcome:
    """A delivery that was tried, and what came of it."""

    delivery: Delivery
    fate: retry.Fate
    answer: http.Answer


def volley(subscription: Subscription, owed: Sequence[Delivery], senders: ThreadPoolExecutor) -> bool:
    """Sends, and records each answer as it comes; False when the subscription must wait or stop."""
    now = clock.now()
    body_of = bodies(subscription, owed)
    outcomes: list[Outcome] = []
    sent = {}
    for delivery in owed:
        body = body_of[delivery.submission_id]
        if isinstance(body, str):
            answer = http.Answer(0, 0, body)
            record(delivery, now, {}, b"", answer, "failed")
            outcomes.append(Outcome(delivery, "failed", answer))
            continue
        headers = headers_of(subscription, delivery, body, now)
        sending = senders.submit(http.send, "POST", subscription.target_url, headers, body)
        sent[sending] = (delivery, headers, body)
    for done in as_completed(sent):
        delivery, headers, body = sent[done]
        answer = done.result()
        fate = retry.fate(answer.status)
        record(delivery, now, headers, body, answer, fate)
        outcomes.append(Outcome(delivery, fate, answer))
    return settle(subscription, outcomes, clock.now())


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


def settle(subscription: Subscription, outcomes: Sequence[Outcome], now: dt.datetime) -> bool:
    """What a volley's outcomes mean for the subscription and what failed; False when all of it must wait or stop."""
    bad = [one for one in outcomes if one.fate != "delivered"]
    arrived = len(bad) < len(outcomes)
    if not bad and not subscription.failures:
        return True
    active = Subscription.objects.filter(pk=subscription.pk, state=Subscription.ACTIVE)
    suspects = Delivery.objects.filter(subscription=subscription, state=Delivery.DUE, attempts__gt=0, alone=False)
    if arrived:
        # The target is there: whatever failed while it seemed away is tried once more, and then waits by itself.
        if subscription.failures:
            subscription.failures, subscription.failing_since = 0, None
            active.update(failures=0, failing_since=None)
        suspects.update(alone=True, next_on=None)
    retried = [one for one in bad if one.fate == "retry"]
    for one in retried:
        put_off(one, arrived, now)
    # What fails while others arrive tells nothing of the target, but by a refusal or a wish.
    signs = [] if arrived else [one for one in bad if not one.delivery.alone]
    wish = max(filter(None, (one.answer.retry_after(now) for one in retried)), default=None)
    if signs:
        subscription.failures += 1
        subscription.failing_since = subscription.failing_since or now
        active.update(failures=subscription.failures, failing_since=subscription.failing_since)
    said: str | Sentence = ""
    if bad:
        answered = Sentence(gettext_noop("The target answered %(status)s."), {"status": bad[-1].answer.status})
        said = bad[-1].answer.error or answered
    if any(one.fate == "gone" for one in bad):
        remove(subscription, gettext_noop("The target answered 410: it is gone for good."))
        return False
    if any(one.fate == "retry" for one in signs):
        if subscription.failing_since and retry.is_over(subscription.failing_since, now):
            pause(subscription, gettext_noop("Every attempt has failed for three days."), said)
            return False
    elif signs and subscription.failures >= MOST_REFUSALS:
        words = gettext_noop("%(count)s attempts in a row have failed.")
        pause(subscription, Sentence(words, {"count": subscription.failures}), said)
        return False
    if wish or (any(one.fate == "retry" for one in signs) and suspects.count() > 1):
        # The first to fail has waited by itself: the queue's pauses begin with the second.
        active.update(next_on=retry.next_attempt(max(subscription.failures - 1, 1), now, wish))
        return False
    return True


def put_off(one: Outcome, arrived: bool, now: dt.datetime) -> None:
    """When a delivery that has failed is tried again; after three days on its own it is given up."""
    rows = Delivery.objects.filter(pk=one.delivery.pk, state=Delivery.DUE)
    if (arrived or one.delivery.alone) and retry.is_over(one.delivery.first_on or now, now):
        rows.update(state=Delivery.FAILED)
    else:
        rows.update(next_on=retry.next_attempt(one.delivery.attempts + 1, now, one.answer.retry_after(now)))
