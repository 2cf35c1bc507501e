"""Sync health: what a client has not been shown, by the view's own Query, and what is about to be lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from flowfinity import clock
from flowfinity.models import View, configuring
from integration import sync_health
from integration.models import Poll
from integration.rest import polls
from integration.sync_health import Health
from tests import rest

pytestmark = pytest.mark.django_db
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
CLIENTS = "/api/apps/LeadRegistration/views/ViewAllRecords/clients"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> rest.Site:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.fixture
def api(site: rest.Site) -> rest.Api:
    return rest.Api()


def polled(site: rest.Site, api: rest.Api, times: int = 6, **query: Any) -> None:
    """So many polls, two minutes apart, the last of them now."""
    for number in range(times):
        if number:
            site.at += 2 * MINUTE
        assert api.zapier(query=query).status_code == 200


def health(site: rest.Site, client: str = "", **poll: Any) -> Health:
    """The health of a client now."""
    found = sync_health.healths(Poll.objects.filter(client=client, **poll), sync_health.world(site.at))
    assert len(found) == 1
    return found[0]


def kinds(one: Health) -> list[str]:
    return [alarm.kind for alarm in one.alarms]


def fates(one: Health) -> dict[int, str]:
    return {row.submission: row.fate for row in one.listed(1_000)}


def test_a_client_that_polls_is_well_and_what_is_new_waits_for_its_next_poll(site: rest.Site, api: rest.Api) -> None:
    site.lead()
    polled(site, api)
    assert (health(site).polling, health(site).interval_ms, health(site).unseen.number) == (True, 120_000, 0)
    site.at += MINUTE
    lead = site.lead(Company="Solar & Son")
    one = health(site)
    assert (one.waiting.number, one.lost.number, one.alarms) == (1, 0, ())
    row = one.listed(10)[0]
    assert (row.submission, row.title, row.by, row.fate) == (lead.submission, "Solar & Son", "Sam Lowry", "waiting")
    polled(site, api, 1)
    assert health(site).unseen.number == 0


def test_only_what_the_view_shows_is_missed(site: rest.Site, api: rest.Api) -> None:
    api.zapier("HotLeads")
    site.lead(Rating="Cold")
    hot = site.lead(Rating="Hot")
    assert fates(health(site, view__name="HotLeads")) == {hot.submission: "waiting"}


def test_silence_is_five_intervals_and_a_quarter_of_an_hour_at_least(site: rest.Site, api: rest.Api) -> None:
    polled(site, api)
    site.at += 15 * MINUTE
    assert kinds(health(site)) == []
    site.at += MINUTE
    assert kinds(health(site)) == ["silent"]
    assert "No poll for 16 minutes; it used to poll every 2 minutes." in health(site).alarms[0].sentence
    api.zapier()
    assert kinds(health(site)) == []


def test_who_was_only_tried_out_is_not_missed(site: rest.Site, api: rest.Api) -> None:
    polled(site, api, 4)
    site.at += 3 * DAY
    assert kinds(health(site)) == []
    assert not health(site).polling


def test_a_silent_client_says_why_its_calls_are_refused_and_only_to_the_admin(site: rest.Site, api: rest.Api) -> None:
    polled(site, api)
    site.access(enabled=False)
    site.at += 20 * MINUTE
    assert api.zapier().status_code == 404
    sentence = health(site).alarms[0].sentence
    assert "Its last call by then was refused on 24 Nov, 12:30 (404): The view ViewAllRecords" in sentence
    site.access(enabled=True)
    told = api.get("/api/clients").json()[0]["Alarms"]
    assert [alarm["Kind"] for alarm in told] == ["silent"]
    assert "refused" not in told[0]["Sentence"]


def test_what_was_refused_is_not_told_once_calls_of_the_account_work_again(site: rest.Site, api: rest.Api) -> None:
    polled(site, api, client="crm")
    site.access(enabled=False)
    site.at += 20 * MINUTE
    assert api.zapier(query={"client": "crm"}).status_code == 404
    assert "was refused" in health(site, "crm").alarms[0].sentence
    site.access(enabled=True)
    site.at += MINUTE
    assert api.zapier(query={"client": "other"}).status_code == 200
    sentence = health(site, "crm").alarms[0].sentence
    assert "No poll for" in sentence and "refused" not in sentence


def test_an_incident_that_has_not_kept_when_a_call_was_refused_says_that_it_was(site: rest.Site) -> None:
    figures = {"quiet_ms": 1_200_000, "interval_ms": 120_000, "status": 404, "reason": "Gone."}
    assert sync_health.Alarm("silent", figures).sentence == (
        "No poll for 20 minutes; it used to poll every 2 minutes. Its last call by then was refused (404): Gone."
    )


def test_what_leaves_the_window_unseen_is_foretold_and_then_lost(site: rest.Site, api: rest.Api) -> None:
    site.access(outages=False)
    polled(site, api)
    site.at += DAY
    lead = site.lead()
    site.at += 5 * DAY
    assert fates(health(site)) == {lead.submission: "waiting"}
    site.at += 1.5 * DAY
    assert fates(health(site)) == {lead.submission: "leaving"}
    assert kinds(health(site)) == ["silent", "leaving"]
    site.at += DAY
    assert fates(health(site)) == {lead.submission: "left"}
    assert kinds(health(site)) == ["silent", "left"]
    assert health(site).waiting.number == 0
    assert api.zapier().json() == []
    assert fates(health(site)) == {lead.submission: "left"}, "the next poll does not make good what it did not show"
    assert kinds(health(site)) == ["left"]


def test_with_outages_made_up_for_nothing_leaves_but_a_zap_that_was_off_may_have_swallowed_it(
    site: rest.Site, api: rest.Api
) -> None:
    polled(site, api)
    leads = []
    for _ in range(10):
        site.at += DAY
        lead = site.lead()
        leads.append(lead.submission)
    one = health(site)
    assert (one.waiting.number, one.leaving.number, one.lost.number) == (10, 0, 0)
    assert {item["id"] for item in api.zapier().json()} == set(leads)
    one = health(site)
    assert (one.unseen.number, one.doubtful.number) == (0, 10)
    assert fates(one) == dict.fromkeys(leads, "silence")
    again = site.do("UpdateLead", lead.record, Company="Catch-up")
    api.zapier()
    assert again.submission not in fates(health(site))
    assert health(site).doubtful.number == 9, "what was submitted again since is made good"
    site.at += 31 * DAY
    assert health(site).doubtful.number == 0


def test_what_a_cut_answer_left_out_is_lost_and_what_was_shown_before_is_not(
    site: rest.Site, api: rest.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled(site, api)
    shown = site.lead().submission
    polled(site, api, 2)
    leads = [site.lead(Summary="x" * 800).submission for _ in range(8)]
    monkeypatch.setattr(polls.zapier_mode, "MOST_BYTES", 5_000)
    site.at += 2 * MINUTE
    got = {item["id"] for item in api.zapier().json()}
    assert 0 < len(got) < len(leads) and shown not in got
    one = health(site)
    assert fates(one) == dict.fromkeys(set(leads) - got, "cut")
    assert kinds(one) == ["left", "large"]
    assert "cut off an answer of 5 MB" in one.alarms[0].sentence


def test_a_hundred_new_ids_are_announced_before_the_poll_and_after_it(site: rest.Site, api: rest.Api) -> None:
    polled(site, api)
    for _ in range(99):
        site.lead()
    assert kinds(health(site)) == []
    site.lead()
    assert kinds(health(site)) == ["burst"]
    assert health(site).alarms[0].sentence.startswith("100 new ids wait for one poll")
    site.at += 2 * MINUTE
    api.zapier()
    assert health(site).alarms[0].sentence.startswith("Its last poll showed 100 new ids at once")
    polled(site, api, 2)
    assert kinds(health(site)) == []


def test_what_only_the_floor_hides_is_a_warning(site: rest.Site, api: rest.Api) -> None:
    site.lead(3 * DAY)
    site.access(lookback_days=7, floor_ms=int((site.at - DAY).timestamp() * 1000))
    polled(site, api)
    assert kinds(health(site)) == ["hidden"]
    assert health(site).tone == "warn"


def test_a_record_that_comes_into_the_view_by_the_passing_of_time_waits_as_well(site: rest.Site, api: rest.Api) -> None:
    recent = {"field": "FirstContact", "operator": "within_last_days", "value": 3}
    with configuring():
        View.objects.filter(app=site.app, name="ViewAllRecords").update(filter=recent)
    polled(site, api)
    lead = site.lead(FirstContact=(site.at + DAY).strftime("%Y-%m-%dT00:00:00.000"))
    site.at += 2 * MINUTE
    assert api.zapier().json() == []
    assert fates(health(site)) == {}
    site.at += DAY
    assert fates(health(site)) == {lead.submission: "entered"}
    assert health(site).waiting.number == 1
    assert [item["id"] for item in api.zapier().json()] == [lead.submission]
    assert fates(health(site)) == {}


def test_a_reader_of_a_sync_view_is_up_to_date_as_far_as_its_page_went(site: rest.Site, api: rest.Api) -> None:
    leads = [site.lead().submission for _ in range(3)]
    api.poll("Synchronize", {"PreviousLastSubmissionId": 0, "limit": 2})
    assert fates(health(site)) == {leads[2]: "waiting"}
    site.at += 2 * MINUTE
    api.poll("Synchronize", {"PreviousLastSubmissionId": leads[1], "limit": 2})
    assert fates(health(site)) == {}


def test_a_dead_client_is_not_hidden_by_a_live_one(site: rest.Site, api: rest.Api) -> None:
    polled(site, api, client="dead")
    polled(site, api, 12, client="live")
    assert (kinds(health(site, "dead")), kinds(health(site, "live"))) == (["silent"], [])
    found = sync_health.healths(Poll.objects.all(), sync_health.world(site.at))
    assert [one.poll.client for one in sync_health.failing_first(found)] == ["dead", "live"]


def test_an_account_asks_after_its_own_clients_alone(site: rest.Site, api: rest.Api) -> None:
    polled(site, api)
    lead = site.lead()
    other = rest.builders.integration("other")
    other.roles.add(site.role)
    rest.Api("other").zapier("HotLeads")
    body = api.get("/api/clients").json()
    assert [(one["View"], one["Polling"], one["Waiting"]) for one in body] == [
        ("ViewAllRecords", True, {"Count": 1, "More": False})
    ]
    rows = api.get(CLIENTS).json()
    assert [(row["SubmissionID"], row["Fate"]) for row in rows[0]["Submissions"]] == [(lead.submission, "waiting")]
    assert rows[0]["Submissions"][0]["Url"].endswith(f"/apps/LeadRegistration/records/{lead.record:09d}/")
    rest.refused(api.get(f"{CLIENTS}?limit=0"), 400, "invalid_parameter")
    site.role.views.clear()
    assert api.get("/api/clients").json() == [], "what it may no longer read, it hears no more of"
    rest.refused(api.get(CLIENTS), 404, "not_found")


def test_a_client_takes_few_queries_whatever_it_has_missed(site: rest.Site, api: rest.Api) -> None:
    polled(site, api)
    site.at += 10 * DAY
    site.lead()
    polled(site, api, 2)
    site.lead()
    world = sync_health.world(site.at)
    with CaptureQueriesContext(connection) as captured:
        (one,) = sync_health.healths(Poll.objects.all(), world)
        assert one.alarms is not None and one.unseen.number == 1
    assert len(captured) <= 5, [query["sql"] for query in captured]


def test_counting_has_a_ceiling(site: rest.Site, api: rest.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.zapier()
    for _ in range(6):
        site.lead()
    monkeypatch.setattr(sync_health, "MOST_COUNTED", 5)
    assert str(health(site).waiting) == "5+"
    monkeypatch.setattr(sync_health, "MOST_READ", 3)
    assert str(health(site).waiting) == "3+"


def test_what_waits_is_read_by_an_index_without_a_sort(site: rest.Site, api: rest.Api) -> None:
    api.zapier()
    for _ in range(50):
        site.lead()
    rows, _ = health(site).after(0)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    plan = rows[:10].explain()
    assert "record_sync" in plan and "TEMP B-TREE" not in plan, plan


@pytest.fixture
def admin(site: rest.Site, client: Client) -> Client:
    client.force_login(rest.builders.person("ada", is_staff=True, is_superuser=True))
    return client


def test_the_page_shows_failing_clients_first_with_what_to_do(site: rest.Site, api: rest.Api, admin: Client) -> None:
    assert "Nobody has polled yet." in admin.get("/admin/integration/sync-health/").content.decode()
    site.access("HotLeads", outages=False)
    for _ in range(6):
        site.at += 2 * MINUTE
        api.zapier("HotLeads")
    lead = site.lead(Company="Solar & Son", Rating="Hot")
    site.at += 8 * DAY
    polled(site, api, 5)
    page = admin.get("/admin/integration/sync-health/").content.decode()
    failing, well = page.split("The others are well")
    assert "Hot leads" in failing and "View all records" in well
    assert "No poll for 1 week; it used to poll every 2 minutes." in failing
    assert f"/apps/LeadRegistration/records/{lead.record:09d}/" in failing and "Solar &amp; Son" in failing
    assert "Left the window before the client was shown it" in failing
    assert f"client={Poll.objects.get(view__name='HotLeads').pk}" in failing, "a way to Catch-up"
    assert 'role="img" aria-label="6 polls, ' in failing
    assert " style=" not in page


def test_the_page_of_a_client_and_of_its_view_show_its_polls(site: rest.Site, api: rest.Api, admin: Client) -> None:
    polled(site, api, client="crm")
    lead = site.lead()
    site.at += 2 * MINUTE
    api.zapier(query={"client": "crm"})
    poll = Poll.objects.get()
    for url in (
        f"/admin/integration/sync-health/{poll.pk}/",
        f"/admin/integration/rest/views/{poll.view_id}/",
    ):
        page = admin.get(url).content.decode()
        assert "restuser (crm)" in page and "Last polls" in page and "something new" in page, url
        assert page.count("24 Nov, 12:12:00") == 1, "the last poll, once"
        assert f"{poll.ms} ms" in page
    assert lead.submission == poll.newest


def test_a_gap_is_settled_and_a_client_is_forgotten(site: rest.Site, api: rest.Api, admin: Client) -> None:
    polled(site, api)
    site.at += DAY
    site.lead()
    api.zapier()
    page = f"/admin/integration/sync-health/{Poll.objects.get().pk}/"
    assert "Shown after a silence" in admin.get(page).content.decode()
    assert "clear this list" not in admin.post(f"{page}settle/", follow=True).content.decode()
    assert health(site).doubtful.number == 0
    assert admin.get(f"{page}forget/").status_code == 405
    admin.post(f"{page}forget/")
    assert not Poll.objects.exists()
