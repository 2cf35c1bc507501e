"""Pages of the workspace: who sees what, and that nothing is written twice, over others, or for no reason."""

from __future__ import annotations

import datetime as dt
import io
import re
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from flowfinity import clock
from flowfinity.models import App, Record, Role, Submission, Transaction, User, configuring
from flowfinity.submissions import Call, submit
from tests.builders import call, counted_queries, do, integration, make_app, make_leads, person, values_of
from tests.test_query import many

pytestmark = pytest.mark.django_db

LEAD = {"Company": "ABC Inc", "LastName": "Smith", "Rating": "Warm", "TotalValue": "99"}


def give(user: User, app: App, views: Iterable[str] = (), operations: Iterable[str] = ()) -> Role:
    """A role of the user's with these views and operations of the app."""
    role = Role.objects.create(name=secrets.token_hex(4))
    role.views.add(*app.views.filter(name__in=views))
    role.operations.add(*app.operations.filter(name__in=operations))
    role.members.add(user)
    return role


@pytest.fixture
def app() -> App:
    return make_leads()


@pytest.fixture
def sam(app: App) -> User:
    user = person("sam", display_name="Sam Lowry")
    everything = app.views.values_list("name", flat=True), app.operations.values_list("name", flat=True)
    give(user, app, *everything)
    return user


@pytest.fixture
def client(sam: User) -> Client:
    return logged_in(sam)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def view_page(name: str = "ViewAllRecords", asked: str = "") -> str:
    return f"/apps/LeadRegistration/views/{name}/{asked}"


def record_page(number: int) -> str:
    return f"/apps/LeadRegistration/records/{number:09d}/"


def operation_page(name: str) -> str:
    return f"/apps/LeadRegistration/operations/{name}/"


def as_sent(page: Any, **typed: Any) -> dict[str, Any]:
    """What a browser sends for the form of a page, with what a person has typed into it."""
    form = page.context["form"]
    sent = {name: form[name].value() for name, field in form.fields.items() if not field.widget.needs_multipart_form}
    hidden = {name: page.context[name] for name in ("transaction", "expected") if name in page.context}
    return {name: value for name, value in {**sent, **hidden, **typed}.items() if value not in (None, False)}


