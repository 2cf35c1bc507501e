"""Polls against submissions: what each client has not been shown, what it is about to lose, and what is wrong with it.

A client is a row of the poll log. What a view shows, its own Query says, and where the window starts, zapier_mode and
the poll log: the same that answers the poll. `incidents` says what is wrong. Nothing here is kept; `now` is an
argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from flowfinity import definitions, references
from flowfinity.definitions import ViewDefinition
from flowfinity.models import Configuration, Journal, Record
from flowfinity.query import QueryError
from flowfinity.submissions import milliseconds, moment
from integration import poll_log, zapier_mode
from integration.incidents import ALARMS, Alarm, Counted
from integration.models import Poll, Refusal, RestAccess, Surface, Watch
from integration.poll_log import Gap

# Nothing is counted any further, nor looked for among more records than that.
MOST_COUNTED = 10_000
MOST_READ = 50_000
# Zapier holds so many new ids of one poll, until its owner agrees.
HELD_FROM = 100
# Zapier waits for 30 s.
SLOW_MS = 20_000
# Who has polled less often was tried out, and is not missed.
LEAST_POLLS = 5
# A gap is forgotten after so long.
GAP_DAYS = 30
DAY = dt.timedelta(days=1)

# Why a submission was not shown, or may not have counted, and what becomes of it: the worst first.
FATES: Mapping[str, Promise] = {
    "left": gettext_lazy("Left the window before the client was shown it"),
    "cut": gettext_lazy("Cut off an answer of 5 MB"),
    "leaving": gettext_lazy("Leaves the window within a day"),
    "silence": gettext_lazy("Shown after a silence: a Zap that was off has swallowed it"),
    "entered": gettext_lazy("Came into the view by the passing of time: shown at the next poll"),
    "waiting": gettext_lazy("Shown at the next poll"),
}
# Those that no poll will show: only Catch-up brings them.
LOST = frozenset({"left", "cut"})


@dataclass(frozen=True)
class Unseen:
    """A record's last submission that a client was not shown. `fate` is one of `FATES`."""

    submission: int
    record: int
    title: str
    by: str
    on: dt.datetime
    fate: str

    @property
    def words(self) -> str:
        """Its fate in words."""
        return str(FATES[self.fate])

    @property
    def tone(self) -> str:
        """How bad that is."""
        return "bad" if self.fate in LOST else "warn" if self.fate in {"leaving", "silence"} else ""


@dataclass(frozen=True)
class World:
    """What the health of every client depends on: read once for all of them."""

    now: dt.datetime
    surface: Surface
    version: int
    # Each app's last submission.
    last: Mapping[int, int]
    # Since when somebody watches: before, the site itself may have been away.
    since_ms: int = 0


def world(now: dt.datetime) -> World:
    """The world as it is."""
    watch = Watch.objects.filter(pk=1).first()
    return World(
        now,
        Surface.objects.get(pk=1),
        Configuration.current(),
        dict(Journal.objects.values_list("app_id", "last_submission_id")),
        milliseconds(watch.since) if watch else 0,
    )


