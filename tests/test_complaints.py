"""What users of such systems complain about, each as a test named after its thread.

The list is part C of the project's reference on Flowfinity and Zapier, as far as a poll or a cursor is concerned. Each
test says which line protects it; with that line taken out, it fails. Thread 1 (numbers taken before commit) is
test_ordering.py, whose controls run without the lock.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from flowfinity import clock
from flowfinity.models import Record, configuring
from integration.models import RestAccess
from tests import rest

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> rest.Site:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    with configuring():
        RestAccess.objects.create(feed_of=site.app)
        site.role.feeds.add(site.app)
    return site


@pytest.fixture
def api() -> rest.Api:
    return rest.Api()


def numbers(items: list[dict[str, Any]]) -> list[int]:
    """The submission numbers of a poll's or a feed's items."""
    return [item.get("lastSubmissionID", item.get("SubmissionID")) for item in items]


def synchronized(api: rest.Api, after: int) -> list[int]:
    """The numbers that the sync view shows after a place."""
    return numbers(api.poll("Synchronize", {"PreviousLastSubmissionId": after}).json())


def test_getodk_central_backend_459_a_cursor_shows_no_row_twice_and_skips_none_of_one_moment(
    site: rest.Site, api: rest.Api
) -> None:
    """Protected by the operator `greater_than` being `gt` on a unique integer, not on a time (query.OPERATORS)."""
    results = [site.lead() for _ in range(4)]
    assert len({result.modified_ms for result in results}) == 1
    drawn = [result.submission for result in results]
    for place, number in enumerate(drawn):
        assert synchronized(api, number) == drawn[place + 1 :]


def test_getodk_central_763_a_bad_cursor_is_an_error_and_not_an_empty_list(site: rest.Site, api: rest.Api) -> None:
    """Protected by `except signing.BadSignature` in cursors.read, and by `whole` for the feed's place."""
    site.lead()
    for query in ("cursor=x", "cursor=", "cursor=eyJhIjoxfQ:1:2"):
        rest.refused(api.poll(query=query), 400, "invalid_parameter", ("cursor", "invalid"))
    for place in ("-1", "x", "1.5", "", "9" * 30):
        rest.refused(api.get(f"/api/apps/LeadRegistration/submissions?after={place}"), 400, "invalid_parameter")


def test_getodk_central_608_a_cursor_survives_the_record_it_came_from(site: rest.Site, api: rest.Api) -> None:
    """Protected by the sort values standing in the cursor itself (Query.behind)."""
    leads = [site.lead(Company=company) for company in "ABCD"]
    first = api.poll(query="limit=2")
    site.do("DeleteLead", leads[1].record)
    path = first["Link"].split("testserver")[1].split(">")[0]
    assert [item["Company"] for item in api.get(path).json()] == ["C", "D"]


def test_odata_webapi_1135_a_row_that_comes_before_the_place_shifts_no_page(site: rest.Site, api: rest.Api) -> None:
    """Protected by `Q.behind` instead of an offset in polls.plain_answer."""
    for company in "BDFH":
        site.lead(Company=company)
    first = api.poll(query="limit=2")
    site.lead(Company="A")
    site.lead(Company="C")
    path = first["Link"].split("testserver")[1].split(">")[0]
    assert [item["Company"] for item in first.json() + api.get(path).json()] == list("BDFH")


def test_activepieces_14921_the_window_overlaps_so_that_a_late_item_is_still_seen(
    site: rest.Site, api: rest.Api
) -> None:
    """Protected by the window starting at the lookback and not at the last poll (zapier_mode.window_start)."""
    seen = set(numbers(api.zapier().json()))
    late = site.lead(dt.timedelta(days=2))
    site.lead()
    seen |= set(numbers(api.zapier().json()))
    assert late.submission in seen


def test_pipedream_9712_two_edits_of_one_moment_have_two_ids(site: rest.Site, api: rest.Api) -> None:
    """Protected by `id` being the submission's number and not made of record and time (items.renderer)."""
    lead = site.lead()
    first = api.zapier().json()[0]
    site.do("UpdateLead", lead.record, Rating="Hot")
    second = api.zapier().json()[0]
    assert first["LastModifiedOn"] == second["LastModifiedOn"]
    assert first["id"] != second["id"] and first["RecordID"] == second["RecordID"]


