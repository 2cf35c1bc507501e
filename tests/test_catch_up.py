"""Catch-up: what a client has missed is sent once more, as what it is, and said before."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from flowfinity import clock, jobs
from flowfinity.models import Job, JobRow, Record, Submission, User
from integration import catch_up, poll_log
from integration.catch_up import Choice, Misplaced
from integration.hooks import delivery
from integration.models import Delivery, Poll, Subscription
from tests import builders, rest
from tests.receiver import Receiver, receiving
from tests.test_hooks import subscribe, work

pytestmark = pytest.mark.django_db
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, settings: Any) -> rest.Site:
    settings.HOOKS_ALLOW_PRIVATE = True
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.fixture
def admin(site: rest.Site) -> User:
    return builders.person("ada", is_staff=True, is_superuser=True)


def everything(site: rest.Site, **more: Any) -> Choice:
    return Choice(site.app.pk, since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC), **more)


def finish(site: rest.Site, job: Job | None) -> Job:
    """Does the job to its end, as a worker does while time passes."""
    assert job is not None
    while job.state == Job.RUNNING:
        jobs.work(job.pk)
        site.at += 5 * MINUTE
        job.refresh_from_db()
    return job


def ids(api: rest.Api, view: str = "ViewAllRecords") -> list[int]:
    return [item["id"] for item in api.zapier(view).json()]


def test_each_record_fires_once_more_under_a_new_id_and_history_says_what_it_was(site: rest.Site, admin: User) -> None:
    lead = site.lead(Rating="Hot")
    site.do("UpdateLead", lead.record, Company="Later")
    site.at += 20 * DAY
    api = rest.Api()
    assert ids(api) == []
    job = finish(site, catch_up.start(everything(site), admin, site.at))
    assert (job.kind, job.total, job.by, job.pace) == (Job.CATCH_UP, 1, admin, 0)
    sent = Submission.objects.latest("pk")
    assert (sent.kind, sent.operation, sent.by, sent.changed) == ("resent", "", admin, [])
    (item,) = api.zapier().json()
    assert (item["id"], item["Company"], item["IsNew"], item["LastOperation"]) == (
        *(sent.pk, "Later", False, "UpdateLead"),
    )
    assert Submission.objects.filter(record=lead.record).count() == 3


def test_records_are_chosen_by_time_by_number_and_by_view(site: rest.Site) -> None:
    old = site.lead(3 * DAY, Rating="Hot")
    hot, cold = site.lead(DAY, Rating="Hot"), site.lead(Rating="Cold")
    now, app = site.at, site.app.pk

    def found(**how: Any) -> list[int]:
        return list(catch_up.in_order(catch_up.chosen(Choice(app, **how), now)).values_list("pk", flat=True))

    assert found(since=now - DAY) == [hot.record, cold.record]
    assert found(first=old.submission, last=hot.submission) == [old.record, hot.record]
    site.do("UpdateLead", old.record, Company="Again")
    assert found(first=old.submission, last=old.submission) == [old.record], "whatever became of it since"
    view = site.app.views.get(name="HotLeads").pk
    assert found(since=now - 9 * DAY, view=view) == [hot.record, old.record], "in the order of their last change"
    assert found() == []


def test_a_preview_says_how_many_where_they_fire_and_what_is_left_out(site: rest.Site) -> None:
    api = rest.Api()
    for query in ("mode=zapier&client=one", "mode=zapier&client=two"):
        api.poll("HotLeads", query)
    subscription = subscribe("https://hooks.example.com/x", "HotLeads")
    hot = site.lead(Rating="Hot", Company="Hot Ltd")
    site.lead(Rating="Cold")
    site.do("DeleteLead", site.lead().record)
    site.access("SearchLeads", enabled=False)
    told = catch_up.preview(everything(site), site.at)
    assert (told.count, told.deleted, told.pace, told.held) == (2, 1, 0, False)
    assert told.first[0][0].pk == hot.record and told.first[0][1] == "Hot Ltd"
    by_view = {firing.view.name: firing for firing in told.firings}
    assert by_view["ViewAllRecords"].count == 2 and not by_view["ViewAllRecords"].clients
    assert "SearchLeads" not in by_view
    hot_leads = by_view["HotLeads"]
    assert hot_leads.count == 1
    assert [poll.client for poll in hot_leads.clients] == ["one", "two"]
    assert hot_leads.subscriptions == (subscription,)


def test_a_hundred_are_paced_so_that_zapier_holds_none(site: rest.Site, admin: User) -> None:
    records = [site.lead().record for _ in range(200)]
    site.at += 20 * DAY
    rest.Api().zapier()
    told = catch_up.preview(everything(site), site.at)
    assert told.held and told.pace == 80 and 30 * MINUTE <= told.takes(80) <= 45 * MINUTE
    job = catch_up.start(everything(site), admin, site.at, pace=told.pace)
    assert job is not None
    shown, most = {0}, 0
    while job.state == Job.RUNNING:
        jobs.work(job.pk)
        site.at += 5 * MINUTE
        job.refresh_from_db()
        if site.at.minute % 15 < 5:
            now = set(ids(rest.Api()))
            most, shown = max(most, len(now - shown)), shown | now
    shown |= set(ids(rest.Api()))
    assert (job.state, len(shown) - 1) == (Job.DONE, len(records))
    assert 0 < most < catch_up.HELD_FROM


def test_what_sync_health_lists_for_a_client_that_was_off_is_sent_again(site: rest.Site, admin: User) -> None:
    api = rest.Api()
    for _ in range(6):
        api.zapier()
        site.at += 15 * MINUTE
    missed = []
    for _ in range(10):
        site.at += DAY
        missed.append(site.lead().record)
    # Switched on again: Zapier swallows what it is shown.
    swallowed = set(ids(api))
    site.at += 15 * MINUTE
    api.zapier()
    seen = site.lead().record
    site.at += 15 * MINUTE
    api.zapier()
    poll = Poll.objects.get()
    assert catch_up.fates(poll, site.at) == {"silence": 10}
    choice = catch_up.of_client(poll, ("silence",))
    told = catch_up.preview(choice, site.at)
    assert [row.pk for row, _ in told.first] == missed[:8] and told.count == 10
    finish(site, catch_up.start(choice, admin, site.at))
    fired = {item["RecordID"] for item in api.zapier().json() if item["id"] not in swallowed}
    assert fired == {f"{record:09d}" for record in [*missed, seen]}
    assert catch_up.fates(poll, site.at).get("silence", 0) == 0, "and health lists them no more"


def test_a_record_that_is_deleted_meanwhile_is_left_out_and_told(site: rest.Site, admin: User) -> None:
    kept, gone = site.lead(), site.lead()
    job = catch_up.start(everything(site), admin, site.at)
    site.do("DeleteLead", gone.record)
    job = finish(site, job)
    assert (job.state, Record.objects.get(pk=gone.record).deleted) == (Job.DONE, True)
    assert dict(job.rows.values_list("record", "state")) == {kept.record: JobRow.DONE, gone.record: JobRow.FAILED}
    assert "not deleted" in jobs.failed_rows(job).get().faults[0][1]


def test_only_an_admin_begins_one_and_a_button_pressed_twice_begins_one(site: rest.Site, admin: User) -> None:
    assert catch_up.start(everything(site), admin, site.at) is None, "there is nothing to send"
    site.lead()
    with pytest.raises(PermissionDenied):
        catch_up.start(everything(site), site.sam, site.at)
    once = catch_up.start(everything(site), admin, site.at, token="a")
    assert catch_up.start(everything(site), admin, site.at, token="a") == once
    assert catch_up.start(everything(site), admin, site.at, token="b") != once


# Hooks: their place is moved back.


def sent(receiver: Receiver) -> list[tuple[int, str]]:
    return [(one.item["id"], one.headers["webhook-id"]) for one in receiver.received]


def test_a_place_that_is_moved_back_sends_again_what_was_sent_and_first_what_never_was(site: rest.Site) -> None:
    before, cold = site.lead(Rating="Hot"), site.lead(Rating="Cold")
    with receiving() as receiver:
        subscription = subscribe(receiver.url, "HotLeads")
        after = site.lead(Rating="Hot")
        site.do("UpdateLead", after.record, Company="Later")
        assert work(site) == 2
        subscription.refresh_from_db()
        first = sent(receiver)
        told = catch_up.behind(subscription, before.submission - 1)
        assert (told.again, told.never, told.count, told.newest) == (2, 1, 3, first[-1][0])
        assert catch_up.behind(subscription, before.submission).never == 0
        catch_up.move_back(subscription, before.submission - 1)
        assert work(site) == 3
        again = sent(receiver)[2:]
        assert again[0][0] == before.submission and sorted(again[1:]) == sorted(first), "under the same webhook-ids"
        assert all(one.item["RecordID"] != f"{cold.record:09d}" for one in receiver.received)
        assert work(site) == 0
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert Delivery.objects.count() == 3


def test_what_is_due_or_has_failed_is_sent_once_from_a_place_moved_back(site: rest.Site) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        leads = [site.lead().submission for _ in range(3)]
        place = subscription.place
        subscription = Subscription.objects.select_related("view").get(pk=subscription.pk)
        delivery_rows = Delivery.objects.filter(subscription=subscription)
        assert delivery.advance(subscription)
        delivery_rows.filter(submission=leads[0]).update(state=Delivery.FAILED, attempts=9)
        catch_up.move_back(subscription, place)
        assert work(site) == 3
        assert sorted(number for number, _ in sent(receiver)) == leads
        assert delivery_rows.filter(state=Delivery.DELIVERED, attempts=1).count() == 3


def test_a_paused_subscription_sends_when_it_is_resumed_and_an_ended_one_is_not_moved(site: rest.Site) -> None:
    lead = site.lead()
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        delivery.pause(subscription, "by hand")
        subscription.refresh_from_db()
        catch_up.move_back(subscription, lead.submission - 1)
        assert work(site) == 0
        delivery.resume(subscription)
        assert work(site) == 1
        subscription.refresh_from_db()
        for place in (-1, subscription.place, subscription.place + 1):
            with pytest.raises(Misplaced):
                catch_up.move_back(subscription, place)
        stale = Subscription.objects.get(pk=subscription.pk)
        catch_up.move_back(subscription, 0)
        with pytest.raises(Misplaced, match="meanwhile"):
            catch_up.move_back(stale, 0)
        delivery.remove(subscription, "over")
        subscription.refresh_from_db()
        with pytest.raises(Misplaced, match="ended"):
            catch_up.behind(subscription, 0)


def test_silence_is_not_asked_about_a_client_that_was_only_slow(site: rest.Site) -> None:
    """Five intervals without a poll are what makes a silence: one that came late has swallowed nothing."""
    api = rest.Api()
    for _ in range(6):
        api.zapier()
        site.at += 15 * MINUTE
    site.lead()
    site.at += 30 * MINUTE
    api.zapier()
    assert catch_up.fates(Poll.objects.get(), site.at) == {}
    assert poll_log.QUIET_INTERVALS > 3


# The pages.


@pytest.fixture
def pages(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


PAGE = "/admin/integration/catch-up/"


def hidden(page: str) -> dict[str, list[str]]:
    """What the preview's form sends along."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page.split('aria-labelledby="ways"')[0]
    ):
        found.setdefault(name, []).append(value)
    return found


