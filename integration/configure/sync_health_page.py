"""Configure > Integration > Sync health: who polls, what each client has not been shown, and what to do about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from flowfinity import clock
from flowfinity.configure import charts
from flowfinity.configure.charts import Chart
from flowfinity.configure.home import address
from flowfinity.configure.pages import context
from flowfinity.submissions import moment
from integration import alarms, poll_log, sync_health
from integration.incidents import ALARMS, WARNINGS, every, lasting, sentence_of
from integration.models import Incident, Poll, PollHour, Watch
from integration.sync_health import Health, Unseen

CLIENTS_A_PAGE = 100
# Of each failing client in the list, and on its own page.
FIRST_UNSEEN, MOST_UNSEEN = 5, 200
CLOSED_DAYS = 30
# On the page of a view: so many clients, the last to poll first, with so many polls each.
LAST_CLIENTS, LAST_POLLS = 5, 10
MOST_INCIDENTS = 50
HOURS = 24


class Client:
    """A client as pages show it."""

    def __init__(self, health: Health) -> None:
        self.health = health
        self.poll = health.poll
        self.view = health.poll.view

    @property
    def name(self) -> str:
        """What a person calls it."""
        return name_of(self.poll)

    @property
    def url(self) -> str:
        """Its page."""
        return reverse("configure-sync-health-client", args=[self.poll.pk])

    @property
    def catch_up_url(self) -> str:
        """Where what it missed is submitted again, if there is such a page."""
        url = address("configure-catch-up")
        return f"{url}?client={self.poll.pk}" if url else ""

    @property
    def state(self) -> str:
        """How it is, in a word or two."""
        if self.health.alarms:
            return self.health.alarms[0].label
        if self.health.tried_out:
            return _("Tried out")
        return _("Quiet") if self.health.quiet else _("Polls")

    @property
    def ago(self) -> str:
        """When it last polled: "3 hours ago"."""
        return clock.ago(dt.timedelta(milliseconds=self.health.now_ms - self.poll.last_ms))

    @property
    def every(self) -> str:
        """How often it polls."""
        return every(self.health.interval_ms)

    @property
    def chart(self) -> Chart | None:
        """Its last polls where they lie in time, as high as what they answered is large."""
        return polls_chart(self.poll)

    @property
    def last_lines(self) -> list[dict[str, Any]]:
        """The last of its polls."""
        return lines(self.poll)[:LAST_POLLS]

    @property
    def bare_chart(self) -> Chart | None:
        """The same for a line of a list, where no room is for words."""
        return replace(self.chart, ticks=()) if self.chart else None

    @property
    def first_unseen(self) -> list[Unseen]:
        """The newest of what it was not shown, or may have swallowed: what will be lost first."""
        return self.health.listed(FIRST_UNSEEN)


def name_of(poll: Poll) -> str:
    """What a person calls a client."""
    return f"{poll.account.username} ({poll.client})" if poll.client else poll.account.username


def clock_of(ms: int, pattern: str = "H:i") -> str:
    """A time of day, in the reader's zone."""
    return time_format(timezone.localtime(moment(ms)), pattern)


def day_and_time(ms: int) -> str:
    """A moment, in the reader's zone."""
    return date_format(timezone.localtime(moment(ms)), "SHORT_DATETIME_FORMAT")


def size(count: int) -> str:
    """Bytes in words."""
    return filesizeformat(count).replace("\xa0", " ")


def lines(poll: Poll) -> list[dict[str, Any]]:
    """Its last polls, the newest first: when, what it was shown, and whether that was new to it."""
    found: list[dict[str, Any]] = []
    newest = 0
    for line in poll.recent:
        when, count, weight, took, shown = line[:5]
        found.append(
            {
                "ms": when,
                "on": moment(when),
                "count": count,
                "bytes": weight,
                "size": size(weight),
                "took": took,
                "unchanged": weight == 0,
                "new": bool(newest) and shown > newest,
                "slow": took >= sync_health.SLOW_MS,
            }
        )
        newest = max(newest, shown)
    return found[::-1]


def polls_chart(poll: Poll) -> Chart | None:
    """The last polls as a chart; None when there is only one."""
    shown = lines(poll)[::-1]
    if len(shown) < 2:
        return None
    times = [line["ms"] for line in shown]
    words = []
    for line in shown:
        if line["unchanged"]:
            said = _("unchanged")
        else:
            said = ngettext("%(count)s record, %(size)s", "%(count)s records, %(size)s", line["count"])
            said %= {"count": number_format(line["count"], force_grouping=True), "size": line["size"]}
        words.append(f"{day_and_time(line['ms'])}: {said}, {line['took']} ms")
    tones = ["alert" if line["slow"] else "" if line["new"] else "quiet" for line in shown]
    longest = max(later - earlier for earlier, later in pairwise(times))
    label = ngettext(
        "%(count)d polls, %(new)d of them with something new; the longest pause lasted %(pause)s.",
        "%(count)d polls, %(new)d of them with something new; the longest pause lasted %(pause)s.",
        len(shown),
    ) % {
        "count": len(shown),
        "new": sum(line["new"] for line in shown),
        "pause": lasting(max(longest, poll_log.MINUTE_MS)),
    }
    return charts.moments(
        label, times, [line["bytes"] for line in shown], words, tones, [day_and_time(times[0]), day_and_time(times[-1])]
    )


