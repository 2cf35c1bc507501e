"""The poll, as a client meets it: plain and Zapier mode, both formats, parameters, and the recipe to follow an app."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from typing import Any

import pytest
from django.test import override_settings

from flowfinity import clock
from flowfinity.models import Record, User, configuring
from integration.models import RestAccess
from integration.rest import answers
from tests import builders, rest
from tests.rest import NOW, RECORDED, Api, Site, basic, recorded, refused

DAY = dt.timedelta(days=1)
MS = dt.timedelta(milliseconds=1)
SYSTEM = ["RecordID", "CreatedBy", "CreatedOn", "LastModifiedBy", "LastModifiedOn", "lastSubmissionID"]
ZAPIER = ["id", "IsNew", "LastOperation"]
MOST = 5_000_000


class Clock:
    """The site's clock, which stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW


opened, site = rest.opened, rest.site


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    time = Clock()
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest.fixture
def api(site: Site, time: Clock) -> Api:
    return Api()


def layout(view: str) -> list[str]:
    """The fields of a view of Lead Registration, as its blueprint orders them."""
    [columns] = [
        part["columns"] for part in json.loads(builders.LEADS.read_text("utf-8"))["views"] if part["name"] == view
    ]
    return [name for name in columns if name not in SYSTEM]


def companies(answer: Any) -> list[str]:
    """The companies of an answer's records, in order."""
    assert answer.status_code == 200, answer.content
    return [item["Company"] for item in answer.json()]


class TestPlain:
    def test_nothing_yet(self, api: Api) -> None:
        answer = api.poll()
        assert answer.content == b"[]"
        assert answer["Content-Type"] == "application/json"

    def test_all_records_in_the_views_own_order(self, api: Api, site: Site) -> None:
        site.lead(400 * DAY, Company="delta", LastName="b")
        site.lead(300 * DAY, Company="Alpha")
        site.lead(30 * DAY, Company="Ülle")
        site.lead(10 * DAY, Company="DELTA", LastName="A")
        site.lead(Company="charlie")
        answer = api.poll()
        assert [item["Company"] for item in answer.json()] == ["Alpha", "charlie", "DELTA", "delta", "Ülle"]
        assert not {"id", "IsNew", "LastOperation"} & set(answer.json()[0])

    def test_the_keys_are_the_layout_then_the_system_fields(self, api: Api, site: Site) -> None:
        site.lead(Rating="Hot")
        for view in ("ViewAllRecords", "SearchLeads", "HotLeads", "Synchronize"):
            assert list(api.poll(view).json()[0]) == [*layout(view), *SYSTEM]

    def test_the_system_fields(self, api: Api, site: Site) -> None:
        made = site.lead(2 * DAY)
        edited = builders.do(site.account, site.app, "UpdateLead", made.record, Company="B")
        item = api.poll(query="values=typed").json()[0]
        assert item["RecordID"] == f"{made.record:09d}"
        assert item["lastSubmissionID"] == edited.submission and isinstance(item["lastSubmissionID"], int)
        assert (item["CreatedBy"], item["LastModifiedBy"]) == ("Sam Lowry", "Zapier (restuser)")
        assert item["CreatedOn"] == "2026-11-22T12:00:00.500Z"
        assert item["LastModifiedOn"] == "2026-11-24T12:00:00.500Z"

    def test_a_display_name_that_is_changed_shows_at_once(self, api: Api, site: Site) -> None:
        site.lead()
        assert api.poll().json()[0]["CreatedBy"] == "Sam Lowry"
        with configuring():
            User.objects.filter(pk=site.sam.pk).update(display_name="Samuel")
        assert api.poll().json()[0]["CreatedBy"] == "Samuel"

    def test_a_filter_and_blanks_last(self, api: Api, site: Site) -> None:
        site.lead(Company="Blank", Rating="Hot")
        site.lead(Company="Small", Rating="Hot", TotalValue=5)
        site.lead(Company="Great", Rating="Hot", TotalValue=1000)
        site.lead(Company="Ten", Rating="Hot", TotalValue=99.5)
        site.lead(Company="Cold", Rating="Cold", TotalValue=10)
        assert companies(api.poll("HotLeads")) == ["Great", "Ten", "Small", "Blank"]

    def test_limit(self, api: Api, site: Site) -> None:
        for name in "CAB":
            site.lead(Company=name)
        assert companies(api.poll(query="limit=2")) == ["A", "B"]
        assert companies(api.poll(query="LIMIT=10000")) == ["A", "B", "C"]

    @pytest.mark.parametrize(
        "value", ["0", "-1", "10001", "1e3", "1.0", "", "many", "٣", "99999999999999999999", "1,2", "%00"]
    )
    def test_a_bad_limit(self, api: Api, value: str) -> None:
        refused(api.poll(query=f"limit={value}"), 400, "invalid_parameter", ("limit", "invalid"))

    @pytest.mark.parametrize("value", ["x", "1", "%00", "ey.J.x", "a" * 5000, "%F0%9F%98%80"])
    def test_a_bad_cursor(self, api: Api, value: str) -> None:
        refused(api.poll(query=f"cursor={value}"), 400, "invalid_parameter", ("cursor", "invalid"))