def test_n8n_airtable_trigger_a_clients_clock_is_never_asked(site: rest.Site, api: rest.Api) -> None:
    """Protected by `now` coming from clock.now alone: nothing of the request moves the window."""
    site.lead(dt.timedelta(days=30))
    wanted = [site.lead().submission]
    # A client each: one that came back after years would be shown what it missed.
    for year in (2001, 2026, 2035):
        skewed = {"Date": f"Mon, 01 Jan {year} 00:00:00 GMT", "If_Modified_Since": f"Mon, 01 Jan {year} 00:00:00 GMT"}
        query = f"mode=zapier&since={year}-01-01&client=of-{year}"
        assert numbers(api.poll(query=query, **skewed).json()) == wanted


def test_zapier_platform_cli_131_all_of_the_window_is_on_one_page(site: rest.Site, api: rest.Api) -> None:
    """Protected by zapier_answer having no limit but the bytes."""
    for _ in range(150):
        site.lead()
    answer = api.zapier()
    assert len(answer.json()) == 150
    assert "Link" not in answer


def test_activepieces_12785_newest_come_first_whatever_the_view_says(site: rest.Site, api: rest.Api) -> None:
    """Protected by `order=NEWEST_FIRST` in zapier_mode.overlay."""
    drawn = [site.lead().submission for _ in range(5)]
    for view in ("ViewAllRecords", "Synchronize"):
        assert numbers(api.zapier(view).json()) == drawn[::-1]


def test_baserow_1318_new_and_changed_can_be_told_apart(site: rest.Site, api: rest.Api) -> None:
    """Protected by `IsNew` and `LastOperation` in items.renderer."""
    lead = site.lead()
    new = api.zapier().json()[0]
    site.do("UpdateLead", lead.record, Rating="Hot")
    changed = api.zapier().json()[0]
    assert (new["IsNew"], new["LastOperation"]) == (True, "CaptureLead")
    assert (changed["IsNew"], changed["LastOperation"]) == (False, "UpdateLead")


def test_baserow_5434_an_edit_that_changes_nothing_fires_nothing(site: rest.Site, api: rest.Api) -> None:
    """Protected by `and not changed` in submissions.step."""
    lead = site.lead(Rating="Hot")
    before = numbers(api.zapier().json())
    site.do("UpdateLead", lead.record, Rating="Hot", Company="Acme")
    assert numbers(api.zapier().json()) == before


def test_getodk_central_1208_a_deletion_is_told_with_the_last_values(site: rest.Site, api: rest.Api) -> None:
    """Protected by deletions being submissions like any (submissions.step), with the values they had."""
    lead = site.lead(Company="Gone")
    gone = site.do("DeleteLead", lead.record)
    assert api.zapier().json() == []
    told = api.get("/api/apps/LeadRegistration/submissions").json()[-1]
    assert (told["Kind"], told["SubmissionID"], told["Record"]["Company"]) == ("deleted", gone.submission, "Gone")


def test_getodk_central_backend_386_what_is_no_submission_is_no_update(site: rest.Site, api: rest.Api) -> None:
    """Protected by only `submit` writing `modified_on`: a change of the configuration touches no record."""
    site.lead()
    before = Record.objects.values_list("modified_on", "last_submission_id").get()
    site.access(format="typed")
    site.surface(lookback_days=30)
    assert Record.objects.values_list("modified_on", "last_submission_id").get() == before
    assert numbers(api.zapier().json()) == [before[1]]


def test_onadata_2472_greater_is_not_greater_or_equal(site: rest.Site, api: rest.Api) -> None:
    """Protected by `"greater_than": Operator(…, "gt")` in query.OPERATORS."""
    drawn = [site.lead().submission for _ in range(3)]
    assert synchronized(api, drawn[0]) == drawn[1:]
    assert synchronized(api, drawn[2]) == []


def test_windmill_10894_feed_and_sync_view_agree(site: rest.Site, api: rest.Api) -> None:
    """Protected by both following the same number in the same order (feed.after, the sync view's sort)."""
    drawn = [site.lead().submission for _ in range(7)]
    seen, path = [], "/api/apps/LeadRegistration/submissions?limit=3"
    while path:
        answer = api.get(path)
        seen += numbers(answer.json())
        path = answer["Link"].split("testserver")[1].split(">")[0] if "Link" in answer else ""
    assert seen == drawn == synchronized(api, 0)