class Health:
    """One client: how it polls, what it has not been shown, and what is wrong with it.

    Each count is one query at most, made when it is asked for.
    """

    def __init__(self, poll: Poll, world: World, refusal: Refusal | None = None) -> None:
        self.poll = poll
        self.world = world
        self.now = world.now
        self.now_ms = milliseconds(world.now)
        # The last call that was refused since it last polled.
        self.refusal = refusal

    @cached_property
    def view(self) -> ViewDefinition | None:
        """The view; None for one that cannot be read."""
        try:
            return definitions.of(self.poll.view.app_id, self.world.version).view(self.poll.view_id)
        except QueryError:
            return None

    @property
    def access(self) -> RestAccess | None:
        """How the view is enabled, if it is."""
        return getattr(self.poll.view, "rest", None)

    @property
    def zapier(self) -> bool:
        """Whether it polls in Zapier mode."""
        return self.poll.mode == "zapier"

    @cached_property
    def interval_ms(self) -> int | None:
        """How often it polls, in ms: a median; None for one that has polled once."""
        return poll_log.interval_ms(self.poll.recent)

    @property
    def tried_out(self) -> bool:
        """Whether it has polled too seldom to be missed."""
        return len(self.poll.recent) < LEAST_POLLS

    @property
    def quiet(self) -> bool:
        """Whether it has not polled for longer than it ever should."""
        return self.now_ms - self.poll.last_ms > poll_log.quiet_ms(self.poll.recent)

    @property
    def silent(self) -> bool:
        """Whether it is quiet and is missed. After the site itself was away, it has its time to come back."""
        back = min(
            (self.interval_ms or 0) + poll_log.LEAST_QUIET_MS,
            poll_log.quiet_ms(self.poll.recent),
        )
        return self.quiet and not self.tried_out and self.now_ms - self.world.since_ms > back

    @property
    def polling(self) -> bool:
        """Whether it polls."""
        return not self.tried_out and not self.quiet

    @property
    def lookback(self) -> tuple[int, int]:
        """The lookback that rules, in days, and its floor in ms since 1970."""
        own, floor = (self.access.lookback_days, self.access.floor_ms) if self.access else (None, None)
        surface = self.world.surface
        return zapier_mode.ruling_lookback(own, floor, surface.lookback_days, surface.floor_ms)

    def window_start(self, now: dt.datetime) -> dt.datetime:
        """Where its window would start if it polled then, and not before."""
        start = zapier_mode.window_start(now, *self.lookback)
        if self.access is None or not self.access.outages:
            return start
        poll = self.poll
        client = poll_log.Client(
            poll.account_id,
            poll.view_id,
            poll.client,
            poll.pk,
            poll.last_ms,
            poll.newest,
            poll.outage_window_ms,
            poll.outage_until_ms,
        )
        since, _ = poll_log.outage(client, milliseconds(now), *self.lookback)
        return min(start, moment(since)) if since else start

    @property
    def place(self) -> int:
        """Up to which submission it is up to date."""
        return max(self.poll.seen, self.poll.newest)

    @cached_property
    def gaps(self) -> list[Gap]:
        """What it may have missed lately, the oldest first."""
        oldest = self.now_ms - GAP_DAYS * zapier_mode.DAY_MS
        gaps = (Gap(*line) for line in self.poll.gaps)
        return [gap for gap in gaps if gap.back_ms >= oldest]

    def records(self) -> QuerySet[Record]:
        """The records that are in the view now, of any age."""
        if self.view is None:
            return Record.objects.none()
        # The order of the index that a range of numbers is read by.
        shown = self.view.query.with_arguments({}, self.now).apply(Record.objects.all())
        return shown.order_by("-last_submission_id")

    def after(self, place: int, until: int | None = None) -> tuple[QuerySet[Record], bool]:
        """Those whose last submission comes after the place; and whether only the first of them were looked at."""
        app = self.poll.view.app_id
        last = self.world.last.get(app, 0) if until is None else until
        cut = False
        if last - place > MOST_READ:
            numbers = Record.objects.filter(app=app, last_submission_id__gt=place, last_submission_id__lte=last)
            beyond = numbers.order_by("last_submission_id").values_list("last_submission_id", flat=True)
            if end := beyond[MOST_READ : MOST_READ + 1].first():
                last, cut = end - 1, True
        return self.records().filter(last_submission_id__gt=place, last_submission_id__lte=last), cut

    @property
    def leaving_q(self) -> Q:
        """Of what waits: what is in its window, but will not be in a day."""
        return Q(modified_on__gte=self.window_start(self.now), modified_on__lt=self.window_start(self.now + DAY))

    @property
    def left_q(self) -> Q:
        """Of what waits: what has left its window."""
        return Q(modified_on__lt=self.window_start(self.now))

    @cached_property
    def waiting_counts(self) -> tuple[Counted, Counted, Counted]:
        """What was submitted since its last poll: in its window, leaving that within a day, and gone from it."""
        if self.world.last.get(self.poll.view.app_id, 0) <= self.place:
            return Counted(), Counted(), Counted()
        rows, cut = self.after(self.place)
        counts: dict[str, Any] = {"all": Count("pk")}
        if self.zapier:
            counts |= {"left": Count("pk", filter=self.left_q), "leaving": Count("pk", filter=self.leaving_q)}
        found = rows[: MOST_COUNTED + 1].aggregate(**counts)
        more = cut or found["all"] > MOST_COUNTED
        left = found.get("left", 0)
        return (
            Counted(min(found["all"], MOST_COUNTED) - left, more),
            Counted(found.get("leaving", 0), more and found.get("leaving", 0) > 0),
            Counted(left, more and left > 0),
        )

    def entered_records(self) -> QuerySet[Record]:
        """Records that came into the view by the passing of time since its last poll: their numbers are old."""
        if self.view is None or self.view.query.stable or not self.zapier:
            return Record.objects.none()
        start = self.window_start(self.now)

        def shown(at: dt.datetime) -> QuerySet[Record]:
            assert self.view is not None
            query = zapier_mode.overlay(self.view.query.with_arguments({}, at), start)
            return query.apply(Record.objects.all()).filter(last_submission_id__lte=self.place)

        return shown(self.now).exclude(pk__in=shown(moment(self.poll.last_ms)).values("pk"))

    @cached_property
    def waiting(self) -> Counted:
        """What the next poll will show it for the first time."""
        entered = counted(self.entered_records())
        return self.waiting_counts[0] + entered

    def gap_q(self, gap: Gap) -> dict[str, Q]:
        """By fate, what became of a gap's submissions."""
        inside = Q(last_submission_id__gt=gap.after, last_submission_id__lte=gap.until)
        late = Q(modified_on__lt=moment(gap.window_ms))
        cut = Q(last_submission_id__lt=gap.oldest) & ~late
        found = {"left": inside & late, "cut": inside & cut}
        if gap.silence:
            found["silence"] = inside & ~late & Q(last_submission_id__gte=gap.oldest)
        return found

    def gap_fates(self) -> dict[str, Q]:
        """By fate, what became of the submissions of all gaps."""
        found: dict[str, Q] = {}
        for gap in self.gaps:
            for fate, q in self.gap_q(gap).items():
                found[fate] = found[fate] | q if fate in found else q
        return found

    def gap_records(self) -> tuple[QuerySet[Record], bool]:
        """The records of all gaps, unless they were submitted again since; and whether not all were looked at."""
        gaps = self.gaps
        rows, cut = self.after(gaps[0].after, gaps[-1].until)
        inside = Q()
        for gap in gaps:
            inside |= Q(last_submission_id__gt=gap.after, last_submission_id__lte=gap.until)
        return rows.filter(inside), cut

    @cached_property
    def gap_counts(self) -> dict[str, Counted]:
        """By fate, how many submissions of its gaps there are."""
        if not self.gaps:
            return {}
        rows, cut = self.gap_records()
        found = rows[: MOST_COUNTED + 1].aggregate(
            all=Count("pk"), **{fate: Count("pk", filter=q) for fate, q in self.gap_fates().items()}
        )
        more = cut or found.pop("all") > MOST_COUNTED
        return {fate: Counted(number, more) for fate, number in found.items() if number}

    @property
    def leaving(self) -> Counted:
        """What it was not shown and will not be, unless it polls within a day."""
        return self.waiting_counts[1]

    @property
    def lost(self) -> Counted:
        """What it was not shown and never will be."""
        return sum((self.gap_counts.get(fate, Counted()) for fate in LOST), self.waiting_counts[2])

    @property
    def doubtful(self) -> Counted:
        """What it was shown after a silence: lost if its Zap was switched off meanwhile."""
        return self.gap_counts.get("silence", Counted())

    @property
    def unseen(self) -> Counted:
        """What it was not shown, whatever becomes of it."""
        return self.waiting + self.lost

    @cached_property
    def burst(self) -> Counted:
        """How many new ids its last poll showed at once, if those were so many that Zapier held them."""
        lines = self.poll.recent[-2:]
        if not self.zapier or len(lines) < 2 or any(len(line) < 6 for line in lines):
            return Counted()
        before, shown = lines[0][5], lines[1][5]
        if shown - before < HELD_FROM:
            return Counted()
        rows, _ = self.after(before, shown)
        found = counted(rows.filter(modified_on__gte=moment(self.poll.window_ms)))
        return found if found.number >= HELD_FROM else Counted()

    @cached_property
    def hidden(self) -> Counted:
        """What only the floor of a window that was widened keeps from it: it would fire if that were taken away."""
        days, floor = self.lookback
        first, start = zapier_mode.window_start(self.now, days, 0), zapier_mode.window_start(self.now, days, floor)
        if not self.zapier or self.view is None or first >= start:
            return Counted()
        query = zapier_mode.overlay(self.view.query.with_arguments({}, self.now), first)
        return counted(query.apply(Record.objects.all()).filter(modified_on__lt=start))

    @property
    def slowest_ms(self) -> int:
        """How long the slowest of its last answers took, in ms."""
        return max((line[3] for line in self.poll.recent[-LEAST_POLLS:]), default=0)

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """What is wrong with it now, the worst first."""
        return tuple(alarms(self))

    @property
    def tone(self) -> str:
        """How bad it is, in a word: bad, warn, or ok; "" for one that was only tried out."""
        tones = {alarm.tone for alarm in self.alarms}
        for tone in ("bad", "warn"):
            if tone in tones:
                return tone
        return "" if self.tried_out else "ok"

    def listed(self, most: int, fates: Iterable[str] = FATES) -> list[Unseen]:
        """What it was not shown, or only after a silence: at most `most` of these fates, the worst fate first, and of
        each the newest first.
        """
        wanted = list(fates)
        found: list[Unseen] = []
        worst = list(FATES)
        app = definitions.of(self.poll.view.app_id, self.world.version)

        def add(rows: QuerySet[Record], fate: str) -> None:
            for row in rows.select_related("modified_by")[:most]:
                title = references.called(app, row.pk, row.values)
                by = row.modified_by.display_name
                found.append(Unseen(row.last_submission_id, row.pk, title, by, row.modified_on, fate))

        for fate, rows in self.fated():
            if fate in wanted:
                add(rows, fate)
        return sorted(found, key=lambda one: (worst.index(one.fate), -one.submission))[:most]

    def fated(self) -> Iterator[tuple[str, QuerySet[Record]]]:
        """By fate, the records; only those fates of which there are any."""
        counts = self.waiting_counts
        if any(counts):
            rows, _ = self.after(self.place)
            if not self.zapier:
                yield "waiting", rows
            else:
                if counts[2]:
                    yield "left", rows.filter(self.left_q)
                if counts[1]:
                    yield "leaving", rows.filter(self.leaving_q)
                yield "waiting", rows.exclude(self.left_q).exclude(self.leaving_q)
        if self.waiting.number > counts[0].number:
            yield "entered", self.entered_records().order_by("-last_submission_id")
        if self.gap_counts:
            rows, _ = self.gap_records()
            fates = self.gap_fates()
            for fate in self.gap_counts:
                yield fate, rows.filter(fates[fate])