class TestMode:
    """Zapier mode: by what the client calls itself, or by name; a name wins."""

    @pytest.mark.parametrize(
        ("agent", "query", "zapier"),
        [
            (None, "", False),
            ("", "", False),
            ("Zapier", "", True),
            ("Zapier/1.0", "", True),
            ("ZapierBot", "", True),
            ("zapier", "", False),
            ("Mozilla Zapier", "", False),
            ("zapier-platform-core/19.1.0", "", False),
            ("curl/8", "mode=zapier", True),
            (None, "MODE=zapier", True),
            ("Zapier", "mode=plain", False),
            ("Zapier", "mode=zapier", True),
            ("Zapier", "mode=zapier&username=x&password=y", True),
            ("Zapier", "username=x&password=y", True),
            (None, "username=x&password=y", False),
        ],
    )
    def test_which(self, api: Api, site: Site, agent: str | None, query: str, zapier: bool) -> None:
        site.lead()
        [item] = api.poll(query=query, User_Agent=agent).json()
        assert ("id" in item) is zapier

    def test_named_or_not_the_answer_is_the_same(self, api: Api, site: Site) -> None:
        site.lead(3 * DAY)
        site.lead()
        by_agent = api.zapier()
        by_name = api.poll(query="mode=zapier&username=x&password=y")
        assert by_agent.content == by_name.content
        assert api.poll(query="mode=plain", User_Agent="Zapier").content == api.poll().content

    @pytest.mark.parametrize("name", ["mode", "values"])
    @pytest.mark.parametrize("value", ["", "Zapier", "TYPED", "other", "zapier ", "zapier,plain", "%00", "null"])
    def test_what_is_unknown_is_refused(self, api: Api, name: str, value: str) -> None:
        error = refused(api.poll(query=f"{name}={value}"), 400, "invalid_parameter", (name, "invalid"))
        assert ("plain" if name == "mode" else "typed") in error["message"]
        refused(api.zapier(query=f"{name}={value}"), 400, "invalid_parameter", (name, "invalid"))

    @pytest.mark.parametrize("query", ["limit=5", "cursor=x", "limit=10000", "limit=5&cursor=x"])
    def test_zapier_reads_one_page(self, api: Api, query: str) -> None:
        for answer in (api.zapier(query=query), api.poll(query=f"mode=zapier&{query}")):
            refused(answer, 400, "invalid_parameter")


class TestZapier:
    def test_the_last_week_newest_first(self, api: Api, site: Site) -> None:
        old = site.lead(30 * DAY, Company="Old")
        site.lead(8 * DAY, Company="Gone")
        site.lead(6 * DAY, Company="Aged")
        site.lead(DAY, Company="Zulu")
        site.do("UpdateLead", old.record, MS, Summary="back")
        site.lead(Company="New")
        assert companies(api.zapier()) == ["New", "Old", "Zulu", "Aged"]

    def test_the_keys(self, api: Api, site: Site) -> None:
        site.lead()
        assert list(api.zapier().json()[0]) == [*layout("ViewAllRecords"), *SYSTEM, *ZAPIER]

    def test_what_zapier_needs(self, api: Api, site: Site) -> None:
        made = site.lead(DAY)
        [item] = api.zapier().json()
        assert item["id"] == item["lastSubmissionID"] == made.submission and type(item["id"]) is int
        assert item["IsNew"] is True and item["LastOperation"] == "CaptureLead"
        edited = site.do("UpdateLead", made.record, Company="B")
        [item] = api.zapier().json()
        assert item["id"] == item["lastSubmissionID"] == edited.submission > made.submission
        assert item["IsNew"] is False and item["LastOperation"] == "UpdateLead"

    def test_times_have_an_offset_in_both_formats(self, api: Api, site: Site) -> None:
        made = site.lead(DAY)
        site.do("UpdateLead", made.record, Company="B")
        for values in ("flowfinity", "typed"):
            [item] = api.zapier(query=f"values={values}").json()
            assert item["CreatedOn"] == "2026-11-23T12:00:00.500+00:00"
            assert item["LastModifiedOn"] == "2026-11-24T12:00:00.500+00:00"

    def test_the_window_to_the_millisecond(self, api: Api, site: Site, time: Clock) -> None:
        site.lead(7 * DAY + MS, Company="Just out")
        site.lead(7 * DAY, Company="Just in")
        site.lead(7 * DAY - MS, Company="In")
        assert companies(api.zapier()) == ["In", "Just in"]
        time.now += MS
        assert companies(api.zapier()) == ["In"]
        time.now += MS
        assert companies(api.zapier()) == []

    def test_just_before_the_window_moves_on(self, api: Api, site: Site, time: Clock) -> None:
        site.lead(7 * DAY + MS, Company="Just out")
        time.now -= MS
        assert companies(api.zapier()) == ["Just out"]

    def test_ties_in_time_go_by_the_number(self, api: Api, site: Site) -> None:
        numbers = [site.lead().submission for _ in range(20)]
        answer = [item["id"] for item in api.zapier().json()]
        assert answer == sorted(numbers, reverse=True)
        assert len({item["LastModifiedOn"] for item in api.zapier().json()}) == 1

    def test_ids_are_unique_and_descend_with_time(self, api: Api, site: Site) -> None:
        chance = random.Random(1)
        leads = [site.lead(9 * DAY).record for _ in range(15)]
        for step in range(60, 0, -1):
            site.do("UpdateLead", chance.choice(leads), step * 4 * dt.timedelta(hours=1), Summary=f"step {step}")
        items = api.zapier().json()
        numbers = [item["id"] for item in items]
        assert numbers == sorted(set(numbers), reverse=True)
        assert [item["LastModifiedOn"] for item in items] == sorted((i["LastModifiedOn"] for i in items), reverse=True)

    def test_two_polls_with_nothing_between_are_the_same(self, api: Api, site: Site) -> None:
        for _ in range(3):
            site.lead(DAY)
        assert api.zapier().content == api.zapier().content

    def test_a_deleted_record_is_nowhere(self, api: Api, site: Site) -> None:
        kept, lost = site.lead(DAY, Rating="Hot"), site.lead(DAY, Rating="Hot")
        site.do("DeleteLead", lost.record)
        for view in ("ViewAllRecords", "SearchLeads", "HotLeads", "Synchronize"):
            for answer in (
                api.poll(view),
                api.zapier(view),
                api.get(f"/api/apps/LeadRegistration/views/{view}/sample"),
            ):
                assert [item["RecordID"] for item in answer.json()] == [f"{kept.record:09d}"]

    def test_the_views_filter_and_parameters_stay(self, api: Api, site: Site) -> None:
        site.lead(20 * DAY, Company="Old", Rating="Hot")
        site.lead(2 * DAY, Company="Hot one", Rating="Hot", TotalValue=1)
        site.lead(DAY, Company="Cold one", Rating="Cold")
        site.lead(Company="Hot two", Rating="Hot", TotalValue=100)
        assert companies(api.zapier("HotLeads")) == ["Hot two", "Hot one"]
        assert companies(api.zapier("SearchLeads", {"Rating": "Cold"})) == ["Cold one"]
        assert companies(api.zapier("Synchronize", {"PreviousLastSubmissionId": 1 << 40})) == []

    def test_a_record_that_leaves_the_filter_leaves_the_answer(self, api: Api, site: Site) -> None:
        lead = site.lead(DAY, Rating="Hot")
        assert len(api.zapier("HotLeads").json()) == 1
        site.do("UpdateLead", lead.record, Rating="Cold")
        assert api.zapier("HotLeads").json() == []

    def test_an_edit_that_changes_nothing_shows_nothing_new(self, api: Api, site: Site) -> None:
        lead = site.lead(DAY)
        before = api.zapier().content
        site.do("UpdateLead", lead.record, Company="Acme")
        assert api.zapier().content == before