def deletion(page: Any) -> tuple[str, dict[str, Any]]:
    """Where the page's delete button posts to, and what."""
    [delete] = [one for one in page.context["operations"] if one["kind"] == "delete"]
    return delete["url"], {"expected": page.context["expected"], "transaction": delete["transaction"]}


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def told(entry: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What an entry of the history says of fields: label, before, after."""
    return [(change["label"], change["before"].text, change["after"].text) for change in entry["changes"]]


def text_of(page: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


# Who


PAGES = [
    "/",
    "/apps/LeadRegistration/",
    view_page(),
    record_page(1),
    operation_page("CaptureLead"),
    "/password/",
]


@pytest.mark.parametrize("address", PAGES)
def test_who_has_not_logged_in_is_sent_to_the_login_page(app: App, address: str) -> None:
    answer = Client().get(address)
    assert answer.status_code == 302 and answer["Location"] == f"/login/?next={quote(address)}"


def test_logging_in_and_out(sam: User) -> None:
    client = Client()
    page = client.get("/login/")
    assert page.status_code == 200 and page.context["site"].name == settings.SITE_NAME
    assert client.post("/login/", {"username": "sam", "password": "wrong"}).status_code == 200
    assert client.post("/login/", {"username": "sam", "password": "secret"})["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_changing_the_password_keeps_one_logged_in(client: Client, sam: User) -> None:
    new = "a longer secret 42"
    sent = {"old_password": "secret", "new_password1": new, "new_password2": new}
    assert said(client.post("/password/", sent, follow=True)) == ["Your password is changed."]
    sam.refresh_from_db()
    assert sam.check_password(new)


def test_an_integration_account_cannot_log_in(app: App) -> None:
    user = integration("robot")
    give(user, app, ["ViewAllRecords"], ["CaptureLead"])
    client = Client()
    assert client.post("/login/", {"username": "robot", "password": "secret"}).status_code == 200
    assert not client.login(username="robot", password="secret")
    assert client.get("/").status_code == 302
    assert logged_in(user).get("/").status_code == 302


def test_a_session_ends_when_its_account_becomes_an_integration_or_inactive(client: Client, sam: User) -> None:
    assert client.get("/").status_code == 200
    User.objects.update(account_type=User.INTEGRATION)
    assert client.get("/").status_code == 302
    User.objects.update(account_type=User.REGULAR, is_active=False)
    assert client.get("/").status_code == 302


def test_without_a_role_there_is_nothing(app: App, sam: User) -> None:
    number = do(sam, app, "CaptureLead", **LEAD).record
    client = logged_in(person("nobody"))
    assert client.get("/").context["apps"] == []
    for address in [*PAGES[1:3], record_page(number), operation_page("CaptureLead")]:
        assert client.get(address).status_code == 404
    answer = client.post(operation_page("CaptureLead"), {**LEAD, "transaction": "x" * 20})
    assert answer.status_code == 404 and Record.objects.count() == 1


def test_a_person_sees_what_a_role_grants_and_nothing_else(app: App, sam: User) -> None:
    user = person("reader")
    give(user, app, ["HotLeads"])
    give(user, app, [], ["CaptureLead"])
    client = logged_in(user)
    [shown] = client.get("/").context["apps"]
    assert [view["label"] for view in shown["views"]] == ["Hot leads"]
    assert [capture["label"] for capture in shown["captures"]] == ["Capture lead"]
    assert client.get("/apps/LeadRegistration/")["Location"] == view_page("HotLeads")
    assert client.get("/apps/leadregistration/views/hotleads/").status_code == 200
    assert client.get(view_page()).status_code == 404
    number = do(sam, app, "CaptureLead", **LEAD).record
    page = client.get(record_page(number))
    assert page.context["readonly"] and page.context["form"] is None and not page.context["operations"]
    assert ("Total value", "$99") in [(one["label"], one["text"]) for one in page.context["values"]]
    sent = {"Company": "Mine", "transaction": "x" * 20, "expected": page.context["number"]}
    assert client.post(record_page(number), sent).status_code == 404
    assert client.post(operation_page("DeleteLead"), {**sent, "record": number}).status_code == 404
    assert values_of(number)["Company"] == "ABC Inc"


def test_who_may_only_capture_captures(app: App) -> None:
    user = person("scout")
    give(user, app, [], ["CaptureLead", "DeleteLead"])
    client = logged_in(user)
    assert client.get("/apps/LeadRegistration/")["Location"] == operation_page("CaptureLead")
    page = client.post(operation_page("CaptureLead"), as_sent(client.get(operation_page("CaptureLead")), **LEAD))
    assert page["Location"] == "/"
    made = Record.objects.get()
    assert client.get(record_page(made.pk)).status_code == 404
    sent = {"record": made.pk, "expected": made.last_submission_id, "transaction": "x" * 20}
    assert client.post(operation_page("DeleteLead"), sent).status_code == 404


def test_a_superuser_sees_everything(app: App) -> None:
    client = logged_in(User.objects.create_superuser("root", password="secret"))
    [shown] = client.get("/").context["apps"]
    assert len(shown["views"]) == 4 and client.get(operation_page("CaptureLead")).status_code == 200


def test_what_is_not_there_is_a_404(client: Client, app: App, sam: User) -> None:
    number = do(sam, app, "CaptureLead", **LEAD).record
    other = make_app({"A": "text"})
    foreign = do(sam, other, "Make", A="a").record
    addresses = [
        "/apps/Nothing/",
        view_page("Nothing"),
        record_page(number + 999),
        record_page(foreign),
        "/apps/LeadRegistration/records/1/",
        record_page(number) + "?operation=Nothing",
        record_page(number) + "?operation=CaptureLead",
        operation_page("UpdateLead"),
        operation_page("DeleteLead"),
    ]
    assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)


def test_the_page_of_a_record_can_be_named_by_the_api() -> None:
    assert reverse("record", args=["LeadRegistration", "000000012"]) == record_page(12)
    assert reverse("record", args=["LeadRegistration", 12]) == record_page(12)


@pytest.mark.parametrize(("cookie", "shown"), [("dark", 'data-theme="dark"'), ('"><b>', '<html lang="en">')])
def test_the_theme_comes_from_a_cookie(cookie: str, shown: str) -> None:
    client = Client()
    client.cookies["theme"] = cookie
    assert shown in client.get("/login/").content.decode()


# A view


def cells(page: Any, column: int = 0) -> list[str]:
    return [row["cells"][column]["text"] for row in page.context["rows"]]


def test_a_view_shows_its_records(client: Client, app: App, sam: User) -> None:
    numbers = [do(sam, app, "CaptureLead", **{**LEAD, "Company": name}).record for name in ("Zoo", "alpha", "Beta")]
    do(sam, app, "DeleteLead", numbers[2])
    page = client.get(view_page())
    assert cells(page) == ["alpha", "Zoo"] and page.context["count_text"] == "2 records"
    assert page.context["rows"][0]["url"] == record_page(numbers[1])
    headings = {column["label"]: column for column in page.context["columns"]}
    assert headings["Company"]["sorted"] == "ascending" and headings["Company"]["sort_url"].endswith("?sort=-Company")
    assert headings["Callback requested"]["sort_url"] is None and headings["Total value"]["numeric"]
    shown = dict(zip(headings, page.context["rows"][0]["cells"], strict=True))
    assert shown["Total value"]["text"] == "$99" and shown["Record ID"]["text"] == f"{numbers[1]:09d}"
    assert shown["Last modified by"]["text"] == "Sam Lowry"
    assert (shown["Rating"]["kind"], shown["Rating"]["tone"]) == ("choice", "warn")
    assert [view["label"] for view in page.context["views"] if view["current"]] == ["View all records"]


@pytest.mark.parametrize(
    ("sort", "shown"),
    [
        ("Company", ["a", "b", "c"]),
        ("-Company", ["c", "b", "a"]),
        ("TotalValue", ["b", "a", "c"]),
        ("-RecordID", ["c", "b", "a"]),
        ("-LastModifiedOn", ["c", "b", "a"]),
        ("CreatedBy", ["a", "b", "c"]),
        ("CallbackRequested", ["a", "b", "c"]),
        ("Nothing", ["a", "b", "c"]),
        ("--Company", ["a", "b", "c"]),
    ],
)
def test_a_view_is_sorted_by_a_column(
    client: Client, app: App, sam: User, monkeypatch: pytest.MonkeyPatch, sort: str, shown: list[str]
) -> None:
    begun = clock.now()
    for second, (name, value) in enumerate([("a", "20"), ("b", "9"), ("c", None)]):
        # A quick machine would make two of them within a millisecond.
        monkeypatch.setattr(clock, "now", lambda at=begun + dt.timedelta(seconds=second): at)
        do(sam, app, "CaptureLead", Company=name, LastName="L", TotalValue=value)
    assert cells(client.get(view_page(asked=f"?sort={sort}"))) == shown


def test_a_view_is_paged(client: Client, app: App, sam: User) -> None:
    capture = make_calls(app, 53)
    submit(capture, sam)
    first = client.get(view_page(asked="?sort=-Company"))
    assert len(first.context["rows"]) == 50 and first.context["count_text"] == "1–50 of 53 records"
    assert first.context["first_url"] is None
    second = client.get(first.context["next_url"])
    assert cells(second) == ["c02", "c01", "c00"] and second.context["count_text"] == "51–53 of 53 records"
    assert second.context["next_url"] is None and second.context["first_url"] == view_page(asked="?sort=-Company")


def test_a_page_goes_on_where_the_last_one_ended_whatever_came_or_went(client: Client, app: App, sam: User) -> None:
    made = submit(make_calls(app, 102), sam).results
    first = client.get(view_page())
    do(sam, app, "DeleteLead", made[0].record)
    do(sam, app, "CaptureLead", **{**LEAD, "Company": "a before all"})
    do(sam, app, "CaptureLead", **{**LEAD, "Company": "c50 between"})
    second = client.get(first.context["next_url"])
    assert [cells(first)[-1], *cells(second)[:3]] == ["c49", "c50", "c50 between", "c51"]
    assert second.context["count_text"] == "51–100 of 103 records"
    third = client.get(second.context["next_url"])
    assert cells(third) == ["c99", "d00", "d01"] and third.context["next_url"] is None


@pytest.mark.parametrize("sort", ["", "TotalValue", "-TotalValue", "-LastModifiedOn", "CreatedBy", "Rating"])
def test_every_record_is_on_one_page(client: Client, app: App, sam: User, sort: str) -> None:
    values = [{"TotalValue": number % 3 or None, "Rating": ["Hot", None][number % 2]} for number in range(120)]
    made = submit([call(app, "CaptureLead", **{**LEAD, **one}) for one in values], sam).results
    seen, address = [], view_page(asked=f"?sort={sort}" if sort else "")
    while address:
        page = client.get(address)
        seen += [row["url"] for row in page.context["rows"]]
        address = page.context["next_url"]
    assert sorted(seen) == [record_page(one.record) for one in made]


def test_a_place_in_another_list_leads_to_the_first_page(client: Client, app: App, sam: User) -> None:
    submit(make_calls(app, 53), sam)
    place = client.get(view_page()).context["next_url"].partition("?")[2]
    for asked in (f"?{place}x", "?after=x", f"?{place}&sort=-Company", "?after="):
        page = client.get(view_page(asked=asked))
        assert len(page.context["rows"]) == 50 and page.context["first_url"] is None
        assert said(page) == ([] if asked == "?after=" else ["The view has changed since, so this is its first page."])
    found = client.get(view_page("SearchLeads", "?Company=c0&MinimumValue=1"))
    assert found.context["count_text"] == "10 records"
    submit([call(app, "DeleteLead", record.pk) for record in Record.objects.order_by("-pk")[:3]], sam)
    gone = client.get(view_page(asked=f"?{place}"))
    assert gone.context["empty_text"] == "There is nothing on this page any more." and gone.context["first_url"]


# Search


def test_a_view_is_searched_in_its_text_its_choices_and_its_people(client: Client, app: App, sam: User) -> None:
    for company, last, rating in [
        ("Solar Élan", "Smith", "Hot"),
        ("Wind 100%", "Solare", "Warm"),
        ("Gas", "Ng", "Cold"),
    ]:
        do(sam, app, "CaptureLead", Company=company, LastName=last, Rating=rating)
    found = {
        asked: cells(client.get(view_page(asked=f"?q={quote(asked)}")))
        for asked in ("SOLAR", "élan", "hot", "solar warm", " gas  cold ", "100%", "0_", "x", "\0", "Sam")
    }
    assert found == {
        **{
            "SOLAR": ["Solar Élan", "Wind 100%"],
            "élan": ["Solar Élan"],
            "hot": ["Solar Élan"],
            "solar warm": ["Wind 100%"],
        },
        **{" gas  cold ": ["Gas"], "100%": ["Wind 100%"], "0_": [], "x": [], "\0": [], "Sam": []},
    }
    nothing = client.get(view_page(asked="?q=x"))
    assert nothing.context["empty_text"] == "Nothing here matches “x”." and "Show everything" in text_of(nothing)
    assert client.get(view_page(asked="?q=" + "a" * 5_000)).status_code == 200


def test_people_are_found_by_what_they_are_called(client: Client, visits: App, sam: User) -> None:
    person("kim", display_name="Kim Größe")
    do(sam, visits, "Make", Title="One", Owner="kim")
    do(sam, visits, "Make", Title="Two", Owner="sam")
    for asked in ("größe", "GRÖẞE", "GRÖSSE", "kim"):
        assert cells(client.get("/apps/Visits/views/All/", {"q": asked})) == ["One"], asked
    for asked in ("\x00", "kim\x00"):
        assert cells(client.get("/apps/Visits/views/All/", {"q": asked})) == [], "no text holds a NUL"


def found_by(client: Client, *asked: str) -> dict[str, list[str]]:
    """The companies that a search of all leads finds, by what is searched for."""
    return {words: cells(client.get(view_page(), {"q": words})) for words in asked}


def test_numbers_are_found_as_they_are_written_on_the_page_and_as_they_are_kept(
    client: Client, app: App, sam: User
) -> None:
    for company, value, employees in (
        ("A", 1200.5, 25),
        ("B", 12_000, None),
        ("C", -0.25, 7),
        ("D 1,200.50", None, 9),
        ("E 25", None, None),
    ):
        do(sam, app, "CaptureLead", **{**LEAD, "Company": company, "TotalValue": value, "EmployeeCount": employees})
    assert found_by(
        client, "1200", "1200.5", "1,200.50", "$1,200.50", "-$0.25", "12,000.", "$ 25", "1,20", "0012", "$", "$25.00"
    ) == {
        # The digits are looked for in numbers alone: no "25" in a text is meant by "$25.00".
        "$25.00": ["C"],
        **{"1200": ["A", "B"], "1200.5": ["A"], "1,200.50": ["A", "D 1,200.50"], "$1,200.50": ["A"]},
        **{"-$0.25": ["C"], "12,000.": ["B"], "$ 25": ["A", "C"], "1,20": ["D 1,200.50"], "0012": []},
        "$": ["A", "B", "C"],
    }
    User.objects.update(language="de")
    assert found_by(client, "1200,5", "1.200,50", "1200.5", "12.000", "$1.200,5", "0,25") == {
        **{"1200,5": ["A"], "1.200,50": ["A"], "1200.5": ["A"], "12.000": ["B"], "$1.200,5": ["A"], "0,25": ["C"]},
    }


def test_a_record_is_found_by_its_number(client: Client, app: App, sam: User) -> None:
    made = [do(sam, app, "CaptureLead", **{**LEAD, "Company": name}).record for name in "AB"]
    asked = [f"#{made[1]}", f"{made[1]:09d}", f"#{made[1]:09d}", str(made[1]), "#0", "#" + "9" * 30, "#1a"]
    assert list(found_by(client, *asked).values()) == [["B"], ["B"], ["B"], ["B"], [], [], []]


def test_a_word_is_found_with_sharp_s_or_without(client: Client, app: App, sam: User) -> None:
    for name in ("Ringstraße 5", "Ringstrasse 6"):
        do(sam, app, "CaptureLead", **{**LEAD, "Company": name})
    for asked in ("STRASSE", "straße", "STRAẞE", "ringstrasse"):
        assert cells(client.get(view_page(), {"q": asked})) == ["Ringstrasse 6", "Ringstraße 5"], asked


def test_a_search_is_combined_with_what_the_view_asks_and_with_its_order(client: Client, app: App, sam: User) -> None:
    for name, rating in [("Solar One", "Hot"), ("Solar Two", "Cold"), ("Solar Three", "Hot"), ("Wind", "Hot")]:
        do(sam, app, "CaptureLead", Company=name, LastName="L", Rating=rating)
    page = client.get(view_page("SearchLeads", "?q=solar&Rating=Hot&sort=-Company"))
    assert cells(page) == ["Solar Three", "Solar One"]
    sort = next(column["sort_url"] for column in page.context["columns"] if column["label"] == "Rating")
    assert sort.endswith("?q=solar&Rating=Hot&sort=Rating") and 'name="sort" value="-Company"' in page.content.decode()
    ways = page.context["sorts"]
    assert ("q", "solar") in ways["asked"] and ("Rating", "Hot") in ways["asked"] and len(ways["asked"]) == 2
    assert [way["label"] for way in ways["choices"] if way["chosen"]] == ["Company, descending"]
    wrong = client.get(view_page("SearchLeads", "?q=solar&MinimumValue=lots"))
    assert cells(wrong) == [] and wrong.context["parameters"].errors


def test_htmx_is_given_the_table_alone_unless_it_restores_a_page(client: Client, app: App, sam: User) -> None:
    do(sam, app, "CaptureLead", **LEAD)
    asked = view_page(asked="?q=abc&sort=")
    part = client.get(asked, headers={"HX-Request": "true"})
    assert part.content.decode().startswith('<div class="rowset" id="rows"') and "<html" not in part.content.decode()
    assert part["HX-Replace-Url"] == view_page(asked="?q=abc")
    # What stands elsewhere and asks the same comes with it.
    assert "export.csv?q=abc" in part.content.decode()
    whole = client.get(asked, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()
    for page in (part, whole, client.get(asked)):
        assert "HX-Request" in page["Vary"]


# Paging


@pytest.mark.parametrize("asked", ["", "?sort=TotalValue", "?sort=-TotalValue", "?sort=-LastModifiedOn", "?q=smith"])
def test_the_way_back_shows_the_same_pages(client: Client, app: App, sam: User, asked: str) -> None:
    values = [{"TotalValue": number % 7 or None, "Company": f"c{number:03d}"} for number in range(170)]
    submit([call(app, "CaptureLead", **{**LEAD, **one}) for one in values], sam)
    pages = [client.get(view_page(asked=asked))]
    while pages[-1].context["next_url"]:
        pages.append(client.get(pages[-1].context["next_url"]))
    there = [([row["url"] for row in page.context["rows"]], page.context["count_text"]) for page in pages]
    assert [count for _, count in there] == [
        *("1–50 of 170 records", "51–100 of 170 records", "101–150 of 170 records", "151–170 of 170 records")
    ]
    back = [pages[-1]]
    while back[-1].context["previous_url"]:
        back.append(client.get(back[-1].context["previous_url"]))
    assert [([row["url"] for row in page.context["rows"]], page.context["count_text"]) for page in back] == there[::-1]
    assert back[-1].context["first_url"] is None and back[-1].context["next_url"]


def test_the_way_back_ends_at_the_first_page_though_rows_have_gone(client: Client, app: App, sam: User) -> None:
    made = submit(make_calls(app, 110), sam).results
    second = client.get(client.get(view_page()).context["next_url"])
    submit([call(app, "DeleteLead", one.record) for one in made[:3]], sam)
    first = client.get(second.context["previous_url"])
    assert (cells(first)[0], cells(first)[-1]) == ("c03", "c52") and first.context["previous_url"] is None


# Plans


def plans(client: Client, address: str) -> list[str]:
    """How the database finds what a page's statements ask of records."""
    asked: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        asked.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(listen):
        assert client.get(address).status_code == 200
    told = []
    with connection.cursor() as cursor:
        for sql, parameters in asked:
            if 'FROM "flowfinity_record"' in sql:
                how = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
                cursor.execute(f"{how} {sql}", parameters)
                told.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return told


# The ways in which each database reads all records of an app, or of all apps.
ALL_RECORDS = re.compile(
    r"Seq Scan on flowfinity_record|Index .*using record_(?:sync|window)|(?:SCAN|SEARCH) flowfinity_record USING INDEX"
)


def test_a_page_is_one_pass_over_the_records_and_a_sort_of_keys() -> None:
    User.objects.bulk_create(User(username=f"user{number}", display_name=f"User {number}") for number in range(300))
    many()
    client = logged_in(person("boss", is_superuser=True))
    for asked, passes in {
        # Without a condition, the count is one of the first 10,001.
        **{"": 2, "?sort=TotalValue": 2, "?sort=-Rating": 2, "?sort=CreatedBy": 2, "?sort=-RecordID": 1},
        # With one, all that answer are sorted by their keys; so many that they are not counted are looked for again.
        **{"?q=number+17": 1, "?q=nothing": 1, "?q=name&sort=-Company": 2},
        **{"?q=1,200.50": 1, "?q=$1,200": 1, "?q=%2317": 1},
    }.items():
        *finding, reading = plans(client, view_page(asked=asked))
        assert sum(bool(ALL_RECORDS.search(plan)) for plan in (*finding, reading)) <= passes, (asked, finding)
        for plan in finding:
            assert not any(word in plan for word in ("Nested Loop", "SubPlan", "CORRELATED")), (asked, plan)


def make_calls(app: App, count: int) -> list[Call]:
    names = [f"{'cde'[number // 100]}{number % 100:02d}" for number in range(count)]
    return [call(app, "CaptureLead", **{**LEAD, "Company": name}) for name in names]


def test_a_view_asks_its_questions(client: Client, app: App, sam: User) -> None:
    for name, value, callback in [("Solar One", "20", True), ("Solar Two", "900", False), ("Wind", "5000", False)]:
        do(sam, app, "CaptureLead", Company=name, LastName="L", TotalValue=value, CallbackRequested=callback)
    assert len(cells(client.get(view_page("SearchLeads")))) == 3
    assert cells(client.get(view_page("SearchLeads", "?Company=SOLAR&MinimumValue=100"))) == ["Solar Two"]
    assert cells(client.get(view_page("SearchLeads", "?CallbackRequested=yes"))) == ["Solar One"]
    assert cells(client.get(view_page("SearchLeads", "?CallbackRequested=no&sort=-Company"))) == ["Wind", "Solar Two"]
    none = client.get(view_page("SearchLeads", "?Company=nuclear"))
    assert none.context["empty_text"] == "Nothing matches what you asked for."
    wrong = client.get(view_page("SearchLeads", "?MinimumValue=lots&Company=solar"))
    assert not wrong.context["rows"] and list(wrong.context["parameters"].errors) == ["MinimumValue"]
    assert 'value="lots"' in wrong.content.decode() and "corrected" in wrong.context["empty_text"]
    # The parameter takes any number; the condition that uses it takes whole ones.
    wrong = client.get(view_page("Synchronize", "?PreviousLastSubmissionId=1.5"))
    assert not wrong.context["rows"] and list(wrong.context["parameters"].errors) == ["PreviousLastSubmissionId"]


def test_a_view_whose_filter_cannot_be_read_shows_nothing(client: Client, app: App) -> None:
    with configuring():
        app.views.filter(name="HotLeads").update(filter={"all": []})
    assert client.get(view_page("HotLeads")).status_code == 404
    assert client.get("/").status_code == 200


def test_a_page_takes_as_many_queries_for_many_records_as_for_one(client: Client, app: App, sam: User) -> None:
    number = do(sam, app, "CaptureLead", **LEAD).record
    client.get("/")
    for already in range(2):
        with counted_queries("workspace: home"):
            client.get("/")
        with counted_queries("workspace: view"):
            assert client.get(view_page()).context["rows"]
        with counted_queries("workspace: record"):
            assert len(client.get(record_page(number)).context["history"]) == 1 + already * 5
        submit(make_calls(app, 30), sam)
        for value in range(5):
            do(person(f"u{already}{value}"), app, "UpdateLead", number, TotalValue=value)


def test_the_login_page_costs_no_query(app: App, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        Client().get("/login/")


# Capture


def test_a_lead_is_captured(client: Client, sam: User) -> None:
    page = client.get(operation_page("CaptureLead"))
    assert page.context["action"] == "Capture lead"
    sent = as_sent(page, **LEAD, CallbackRequested="on", Summary="one\r\ntwo", FirstContact="2026-11-24")
    page = client.post(operation_page("CaptureLead"), sent, follow=True)
    made = Record.objects.get()
    assert page.redirect_chain == [(record_page(made.pk), 302)] and said(page) == ["You captured this lead."]
    assert made.values == {
        "Company": "ABC Inc",
        "LastName": "Smith",
        "Rating": "Warm",
        "TotalValue": 99,
        "CallbackRequested": True,
        "Summary": "one\ntwo",
        "FirstContact": "2026-11-24",
    }
    assert made.created_by == sam and made.last_operation == "CaptureLead"
    assert page.context["title"] == "ABC Inc" and page.context["number"] == made.last_submission_id


def test_all_errors_stand_beside_their_fields_at_once(client: Client) -> None:
    typed = {"LastName": "", "EmailAddress": "nix", "TotalValue": "lots", "FirstName": "Ada"}
    page = client.post(operation_page("CaptureLead"), as_sent(client.get(operation_page("CaptureLead")), **typed))
    assert page.status_code == 200 and not Record.objects.exists()
    errors = page.context["form"].errors
    assert {name: len(found) for name, found in errors.items()} == {
        "Company": 1,
        "LastName": 1,
        "EmailAddress": 1,
        "TotalValue": 1,
    }
    assert page.context["form"]["FirstName"].value() == "Ada" and page.context["form"]["EmailAddress"].value() == "nix"
    corrected = as_sent(page, **LEAD, EmailAddress="ada@example.com")
    assert client.post(operation_page("CaptureLead"), corrected).status_code == 302
    assert values_of(Record.objects.get().pk)["FirstName"] == "Ada"


def test_a_form_sent_twice_makes_one_record(client: Client) -> None:
    sent = as_sent(client.get(operation_page("CaptureLead")), **LEAD)
    answers = [client.post(operation_page("CaptureLead"), sent) for _ in range(2)]
    assert Record.objects.count() == 1 and {answer["Location"] for answer in answers} == {
        record_page(Record.objects.get().pk)
    }


def test_a_form_sent_again_with_other_values_asks_before_it_makes_another(client: Client) -> None:
    sent = as_sent(client.get(operation_page("CaptureLead")), **LEAD)
    client.post(operation_page("CaptureLead"), sent)
    page = client.post(operation_page("CaptureLead"), {**sent, "Company": "Other"})
    assert page.status_code == 200 and "saved before" in text_of(page) and Record.objects.count() == 1
    assert client.post(operation_page("CaptureLead"), as_sent(page)).status_code == 302
    assert {record.values["Company"] for record in Record.objects.all()} == {"ABC Inc", "Other"}


@pytest.mark.parametrize("form_id", ["", "short", "x" * 300, "a\x00" * 10, "<" * 20])
def test_a_form_without_its_hidden_id_is_refused(client: Client, form_id: str) -> None:
    assert client.post(operation_page("CaptureLead"), {**LEAD, "transaction": form_id}).status_code == 400
    assert not Record.objects.exists()


# Edit


@pytest.fixture
def lead(app: App, sam: User) -> int:
    return do(sam, app, "CaptureLead", **LEAD).record


def test_an_edit_sends_only_what_changed(client: Client, lead: int) -> None:
    page = client.get(record_page(lead))
    answer = client.post(record_page(lead), as_sent(page, Rating="Hot", TotalValue="99.0"), follow=True)
    assert said(answer) == ["You updated this lead."]
    newest = Submission.objects.latest("pk")
    assert (newest.changed, newest.operation, newest.values["Rating"]) == (["Rating"], "UpdateLead", "Hot")
    [entry, first] = answer.context["history"]
    assert told(entry) == [("Rating", "Warm", "Hot")]
    assert (entry["name"], entry["words"], entry["ago"]) == ("Sam Lowry", "updated this lead", "just now")
    assert first["words"] == "captured this lead" and first["changes"] == []


def test_a_field_can_be_emptied(client: Client, lead: int) -> None:
    page = client.get(record_page(lead))
    client.post(record_page(lead), as_sent(page, Rating="", TotalValue=""))
    assert values_of(lead) == {"Company": "ABC Inc", "LastName": "Smith"}
    page = client.post(record_page(lead), as_sent(client.get(record_page(lead)), Company=" "))
    assert list(page.context["form"].errors) == ["Company"] and values_of(lead)["Company"] == "ABC Inc"


def test_an_edit_without_a_change_makes_no_submission_and_says_so(client: Client, lead: int) -> None:
    page = client.get(record_page(lead))
    answer = client.post(record_page(lead), as_sent(page), follow=True)
    assert said(answer) == ["Nothing was changed, so nothing was saved."]
    assert Submission.objects.count() == 1 and not Transaction.objects.exists()


def test_a_choice_that_is_offered_no_longer_survives_an_edit(client: Client, app: App, lead: int) -> None:
    with configuring():
        rating = app.fields.get(name="Rating")
        rating.config = {"choices": ["Hot", "Cold"]}
        rating.save()
    page = client.get(record_page(lead))
    assert "Warm (no longer offered)" in text_of(page)
    assert client.post(record_page(lead), as_sent(page, TotalValue="100")).status_code == 302
    assert values_of(lead)["Rating"] == "Warm" and values_of(lead)["TotalValue"] == 100


def test_when_two_edit_the_same_lead_the_second_sees_both_sides(client: Client, app: App, lead: int) -> None:
    page = client.get(record_page(lead))
    priya = person("priya", display_name="Priya Shah")
    do(priya, app, "UpdateLead", lead, Rating="Cold", Industry="Energy")
    typed = as_sent(page, Rating="Hot", TotalValue="120")
    page = client.post(record_page(lead), typed)
    assert page.status_code == 200 and Submission.objects.count() == 2
    conflict = page.context["conflict"]
    assert conflict["who"] == "Priya Shah"
    assert conflict["changes"] == [
        {"label": "Industry", "mine": "(you left this as it was)", "theirs": "Energy"},
        {"label": "Total value", "mine": "$120", "theirs": "$99"},
        {"label": "Rating", "mine": "Hot", "theirs": "Cold"},
    ]
    # What was typed is kept, what only the other changed is theirs, and the next try knows their submission.
    form = page.context["form"]
    assert (form["Rating"].value(), form["TotalValue"].value(), form["Industry"].value()) == ("Hot", "120", "Energy")
    assert page.context["expected"] == Record.objects.get().last_submission_id
    assert client.post(record_page(lead), as_sent(page)).status_code == 302
    assert values_of(lead) == {**LEAD, "Rating": "Hot", "TotalValue": 120, "Industry": "Energy"}
    assert Submission.objects.latest("pk").changed == ["Rating", "TotalValue"]


def test_a_second_conflict_is_shown_like_the_first(client: Client, app: App, lead: int) -> None:
    page = client.get(record_page(lead))
    priya = person("priya")
    for value in ("1", "2"):
        do(priya, app, "UpdateLead", lead, TotalValue=value)
        page = client.post(record_page(lead), as_sent(page, TotalValue="120"))
        assert page.context["conflict"]["changes"][0]["theirs"] == f"${value}"
    assert values_of(lead)["TotalValue"] == 2


def test_who_saves_what_another_has_saved_already_is_told(client: Client, app: App, lead: int) -> None:
    page = client.get(record_page(lead))
    do(person("priya"), app, "UpdateLead", lead, Rating="Hot")
    answer = client.post(record_page(lead), as_sent(page, Rating="Hot"), follow=True)
    assert said(answer) == ["priya has saved the same meanwhile, so nothing more was saved."]
    assert Submission.objects.count() == 2


def test_an_edit_sent_twice_is_one_submission(client: Client, lead: int) -> None:
    sent = as_sent(client.get(record_page(lead)), Rating="Hot")
    answers = [client.post(record_page(lead), sent, follow=True) for _ in range(2)]
    assert [said(answer) for answer in answers] == [["You updated this lead."]] * 2
    assert Submission.objects.count() == 2


def test_a_page_that_was_saved_and_gone_back_to_meets_its_own_change(client: Client, lead: int) -> None:
    old = client.get(record_page(lead))
    client.post(record_page(lead), as_sent(old, Rating="Hot"))
    page = client.post(record_page(lead), as_sent(old, Rating="Cold"))
    assert page.context["conflict"]["who"] == "Sam Lowry" and values_of(lead)["Rating"] == "Hot"
    assert client.post(record_page(lead), as_sent(page)).status_code == 302
    assert values_of(lead)["Rating"] == "Cold"


def test_a_wrong_edit_keeps_what_was_typed_and_what_it_was_based_on(client: Client, app: App, lead: int) -> None:
    old = client.get(record_page(lead))
    do(person("priya"), app, "UpdateLead", lead, Industry="Energy")
    page = client.post(record_page(lead), as_sent(old, EmailAddress="nix", Rating="Hot"))
    assert list(page.context["form"].errors) == ["EmailAddress"] and page.context["form"]["Rating"].value() == "Hot"
    assert page.context["expected"] == old.context["expected"]
    page = client.post(record_page(lead), as_sent(page, EmailAddress=""))
    assert [change["label"] for change in page.context["conflict"]["changes"]] == ["Industry", "Rating"]


@pytest.mark.parametrize("expected", ["", "x", "999999", "9" * 40, "-1"])
def test_an_edit_that_does_not_say_what_it_changes_is_refused(client: Client, lead: int, expected: str) -> None:
    sent = as_sent(client.get(record_page(lead)), Rating="Hot", expected=expected)
    assert client.post(record_page(lead), sent).status_code == 400
    assert values_of(lead)["Rating"] == "Warm"


def test_another_update_operation_has_its_own_form(app: App) -> None:
    operations = [
        {"name": "Make", "label": "Make", "kind": "create", "fields": ["A", "B"]},
        {"name": "Change", "label": "Change", "kind": "update", "fields": ["A"]},
        {"name": "Rate", "label": "Rate it", "kind": "update", "fields": ["B"], "done": "rated this"},
    ]
    things = make_app({"A": "text", "B": "text"}, operations=operations)
    user = person("ada")
    give(user, things, ["ViewAllRecords"], ["Change", "Rate"])
    number = do(user, things, "Make", A="a", B="b").record
    client = logged_in(user)
    here = reverse("record", args=["Things", number])
    page = client.get(here)
    assert [one["url"] for one in page.context["operations"]] == [f"{here}?operation=Rate"]
    assert list(page.context["form"].fields) == ["A"]
    assert [(one["label"], one["text"]) for one in page.context["values"]] == [("B", "b")]
    page = client.get(f"{here}?operation=Rate")
    assert page.context["action"] == "Rate it" and list(page.context["form"].fields) == ["B"]
    page = client.post(f"{here}?operation=Rate", as_sent(page, B="c"), follow=True)
    assert page.context["history"][0]["words"] == "rated this" and values_of(number) == {"A": "a", "B": "c"}


# History


def test_history_says_what_became_of_a_record_in_words(client: Client, app: App, sam: User, lead: int) -> None:
    do(sam, app, "UpdateLead", lead, CallbackRequested=True, Industry="Energy")
    earlier = Submission.objects.earliest("pk").values
    submit([Call(None, earlier, lead, kind=Submission.RESTORED, app=app.pk)], sam)
    submit([Call(None, {}, lead, kind=Submission.RESENT, app=app.pk)], sam)
    with configuring():
        app.operations.filter(name="UpdateLead").update(done="")
        app.operations.filter(name="CaptureLead").delete()
        app.fields.filter(name="Industry").delete()
        app.operations.update(fields=["Company"])
        app.views.update(columns=["Company"], filter=None, parameters=[], sort=[])
    history = client.get(record_page(lead)).context["history"]
    assert [(entry["words"], told(entry)) for entry in history] == [
        ("sent this again, unchanged, to whoever follows it", []),
        ("restored an earlier version", [("Callback requested", "Yes", "No"), ("Industry", "Energy", "")]),
        ("chose “Update lead”", [("Callback requested", "No", "Yes"), ("Industry", "", "Energy")]),
        ("created this", []),
    ]


def test_of_a_long_text_that_was_added_to_history_shows_the_end(client: Client, app: App, sam: User, lead: int) -> None:
    talk = "A first talk about what they need, who decides there, and when. They ask for an offer."
    for summary in (talk, f"{talk}\n3 Nov: sent it.", "Nothing came of it."):
        do(sam, app, "UpdateLead", lead, Summary=summary)
    changes = [told(entry) for entry in client.get(record_page(lead)).context["history"][:3]]
    assert changes == [
        [("Summary", f"{talk}\n3 Nov: sent it.", "Nothing came of it.")],
        [("Summary", "…They ask for an offer.", "…They ask for an offer.\n3 Nov: sent it.")],
        [("Summary", "", talk)],
    ]


# Delete


def test_a_lead_is_deleted(client: Client, lead: int) -> None:
    where, sent = deletion(client.get(record_page(lead)))
    answer = client.post(where, sent, follow=True)
    assert answer.redirect_chain[-1][0] == view_page()
    told = 'You deleted this lead. <a href="/apps/LeadRegistration/deleted/">Deleted records</a>'
    assert said(answer) == [told] and told in answer.text
    assert Record.objects.get().deleted
    assert cells(answer) == []
    again = client.post(where, sent, follow=True)
    assert said(again) == [told] and Submission.objects.count() == 2


def test_who_deletes_what_another_has_deleted_is_told(client: Client, app: App, lead: int) -> None:
    page = client.get(record_page(lead))
    do(person("priya"), app, "DeleteLead", lead)
    where, sent = deletion(page)
    assert said(client.post(where, sent, follow=True)) == ["This is not there any more: it was deleted before."]
    assert client.post(record_page(lead), as_sent(page, Rating="Hot")).status_code == 404


def test_what_has_changed_meanwhile_is_not_deleted_unseen(client: Client, app: App, lead: int) -> None:
    where, sent = deletion(client.get(record_page(lead)))
    do(person("priya"), app, "UpdateLead", lead, Rating="Hot")
    answer = client.post(where, sent, follow=True)
    assert answer.redirect_chain == [(record_page(lead), 302)] and "Look again" in said(answer)[0]
    assert not Record.objects.get().deleted


def test_values_are_text_not_html(client: Client, app: App, sam: User) -> None:
    evil = "<script>alert(1)</script>"
    number = do(sam, app, "CaptureLead", **{**LEAD, "Company": evil, "Summary": f"</textarea>{evil}"}).record
    do(sam, app, "UpdateLead", number, LastName=evil)
    for address in (view_page(), record_page(number)):
        assert evil not in client.get(address).content.decode()


# Files, people, places, and links to other records


VISIT = {
    "Title": "text",
    "Photo": "picture",
    "Report": "attachment",
    "Owner": "user",
    "Site": {"type": "link", "app": "Sites"},
    "Place": "location",
}


@pytest.fixture
def files_apart(settings: Any, tmp_path: Any) -> None:
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


@pytest.fixture
def visits(files_apart: None, sam: User) -> App:
    """An app whose records refer to others, which Sam may see and change; of Sites he sees a view."""
    view = {"name": "All", "label": "All", "columns": list(VISIT)}
    question = {"name": "Owner", "label": "Owner", "type": "user"}
    where = {"all": [{"field": "Owner", "operator": "is", "parameter": "Owner"}]}
    of_person = {**view, "name": "OfPerson", "label": "Of a person", "parameters": [question], "filter": where}
    make_app({"Name": "text"}, "Sites", [{"name": "All", "label": "All", "columns": ["Name"]}])
    app = make_app(VISIT, "Visits", [view, of_person])
    give(sam, App.objects.get(name="Sites"), ["All"], ["Make"])
    give(sam, app, ["All", "OfPerson"], ["Make", "Change", "Remove"])
    return app


@pytest.fixture
def site(visits: App, sam: User) -> int:
    return do(sam, App.objects.get(name="Sites"), "Make", Name="Head office").record


ADD, ALL = "/apps/Visits/operations/Make/", "/apps/Visits/views/All/"


def photo(name: str = "door.png", colour: str = "red") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, "PNG")
    return SimpleUploadedFile(name, out.getvalue())


def visit_page(number: int) -> str:
    return f"/apps/Visits/records/{number:09d}/"


def typed(page: Any, **typed: Any) -> dict[str, Any]:
    """What a browser sends for the page's form: of a file what is chosen now, and what the form itself holds."""
    held = dict(re.findall(r'name="(\w+-kept)" value="([^"]+)"', page.content.decode()))
    return as_sent(page, **{**held, **typed})


def test_a_picture_is_captured_shown_replaced_and_removed(client: Client, visits: App) -> None:
    page = client.get(ADD)
    assert 'enctype="multipart/form-data"' in page.content.decode()
    sent = typed(page, Title="Door", Photo=photo(), Report=SimpleUploadedFile("report.txt", b"all well"))
    page = client.post(ADD, sent, follow=True)
    assert said(page) == ["Done: Make."]
    made = Record.objects.get(app=visits)
    here = visit_page(made.pk)
    assert (made.values["Photo"]["FileName"], made.values["Photo"]["ContentType"]) == ("door.png", "image/png")
    [shown] = re.findall(r'<img class="thumb" src="([^"]+)"', page.content.decode())
    answer = client.get(shown)
    assert b"".join(answer.streaming_content) == photo().read()  # type: ignore[attr-defined]
    page = client.post(here, typed(page, Title="The door", Photo=photo("new.png", "blue")), follow=True)
    [newest, _] = page.context["history"]
    assert told(newest) == [("Title", "Door", "The door"), ("Photo", "door.png", "new.png")]
    assert all(newest["changes"][1][side].url.startswith("/files/") for side in ("before", "after"))
    page = client.post(here, typed(page, **{"Photo-remove": "on"}), follow=True)
    assert values_of(made.pk).keys() == {"Title", "Report"}
    assert said(client.post(here, typed(page), follow=True)) == ["Nothing was changed, so nothing was saved."]


def test_a_file_is_not_lost_when_something_else_is_wrong(client: Client, visits: App) -> None:
    page = client.post(ADD, typed(client.get(ADD), Photo=photo(), Place="home", Report=photo("r.txt")))
    assert list(page.context["form"].errors) == ["Place"] and text_of(page).count("not saved yet") == 2
    assert client.post(ADD, typed(page, Place="49.2827, -123.1207")).status_code == 302
    values = Record.objects.get(app=visits).values
    assert (values["Photo"]["FileName"], values["Report"]["FileName"]) == ("door.png", "r.txt")
    page = client.post(ADD, typed(client.get(ADD), Photo=SimpleUploadedFile("a.png", b"no picture")))
    assert list(page.context["form"].errors) == ["Photo"] and "not saved yet" not in text_of(page)


def test_a_file_is_not_lost_when_another_has_saved_meanwhile(client: Client, visits: App, sam: User) -> None:
    number = do(sam, visits, "Make", Title="Door").record
    page = client.get(visit_page(number))
    do(person("priya", display_name="Priya Shah"), visits, "Change", number, Owner="sam")
    page = client.post(visit_page(number), typed(page, Photo=photo()))
    assert [(one["label"], one["mine"], one["theirs"]) for one in page.context["conflict"]["changes"]] == [
        ("Photo", "door.png", ""),
        ("Owner", "(you left this as it was)", "Sam Lowry"),
    ]
    assert client.post(visit_page(number), typed(page)).status_code == 302
    assert values_of(number)["Photo"]["FileName"] == "door.png" and values_of(number)["Owner"] == "sam"


def test_a_form_with_a_file_sent_twice_makes_one_record(client: Client, visits: App) -> None:
    sent = typed(client.get(ADD), Title="Door")
    for _ in range(2):
        assert client.post(ADD, {**sent, "Photo": photo()}).status_code == 302
    assert Record.objects.filter(app=visits).count() == 1
    assert "saved before" in text_of(client.post(ADD, {**sent, "Photo": photo(colour="blue")}))


def options(page: Any, name: str) -> list[str]:
    return re.findall(r"<option[^>]*>([^<]+)", str((page.context["form"] or page.context["parameters"])[name]))


def test_a_form_offers_the_people_who_are_active(client: Client, visits: App, sam: User) -> None:
    priya = person("priya", display_name="Priya Shah")
    person("sam2", display_name="Sam Lowry")
    integration("robot")
    number = do(sam, visits, "Make", Title="Door", Owner="priya").record
    User.objects.filter(pk=priya.pk).update(is_active=False)
    page = client.get(visit_page(number))
    assert options(page, "Owner") == ["—", "Sam Lowry (sam)", "Sam Lowry (sam2)", "Priya Shah (no longer active)"]
    assert client.post(visit_page(number), typed(page, Title="The door")).status_code == 302
    page = client.post(visit_page(number), typed(client.get(visit_page(number)), Owner="sam"), follow=True)
    assert values_of(number)["Owner"] == "sam"
    assert told(page.context["history"][0]) == [("Owner", "Priya Shah", "Sam Lowry")]
    asked = client.get("/apps/Visits/views/OfPerson/?Owner=sam")
    assert len(asked.context["rows"]) == 1 and "Any" in str(asked.context["parameters"]["Owner"])


def test_a_form_offers_the_records_that_a_person_may_see(
    client: Client, visits: App, sam: User, site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = App.objects.get(name="Sites")
    gone = do(sam, sites, "Make", Name="Old shop").record
    number = do(sam, visits, "Make", Title="Door", Site=gone).record
    do(sam, sites, "Remove", gone)
    assert options(client.get(visit_page(number)), "Site") == ["—", "Head office", "Old shop (deleted)"]
    ada = person("ada")
    give(ada, visits, ["All"], ["Change"])
    assert options(logged_in(ada).get(visit_page(number)), "Site") == ["—", "Old shop (deleted)"]
    monkeypatch.setattr("flowfinity.references.MOST_OFFERED", 1)
    do(sam, sites, "Make", Name="Corner shop")
    page = client.get(visit_page(number))
    assert 'placeholder="RecordID"' in str(page.context["form"]["Site"])
    assert client.post(visit_page(number), typed(page, Site=f"{site:09d}")).status_code == 302
    assert values_of(number)["Site"] == site
    wrong = client.post(visit_page(number), typed(client.get(visit_page(number)), Site="999999"))
    assert list(wrong.context["form"].errors) == ["Site"] and "Name a record of Sites" in text_of(wrong)


def test_a_view_says_what_its_values_refer_to(client: Client, visits: App, sam: User, site: int) -> None:
    report = {"FileName": "report.txt", "Content": "YWxsIHdlbGw="}
    do(sam, visits, "Make", Title="Door", Report=report, Owner="sam", Site=site, Place="49.2827,-123.1207")
    [row] = client.get(ALL).context["rows"]
    texts = [one["text"] for one in row["cells"]]
    assert texts == ["Door", "", "report.txt", "Sam Lowry", "Head office", "49.2827, -123.1207"]
    assert row["cells"][4]["url"] == f"/apps/Sites/records/{site:09d}/"
    assert b"".join(client.get(row["cells"][2]["url"]).streaming_content) == b"all well"  # type: ignore[attr-defined]
    ada = person("ada")
    give(ada, visits, ["All"])
    reader = logged_in(ada)
    [row] = reader.get(ALL).context["rows"]
    assert (row["cells"][4]["text"], row["cells"][4]["url"]) == ("Head office", "")
    page = reader.get(row["url"])
    assert page.context["readonly"] and "Sam Lowry" in text_of(page)
    assert 'href="/apps/Sites' not in page.content.decode()
    do(sam, App.objects.get(name="Sites"), "Remove", site)
    [row] = client.get(ALL).context["rows"]
    assert (row["cells"][4]["text"], row["cells"][4]["url"]) == ("Head office (deleted)", "")


def test_references_take_as_many_queries_for_many_as_for_one(client: Client, visits: App, sam: User, site: int) -> None:
    sites = App.objects.get(name="Sites")

    def add(count: int) -> int:
        for place in range(count):
            other = do(sam, sites, "Make", Name=f"Site {place}").record
            owner = person(f"p{secrets.token_hex(4)}").username
            number = do(sam, visits, "Make", Title="Door", Owner=owner, Site=other).record
            do(sam, visits, "Change", number, Owner="sam", Site=site)
        return number

    counts = []
    for count in (1, 5):
        number = add(count)
        for address in (ALL, visit_page(number), ADD, "/apps/Visits/views/OfPerson/"):
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            counts.append(len(captured))
    assert counts[:4] == counts[4:]