def counted(rows: QuerySet[Record]) -> Counted:
    """How many rows there are, as far as `MOST_COUNTED`."""
    number = rows.order_by()[: MOST_COUNTED + 1].count()
    return Counted(min(number, MOST_COUNTED), number > MOST_COUNTED)


def alarms(one: Health) -> Iterator[Alarm]:
    """What is wrong with a client, the worst first."""
    poll = one.poll
    if one.silent:
        refused = one.refusal
        figures: dict[str, Any] = {"quiet_ms": one.now_ms - poll.last_ms, "interval_ms": one.interval_ms}
        if refused:
            figures |= {"status": refused.status, "reason": refused.reason, "refused_ms": milliseconds(refused.last_on)}
        yield Alarm("silent", figures)
    if lost := one.lost:
        cut = one.gap_counts.get("cut", Counted())
        yield Alarm("left", asdict(lost) | {"cut": cut.number == lost.number})
    if leaving := one.leaving:
        yield Alarm("leaving", asdict(leaving))
    if one.zapier and one.waiting.number >= HELD_FROM:
        yield Alarm("burst", asdict(one.waiting) | {"held": False})
    elif one.burst:
        yield Alarm("burst", asdict(one.burst) | {"held": True})
    if poll.cut or (poll.bytes >= zapier_mode.WARN_BYTES and one.zapier):
        yield Alarm("large", {"bytes": poll.bytes, "cut": poll.cut})
    if one.slowest_ms >= SLOW_MS:
        yield Alarm("slow", {"ms": one.slowest_ms})
    if hidden := one.hidden:
        yield Alarm("hidden", asdict(hidden))


