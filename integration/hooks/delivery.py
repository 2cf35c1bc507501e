"""Reads the feed, writes what is due, claims a subscription, sends, records (contract, REST hooks).

Within an app submissions commit in the order of their numbers, so a subscription is a place in them: what is owed is
written and the place moved in one transaction, and nothing is forgotten, whoever dies when. A subscription is worked on
by one worker at a time, claimed by a conditional UPDATE with a lease; what a dead worker held is taken up when the
lease is over. Nothing is sent inside a transaction. A target that fails keeps its whole queue waiting, and nobody else's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from standardwebhooks import Webhook

from flowfinity import clock, definitions, references
from flowfinity.definitions import ViewDefinition
from flowfinity.fields import Format
from flowfinity.models import Submission
from flowfinity.query import QueryError
from integration import items
from integration.hooks import http, retry
from integration.models import Attempt, Delivery, RestAccess, Subscription, Surface

LEASE = dt.timedelta(seconds=30)
# How long one subscription may keep a worker before others have their turn.
TURN = dt.timedelta(seconds=20)
READ_AT_ONCE = 1_000
MOST_REFUSALS = 10
KEPT_BODY = 20_000
WAIT_FOR_SURFACE = dt.timedelta(seconds=30)


def due(now: dt.datetime, apps: list[int] | None = None) -> list[int]:
    """The keys of the subscriptions that have something to do and that nobody works on, longest waiting first."""
    owed = Delivery.objects.filter(subscription=OuterRef("pk"), state=Delivery.DUE)
    rows = Subscription.objects.filter(free(now), state=Subscription.ACTIVE, next_on__lte=now)
    if apps is not None:
        rows = rows.filter(view__app__in=apps)
    unread = Q(view__app__journal__last_submission_id__gt=F("place"))
    return list(rows.filter(unread | Exists(owed)).order_by("next_on", "pk").values_list("pk", flat=True))


def free(now: dt.datetime) -> Q:
    """Subscriptions that no living worker holds."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


@dataclass
class Turn:
    """A worker's hold on a subscription: its row, and the lease that proves the hold."""

    subscription: Subscription
    until: dt.datetime

    def renew(self, now: dt.datetime) -> bool:
        """Holds on for another lease; False when somebody else has taken over."""
        fresh = now + LEASE
        held = Subscription.objects.filter(pk=self.subscription.pk, lease_until=self.until)
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


def deliver(key: int) -> int:
    """Works on one subscription until nothing is due, a send fails or the turn is over; answers how many it sent."""
    began = clock.now()
    turn = claim(key, began)
    if turn is None:
        return 0
    sent = 0
    try:
        while clock.now() - began < TURN and turn.renew(clock.now()):
            if (why := hindrance(turn.subscription)) is not None:
                why(turn.subscription)
                break
            one = next_due(turn.subscription) or (advance(turn.subscription) and next_due(turn.subscription))
            if not one:
                if behind(turn.subscription):
                    continue
                break
            sent += 1
            if not attempt(turn.subscription, one):
                break
    finally:
        turn.release()
    return sent


def next_due(subscription: Subscription) -> Delivery | None:
    """The oldest delivery that is still to be made."""
    rows = Delivery.objects.filter(subscription=subscription, state=Delivery.DUE)
    return rows.order_by("submission_id").first()


def behind(subscription: Subscription) -> bool:
    """Whether the feed goes on after the place."""
    return Submission.objects.filter(app=subscription.view.app_id, id__gt=subscription.place).exists()


def advance(subscription: Subscription) -> int:
    """Looks at what comes after the place, writes what is owed and moves the place, in one transaction."""
    with transaction.atomic():
        ahead = Submission.objects.filter(app=subscription.view.app_id, id__gt=subscription.place).order_by("id")
        numbers = list(ahead.values_list("id", flat=True)[:READ_AT_ONCE])
        if not numbers:
            return 0
        moved = Subscription.objects.filter(pk=subscription.pk, place=subscription.place).update(place=numbers[-1])
        if moved != 1:
            return 0
        now = clock.now()
        query = view_of(subscription).query.with_arguments({}, now)
        shown = query.apply(Submission.objects.filter(id__gt=subscription.place, id__lte=numbers[-1]))
        owed = [
            Delivery(subscription=subscription, submission_id=number, created_on=now)
            for number in sorted(shown.values_list("id", flat=True))
        ]
        Delivery.objects.bulk_create(owed)
    subscription.place = numbers[-1]
    return len(owed)