def test_the_page_previews_what_it_then_sends_again(site: rest.Site, pages: Client) -> None:
    lead = site.lead(Company="First & Sons")
    rest.Api().poll(query="mode=zapier&client=crm")
    for query in (
        {"way": "since", "of": f"app:{site.app.pk}", "since": "2026-11-01T00:00"},
        {"way": "between", "of": f"app:{site.app.pk}", "first": lead.submission, "last": lead.submission},
        {"way": "since", "of": f"view:{site.app.pk}:{site.app.views.first().pk}", "since": "2026-11-01T00:00"},
    ):
        page = pages.get(PAGE, query).content.decode()
        assert "1 record would be sent again" in page and "First &amp; Sons" in page and "(crm)" in page
    assert "How fast" not in page and not Job.objects.exists()
    sent = hidden(page)
    answer = pages.post(PAGE, sent, follow=True).content.decode()
    pages.post(PAGE, sent)
    job = Job.objects.get()
    assert "1 record is being sent again." in answer and "Catch-up of 1 record of Lead Registration" in answer
    german = {"accept-language": "de"}
    for url in (PAGE, "/jobs/", f"/jobs/{job.pk}/", reverse("admin:index")):
        assert "Nachholen von 1 Datensatz von Lead Registration" in pages.get(url, headers=german).content.decode(), url
    Job.objects.update(state=Job.PAUSED, reason=jobs.NOT_ADMIN, lease_until=None)
    shown = pages.get(reverse("admin:index"), headers=german).content.decode()
    assert "Wer ihn gestartet hat" in shown and jobs.NOT_ADMIN not in shown
    Job.objects.update(state=Job.RUNNING, reason="")
    assert f'action="/jobs/{job.pk}/"' in answer, "it can be paused and stopped"
    finish(site, job)
    assert Submission.objects.latest("pk").kind == "resent"
    assert "sent this again" in pages.get(f"/apps/LeadRegistration/records/{lead.record:09d}/").content.decode()


