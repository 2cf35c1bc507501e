"""The home of Configure: what happened today, compared with yesterday, and what needs somebody."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flowfinity import clock
from flowfinity.configure import home
from flowfinity.models import Job, Submission
from integration.models import Poll, Subscription
from tests import builders, rest

pytestmark = pytest.mark.django_db
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> rest.Site:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.fixture
def admin(site: rest.Site, client: Client) -> Client:
    client.force_login(builders.person("ada", is_staff=True, is_superuser=True))
    return client


def shown(admin: Client) -> str:
    """The page, its white space folded."""
    return " ".join(admin.get("/admin/").content.decode().split())


def figure(page: str, label: str) -> str:
    """A number and how it compares."""
    found = page.split(f"<dt>{label}</dt><dd>")[1].split("</dd>")[0]
    return found.replace("<strong>", "").replace("</strong><span>", ", ").replace("</span>", "")


def test_today_is_compared_with_yesterday_by_this_time(site: rest.Site, admin: Client) -> None:
    for ago in (3 * DAY, DAY + 2 * HOUR, DAY + HOUR, DAY - HOUR, 3 * HOUR, 2 * HOUR, HOUR):
        lead = site.lead(ago)
    site.do("UpdateLead", lead.record, Company="Other")
    site.at += dt.timedelta(minutes=1)
    rest.Api().zapier()
    page = shown(admin)
    assert figure(page, "Submissions today") == "4, 2 more than yesterday by now"
    assert figure(page, "New records today") == "3, 1 more than yesterday by now"
    assert figure(page, "Polls today") == "1, 1 more than yesterday by now"
    assert 'aria-label="Submissions: most between 13:00–14:00, 1; 5 in the last 24 hours."' in page
    assert "<title>11:00–12:00: 1</title>" in page and " style=" not in page
    site.at += DAY
    assert figure(shown(admin), "Submissions today") == "0, 4 fewer than yesterday by now"


def test_hours_are_those_of_the_reader(site: rest.Site) -> None:
    site.lead(dt.timedelta(minutes=50))
    with timezone.override("Asia/Kathmandu"):
        day = home.day(site.at)
        every, _ = home.submissions(day.first)
        drawn = home.chart(day, "", every, "%(span)s: %(count)s")
    assert drawn.chart.label == "16:00–17:00: 1", "11:10 in UTC is 16:55 there"


def test_a_failing_client_a_job_and_a_paused_hook_stand_there(site: rest.Site, admin: Client) -> None:
    api = rest.Api()
    api.zapier()
    assert "The one client that polls here is well." in shown(admin)
    for _ in range(5):
        site.at += dt.timedelta(minutes=2)
        api.zapier()
    poll = Poll.objects.get()
    now = site.at
    Job.objects.create(app=site.app, kind="import", title="leads.csv", by=site.sam, created_on=now, next_on=now)
    Subscription.objects.create(
        account=site.account,
        view=poll.view,
        target_url="https://example.com/hook",
        state=Subscription.PAUSED,
        reason="The target is gone.",
        place=0,
        created_on=now,
        next_on=now,
    )
    site.at += HOUR
    page = shown(admin)
    assert page.index("No poll for 1 hour") < page.index("Submissions today") < page.index("leads.csv")
    assert "The target is gone." in page and f"/admin/integration/sync-health/{poll.pk}/" in page


def test_a_new_site_is_told_what_it_needs_and_one_that_runs_is_not(site: rest.Site, admin: Client) -> None:
    page = shown(admin)
    assert "Set up this site" in page and "Nobody has polled yet" in page
    site.surface(query_enabled=False, execute_enabled=False)
    assert "Query() and Execute() are off" in shown(admin)
    site.surface(query_enabled=True)
    rest.Api().zapier()
    site.sam.roles.add(site.role)
    assert "Set up this site" not in shown(admin)


def test_submissions_since_a_moment_are_found_by_halving_in_every_app(site: rest.Site) -> None:
    other = builders.make_app({"Name": "text"})
    for hour in range(40, 0, -1):
        site.lead(hour * HOUR)
        builders.do(site.sam, other, "Make", Name=str(hour)) if hour % 3 == 0 else None
    for ago in (0, 7, 23, 39, 41):
        since = site.at - ago * HOUR
        wanted = {
            app: Submission.objects.filter(app=app, on__gte=since).order_by("pk").values_list("pk", flat=True).first()
            for app in (site.app.pk, other.pk)
        }
        for app, place in home.places(since).items():
            after = Submission.objects.filter(app=app, pk__gt=place).order_by("pk").values_list("pk", flat=True).first()
            assert after == wanted[app], ago


def test_the_page_takes_few_queries_and_reads_ranges_of_indexes(site: rest.Site, admin: Client) -> None:
    for hour in range(30, 0, -1):
        site.lead(hour * HOUR)
    rest.Api().zapier()
    shown(admin)
    with CaptureQueriesContext(connection) as captured:
        shown(admin)
    assert len(captured) <= 40, len(captured)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    (place,) = home.places(site.at - DAY).values()
    plan = Submission.objects.filter(app=site.app, pk__gt=place).annotate(minute=home.Minute("on")).explain()
    assert "submission_feed" in plan or "flowfinity_submission_pkey" in plan, plan


@pytest.mark.parametrize("path", ["/admin/flowfinity/", "/admin/integration/"])
def test_half_an_address_leads_home(admin: Client, path: str) -> None:
    assert admin.get(path).headers["Location"] == "/admin/"