def healths(polls: QuerySet[Poll], world: World) -> list[Health]:
    """The health of these clients; what they have in common is read once."""
    rows = list(polls.select_related("account", "view__app", "view__rest"))
    refused = last_refusals(rows)
    return [Health(row, world, refused.get(row.pk)) for row in rows]


def last_refusals(polls: Sequence[Poll]) -> dict[int, Refusal]:
    """By client, the last call of its account for its view that was refused since it last polled.

    None where another client of that account has polled the view since: its calls work again.
    """
    if not polls:
        return {}
    accounts = {poll.account.username for poll in polls}
    oldest = moment(min(poll.last_ms for poll in polls))
    by_call: dict[tuple[str, str], Refusal] = {}
    for row in Refusal.objects.filter(last_on__gt=oldest, account__in=accounts).order_by("last_on")[:MOST_COUNTED]:
        by_call[row.account, row.path.rstrip("/").lower()] = row
    found = {}
    for poll in polls:
        path = f"/api/apps/{poll.view.app.name}/views/{poll.view.name}".lower()
        refused = by_call.get((poll.account.username, path))
        if refused is not None and milliseconds(refused.last_on) > poll.last_ms:
            found[poll.pk] = refused
    if not found:
        return found
    called = Poll.objects.filter(account__in={poll.account_id for poll in polls if poll.pk in found}).order_by(
        "last_ms"
    )
    worked = {(account, view): ms for account, view, ms in called.values_list("account", "view", "last_ms")}
    return {
        poll.pk: found[poll.pk]
        for poll in polls
        if poll.pk in found and milliseconds(found[poll.pk].last_on) > worked[poll.account_id, poll.view_id]
    }


def failing_first(found: Iterable[Health]) -> list[Health]:
    """Those with something wrong first, the worst of them at the top; then by the names of app and view."""
    worst = {kind: place for place, kind in enumerate(ALARMS)}

    def key(one: Health) -> tuple[Any, ...]:
        first = worst[one.alarms[0].kind] if one.alarms else len(worst) + one.tried_out
        return first, one.poll.view.app.label, one.poll.view.label, one.poll.account.username, one.poll.client

    return sorted(found, key=key)