def test_the_page_offers_a_pace_from_a_hundred_and_takes_the_choice(site: rest.Site, pages: Client) -> None:
    rest.Api().zapier()
    for _ in range(100):
        site.lead()
    query = {"way": "since", "of": f"app:{site.app.pk}", "since": "2026-11-01T00:00"}
    page = pages.get(PAGE, query).content.decode()
    assert "80 records every 15 minutes" in page and "Zapier holds a Zap" in page
    pages.post(PAGE, {**hidden(page), "pace": "80"})
    page = pages.get(PAGE, query).content.decode()
    pages.post(PAGE, {**hidden(page), "pace": "0"})
    assert list(Job.objects.order_by("pk").values_list("pace", flat=True)) == [80, 0]


def test_the_page_shows_what_a_client_has_missed_and_lets_one_tick(site: rest.Site, pages: Client) -> None:
    api = rest.Api()
    for _ in range(6):
        api.zapier()
        site.at += 15 * MINUTE
    site.at += DAY
    site.lead()
    api.zapier()
    site.at += MINUTE
    site.lead()
    poll = Poll.objects.get()
    page = pages.get(PAGE, {"client": poll.pk}).content.decode()
    assert "a Zap that was off has swallowed it: 1" in page and "Shown at the next poll: 1" in page
    assert "1 record would be sent again" in page, "what the next poll shows is not ticked"
    page = pages.get(PAGE, {"client": poll.pk, "ticked": "1", "fate": ["silence", "waiting"]}).content.decode()
    assert "2 records would be sent again" in page
    page = pages.get(PAGE, {"client": poll.pk, "ticked": "1"}).content.decode()
    assert "Nothing would be sent again" in page and "nothing of it that can be sent is ticked" in page
    pages.post(PAGE, {**hidden(pages.get(PAGE, {"client": poll.pk}).content.decode())})
    assert Job.objects.get().total == 1


