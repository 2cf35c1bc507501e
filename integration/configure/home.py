"""What integration shows on the home of Configure: failing clients, polls, hooks, and what a new site still needs."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from flowfinity.configure.home import Day, Figure, Part, Step, chart
from flowfinity.models import User
from flowfinity.submissions import milliseconds, moment
from integration.configure import sync_health_page
from integration.hooks import standing
from integration.models import Incident, Poll, PollHour, RestAccess, Subscription, Surface
from integration.poll_log import HOUR_MS

MOST_FAILING = 5
# Open incidents are worked out minute by minute; here no more clients than these are looked at again.
MOST_LOOKED_AT = 50


def home(request: HttpRequest, day: Day) -> Part:
    """Integration's part of the page."""
    polls, clients = polled(day)
    title = _("Polls per hour")
    finding = _("Polls: most between %(span)s, %(count)s; %(sum)s in the last 24 hours.")
    return Part(
        figures=(day.figure(_("Polls today"), polls), clients),
        steps=steps(),
        charts=(chart(day, title, polls, finding),),
        urgent=failing(request, day.now),
        more=hooks(request),
    )


def polled(day: Day) -> tuple[dict[dt.datetime, int], Figure]:
    """The polls by hour, and how many clients polled."""
    first = milliseconds(day.first) // HOUR_MS * HOUR_MS
    # By client, so that the index of clients and hours is used.
    rows = PollHour.objects.filter(poll__in=list(Poll.objects.values_list("pk", flat=True)), hour_ms__gte=first)
    sums = rows.values("hour_ms").annotate(sum=Sum("polls")).values_list("hour_ms", "sum")
    today, until = milliseconds(day.today), milliseconds(day.yesterday_by_now)
    who = rows.aggregate(
        today=Count("poll", filter=Q(hour_ms__gte=today), distinct=True),
        before=Count("poll", filter=Q(hour_ms__gte=milliseconds(day.yesterday), hour_ms__lte=until), distinct=True),
    )
    counts = {moment(hour): count for hour, count in sums}
    return counts, Figure(_("Clients that polled today"), who["today"], who["before"])


def steps() -> list[Step]:
    """What a new site needs before another system can read and write."""
    surface = Surface.objects.get(pk=1)
    rest = reverse("configure-rest")
    accounts = User.objects.filter(account_type=User.INTEGRATION, is_active=True)
    ready = accounts.filter(roles__isnull=False).exists()
    enabled = RestAccess.objects.filter(enabled=True).exists()
    on = surface.query_enabled or surface.execute_enabled
    polled = Poll.objects.exists()
    return [
        Step(
            _("An integration account"),
            _("Another system can sign in") if ready else _("None is active with a role"),
            ready,
            f"{rest}#accounts",
        ),
        Step(
            _("The switches"),
            _("Open to other systems") if on else _("Query() and Execute() are off"),
            on,
            f"{rest}#switches",
        ),
        Step(
            _("A view or operation for REST"),
            _("Something is enabled") if enabled else _("Nothing is enabled yet"),
            enabled,
            rest,
        ),
        Step(
            _("A first poll"),
            _("Somebody polls") if polled else _("Nobody has polled yet"),
            polled,
            reverse("configure-zapier"),
        ),
    ]


def failing(request: HttpRequest, now: dt.datetime) -> str:
    """The clients with something wrong, and how many there are in all."""
    count = Poll.objects.count()
    if not count:
        return ""
    alarmed = Poll.objects.filter(pk__in=Incident.objects.filter(closed_on=None).values("poll"))
    lately = Poll.objects.order_by("-last_ms").values("pk")[:MOST_LOOKED_AT]
    keys = {*alarmed.values_list("pk", flat=True)[:MOST_LOOKED_AT], *(row["pk"] for row in lately)}
    shown = sync_health_page.clients(Poll.objects.filter(pk__in=keys), now)
    found = [one for one in shown if one.health.alarms]
    page = {"failing": found[:MOST_FAILING], "more": len(found) - MOST_FAILING, "count": count}
    return render_to_string("integration/configure/home_clients.html", page, request)


def hooks(request: HttpRequest) -> str:
    """Subscriptions that are paused or whose deliveries fail; "" for none."""
    rows = Subscription.objects.exclude(state=Subscription.REMOVED).filter(
        Q(state=Subscription.PAUSED) | Q(failing_since__isnull=False)
    )
    found = list(rows.select_related("view__app", "account").order_by("-state", "failing_since")[:MOST_FAILING])
    if not found:
        return ""
    page = {"rows": [{"subscription": row, "reason": standing.reason_of(row)} for row in found]}
    return render_to_string("integration/configure/home_hooks.html", page, request)