class TestLookback:
    def test_the_sites(self, api: Api, site: Site) -> None:
        site.lead(2 * DAY)
        assert len(api.zapier().json()) == 1
        site.surface(lookback_days=1)
        assert api.zapier().json() == []

    def test_a_views_own(self, api: Api, site: Site) -> None:
        site.lead(9 * DAY, Rating="Hot")
        site.access("HotLeads", lookback_days=10)
        assert len(api.zapier("HotLeads").json()) == 1
        assert api.zapier().json() == []
        site.surface(lookback_days=30)
        site.access("HotLeads", lookback_days=1)
        assert api.zapier("HotLeads").json() == []
        assert len(api.zapier().json()) == 1

    def test_the_start_never_moves_back(self, api: Api, site: Site, time: Clock) -> None:
        """Widened from 7 to 30 days, the window grows forward from where it stood."""
        site.lead(10 * DAY, Company="Before")
        site.lead(6 * DAY, Company="Within")
        start = NOW - 7 * DAY
        site.surface(lookback_days=30, floor_ms=round(start.timestamp() * 1000))
        assert companies(api.zapier()) == ["Within"]
        time.now += 20 * DAY
        assert companies(api.zapier()) == ["Within"]
        time.now += 5 * DAY
        assert companies(api.zapier()) == []

    def test_it_concerns_zapier_only(self, api: Api, site: Site) -> None:
        site.lead(300 * DAY)
        site.surface(lookback_days=1, floor_ms=round(NOW.timestamp() * 1000))
        assert len(api.poll().json()) == 1