def hours_chart(poll: Poll, now_ms: int) -> Chart:
    """Its polls per hour of the last 24."""
    last = now_ms // poll_log.HOUR_MS * poll_log.HOUR_MS
    hours = [last - poll_log.HOUR_MS * back for back in reversed(range(HOURS))]
    rows = {row.hour_ms: row for row in PollHour.objects.filter(poll=poll, hour_ms__gte=hours[0])}
    counts = [rows[hour].polls if hour in rows else 0 for hour in hours]
    words = []
    for hour, count in zip(hours, counts, strict=True):
        said = ngettext("%(count)d poll", "%(count)d polls", count) % {"count": count}
        weight = size(rows[hour].bytes) if hour in rows else ""
        words.append(", ".join(filter(None, [f"{clock_of(hour)}–{clock_of(hour + poll_log.HOUR_MS)}: {said}", weight])))
    total, empty = sum(counts), counts.count(0)
    if total:
        label = _("%(total)d polls in the last 24 hours; %(empty)d hours without one.")
        label %= {"total": total, "empty": empty}
    else:
        label = _("No poll in the last 24 hours.")
    return charts.columns(label, counts, words, [clock_of(hours[place]) for place in (0, 6, 12, 18)] + [_("now")])


def clients(polls: QuerySet[Poll], now: dt.datetime) -> list[Client]:
    """The clients, failing ones first."""
    found = sync_health.healths(polls, sync_health.world(now))
    return [Client(one) for one in sync_health.failing_first(found)]


def last_clients(view: int, now: dt.datetime) -> list[Client]:
    """The clients that polled a view last, the latest first."""
    found = sync_health.healths(
        Poll.objects.filter(view=view).order_by("-last_ms")[:LAST_CLIENTS], sync_health.world(now)
    )
    return [Client(one) for one in found]


def notices(now: dt.datetime) -> list[str]:
    """Why an alarm would not be raised, or would reach nobody, in sentences."""
    found = []
    watch = Watch.objects.filter(pk=1).first()
    if watch is None or watch.on < now - alarms.AWAY:
        found.append(_("Nobody looks after the clients: “manage.py work”, or Celery with beat, does not run."))
    if not settings.SENDS_MAIL:
        found.append(_("Alarms are shown here only: mail is sent when EMAIL_URL is set."))
    elif not alarms.admins():
        found.append(_("Alarms are shown here only: no account that may configure this site has an e-mail address."))
    return found


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """All clients: those with something wrong as cards, the others in a list, and the incidents."""
    now = clock.now()
    alarmed = Incident.objects.filter(poll=OuterRef("pk"), closed_on=None)
    rows = Poll.objects.annotate(alarmed=Exists(alarmed)).order_by("-alarmed", "-last_ms", "pk")
    page = Paginator(rows, CLIENTS_A_PAGE).get_page(request.GET.get("page"))
    shown = clients(Poll.objects.filter(pk__in=[row.pk for row in page]), now)
    failing = [one for one in shown if one.health.alarms]
    return render(
        request,
        "integration/configure/sync_health.html",
        context(
            request,
            _("Sync health"),
            failing=failing,
            well=[one for one in shown if not one.health.alarms],
            notices=notices(now) if shown else [],
            incidents=incidents(Incident.objects.all(), now),
            page=page,
        ),
    )


def incidents(rows: Any, now: dt.datetime) -> list[Incident]:
    """Open ones first, then those that were closed lately, the newest first."""
    rows = rows.select_related("poll__account", "poll__view__app")
    closed = rows.filter(closed_on__gt=now - dt.timedelta(days=CLOSED_DAYS)).order_by("-closed_on")[:MOST_INCIDENTS]
    found = [*rows.filter(closed_on=None).order_by("-opened_on")[:MOST_INCIDENTS], *closed]
    for row in found:
        row.label = str(ALARMS.get(row.kind, row.kind))
        row.tone = "warn" if row.kind in WARNINGS else "bad"
        row.who = name_of(row.poll)
        row.words = sentence_of(row)
    return found


def found_client(pk: int, now: dt.datetime) -> Client:
    """The client of that key. Raises Http404."""
    get_object_or_404(Poll, pk=pk)
    return clients(Poll.objects.filter(pk=pk), now)[0]


@require_safe
def client(request: HttpRequest, pk: int) -> HttpResponse:
    """One client: its polls, what it was not shown, what to do, and its incidents."""
    now = clock.now()
    one = found_client(pk, now)
    health = one.health
    return render(
        request,
        "integration/configure/sync_health_client.html",
        context(
            request,
            one.name,
            (_("Sync health"), reverse("configure-sync-health")),
            one=one,
            window=health.window_start(now) if health.zapier else None,
            hours=hours_chart(one.poll, health.now_ms),
            lines=lines(one.poll),
            unseen=health.listed(MOST_UNSEEN),
            all=health.unseen + health.doubtful,
            incidents=incidents(Incident.objects.filter(poll=pk), now),
        ),
    )


@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Forgets a client's gaps: an admin says that nothing of them is missing."""
    with transaction.atomic():
        poll = get_object_or_404(Poll.objects.select_for_update(), pk=pk)
        Poll.objects.filter(pk=pk).update(gaps=[])
    messages.success(request, _("What %s may have missed is settled.") % poll.account.username)
    return redirect("configure-sync-health-client", pk)


@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Forgets a client that is gone for good, with its log and its incidents; one that polls again begins anew."""
    poll = get_object_or_404(Poll, pk=pk)
    poll.delete()
    messages.success(request, _("%s is forgotten.") % poll)
    return redirect("configure-sync-health")


urlpatterns = [
    path("", admin.site.admin_view(overview), name="configure-sync-health"),
    path("<int:pk>/", admin.site.admin_view(client), name="configure-sync-health-client"),
    path("<int:pk>/settle/", admin.site.admin_view(settle), name="configure-sync-health-settle"),
    path("<int:pk>/forget/", admin.site.admin_view(forget), name="configure-sync-health-forget"),
]
