"""A view as a file: as its page shows it, safe to open, and the same when it comes back."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from flowfinity import clock, definitions, imports, jobs, spreadsheets
from flowfinity.fields import TYPES
from flowfinity.imports import Plan
from flowfinity.models import App, Job, JobRow, Role, Submission, User
from flowfinity.query import SYSTEM_COLUMNS, Column
from flowfinity.submissions import submit
from tests import builders, every_type

# More than one of a type where a file could lose something.
VALUES: dict[str, list[Any]] = {
    "text": ["=1+1", "'=1+1", "+49 30 12-34", "-", " blanks ", "a\tb", "007", "Ünï “code” _x0041_", "'", '"', "-1"],
    "multiline": ["one\ntwo", "one\r\ntwo", "x" * 30_000, "@here", "\x0bold", "=\r"],
    "phone": ["+1 (604) 555-7777", "+16045557777"],
    "email": ["-a@example.com"],
    "url": ["https://example.com/?a=1&b=2"],
    "number": [-5, 0.1, 123456789012345, 1e300, -0.000001, 0],
    "currency": [1234.5, -99],
    "yesno": [True, False],
    "date": ["2020-09-06", "0001-01-01", "9999-12-31"],
    "datetime": ["2020-09-06T04:37:31.120Z", "1850-01-01T00:00:00Z", "2020-10-25T00:30:00Z", "2020-10-25T01:30:00Z"],
    "single": ["Red"],
    "multiple": [["Red", "Blue"]],
    "location": [{"Latitude": -49.5, "Longitude": 123.25, "Accuracy": 12}, "1, 2"],
    "user": ["ada"],
    "link": [],
}


@pytest.fixture
def app(db: None) -> App:
    return builders.make(every_type.blueprint())


@pytest.fixture
def ada(db: None) -> User:
    return builders.person(is_superuser=True, is_staff=True)


@pytest.fixture
def page(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def content(client: Client, app: App, format: str, query: str = "", view: str = "All") -> bytes:
    response: Any = client.get(f"/apps/{app.name}/views/{view}/export.{format}{query}")
    assert response.status_code == 200, response
    assert ".".join(["", format]) in response["Content-Disposition"] and "no-store" in response["Cache-Control"]
    return b"".join(response.streaming_content)


def lines(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def filled(app: App, ada: User) -> list[int]:
    """Records that hold all of VALUES, and one that holds nothing but what must be there."""
    first = builders.do(ada, app, "Make", Needed="first").record
    VALUES["link"] = [f"{first:09d}"]
    made = [first]
    for index in range(max(map(len, VALUES.values()))):
        values = {every_type.name_of(type): known[index] for type, known in VALUES.items() if index < len(known)}
        made.append(builders.do(ada, app, "Make", Needed=f"row {index}", **values).record)
    return made


def imported(app: App, by: User, content: bytes, clear: bool = False) -> Job:
    """What becomes of a file that is imported through the update operation, as its page would."""
    operation = definitions.of(app.pk).operation("Change")
    table = spreadsheets.read(io.BytesIO(content))
    rows = [(number, dict(zip(table.headings, texts, strict=True)), None) for number, texts in table.rows]
    plan = imports.guessed(Plan(imports.proposed(table.headings, operation), clear=clear), operation, [])
    job = jobs.create(
        app.pk,
        Job.IMPORT,
        "back",
        by,
        rows,
        now=clock.now(),
        operation="Change",
        source={"columns": list(table.headings), **plan.document()},
    )
    while jobs.work(job.pk):
        pass
    job.refresh_from_db()
    assert [row.faults for row in jobs.failed_rows(job)] == [] and job.state == Job.DONE
    return job


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_what_is_exported_is_the_same_when_it_is_imported_again(
    app: App, ada: User, page: Client, settings: Any, format: str, zone: str
) -> None:
    settings.TIME_ZONE = zone
    made = filled(app, ada)
    before = {key: builders.values_of(key) for key in made}
    exported = content(page, app, format)
    for clear in (False, True):
        job = imported(app, ada, exported, clear)
        assert {row.state for row in JobRow.objects.filter(job=job)} == {JobRow.UNCHANGED}
    # Where every field has been made blank, all of it comes back.
    for key in made:
        blank = {every_type.name_of(type): None for type in VALUES}
        submit([builders.call(app, "Change", key, **blank)], ada)
    imported(app, ada, exported)
    assert {key: builders.values_of(key) for key in made} == before


@given(text=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_text_comes_back_from_both_kinds_of_file(text: str) -> None:
    (_, back), *_ = [texts for _, texts in spreadsheets.read(csv_file(text)).rows]
    assert back == text
    (_, back), *_ = [texts for _, texts in spreadsheets.read(excel_file(text)).rows]
    assert back == text


def csv_file(text: str) -> io.BytesIO:
    return io.BytesIO(b"".join(spreadsheets.write_csv(["Key", "Text"], [["1", text]])))


def excel_file(text: str) -> io.BytesIO:
    file = io.BytesIO()
    columns = [SYSTEM_COLUMNS["RecordID"], Column("Text", "Text", TYPES["text"])]
    spreadsheets.write_excel(file, columns, ["Key", "Text"], [["1", text]], "A: view / of *things*?")
    return file


def test_a_cell_that_looks_like_a_formula_is_none_to_a_spreadsheet(app: App, ada: User, page: Client) -> None:
    for text in ["=1+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "+1 604 555", "-5"]:
        builders.do(ada, app, "Make", Needed=text)
    rows = lines(content(page, app, "csv"))
    place = rows[0].index("Needed")
    assert [row[place] for row in rows[1:]] == ["'=1+1", "'@SUM(A1)", "'-cmd|' /C calc'!A0", "+1 604 555", "-5"]
    book = load_workbook(io.BytesIO(content(page, app, "xlsx")))
    sheet = book.worksheets[0]
    assert {cell.data_type for cell in list(sheet.columns)[place][1:]} == {"s"}


def test_an_excel_file_has_numbers_and_dates_that_excel_can_reckon_with(app: App, ada: User, page: Client) -> None:
    builders.do(
        ada, app, "Make", Needed="x", NumberField=-1.5, DateField="2020-09-06", DatetimeField="2020-09-06T04:37Z"
    )
    sheet = load_workbook(io.BytesIO(content(page, app, "xlsx"))).worksheets[0]
    headings, values = ([cell.value for cell in row] for row in sheet.rows)
    row = dict(zip(headings, values, strict=True))
    assert row["number"] == -1.5
    assert row["date"] == dt.datetime(2020, 9, 6) and row["datetime"] == dt.datetime(2020, 9, 6, 4, 37)


def test_the_file_holds_what_the_page_shows_in_its_order(ada: User, page: Client) -> None:
    leads = builders.make_leads()
    for company, rating in [("Alpha", "Hot"), ("Beta", "Cold"), ("Alpine", "Hot"), ("Gamma", "Hot")]:
        builders.do(ada, leads, "CaptureLead", Company=company, LastName="Smith", Rating=rating)
    rows = lines(content(page, leads, "csv", "?q=al&sort=-Company", "ViewAllRecords"))
    assert rows[0][:2] == ["Record ID", "Company"]
    assert [row[1] for row in rows[1:]] == ["Alpine", "Alpha"]


def test_it_begins_with_the_mark_that_excel_looks_for_unless_it_is_not_wanted(app: App, page: Client) -> None:
    assert content(page, app, "csv").startswith(b"\xef\xbb\xbf")
    assert content(page, app, "csv", "?bom=0").startswith(b"Record ID,")


def test_who_may_not_see_the_view_gets_no_file_of_it(app: App, ada: User, client: Client) -> None:
    eve = builders.person("eve")
    client.force_login(eve)
    assert client.get(f"/apps/{app.name}/views/All/export.csv").status_code == 404
    eve.roles.add(Role.objects.create(name="Readers"))
    Role.objects.get(name="Readers").views.set(app.views.all())
    assert client.get(f"/apps/{app.name}/views/All/export.csv").status_code == 200
    assert client.get(f"/apps/{app.name}/views/All/export.pdf").status_code == 404


def test_what_cannot_be_asked_is_said_by_the_page(app: App, page: Client) -> None:
    response = page.get(f"/apps/{app.name}/views/Find/export.csv?Pnumber=many")
    assert response.status_code == 302 and response["Location"].endswith("/views/Find/?Pnumber=many")


def test_a_large_view_is_read_a_few_records_at_a_time(
    app: App, ada: User, page: Client, django_assert_max_num_queries: Any
) -> None:
    submit([builders.call(app, "Make", Needed=f"row {index}") for index in range(1_200)], ada)
    with django_assert_max_num_queries(30):
        rows = lines(content(page, app, "csv"))
    assert [row[-1] for row in rows[1:]] == [f"row {index}" for index in range(1_200)]
    assert Submission.objects.count() == 1_200
