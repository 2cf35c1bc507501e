"""The home of Configure: what happened on this site today, and what needs somebody.

What integration knows it adds itself: functions that the setting CONFIGURE_PANELS names under "home".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Func, Q, TextField
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from flowfinity import clock
from flowfinity.configure import charts
from flowfinity.configure.charts import Chart
from flowfinity.jobs import reason_of
from flowfinity.models import App, Job, Submission, User

HOURS = 24
MOST_JOBS = 5
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Figure:
    """A number of today, and the same of yesterday by this time."""

    label: str
    number: int
    before: int

    @property
    def words(self) -> str:
        """The number."""
        return whole(self.number)

    @property
    def comparison(self) -> str:
        """How it compares, in words."""
        if self.number == self.before:
            return _("as many as yesterday by now")
        difference = abs(self.number - self.before)
        if self.number > self.before:
            return _("%s more than yesterday by now") % whole(difference)
        return _("%s fewer than yesterday by now") % whole(difference)


@dataclass(frozen=True)
class Step:
    """Something that a new site needs."""

    title: str
    text: str
    done: bool
    url: str = ""


@dataclass(frozen=True)
class Drawn:
    """A chart with its heading."""

    title: str
    chart: Chart


@dataclass(frozen=True)
class Part:
    """What a room adds to the page. `urgent` and `more` are HTML: what stands first, and what stands last."""

    figures: Sequence[Figure] = ()
    steps: Sequence[Step] = ()
    charts: Sequence[Drawn] = ()
    urgent: str = ""
    more: str = ""


@dataclass(frozen=True)
class Day:
    """The times that the page is about, in the reader's zone. `hours` are the last 24, each by its first moment."""

    now: dt.datetime
    today: dt.datetime
    yesterday: dt.datetime
    hours: tuple[dt.datetime, ...] = field(default=())

    @property
    def yesterday_by_now(self) -> dt.datetime:
        """This time of yesterday."""
        return self.now - dt.timedelta(days=1)

    @property
    def first(self) -> dt.datetime:
        """The earliest time of all."""
        return min(self.yesterday, self.hours[0])

    def per_hour(self, counts: Mapping[dt.datetime, int]) -> list[int]:
        """The counts, each at its time, summed by hour."""
        found = dict.fromkeys(self.hours, 0)
        for at, count in counts.items():
            place = int((at - self.hours[0]) / HOUR)
            if at >= self.hours[0] and place < HOURS:
                found[self.hours[place]] += count
        return list(found.values())

    def figure(self, label: str, counts: Mapping[dt.datetime, int]) -> Figure:
        """Today's sum of the counts, and yesterday's until this time."""
        today = sum(count for at, count in counts.items() if at >= self.today)
        before = sum(count for at, count in counts.items() if self.yesterday <= at <= self.yesterday_by_now)
        return Figure(label, today, before)


def day(now: dt.datetime) -> Day:
    """The day that it is for the reader."""
    here = timezone.localtime(now)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    before = (midnight - dt.timedelta(hours=12)).replace(hour=0, minute=0)
    # In UTC, where no hour is skipped or comes twice.
    last = here.replace(minute=0, second=0, microsecond=0).astimezone(dt.UTC)
    hours = tuple(last - HOUR * back for back in reversed(range(HOURS)))
    return Day(now, midnight.astimezone(dt.UTC), before.astimezone(dt.UTC), hours)


def chart(day: Day, title: str, counts: Mapping[dt.datetime, int], finding: str) -> Drawn:
    """The counts of the last 24 hours. `finding` has places for the hour and the count of the greatest."""
    sums = day.per_hour(counts)
    spans = [f"{clock_time(hour)}–{clock_time(hour + HOUR)}" for hour in day.hours]
    words = [f"{span}: {whole(count)}" for span, count in zip(spans, sums, strict=True)]
    if most := max(sums):
        label = finding % {"span": spans[sums.index(most)], "count": whole(most), "sum": whole(sum(sums))}
    else:
        label = _("Nothing in the last 24 hours.")
    ticks = [clock_time(day.hours[place]) for place in (0, 6, 12, 18)]
    return Drawn(title, charts.columns(label, sums, words, [*ticks, clock_time(day.now)]))


def whole(number: int) -> str:
    """A number with its thousands apart."""
    return number_format(number, force_grouping=True)


def clock_time(moment: dt.datetime) -> str:
    """A time of day as the reader writes it."""
    return time_format(timezone.localtime(moment), "H:i")


