"""Reading other people's files, and importing them: by command, in pages, killed and resumed."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from openpyxl import Workbook

from flowfinity import cells, jobs, spreadsheets
from flowfinity.cells import Reading
from flowfinity.fields import TYPES, FieldError
from flowfinity.models import App, Job, Operation, Record, Role, User
from flowfinity.query import Column
from flowfinity.spreadsheets import Unreadable
from integration.models import Poll, RestAccess, Surface
from tests import builders


def table(content: bytes) -> list[list[str]]:
    """Headings and rows of a file."""
    found = spreadsheets.read(io.BytesIO(content))
    return [list(found.headings), *(texts for _, texts in found.rows)]


def excel(*rows: list[Any]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_file_is_read_in_the_encoding_and_with_the_delimiter_that_it_has(encoding: str, delimiter: str) -> None:
    rows = [["Firm", "City, land"], ["Käse & Söhne – GmbH", "Köln"], ["A “B” C", "line\nbreak, and more"]]
    written = StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    assert table(written.getvalue().encode(encoding)) == rows


def test_rows_are_numbered_as_the_spreadsheet_numbers_them_and_empty_ones_left_out() -> None:
    found = spreadsheets.read(io.BytesIO(b"\n\nFirm,Name,,\nOne,\n,,\n\nTwo,B\n"))
    assert list(found.headings) == ["Firm", "Name"]
    assert list(found.rows) == [(4, ["One", ""]), (7, ["Two", "B"])]


def test_headings_are_told_apart() -> None:
    assert table(b"Firm,,Firm, Firm \n1,2,3,4\n")[0] == ["Firm", "Column B", "Firm (2)", "Firm (3)"]


def test_excel_s_hint_of_a_delimiter_is_heard() -> None:
    assert table(b"sep=;\r\nA;B\r\n1,5;2\r\n") == [["A", "B"], ["1,5", "2"]]


def test_an_excel_file_is_read_as_what_its_cells_mean() -> None:
    rows = table(
        excel(
            ["Text", "Whole", "Part", "Day", "Time", "Yes"],
            ["007", 5551234, 0.1 + 0.2, dt.date(2020, 9, 6), dt.datetime(2020, 9, 6, 4, 37, 31, 120_000), True],
            [None, None, 1e15, dt.datetime(2020, 9, 6), None, False],
        )
    )
    assert rows[1] == ["007", "5551234", "0.3", "2020-09-06", "2020-09-06 04:37:31.120", "Yes"]
    assert rows[2] == ["", "", "1000000000000000", "2020-09-06", "", "No"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n , \n", "empty"),
        (b'Firm,Name\nOne,"Smith\nTwo,Miller\n', "Row 2"),
        (b"Firm,Name\nOne,Smith,more\n", "Row 2 has more cells"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "old Excel"),
        (b"PK\x03\x04 no archive", "Excel file"),
        (b"\x00\x01\x02\x03", "no CSV file"),
        (b"a" * (spreadsheets.MOST_BYTES + 1), "25 MB"),
        (excel(["Firm"], ["x" * 32_767]), "Row 2 is as long as Excel can hold".lower()),
    ],
)
def test_a_file_that_would_lose_something_is_refused_in_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as raised:
        table(content)
    assert said.lower() in str(raised.value).lower()


def column(type: str, **config: Any) -> Column:
    return Column("F", "F", TYPES[type], config)


@pytest.mark.parametrize(
    ("kind", "text", "reading", "stored"),
    [
        (column("date"), "06/09/2020", Reading("dmy"), "2020-09-06"),
        (column("date"), "9/6/2020", Reading("mdy"), "2020-09-06"),
        (column("date"), "2020-09-06", Reading("mdy"), "2020-09-06"),
        (column("datetime"), "6.9.2020 14:30", Reading("dmy"), "2020-09-06T14:30:00.000Z"),
        (column("datetime"), "9/6/2020 12:05:09 AM", Reading("mdy"), "2020-09-06T00:05:09.000Z"),
        (column("number"), "1,234.5", Reading(), 1234.5),
        (column("number"), "1.234,5", Reading(decimal=","), 1234.5),
        (column("number"), "-99,5", Reading(decimal=","), -99.5),
        (column("number"), "1\u202f234", Reading(decimal=","), 1234),
        (column("currency", currency="EUR"), "1.000 €", Reading(decimal=","), 1000),
        (column("currency", currency="USD"), "$ 1,000.50", Reading(), 1000.5),
        (column("yesno"), "Y", Reading(), True),
        (column("single", choices=["Hot", "Cold"]), " hot ", Reading(), "Hot"),
        (column("multiple", choices=["A", "B; C", "D, E"]), 'a; "B; C"', Reading(), {"A": True, "B; C": True}),
        (column("multiple", choices=["A", "B", "D, E"]), "A, B", Reading(), {"A": True, "B": True}),
        (column("multiple", choices=["A", "B", "D, E"]), "D, E", Reading(), {"D, E": True}),
        (column("link", app="Leads"), "12", Reading(), 12),
        (column("text"), " kept as it is ", Reading(), " kept as it is "),
    ],
)
def test_people_write_a_value_in_many_ways(kind: Column, text: str, reading: Reading, stored: Any) -> None:
    assert kind.type.validate(cells.read(kind, text, reading), kind.config) == stored


@pytest.mark.parametrize(
    ("kind", "text", "reading", "said"),
    [
        (column("yesno"), "perhaps", Reading(), "“perhaps” is neither Yes nor No."),
        (column("number"), "abc", Reading(), "“abc” is no number."),
        (
            column("currency", currency="EUR"),
            "1.200,50 €",
            Reading(),
            "“1.200,50 €” is no number; this file is read with a decimal point.",
        ),
        (
            column("number"),
            "1,200.50",
            Reading(decimal=","),
            "“1,200.50” is no number; this file is read with a decimal comma.",
        ),
        (
            column("date"),
            "31.31.2020",
            Reading("dmy"),
            "“31.31.2020” is no date; this column is read as day/month/year.",
        ),
        (
            column("date"),
            "6.9.2020 14:30",
            Reading("dmy"),
            "“6.9.2020 14:30” has a time of day; this field keeps a date alone.",
        ),
        (
            column("datetime"),
            "noon",
            Reading("mdy"),
            "“noon” is no date and time; this column is read as month/day/year.",
        ),
        (column("single", choices=["Hot", "Cold"]), "Tepid", Reading(), "“Tepid” is none of the choices: Hot, Cold."),
        (column("multiple", choices=["A", "B"]), "A; C", Reading(), "“C” is none of the choices: A, B."),
        # What can be read and not be kept, the field type itself explains.
        (column("number"), "1.23456789012345678", Reading(), ""),
        (column("email"), "x", Reading(), ""),
    ],
)
def test_a_cell_that_cannot_be_read_is_told_as_one_person_tells_another(
    kind: Column, text: str, reading: Reading, said: str
) -> None:
    with pytest.raises(FieldError):
        kind.type.validate(cells.read(kind, text, reading), kind.config)
    assert cells.refused(kind, text, reading) == said


@pytest.mark.parametrize(
    ("kind", "texts", "guess"),
    [
        (column("date"), ["01/02/2020", "31/12/2020"], Reading("dmy")),
        (column("date"), ["01/02/2020", "12/31/2020"], Reading("mdy")),
        (column("date"), ["1.2.2020"], Reading("dmy")),
        (column("date"), ["2020-09-06"], Reading()),
        (column("number"), ["1.234,50"], Reading(decimal=",")),
        (column("number"), ["99,5"], Reading(decimal=",")),
        (column("number"), ["1,234", "99.5"], Reading()),
    ],
)
def test_the_way_a_file_writes_dates_and_numbers_is_seen_from_it(
    kind: Column, texts: list[str], guess: Reading
) -> None:
    assert cells.guessed(kind, texts, Reading()) == guess


# The command


@pytest.fixture
def leads(db: None) -> App:
    return builders.make_leads()


@pytest.fixture
def ada(leads: App) -> User:
    role = Role.objects.create(name="Sales")
    role.operations.set(Operation.objects.filter(app=leads))
    person = builders.person()
    person.roles.add(role)
    return person


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("import_csv", *arguments, stdout=said, stderr=said)
    return said.getvalue()


def fails(code: int, *arguments: str) -> str:
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert raised.value.returncode == code
    return str(raised.value)


def written(path: Path, rows: list[Mapping[str, str]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


INTO = ("--app", "leadregistration", "--operation", "capturelead", "--as", "ada")


def test_the_command_imports_and_keeps_faulty_rows_in_a_file_that_can_be_corrected(ada: User, tmp_path: Path) -> None:
    rows = [
        {"company": "One", "Last Name": "Smith", "Notes": "x"},
        {"company": "", "Last Name": "Miller", "Notes": "y"},
    ]
    file = written(tmp_path / "leads.csv", rows)
    assert "1 of 2 rows were not imported" in fails(1, file, *INTO, "--wait")
    assert [one.values for one in Record.objects.all()] == [{"Company": "One", "LastName": "Smith"}]
    errors = tmp_path / "leads.csv.errors.csv"
    with errors.open(encoding="utf-8-sig", newline="") as kept:
        (left,) = csv.DictReader(kept)
    assert left["Notes"] == "y" and "Company is required" in left["Error"]
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(errors.read_text().replace("\n,", "\nTwo,"))
    assert "1 done" in run(str(corrected), *INTO, "--wait")


def test_a_dry_run_writes_nothing_and_names_every_faulty_row(ada: User, tmp_path: Path) -> None:
    file = written(tmp_path / "leads.csv", [{"Company": "", "Last name": "A"}, {"Company": "B", "Last name": "B"}])
    assert "1 of 2 rows" in fails(1, file, *INTO, "--dry-run")
    assert not Job.objects.exists() and not Record.objects.exists()
    assert "All rows can be imported" in run(
        written(tmp_path / "good.csv", [{"Company": "B", "Last name": "B"}]), *INTO, "--dry-run"
    )


def test_the_command_says_what_cannot_be_done(ada: User, tmp_path: Path) -> None:
    file = written(tmp_path / "leads.csv", [{"Company": "A", "Surname": "B"}])
    assert "there are: LeadRegistration" in fails(2, file, "--app", "No", *INTO[2:])
    assert "CaptureLead" in fails(2, file, *INTO[:3], "No", *INTO[4:])
    assert "no active account" in fails(2, file, *INTO[:5], "nobody")
    builders.person("eve")
    assert "None of the roles of eve" in fails(2, file, *INTO[:5], "eve")
    assert "--map “Column=LastName”" in fails(2, file, *INTO)
    assert "there is no column “Name”" in fails(2, file, *INTO, "--map", "Name=LastName")
    assert "not Shoes" in fails(2, file, *INTO, "--map", "Surname=Shoes")
    assert "cannot be read" in fails(2, str(tmp_path / "none.csv"), *INTO)
    assert "1 done" in run(file, *INTO, "--map", "Surname=lastname", "--wait")


def test_without_waiting_a_job_is_left_to_the_site(ada: User, tmp_path: Path) -> None:
    file = written(tmp_path / "leads.csv", [{"Company": "A", "Last name": "B"}])
    assert "is started" in run(file, *INTO)
    job = Job.objects.get()
    assert (job.state, job.total, job.by, job.pace) == (Job.RUNNING, 1, ada, 0)


def listened(app: App) -> None:
    """A Zap polls a view of the app."""
    view = app.views.get(name="ViewAllRecords")
    Surface.objects.filter(pk=1).update(query_enabled=True)
    RestAccess.objects.create(view=view)
    now = dt.datetime.now(dt.UTC)
    Poll.objects.create(
        account=builders.integration(), view=view, mode="zapier", first_on=now, last_ms=now.timestamp() * 1000
    )


def test_where_a_zap_would_be_held_a_pace_must_be_chosen(leads: App, ada: User, tmp_path: Path) -> None:
    listened(leads)
    rows = [{"Company": f"Firm {index}", "Last name": "B"} for index in range(200)]
    file = written(tmp_path / "leads.csv", rows)
    assert "Choose --pace 80, which takes about 37 minutes" in fails(2, file, *INTO)
    assert not Job.objects.exists()
    assert "restuser → View all records" in run(file, *INTO, "--pace", "80")
    assert Job.objects.get().pace == jobs.SAFE_PACE
    run(file, *INTO, "--pace", "0")
    small = written(tmp_path / "small.csv", rows[:99])
    run(small, *INTO)


# The pages


@pytest.fixture
def page(ada: User, leads: App) -> Client:
    Role.objects.get(name="Sales").views.set(leads.views.all())
    client = Client()
    client.force_login(ada)
    return client


def uploaded(page: Client, content: bytes, operation: str = "CaptureLead") -> str:
    """Where the page of the prepared import is."""
    sent = {"operation": operation, "file": SimpleUploadedFile("leads.csv", content)}
    response: Any = page.post("/apps/LeadRegistration/import/", sent)
    assert response.status_code == 302, response.context["form"].errors
    return str(response["Location"])


GOOD = b"Company,Surname,E-mail,First contact\nOne,Smith,a@example.com,31/12/2025\nTwo,,x,1/2/2026\n"
COLUMNS = {"column-0": "Company", "column-1": "LastName", "column-2": "EmailAddress", "column-3": "FirstContact"}
SENT = {**COLUMNS, "dates": "dmy", "decimal": "."}


def test_a_person_imports_a_file_in_three_steps(page: Client, leads: App) -> None:
    where = uploaded(page, GOOD)
    first: Any = page.get(where)
    chosen = {
        one["heading"]: [choice["name"] for choice in one["choices"] if choice["chosen"]]
        for one in first.context["columns"]
    }
    assert chosen == {
        "Company": ["Company"],
        "Surname": [],
        "E-mail": ["EmailAddress"],
        "First contact": ["FirstContact"],
    }
    assert "Choose the column that holds “Last name”." in first.content.decode()
    assert not Record.objects.exists() and jobs.due(dt.datetime.now(dt.UTC)) == []
    # Without JavaScript the form itself refreshes the preview.
    assert page.post(where, {**SENT, "do": "preview"})["Location"] == where
    shown: Any = page.get(where)
    said = shown.content.decode()
    assert "31 Dec 2025" in said and "Import 1 row" in said
    assert "Write a full e-mail address" in said and "Last name is required" in said
    assert page.post(where, {**SENT, "do": "start"})["Location"] == where
    job = Job.objects.get()
    while jobs.work(job.pk):
        pass
    assert Record.objects.get().values["FirstContact"] == "2025-12-31"
    end: Any = page.get(where)
    assert "1 of 2" not in end.content.decode() and "2 of 2 rows" in end.content.decode()
    errors: Any = page.get(f"{where}errors.csv")
    (left,) = csv.DictReader(io.StringIO(b"".join(errors.streaming_content).decode("utf-8-sig")))
    assert left["Company"] == "Two" and left["E-mail"] == "x" and "Last name" in left["Error"]


def test_the_preview_the_job_and_its_error_file_say_the_same_of_a_cell(page: Client) -> None:
    headings = "Company,Last name,First contact,Callback requested,Total value"
    where = uploaded(page, f"{headings}\nOne,Smith,31.31.2020,perhaps,abc\n".encode())
    said = (
        "Total value: “abc” is no number.",
        "First contact: “31.31.2020” is no date; this column is read as day/month/year.",
        "Callback requested: “perhaps” is neither Yes nor No.",
    )
    names = ("Company", "LastName", "FirstContact", "CallbackRequested", "TotalValue")
    sent = {**{f"column-{index}": name for index, name in enumerate(names)}, "dates": "dmy", "decimal": "."}
    page.post(where, {**sent, "do": "preview"})
    preview: Any = page.get(where)
    assert all(html.escape(one) in preview.text for one in said)
    page.post(where, {**sent, "do": "start"})
    while jobs.work(Job.objects.get().pk):
        pass
    end: Any = page.get(where)
    assert all(html.escape(one) in end.text for one in said)
    errors: Any = page.get(f"{where}errors.csv")
    (left,) = csv.DictReader(io.StringIO(b"".join(errors.streaming_content).decode("utf-8-sig")))
    assert left["Error"] == " ".join(said)


def test_htmx_is_answered_with_the_part_that_changes(page: Client) -> None:
    where = uploaded(page, GOOD)
    part = page.post(where, {**SENT, "do": "preview"}, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("<section") and 'id="preview"' in part and "<html" not in part
    page.post(where, {**SENT, "do": "start"})
    part = page.get(where, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("<div") and 'id="progress"' in part
    page.post(where, {"do": "pause"})
    assert page.get(where, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_nothing_starts_while_the_columns_do_not_say_enough(page: Client) -> None:
    where = uploaded(page, GOOD)
    page.post(where, {**SENT, "column-1": "", "do": "start"})
    assert Job.objects.get().state == Job.PREPARED
    page.post(where, {**SENT, "column-2": "Company", "do": "start"})
    assert "“Company” is chosen for two columns" in page.get(where).content.decode()
    page.post(where, {"do": "discard"})
    assert not Job.objects.exists()


def test_a_file_that_cannot_be_read_is_refused_beside_its_field(page: Client) -> None:
    sent = {"operation": "CaptureLead", "file": SimpleUploadedFile("x.csv", b'a,b\n"open')}
    response: Any = page.post("/apps/LeadRegistration/import/", sent)
    assert "quotation mark" in str(response.context["form"].errors["file"])
    assert not Job.objects.exists()


def test_a_job_is_paused_resumed_and_stopped_by_its_owner_or_an_admin_and_seen_by_nobody_else(
    page: Client, client: Client
) -> None:
    where = uploaded(page, GOOD)
    page.post(where, {**SENT, "do": "start"})
    client.force_login(builders.person("eve"))
    assert client.get(where).status_code == 404 and client.post(where, {"do": "stop"}).status_code == 404
    assert client.get(f"{where}errors.csv").status_code == 404
    assert "leads.csv" not in client.get("/jobs/").content.decode()
    page.post(where, {"do": "pause"})
    assert Job.objects.get().state == Job.PAUSED
    client.force_login(builders.person("boss", is_staff=True, is_superuser=True))
    assert "leads.csv" in client.get("/jobs/").content.decode()
    client.post(where, {"do": "resume"})
    assert Job.objects.get().state == Job.RUNNING
    client.post(where, {"do": "stop"})
    assert Job.objects.get().state == Job.STOPPED
    assert "leads.csv" in page.get("/jobs/").content.decode()


def test_a_prepared_file_is_its_owner_s_alone_and_forgotten_with_the_next(page: Client, client: Client) -> None:
    where = uploaded(page, GOOD)
    client.force_login(builders.person("boss", is_staff=True, is_superuser=True))
    assert client.get(where).status_code == 404
    assert uploaded(page, GOOD) != where
    assert Job.objects.count() == 1


def test_who_may_run_no_operation_cannot_import(client: Client, leads: App) -> None:
    eve = builders.person("eve")
    role = Role.objects.create(name="Readers")
    role.views.set(leads.views.all())
    eve.roles.add(role)
    client.force_login(eve)
    assert client.get("/apps/LeadRegistration/import/").status_code == 404


def test_the_page_offers_a_pace_where_a_zap_would_be_held(page: Client, leads: App) -> None:
    listened(leads)
    rows = b"Company,Last name\n" + b"".join(b"Firm %d,Smith\n" % index for index in range(200))
    where = uploaded(page, rows)
    assert "A Zap follows this app" in page.get(where).content.decode()
    page.post(where, {"column-0": "Company", "column-1": "LastName", "do": "start", "pace": "80"})
    assert Job.objects.get().pace == 80