FIELDS: dict[str, Any] = {
    "Text": "text",
    "Lines": "multiline",
    "Phone": "phone",
    "Mail": "email",
    "Link": "url",
    "Count": "number",
    "Price": {"type": "currency", "currency": "EUR"},
    "Done": "yesno",
    "Day": "date",
    "At": "datetime",
    "One": {"type": "single", "choices": ["Energy", "Mining"]},
    "Many": {"type": "multiple", "choices": ["A", "B", "C"]},
}
SENT: dict[str, Any] = {
    "Text": "“Zoë” <&> 😀",
    "Lines": "one\r\ntwo\n\tthree",
    "Phone": "555-7777",
    "Mail": "jsmith@example.com",
    "Link": "https://www.example.com/a?b=c",
    "Count": "0025.50",
    "Price": 1e3,
    "Done": True,
    "Day": "2019-09-06",
    "At": "2020-09-06T06:37:31.120+02:00",
    "One": "Energy",
    "Many": ["B", "A", "B"],
}
SHOWN: dict[str, dict[str, Any]] = {
    "flowfinity": {
        "Text": "“Zoë” <&> 😀",
        "Lines": "one\r\ntwo\n\tthree",
        "Phone": "555-7777",
        "Mail": "jsmith@example.com",
        "Link": "https://www.example.com/a?b=c",
        "Count": "25.5",
        "Price": "1000",
        "Done": {"Selection": ["Yes"]},
        "Day": "2019-09-06T00:00:00.000",
        "At": "2020-09-06T04:37:31.120",
        "One": {"Selection": "Energy"},
        "Many": {"Selection": ["A", "B"]},
    },
    "typed": {
        "Text": "“Zoë” <&> 😀",
        "Lines": "one\r\ntwo\n\tthree",
        "Phone": "555-7777",
        "Mail": "jsmith@example.com",
        "Link": "https://www.example.com/a?b=c",
        "Count": 25.5,
        "Price": 1000,
        "Done": True,
        "Day": "2019-09-06",
        "At": "2020-09-06T04:37:31.120Z",
        "One": "Energy",
        "Many": ["A", "B"],
    },
}
EMPTY: dict[str, dict[str, Any]] = {
    "flowfinity": {
        "Text": "",
        "Lines": "",
        "Phone": "",
        "Mail": "",
        "Link": "",
        "Count": None,
        "Price": None,
        "Done": {"Selection": []},
        "Day": None,
        "At": None,
        "One": {"Selection": None},
        "Many": {"Selection": []},
    },
    "typed": {
        "Text": "",
        "Lines": "",
        "Phone": "",
        "Mail": "",
        "Link": "",
        "Count": None,
        "Price": None,
        "Done": False,
        "Day": None,
        "At": None,
        "One": None,
        "Many": [],
    },
}
THINGS = "/api/apps/Things/views/ViewAllRecords"


class TestFormats:
    @pytest.mark.parametrize("values", ["flowfinity", "typed"])
    def test_cell_by_cell(self, api: Api, site: Site, values: str) -> None:
        app = builders.make_app(FIELDS)
        site.open(app)
        builders.do(site.sam, app, "Make", **SENT)
        builders.do(site.sam, app, "Make")
        builders.do(site.sam, app, "Make", **dict.fromkeys(FIELDS))
        for query in (f"values={values}", f"VALUES={values}&mode=zapier"):
            full, empty, nulls = sorted(api.get(f"{THINGS}?{query}").json(), key=lambda item: item["RecordID"])
            for name in FIELDS:
                assert full[name] == SHOWN[values][name] and type(full[name]) is type(SHOWN[values][name]), name
                assert empty[name] == EMPTY[values][name] and type(empty[name]) is type(EMPTY[values][name]), name
                assert nulls[name] == empty[name], name
            assert list(full)[: len(FIELDS)] == list(FIELDS)

    def test_the_views_format_rules_until_another_is_asked_for(self, api: Api, site: Site) -> None:
        site.lead(EmployeeCount=25)
        assert api.poll().json()[0]["EmployeeCount"] == "25"
        site.access(format="typed")
        assert api.poll().json()[0]["EmployeeCount"] == 25
        assert api.zapier().json()[0]["EmployeeCount"] == 25
        assert api.poll(query="values=flowfinity").json()[0]["EmployeeCount"] == "25"

    @pytest.mark.parametrize(
        ("sent", "flowfinity", "typed"),
        [
            (0, "0", 0),
            (-0.0, "0", 0),
            ("-12", "-12", -12),
            (0.1, "0.1", 0.1),
            ("1e3", "1000", 1000),
            ("1E-7", "0.0000001", 1e-7),
            (1e15, "1000000000000000", 10**15),
            (123456789012345, "123456789012345", 123456789012345),
            ("0.000123456789012345", "0.000123456789012345", 0.000123456789012345),
            (1e22, "10000000000000000000000", 1e22),
            ("100.00", "100", 100),
        ],
    )
    def test_numbers(self, api: Api, site: Site, sent: Any, flowfinity: str, typed: Any) -> None:
        site.lead(TotalValue=sent)
        assert api.poll().json()[0]["TotalValue"] == flowfinity
        assert api.poll(query="values=typed").json()[0]["TotalValue"] == typed

    @override_settings(TIME_ZONE="Europe/Berlin")
    def test_in_another_zone(self, api: Api, site: Site) -> None:
        app = builders.make_app({"At": "datetime", "Day": "date"})
        site.open(app)
        builders.do(site.sam, app, "Make", At="2020-09-06T06:37:31.120", Day="2019-09-06")
        builders.do(site.sam, app, "Make", At="2020-12-06T23:30:00Z")
        summer, winter = api.get(f"{THINGS}?values=flowfinity").json()
        assert (summer["At"], winter["At"]) == ("2020-09-06T06:37:31.120", "2020-12-07T00:30:00.000")
        assert summer["Day"] == "2019-09-06T00:00:00.000"
        assert summer["CreatedOn"] == summer["LastModifiedOn"] == "2026-11-24T13:00:00.500"
        summer, winter = api.get(f"{THINGS}?values=typed").json()
        assert (summer["At"], winter["At"]) == ("2020-09-06T04:37:31.120Z", "2020-12-06T23:30:00.000Z")
        assert summer["Day"] == "2019-09-06"
        assert summer["CreatedOn"] == "2026-11-24T12:00:00.500Z"
        for values in ("flowfinity", "typed"):
            item = api.get(f"{THINGS}?mode=zapier&values={values}").json()[1]
            assert item["LastModifiedOn"] == item["CreatedOn"] == "2026-11-24T13:00:00.500+01:00"

    @override_settings(TIME_ZONE="Europe/Berlin")
    def test_an_hour_that_occurs_twice_and_one_that_is_skipped(self, api: Api, site: Site) -> None:
        app = builders.make_app({"At": "datetime"})
        site.open(app)
        make = "/api/apps/Things/operations/Make"
        assert api.post(make, {"At": "2020-10-25T02:30:00"}).status_code == 200
        refused(api.post(make, {"At": "2020-03-29T02:30:00"}), 422, "invalid_fields", ("At", "invalid"))
        [item] = api.get(f"{THINGS}?values=typed").json()
        assert item["At"] == "2020-10-25T00:30:00.000Z"