def test_the_page_says_that_a_client_has_missed_nothing(site: rest.Site, pages: Client) -> None:
    rest.Api().zapier()
    page = pages.get(PAGE, {"client": Poll.objects.get().pk}).content.decode()
    assert "Nothing would be sent again" in page and "This client has missed nothing" in page
    assert "What Sync health lists" not in page, "a list of nothing is not begun"
    later = {"way": "since", "of": f"app:{site.app.pk}", "since": "2050-01-01T00:00"}
    assert "No record that is there fits this choice." in pages.get(PAGE, later).content.decode()


def test_the_page_says_what_is_wrong_and_is_for_admins(site: rest.Site, pages: Client) -> None:
    query: dict[str, Any] = {"way": "between", "of": f"app:{site.app.pk}", "first": 5, "last": 2}
    assert "This is before the first." in pages.get(PAGE, query).content.decode()
    for odd in ({"way": "between"}, {"way": "since", "of": "app:9999", "since": "x"}, {"client": "x"}, {"way": "odd"}):
        assert pages.get(PAGE, odd).status_code == 200
        assert pages.post(PAGE, odd).status_code == 200
    assert not Job.objects.exists()
    other = Client()
    other.force_login(site.sam)
    assert other.get(PAGE).status_code == 302


def test_a_place_is_moved_back_on_a_page_by_number_or_by_moment(site: rest.Site, pages: Client) -> None:
    first = site.lead(DAY)
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        work(site)
        url = f"{PAGE}hooks/{subscription.pk}/"
        assert "Its place is submission" in pages.get(url).content.decode()
        told = pages.get(url, {"since": "2026-11-23T00:00", "place": ""}).content.decode()
        assert "2 submissions would be sent" in told and "1 of them was never sent" in told
        assert "same webhook-id" in told
        assert "below its place" in pages.get(url, {"place": 10**9}).content.decode()
        assert "Name a submission or a moment." in pages.get(url, {"place": "", "since": ""}).content.decode()
        answer = pages.post(url, {"place": first.submission - 1}, follow=True).content.decode()
        assert f"Its place is {first.submission - 1}" in answer
        assert work(site) == 2