class Minute(Func):
    """A moment's minute in UTC, as text: alike on both databases, and right for every zone."""

    output_field = TextField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """As it is kept."""
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 16)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Written the same way."""
        template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"
        return self.as_sql(compiler, connection, template=template, **extra)


# Times have no index, but within an app they run as the numbers do: their place is found by halving, app by app, in
# one statement.
AT_MIDDLE = """(SELECT s."on" FROM flowfinity_submission s
               WHERE s.app_id = half.app AND s.id >= (half.low + half.high) / 2 ORDER BY s.id LIMIT 1)"""
HALVING = f"""
    WITH RECURSIVE half(app, low, high) AS (
        SELECT app_id, CAST(0 AS bigint), last_submission_id + 1 FROM flowfinity_journal
        UNION ALL
        SELECT app, CASE WHEN {AT_MIDDLE} < %s THEN (low + high) / 2 ELSE low END,
                    CASE WHEN {AT_MIDDLE} < %s THEN high ELSE (low + high) / 2 END
        FROM half WHERE high - low > 1)
    SELECT app, low FROM half WHERE high - low <= 1"""


def places(moment: dt.datetime) -> dict[int, int]:
    """By app, the last number before the moment (or one that nothing has): what comes after it was submitted since."""
    adapted = connection.ops.adapt_datetimefield_value(moment)
    with connection.cursor() as cursor:
        cursor.execute(HALVING, [adapted, adapted])
        return dict(cursor.fetchall())


def submissions(since: dt.datetime) -> tuple[dict[dt.datetime, int], dict[dt.datetime, int]]:
    """Submissions since then by minute, and those of them that made a record. A range of an index for each app."""
    after = Q(pk__in=[])
    for app, place in places(since).items():
        after |= Q(app=app, pk__gt=place)
    rows = Submission.objects.filter(after).annotate(minute=Minute("on")).values("minute").order_by()
    every: dict[dt.datetime, int] = {}
    new: dict[dt.datetime, int] = {}
    made = Count("pk", filter=Q(kind=Submission.CREATED))
    for minute, count, created in rows.annotate(count=Count("pk"), made=made).values_list("minute", "count", "made"):
        at = dt.datetime.fromisoformat(minute).replace(tzinfo=dt.UTC)
        every[at], new[at] = count, created
    return every, new


def steps() -> list[Step]:
    """What a new site needs of the platform."""
    apps = App.objects.count()
    people = User.objects.filter(account_type=User.REGULAR, is_active=True, roles__isnull=False).exists()
    return [
        Step(
            _("An app"),
            ngettext("%d app", "%d apps", apps) % apps if apps else _("Make one, or import a blueprint"),
            apps > 0,
            address("configure-apps") or address("admin:flowfinity_app_changelist"),
        ),
        Step(
            _("People with a role"),
            _("Somebody can work with records") if people else _("Nobody but admins can see a record yet"),
            people,
            address("admin:flowfinity_user_changelist"),
        ),
    ]


def address(name: str, *args: Any) -> str:
    """A page's path, or "" when it is not there."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def jobs() -> list[dict[str, Any]]:
    """Jobs that run or wait to be resumed, each with its progress and its page."""
    found = Job.objects.filter(state__in=[Job.RUNNING, Job.PAUSED]).select_related("app", "by")
    waiting = Count("rows", filter=Q(rows__state="waiting"))
    return [
        {
            "job": job,
            "reason": reason_of(job),
            "done": max(job.total - job.waiting, 0),
            "url": address("job", job.pk) or address("configure-job", job.pk),
        }
        for job in found.annotate(waiting=waiting).order_by("-created_on")[:MOST_JOBS]
    ]


def parts(request: HttpRequest, day: Day) -> Iterable[Part]:
    """What the other rooms add."""
    for path in settings.CONFIGURE_PANELS.get("home", ()):
        part: Part = import_string(path)(request, day)
        yield part


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    now = clock.now()
    today = day(now)
    every, new = submissions(today.first)
    title = _("Submissions per hour")
    finding = _("Submissions: most between %(span)s, %(count)s; %(sum)s in the last 24 hours.")
    added = list(parts(request, today))
    needed = [*steps(), *(step for part in added for step in part.steps)]
    return {
        "date": date_format(timezone.localtime(now), pgettext("date format", "l, j F Y")),
        "steps": needed if any(not step.done for step in needed) else [],
        "urgent": [part.urgent for part in added if part.urgent],
        "figures": [
            today.figure(_("Submissions today"), every),
            today.figure(_("New records today"), new),
            *(figure for part in added for figure in part.figures),
        ],
        "charts": [chart(today, title, every, finding), *(one for part in added for one in part.charts)],
        "jobs": jobs(),
        "more": [part.more for part in added if part.more],
    }
