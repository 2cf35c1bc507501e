"""Catch-up: shows records once more to clients that have missed them, as submissions of kind `resent`.

A Zap that was switched off never sees what changed meanwhile (Zapier swallows it when the Zap is switched on), and no
client sees what was cut off an answer. So the record is submitted again as it is now: under a new id it fires once, in
every view, poll and hook that shows it. A hook needs none of that: its place is moved back, and what comes after it is
sent again as it was submitted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from flowfinity import definitions, jobs, references
from flowfinity.definitions import ViewDefinition
from flowfinity.models import App, Job, Record, Submission, User
from integration import sync_health
from integration.hooks import delivery
from integration.models import Delivery, Poll, RestAccess, Subscription

# From so many new ids in one poll Zapier holds them all.
HELD_FROM = sync_health.HELD_FROM
FIRST = 8


@dataclass(frozen=True)
class Choice:
    """Which records of an app to send again, of all of them or of those in a view now.

    One of the three: those changed `since` a moment; those with a submission from number `first` to `last`; or those
    that Sync health lists for the client `poll`, of these `fates` (`sync_health.FATES`).
    """

    app: int
    view: int | None = None
    since: dt.datetime | None = None
    first: int | None = None
    last: int | None = None
    poll: int | None = None
    fates: tuple[str, ...] = ()


def of_client(poll: Poll, fates: tuple[str, ...]) -> Choice:
    """What Sync health lists for a client."""
    return Choice(poll.view.app_id, poll.view_id, poll=poll.pk, fates=fates)


def fates(poll: Poll, now: dt.datetime) -> dict[str, int]:
    """By fate, how many records Sync health lists for the client."""
    health = _health(poll.pk, now)
    return {fate: rows.order_by().count() for fate, rows in health.fated()}


def _health(poll: int, now: dt.datetime) -> sync_health.Health:
    return sync_health.healths(Poll.objects.filter(pk=poll), sync_health.world(now))[0]


def chosen(choice: Choice, now: dt.datetime) -> QuerySet[Record]:
    """The records that are meant, deleted ones among them. Raises QueryError for a view that cannot be read."""
    rows = Record.objects.filter(app=choice.app)
    if choice.poll is not None:
        listed = Q(pk__in=[])
        for fate, found in _health(choice.poll, now).fated():
            if fate in choice.fates:
                listed |= Q(pk__in=found.order_by().values("pk"))
        return rows.filter(listed)
    if choice.view is not None:
        view = definitions.of(choice.app).view(choice.view)
        rows = rows.filter(view.query.with_arguments({}, now).q(Record.PATHS))
    if choice.since is not None:
        return rows.filter(modified_on__gte=choice.since)
    if choice.first is None or choice.last is None:
        return rows.none()
    between = Submission.objects.filter(app=choice.app, id__gte=choice.first, id__lte=choice.last)
    return rows.filter(pk__in=between.values("record"))


@dataclass(frozen=True)
class Firing:
    """A view that will show them as new: how many, to which clients that poll it, and to which subscriptions."""

    view: ViewDefinition
    count: int
    clients: tuple[Poll, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def held(self) -> bool:
        """Whether Zapier would hold them, if all came in one poll."""
        return self.count >= HELD_FROM and any(poll.mode == "zapier" for poll in self.clients)


@dataclass(frozen=True)
class Preview:
    """What a catch-up will do: how many records, the first of them, where they fire, and how many are deleted."""

    count: int
    deleted: int
    first: tuple[tuple[Record, str], ...] = ()
    firings: tuple[Firing, ...] = ()

    @property
    def pace(self) -> int:
        """The pace that is advised, in records per 15 minutes; 0 for at once."""
        return jobs.SAFE_PACE if self.count >= HELD_FROM else 0

    @property
    def held(self) -> bool:
        """Whether Zapier would hold them without a pace."""
        return any(firing.held for firing in self.firings)

    def takes(self, pace: int) -> dt.timedelta:
        """How long it takes at that pace."""
        return jobs.wait_of(self.count, pace)


def preview(choice: Choice, now: dt.datetime) -> Preview:
    """What a catch-up of this choice would do now. Raises QueryError for a view that cannot be read."""
    rows = chosen(choice, now)
    left = in_order(rows)
    app = definitions.of(choice.app)
    first = [(row, references.called(app, row.pk, row.values)) for row in left[:FIRST]]
    return Preview(left.count(), rows.filter(deleted=True).count(), tuple(first), tuple(firings(choice.app, left, now)))


def in_order(rows: QuerySet[Record]) -> QuerySet[Record]:
    """Those that can be sent again, in the order in which they were changed last."""
    return rows.filter(deleted=False).order_by("last_submission_id")


def firings(app: int, rows: QuerySet[Record], now: dt.datetime) -> Iterator[Firing]:
    """The enabled views that show some of the records, and who is told of them there."""
    definition = definitions.of(app)
    enabled = set(RestAccess.objects.filter(view__app=app, enabled=True).values_list("view", flat=True))
    polls: dict[int, list[Poll]] = {}
    for poll in Poll.objects.filter(view__app=app).select_related("account"):
        polls.setdefault(poll.view_id, []).append(poll)
    subscriptions: dict[int, list[Subscription]] = {}
    living = Subscription.objects.filter(view__app=app).exclude(state=Subscription.REMOVED)
    for subscription in living.select_related("account"):
        subscriptions.setdefault(subscription.view_id, []).append(subscription)
    for view in definition.views:
        if view.id not in enabled:
            continue
        shown = view.query.with_arguments({}, now).q(Record.PATHS)
        if count := rows.filter(shown).order_by().count():
            yield Firing(view, count, tuple(polls.get(view.id, ())), tuple(subscriptions.get(view.id, ())))


def start(choice: Choice, by: User, now: dt.datetime, pace: int = 0, token: str = "") -> Job | None:
    """Begins a catch-up: a job that sends each record once more, at most `pace` in 15 minutes (0: at once).

    None when there is nothing to send. A `token` begins one catch-up, however often it comes: the same job is answered.
    Raises PermissionDenied unless `by` is an admin.
    """
    if not (by.is_active and by.is_staff):
        raise PermissionDenied
    with transaction.atomic():
        # One at a time, so that a button that is pressed twice begins one.
        app = App.objects.select_for_update().get(pk=choice.app)
        if token and (begun := Job.objects.filter(kind=Job.CATCH_UP, app=app, source__token=token).first()):
            return begun
        keys = list(in_order(chosen(choice, now)).values_list("pk", flat=True))
        if not keys:
            return None
        nothing: Mapping[str, object] = {}
        return jobs.create(
            app.pk,
            Job.CATCH_UP,
            "",
            by,
            ((number, nothing, key) for number, key in enumerate(keys, 1)),
            pace=pace,
            source={"chosen": words(choice), "token": token},
            now=now,
        )


def words(choice: Choice) -> str:
    """The choice in words: what the job's page says of it."""
    within = ""
    if choice.view is not None and choice.poll is None:
        within = _(", of the view %(view)s") % {"view": definitions.of(choice.app).view(choice.view).label}
    if choice.poll is not None:
        client = str(Poll.objects.select_related("account", "view__app").get(pk=choice.poll))
        told = ", ".join(str(sync_health.FATES[fate]) for fate in choice.fates)
        if not told:
            return client
        return _("What Sync health lists for %(client)s: %(fates)s") % {
            "client": client,
            "fates": told,
        }
    if choice.since is not None:
        return _("Changed since %(moment)s%(within)s") % {
            "moment": date_format(timezone.localtime(choice.since), "SHORT_DATETIME_FORMAT"),
            "within": within,
        }
    numbers = {"first": choice.first, "last": choice.last, "within": within}
    return _("Submitted from number %(first)s to %(last)s%(within)s") % numbers