def view_of(subscription: Subscription) -> ViewDefinition:
    """The view as it is defined now."""
    return definitions.of(subscription.view.app_id).view(subscription.view_id)


def hindrance(subscription: Subscription) -> Any:
    """What to do instead of sending, or None: asked before each send (contract, REST hooks)."""
    subscription.account.refresh_from_db(fields=["is_active"])
    if not subscription.account.is_active:
        return pausing("The account is deactivated.")
    if not RestAccess.objects.filter(view=subscription.view_id, enabled=True).exists():
        return pausing("The view is not enabled for REST.")
    if not subscription.account.roles.filter(views=subscription.view_id).exists():
        return pausing("None of the account's roles grants the view.")
    try:
        view_of(subscription)
    except QueryError as error:
        return pausing(f"The view's filter cannot be read: {error}")
    if not Surface.objects.filter(pk=1, query_enabled=True).exists():
        return wait_for_surface
    return None


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


def item_of(subscription: Subscription, delivery: Delivery) -> bytes:
    """Exactly one item of the view's Zapier-mode answer, frozen as submitted; URLs of files signed now."""
    view = view_of(subscription)
    format: Format = "flowfinity" if subscription.format == "flowfinity" else "typed"
    row = Submission.objects.values_list(*items.SUBMISSION_ROW).get(pk=delivery.submission_id)
    world = references.world(view.columns, [row[0]], settings.PUBLIC_URL or subscription.base_url)
    return orjson.dumps(items.renderer(view, format, True, world)(row))


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


def attempt(subscription: Subscription, delivery: Delivery) -> bool:
    """Sends once and records what came of it; False when the subscription must wait or stop."""
    now = clock.now()
    body = item_of(subscription, delivery)
    headers = headers_of(subscription, delivery, body, now)
    answer = http.send("POST", subscription.target_url, headers, body)
    fate = retry.fate(answer.status)
    after = clock.now()
    failing = fate != "delivered"
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery,
            on=now,
            ms=answer.ms,
            status=answer.status,
            error=answer.error,
            request_headers=headers,
            request_body=body.decode()[:KEPT_BODY],
            answer_headers=dict(answer.headers),
            answer_body=answer.body,
        )
        state = {"delivered": Delivery.DELIVERED, "retry": Delivery.DUE}.get(fate, Delivery.FAILED)
        Delivery.objects.filter(pk=delivery.pk).update(
            state=state,
            attempts=F("attempts") + 1,
            first_on=delivery.first_on or now,
            delivered_on=after if fate == "delivered" else None,
        )
        if not failing and not subscription.failures:
            return True
        subscription.failures = subscription.failures + 1 if failing else 0
        subscription.failing_since = (subscription.failing_since or now) if failing else None
        if fate == "retry":
            subscription.next_on = retry.next_attempt(subscription.failures, after, answer.retry_after)
        subscription.save(update_fields=["failures", "failing_since", "next_on"])
        return settle(subscription, fate, answer, after)


def settle(subscription: Subscription, fate: retry.Fate, answer: http.Answer, now: dt.datetime) -> bool:
    """What a failure means for the subscription; False when it must wait or stop."""
    said = answer.error or f"The target answered {answer.status}."
    if fate == "gone":
        remove(subscription, "The target answered 410: it is gone for good.")
    elif fate == "retry" and subscription.failing_since and retry.is_over(subscription.failing_since, now):
        pause(subscription, f"Every attempt has failed for three days. {said}")
    elif fate == "failed" and subscription.failures >= MOST_REFUSALS:
        pause(subscription, f"{subscription.failures} deliveries in a row were refused. {said}")
    else:
        return fate in ("delivered", "failed")
    return False