class TestParameters:
    @pytest.fixture
    def leads(self, site: Site) -> Site:
        site.lead(DAY, Company="Acme Energy", Rating="Hot", Industry="Energy", TotalValue=100, CallbackRequested=True)
        site.lead(DAY, Company="acme mining", Rating="Cold", Industry="Mining", TotalValue=50)
        site.lead(DAY, Company="Müller", Rating="Hot", Industry="Mining", TotalValue=99.5)
        site.lead(DAY, Company="100%_sure", Rating="Warm")
        return site

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["100%_sure", "Acme Energy", "acme mining", "Müller"]),
            ("Company=ACME", ["Acme Energy", "acme mining"]),
            ("company=acme&COMPANYX=1", ["Acme Energy", "acme mining"]),
            ("Company=m%C3%9Cl", ["Müller"]),
            ("Company=%25_", ["100%_sure"]),
            ("Company=_", ["100%_sure"]),
            ("Rating=Hot", ["Acme Energy", "Müller"]),
            ("RATING=Hot&industry=Mining", ["Müller"]),
            ("MinimumValue=99.5", ["Acme Energy", "Müller"]),
            ("MinimumValue=99.50", ["Acme Energy", "Müller"]),
            ("MinimumValue=1e2", ["Acme Energy"]),
            ("MinimumValue=100.01", []),
            ("MinimumValue=-1", ["Acme Energy", "acme mining", "Müller"]),
            ("CallbackRequested=yes", ["Acme Energy"]),
            ("CallbackRequested=TRUE", ["Acme Energy"]),
            ("CallbackRequested=1", ["Acme Energy"]),
            ("CallbackRequested=no", ["100%_sure", "acme mining", "Müller"]),
            ("CallbackRequested=false&Rating=Hot", ["Müller"]),
            (
                "Company=&Rating=&Industry=&MinimumValue=&CallbackRequested=",
                ["100%_sure", "Acme Energy", "acme mining", "Müller"],
            ),
            ("Company=&Rating=Cold", ["acme mining"]),
            ("LastName=Jones&Summary=x&RecordID=000000001", ["100%_sure", "Acme Energy", "acme mining", "Müller"]),
            ("username=a&username=b&password=c&password=d&Rating=Cold", ["acme mining"]),
            ("format=xml&format=json&x[]=1&x[]=2&&==&after=9&Rating=Cold", ["acme mining"]),
            ("Rating=Cold#Rating=Hot", ["acme mining"]),
        ],
    )
    def test_the_views_parameters(self, api: Api, leads: Site, query: str, found: list[str]) -> None:
        assert companies(api.poll("SearchLeads", query)) == found
        assert sorted(companies(api.zapier("SearchLeads", query))) == sorted(found)

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("Rating=hot", "Rating"),
            ("Rating=Boiling", "Rating"),
            ("rating=%00", "Rating"),
            ("Company=%00", "Company"),
            ("Company=" + "x" * 1001, "Company"),
            ("MinimumValue=many", "MinimumValue"),
            ("MinimumValue=NaN", "MinimumValue"),
            ("MinimumValue=Infinity", "MinimumValue"),
            ("MinimumValue=1,000", "MinimumValue"),
            ("MinimumValue=1e9999", "MinimumValue"),
            ("MinimumValue=1234567890.1234567", "MinimumValue"),
            ("MinimumValue=٣", "MinimumValue"),
            ("MinimumValue=true", "MinimumValue"),
            ("CallbackRequested=maybe", "CallbackRequested"),
            ("CallbackRequested=2", "CallbackRequested"),
        ],
    )
    def test_a_bad_value(self, api: Api, leads: Site, query: str, name: str) -> None:
        for answer in (api.poll("SearchLeads", query), api.zapier("SearchLeads", query)):
            refused(answer, 400, "invalid_parameter", (name, "invalid"))

    @pytest.mark.parametrize(
        "query",
        [
            "Rating=Hot&Rating=Hot",
            "Rating=Hot&rating=Cold",
            "Rating=&Rating=",
            "mode=plain&MODE=plain",
            "values=typed&values=typed",
            "client=a&client=b",
            "limit=1&Limit=1",
            "cursor=a&cursor=a",
        ],
    )
    def test_twice(self, api: Api, leads: Site, query: str) -> None:
        error = refused(api.poll("SearchLeads", query), 400, "invalid_parameter")
        assert error["fields"][0]["field"].lower() == query.partition("=")[0].lower()

    @pytest.mark.parametrize("value", ["1.5", "-0.5", "x", "1e30"])
    def test_a_whole_number_is_whole(self, api: Api, leads: Site, value: str) -> None:
        answer = api.poll("Synchronize", {"PreviousLastSubmissionId": value})
        refused(answer, 400, "invalid_parameter", ("PreviousLastSubmissionId", "invalid"))

    @pytest.mark.parametrize("client", ["", "a", "Zap 12 – Acme", "x" * 64])
    def test_a_client_names_itself_and_filters_nothing(self, api: Api, leads: Site, client: str) -> None:
        assert len(api.zapier(query={"client": client}).json()) == 4

    @pytest.mark.parametrize("client", ["x" * 65, "a\nb", "\x00"])
    def test_a_client_that_is_no_name(self, api: Api, leads: Site, client: str) -> None:
        refused(api.poll(query={"client": client}), 400, "invalid_parameter", ("client", "invalid"))

    def test_a_parameter_of_each_type(self, api: Api, site: Site) -> None:
        operators = {
            "Text": "is",
            "Lines": "contains",
            "Phone": "starts_with",
            "Mail": "is",
            "Link": "is",
            "Count": "is",
            "Price": "at_most",
            "Done": "is",
            "Day": "is",
            "At": "on_or_after",
            "One": "is",
            "Many": "includes",
        }
        parameters = [
            {"name": f"P{name}", "label": name, **({"type": kind} if isinstance(kind, str) else kind)}
            for name, kind in FIELDS.items()
        ]
        conditions = [{"field": f, "operator": o, "parameter": f"P{f}"} for f, o in operators.items()]
        view = {
            "name": "Ask",
            "label": "Ask",
            "columns": list(FIELDS),
            "filter": {"all": conditions},
            "parameters": parameters,
        }
        app = builders.make_app(FIELDS, views=[view])
        site.open(app)
        builders.do(site.sam, app, "Make", **SENT)
        asked = {
            "PText": "“zoë” <&> 😀",
            "PLines": "TWO",
            "PPhone": "555",
            "PMail": "JSmith@example.com",
            "PCount": "25.5",
            "PLink": "https://www.example.com/a?b=c",
            "PPrice": "1000.00",
            "PDone": "yes",
            "PDay": "2019-09-06",
            "PAt": "2020-09-06T04:37:31.120",
            "POne": "Energy",
            "PMany": "A",
        }
        other = {
            "PText": "other",
            "PLines": "four",
            "PPhone": "666",
            "PMail": "x@example.com",
            "PCount": "25",
            "PDone": "no",
            "PLink": "https://example.com",
            "PPrice": "999",
            "PDay": "2019-09-07",
            "PAt": "2020-09-06T04:37:31.121Z",
            "POne": "Mining",
            "PMany": "C",
        }
        bad = {
            "PCount": "x",
            "PPrice": "€5",
            "PDone": "x",
            "PDay": "2019-02-30",
            "PAt": "yesterday",
            "POne": "x",
            "PMany": "A,B",
        }
        address = "/api/apps/Things/views/Ask"
        for name in asked:
            for value, found in ((asked[name], 1), (other[name], 0), ("", 1)):
                answer = api.client.get(address, {name.upper(): value}, headers={"Authorization": api.authorization})
                assert len(answer.json()) == found, (name, value)
        for name, value in bad.items():
            answer = api.client.get(address, {name: value}, headers={"Authorization": api.authorization})
            refused(answer, 400, "invalid_parameter", (name, "invalid"))
        answer = api.client.get(address, asked, headers={"Authorization": api.authorization})
        assert len(answer.json()) == 1

    def test_what_is_asked_is_in_no_log(self, api: Api, leads: Site, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        for view, query in (
            ("SearchLeads", "Company=private"),
            ("Nothing", "password=letmein"),
            ("SearchLeads", "Rating=hush"),
        ):
            api.poll(view, query)
        for word in ("private", "letmein", "hush", "secret"):
            assert not any(
                word in record.getMessage() for record in caplog.records if record.name != "django.db.backends"
            )


class TestSynchronize:
    def test_who_follows_by_the_last_number_misses_nothing(self, api: Api, site: Site) -> None:
        chance = random.Random(7)
        last, seen, told = 0, {}, 0
        records: list[int] = []
        for round in range(12):
            for _ in range(chance.randrange(0, 6)):
                if records and chance.random() < 0.5:
                    site.do("UpdateLead", chance.choice(records), Summary=f"round {round}, {chance.random()}")
                else:
                    records.append(site.lead().record)
            items = api.poll("Synchronize", {"PreviousLastSubmissionId": last, "limit": 100}).json()
            numbers = [item["lastSubmissionID"] for item in items]
            assert numbers == sorted(set(numbers)) and all(number > last for number in numbers)
            for item in items:
                seen[item["RecordID"]] = item["lastSubmissionID"]
                last = item["lastSubmissionID"]
                told += 1
        assert {int(key): number for key, number in seen.items()} == dict(
            Record.objects.values_list("pk", "last_submission_id")
        )
        assert told >= len(records) > 0
        assert api.poll("Synchronize", {"PreviousLastSubmissionId": last}).json() == []

    def test_greater_than_is_strict(self, api: Api, site: Site) -> None:
        first, second = site.lead().submission, site.lead().submission
        answer = api.poll("Synchronize", {"previouslastsubmissionid": first})
        assert [item["lastSubmissionID"] for item in answer.json()] == [second]

    def test_from_the_start(self, api: Api, site: Site) -> None:
        numbers = [site.lead().submission for _ in range(3)]
        for query in ("", "PreviousLastSubmissionId=", "PreviousLastSubmissionId=0", "PreviousLastSubmissionId=-1"):
            assert [item["lastSubmissionID"] for item in api.poll("Synchronize", query).json()] == numbers


class TestSize:
    def test_five_megabytes_are_cut_at_the_oldest_end(self, api: Api, site: Site) -> None:
        numbers = [site.lead(DAY, Summary="é" * 50_000).submission for _ in range(55)]
        answer = api.zapier()
        ids = [item["id"] for item in answer.json()]
        assert len(answer.content) <= MOST
        assert MOST - len(answer.content) < 110_000
        assert ids == sorted(numbers, reverse=True)[: len(ids)] and len(ids) < 55
        assert "5000000" in answer["X-Flowfinity-Cut"]
        assert "X-Flowfinity-Cut" not in api.poll()
        assert len(api.poll().json()) == 55

    def test_from_four_it_warns(self, api: Api, site: Site) -> None:
        for _ in range(39):
            site.lead(DAY, Summary="é" * 50_000)
        answer = api.zapier()
        assert "X-Flowfinity-Warning" not in answer and "X-Flowfinity-Cut" not in answer
        for _ in range(3):
            site.lead(DAY, Summary="é" * 50_000)
        answer = api.zapier()
        assert "X-Flowfinity-Warning" in answer and "X-Flowfinity-Cut" not in answer
        assert len(answer.json()) == 42


class TestHeaders:
    def test_freshness(self, api: Api, site: Site) -> None:
        for path in ("/api", "/api/apps/LeadRegistration/views/ViewAllRecords"):
            answer = api.get(path)
            assert answer["Cache-Control"] == "private, no-cache"
            assert {"User-Agent", "Authorization"} <= {part.strip() for part in answer["Vary"].split(",")}
        assert "no-store" in api.poll("Nothing")["Cache-Control"]

    def test_gzip_on_request(self, api: Api, site: Site) -> None:
        for _ in range(20):
            site.lead(DAY)
        plain, squeezed = api.poll(), api.poll(Accept_Encoding="gzip,deflate")
        assert "Content-Encoding" not in plain
        assert squeezed["Content-Encoding"] == "gzip"
        assert gzip.decompress(squeezed.content) == plain.content
        assert squeezed["Content-Length"] == str(len(squeezed.content)) and len(squeezed.content) < len(plain.content)
        assert plain["Vary"] == squeezed["Vary"] == api.poll(If_None_Match=plain["ETag"])["Vary"]
        assert "Accept-Encoding" in plain["Vary"]
        assert "Content-Encoding" in api.poll(Accept_Encoding="br, GZIP; q=0.5")
        for encoding in ("deflate", "identity", "br", "gzip;q=0", "br, gzip; q=0.000", "notgzip"):
            assert "Content-Encoding" not in api.poll(Accept_Encoding=encoding)

    def test_nothing_is_not_modified_unasked(self, api: Api, site: Site) -> None:
        site.lead()
        assert [api.zapier().status_code for _ in range(3)] == [200, 200, 200]


class TestRecorded:
    """What Zapier really sends."""

    @pytest.mark.parametrize("name", ["poll", "trigger_test", "authentication_test", "create"])
    def test_it_is_answered(self, site: Site, time: Clock, name: str) -> None:
        site.lead(DAY)
        request = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        headers = {**recorded(name), "authorization": request["headers"]["authorization"]}
        assert headers["authorization"] == basic("restuser", "secret")
        data = json.dumps(request["body"]).encode() if "body" in request else b""
        answer = Api().client.generic(request["method"], request["path"], data, headers=headers)
        assert answer.status_code == 200
        body = json.loads(gzip.decompress(answer.content) if answer.get("Content-Encoding") else answer.content)
        if name in {"poll", "trigger_test"}:
            assert isinstance(body, list) and type(body[0]["id"]) is int
        else:
            assert isinstance(body, dict)


class TestCost:
    def test_a_poll_takes_two_queries(self, api: Api, site: Site) -> None:
        for _ in range(5):
            site.lead(DAY)
        # The first poll of a client makes its row in the poll log; within a minute nothing more is written there.
        for query in ("mode=zapier", "mode=plain"):
            api.poll(query=query), api.poll("SearchLeads", query)
        answers.answers = answers.Answers()
        with builders.counted_queries("poll in Zapier mode"):
            assert len(api.zapier().json()) == 5
        with builders.counted_queries("poll in plain mode"):
            assert len(api.poll().json()) == 5
        with builders.counted_queries("poll with parameters"):
            assert len(api.zapier("SearchLeads", {"Company": "Acme"}).json()) == 5

    def test_their_number_does_not_grow_with_records(self, api: Api, site: Site) -> None:
        for _ in range(150):
            site.lead(DAY)
        api.zapier()
        answers.answers = answers.Answers()
        with builders.counted_queries("poll in Zapier mode"):
            assert len(api.zapier().json()) == 150


class TestFieldsAndSample:
    def test_fields(self, api: Api, site: Site) -> None:
        answer = api.get("/api/apps/LeadRegistration/views/SearchLeads/fields").json()
        assert set(answer) == {"fields", "parameters"}
        site.lead()
        shown = list(api.poll("SearchLeads").json()[0])
        assert [field["key"] for field in answer["fields"]][: len(shown)] == shown
        by_key = {field["key"]: field for field in answer["fields"]}
        assert by_key["Company"] == {
            "key": "Company",
            "label": "Company",
            "type": "text",
            "required": True,
            "choices": [],
        }
        assert by_key["Rating"]["choices"] == ["Hot", "Warm", "Cold"]
        assert [p["key"] for p in answer["parameters"]] == [
            "Company",
            "Rating",
            "Industry",
            "MinimumValue",
            "CallbackRequested",
        ]
        assert answer["parameters"][1]["choices"] == ["Hot", "Warm", "Cold"]

    def test_a_link_names_the_app_whose_records_it_names(self, api: Api, site: Site) -> None:
        fields = {"Lead": {"type": "link", "app": "LeadRegistration"}, "Note": "text"}
        view = {
            "name": "All",
            "label": "All",
            "columns": ["Lead", "Note"],
            "filter": {"field": "Lead", "operator": "is", "parameter": "Lead"},
            "parameters": [{"name": "Lead", "label": "Lead", "type": "link", "app": "LeadRegistration"}],
        }
        site.open(builders.make_app(fields, views=[view]))
        answer = api.get("/api/apps/Things/views/All/fields").json()
        link = {"key": "Lead", "label": "Lead", "type": "link", "choices": [], "app": "LeadRegistration"}
        assert answer["fields"][0] == {**link, "required": False}
        assert answer["parameters"] == [{**link, "required": False}]
        assert "app" not in answer["fields"][1]

    def test_a_sample_without_records_has_the_zapier_shape(self, api: Api, site: Site) -> None:
        for view in ("ViewAllRecords", "HotLeads"):
            made_up = api.get(f"/api/apps/LeadRegistration/views/{view}/sample").json()
            assert 1 <= len(made_up) <= 3
            site.lead(Rating="Hot")
            real = api.zapier(view).json()[0]
            for item in made_up:
                assert list(item) == list(real)
                assert type(item["id"]) is int and item["id"] == item["lastSubmissionID"]
                assert isinstance(item["IsNew"], bool)
            builders.do(site.sam, site.app, "DeleteLead", int(real["RecordID"]))

    def test_a_sample_shows_old_records_too(self, api: Api, site: Site) -> None:
        for ago in (300, 200, 100, 50):
            site.lead(ago * DAY, Company=f"{ago} days ago")
        answer = api.get("/api/apps/LeadRegistration/views/ViewAllRecords/sample")
        assert companies(answer) == ["50 days ago", "100 days ago", "200 days ago"]

    def test_a_samples_format(self, api: Api, site: Site) -> None:
        for _ in range(2):
            answer = api.get("/api/apps/LeadRegistration/views/ViewAllRecords/sample?values=typed").json()
            assert isinstance(answer[0]["EmployeeCount"], int) and isinstance(answer[0]["CallbackRequested"], bool)
            site.lead(EmployeeCount=25)

    def test_a_sample_refuses_what_a_poll_refuses(self, api: Api, site: Site) -> None:
        refused(api.get("/api/apps/LeadRegistration/views/ViewAllRecords/sample?values=x"), 400, "invalid_parameter")


def test_a_link_repeats_what_its_own_reader_asked(api: Api, site: Site) -> None:
    """The answer is kept for all who ask the same; what one of them calls itself is nobody else's business."""
    for number in range(3):
        site.lead(Company=f"Company {number}")
    first = api.poll(query="mode=plain&limit=2&client=ann")
    second = api.poll(query="mode=plain&limit=2&client=ben")
    assert "client=ann" in first["Link"] and "client=ben" in second["Link"] and "ann" not in second["Link"]
    third = api.poll(view="VIEWALLRECORDS", query="mode=plain&limit=2")
    assert "client" not in third["Link"] and "/VIEWALLRECORDS?" in third["Link"]


def test_a_line_break_in_an_address_tells_a_stranger_no_more(api: Api, site: Site) -> None:
    assert api.get("/api/nothing%0a", Authorization=None).status_code == 401
    assert api.get("/api/nothing%0a").json()["error"]["code"] == "not_found"


def test_a_feed_is_compressed_for_who_takes_it(api: Api, site: Site) -> None:
    with configuring():
        RestAccess.objects.create(feed_of=site.app)
        site.role.feeds.add(site.app)
    for number in range(5):
        site.lead(Company=f"Company {number}")
    plain = api.get("/api/apps/LeadRegistration/submissions")
    packed = api.get("/api/apps/LeadRegistration/submissions", Accept_Encoding="gzip")
    assert packed["Content-Encoding"] == "gzip" and gzip.decompress(packed.content) == plain.content
    assert "Accept-Encoding" in plain["Vary"] and "Content-Encoding" not in plain