@dataclass(frozen=True)
class Behind:
    """What moving a subscription's place back sends: again what was written before, and what never was."""

    again: int = 0
    never: int = 0
    # The latest of them, and when it was submitted.
    newest: int = 0

    @property
    def count(self) -> int:
        """How many deliveries."""
        return self.again + self.never


class Misplaced(ValueError):
    """A place that a subscription cannot be moved back to; a sentence says why."""


def behind(subscription: Subscription, place: int) -> Behind:
    """What is sent when the subscription's place is moved back. Raises Misplaced."""
    check(subscription, place)
    found = Behind()
    while place < subscription.place:
        ahead = Submission.objects.filter(app=subscription.view.app_id, id__gt=place, id__lte=subscription.place)
        seen = list(ahead.order_by("id").values_list("id", "on")[: delivery.READ_AT_ONCE])
        if not seen:
            break
        numbers = delivery.shown(subscription, seen)
        known = subscription.deliveries.filter(submission__gte=seen[0][0], submission__lte=seen[-1][0])
        again = len(set(known.values_list("submission_id", flat=True)).intersection(numbers))
        found = Behind(found.again + again, found.never + len(numbers) - again, max([found.newest, *numbers]))
        place = seen[-1][0]
    return found


def check(subscription: Subscription, place: int) -> None:
    """Raises Misplaced for a place that is not behind the subscription's, or one of a subscription that has ended."""
    if subscription.state == Subscription.REMOVED:
        raise Misplaced(_("The subscription has ended: its client has to subscribe again."))
    if not 0 <= place < subscription.place:
        raise Misplaced(_("Name a number from 0 to %(most)d, below its place.") % {"most": subscription.place - 1})


def move_back(subscription: Subscription, place: int) -> None:
    """Moves a subscription's place back: what comes after that submission, and is in the view, is sent.

    A delivery that was written before is due again under the same webhook-id, so that a receiver knows the repeat; one
    that never was is written (`delivery.advance`). Raises Misplaced, also where its place has moved meanwhile.
    """
    check(subscription, place)
    with transaction.atomic():
        rows = Subscription.objects.filter(pk=subscription.pk, place=subscription.place)
        if rows.exclude(state=Subscription.REMOVED).update(place=place) != 1:
            raise Misplaced(_("Its place has moved meanwhile: look again."))
        # What is due behind the new place becomes due when the place passes it: else it would be sent twice.
        owed = Delivery.objects.filter(subscription=subscription, submission__gt=place, state=Delivery.DUE)
        owed.update(state=Delivery.FAILED)
    subscription.place = place
