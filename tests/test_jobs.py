"""Jobs: each row once, in order, paced, whoever works on them and whoever is killed."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time as machine
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connections

from flowfinity import clock, jobs
from flowfinity.models import App, Job, JobRow, Operation, Record, Role, Submission, User, configuring
from tests import builders
from tests.conftest import Server

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
MAPPING = {"Firm": "Company", "Name": "LastName", "Mail": "EmailAddress"}


class Time:
    """The process clock of a test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += dt.timedelta(**span)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(clock, "now", found)
    return found


@pytest.fixture
def leads(db: None) -> App:
    return builders.make_leads()


@pytest.fixture
def ada(leads: App) -> User:
    """Somebody who may capture and update leads, by a role."""
    role = Role.objects.create(name="Sales")
    role.operations.set(Operation.objects.filter(app=leads))
    person = builders.person()
    person.roles.add(role)
    return person


def imported(app: App, by: User, rows: list[Mapping[str, str]], operation: str = "CaptureLead", **extra: Any) -> Job:
    """An import of these rows; their numbers begin under the heading."""
    source = {"mapping": {**MAPPING, **({"No": "RecordID"} if operation != "CaptureLead" else {})}}
    numbered = [(number, row, None) for number, row in enumerate(rows, 2)]
    values = {"now": clock.now(), "operation": operation, "source": source, **extra}
    return jobs.create(app.pk, Job.IMPORT, "leads.csv", by, numbered, **values)


def many(count: int) -> list[Mapping[str, str]]:
    return [{"Firm": f"Firm {index}", "Name": "Smith"} for index in range(count)]


def finish(job: Job) -> Job:
    """Works until nothing is due."""
    while jobs.work(job.pk):
        pass
    job.refresh_from_db()
    return job


def companies() -> list[str]:
    return [one.values["Company"] for one in Submission.objects.order_by("pk")]


def test_rows_are_submitted_in_order_in_the_name_of_who_started_it(leads: App, ada: User) -> None:
    job = finish(imported(leads, ada, many(120)))
    assert companies() == [f"Firm {index}" for index in range(120)]
    assert {one.by_id for one in Submission.objects.all()} == {ada.pk}
    assert (job.state, job.total) == (Job.DONE, 120) and job.finished_on is not None
    rows = JobRow.objects.filter(job=job).order_by("number")
    assert [row.submission for row in rows] == list(Submission.objects.order_by("pk").values_list("pk", flat=True))
    assert [row.record for row in rows] == list(Record.objects.order_by("pk").values_list("pk", flat=True))


def test_a_faulty_row_says_why_and_holds_up_no_other(leads: App, ada: User) -> None:
    rows = [
        {"Firm": "One", "Name": "Smith"},
        {"Firm": "", "Name": "Smith", "Mail": "nobody"},
        {"Firm": "Three", "Name": "Smith"},
    ]
    job = finish(imported(leads, ada, rows))
    assert companies() == ["One", "Three"] and job.state == Job.DONE
    failed = jobs.failed_rows(job).get()
    assert failed.number == 3
    assert {field for field, _ in failed.faults} == {"Company", "EmailAddress"}
    now = jobs.progress(job, clock.now())
    assert (now.total, now.done, now.failed, now.waiting, now.percent) == (3, 2, 1, 0, 100)


def test_an_update_names_its_record_and_one_that_changes_nothing_makes_no_submission(leads: App, ada: User) -> None:
    made = builders.do(ada, leads, "CaptureLead", Company="Acme", LastName="Smith").record
    other = builders.do(ada, leads, "CaptureLead", Company="Other", LastName="Smith").record
    rows = [
        {"No": f"{made:09d}", "Firm": "Acme Ltd", "Name": ""},
        {"No": str(other), "Firm": "Other"},
        {"No": "999999", "Firm": "Nobody"},
        {"No": "", "Firm": "Nobody"},
        {"No": "twelve", "Firm": "Nobody"},
    ]
    job = finish(imported(leads, ada, rows, "UpdateLead"))
    states = list(JobRow.objects.filter(job=job).order_by("number").values_list("state", flat=True))
    assert states == ["done", "unchanged", "failed", "failed", "failed"]
    # An empty cell leaves its field alone.
    assert builders.values_of(made) == {"Company": "Acme Ltd", "LastName": "Smith"}


def test_an_empty_cell_makes_its_field_blank_when_that_is_asked_for(leads: App, ada: User) -> None:
    made = builders.do(ada, leads, "CaptureLead", Company="Acme", LastName="Smith", EmailAddress="a@example.com").record
    source = {"mapping": {"No": "RecordID", "Mail": "EmailAddress"}, "clear": True}
    finish(imported(leads, ada, [{"No": str(made), "Mail": ""}], "UpdateLead", source=source))
    assert "EmailAddress" not in builders.values_of(made)


def test_a_catch_up_sends_records_again_as_they_are(leads: App) -> None:
    admin = builders.person(is_staff=True, is_superuser=True)
    made = builders.do(admin, leads, "CaptureLead", Company="Acme", LastName="Smith")
    job = finish(jobs.create(leads.pk, Job.CATCH_UP, "Catch-up", admin, [(1, {}, made.record)], now=clock.now()))
    last = Submission.objects.latest("pk")
    assert (last.kind, last.record_id, last.values) == ("resent", made.record, {"Company": "Acme", "LastName": "Smith"})
    row = JobRow.objects.get(job=job)
    assert (row.state, row.submission) == (JobRow.DONE, last.pk)


def test_a_worker_that_dies_before_it_has_written_what_it_did_does_nothing_twice(
    leads: App, ada: User, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = imported(leads, ada, many(30))

    class Killed(BaseException):
        pass

    done = jobs.do_row
    count = 0

    def dying(*args: Any) -> None:
        nonlocal count
        done(*args)
        count += 1
        if count == 10:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "do_row", dying)
        patch.setattr(JobRow.objects, "bulk_create", lambda *args, **extra: None)
        patch.setattr(jobs.Turn, "release", lambda *args, **extra: None)
        with pytest.raises(Killed):
            jobs.work(job.pk)
    assert len(companies()) == 10 and not JobRow.objects.exclude(state=JobRow.WAITING).exists()
    assert jobs.work(job.pk) == 0, "the dead worker's lease still holds"
    time.pass_(minutes=1)
    finish(job)
    assert companies() == [f"Firm {index}" for index in range(30)]
    assert JobRow.objects.filter(state=JobRow.DONE).count() == 30


def test_a_database_that_goes_away_ends_the_turn_and_fails_no_row(
    leads: App, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = imported(leads, ada, many(5))
    real = jobs.submit

    def away(calls: Any, **extra: Any) -> Any:
        if calls[0].values["Company"] == "Firm 2":
            raise OperationalError("server closed the connection unexpectedly")
        return real(calls, **extra)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "submit", away)
        with pytest.raises(OperationalError):
            jobs.work(job.pk)
    assert not jobs.failed_rows(job).exists()
    finish(job)
    assert companies() == [f"Firm {index}" for index in range(5)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ada, app: User.objects.filter(pk=ada.pk).update(is_active=False), "account"),
        (lambda ada, app: ada.roles.clear(), "may not run"),
        (lambda ada, app: Operation.objects.filter(app=app, name="CaptureLead").update(name="Gone"), "not there"),
    ],
)
def test_a_job_pauses_itself_when_its_person_may_not_go_on_and_resumes_where_it_was(
    leads: App, ada: User, time: Time, monkeypatch: pytest.MonkeyPatch, change: Callable[[User, App], Any], said: str
) -> None:
    job = imported(leads, ada, many(60))
    monkeypatch.setattr(jobs, "READ_AT_ONCE", 20)
    turns = iter([False] * 21 + [True] * 100)
    jobs.work(job.pk, lambda: next(turns))
    before = len(companies())
    assert 0 < before < 60
    with configuring():
        change(ada, leads)
    assert jobs.work(job.pk) == 0
    job.refresh_from_db()
    assert job.state == Job.PAUSED and said in jobs.reason_of(job)
    assert len(companies()) == before
    with configuring():
        User.objects.filter(pk=ada.pk).update(is_active=True)
        ada.roles.set(Role.objects.all())
        Operation.objects.filter(app=leads, name="Gone").update(name="CaptureLead")
    assert jobs.resume(job, clock.now())
    finish(job)
    assert companies() == [f"Firm {index}" for index in range(60)]


def test_who_pauses_stops_and_resumes_is_obeyed(leads: App, ada: User) -> None:
    job = imported(leads, ada, many(10))
    now = clock.now()
    assert jobs.pause(job, now) and not jobs.pause(job, now)
    assert jobs.due(now) == [] and jobs.work(job.pk) == 0
    assert jobs.resume(job, now) and jobs.due(now) == [job.pk]
    assert jobs.stop(job, now) and not jobs.resume(job, now)
    assert jobs.work(job.pk) == 0 and companies() == []
    assert jobs.progress(job, now).waiting == 10


def test_nothing_is_done_of_a_job_that_is_only_prepared(leads: App, ada: User) -> None:
    job = imported(leads, ada, many(2), state=Job.PREPARED)
    assert jobs.work(job.pk) == 0 and not jobs.resume(job, clock.now())
    assert jobs.start(job, clock.now())
    finish(job)
    assert len(companies()) == 2


def test_a_pace_is_kept_in_any_fifteen_minutes_and_over_restarts(leads: App, ada: User, time: Time) -> None:
    job = imported(leads, ada, many(25), pace=10)
    done: list[dt.datetime] = []
    for _ in range(120):
        before = len(companies())
        jobs.work(job.pk)
        done += [time.now] * (len(companies()) - before)
        time.pass_(seconds=30)
    assert len(done) == 25
    for moment in done:
        within = [one for one in done if moment <= one < moment + jobs.SPAN]
        assert len(within) <= 10
    job.refresh_from_db()
    assert job.state == Job.DONE
    # Evenly, and no slower than it must.
    assert all(later - one == dt.timedelta(seconds=90) for one, later in pairwise(done))


def test_two_paced_jobs_of_an_app_share_the_pace(leads: App, ada: User, time: Time) -> None:
    made = [imported(leads, ada, many(15), pace=10) for _ in range(2)]
    done: list[dt.datetime] = []
    for _ in range(100):
        for job in made:
            before = len(companies())
            jobs.work(job.pk)
            done += [time.now] * (len(companies()) - before)
        time.pass_(seconds=30)
    assert len(done) == 30
    assert max(sum(one <= other < one + jobs.SPAN for other in done) for one in done) <= 10


def test_a_paced_job_says_when_it_will_be_done(leads: App, ada: User, time: Time) -> None:
    job = imported(leads, ada, many(25), pace=10)
    assert jobs.progress(job, time.now).finish == NOW + dt.timedelta(minutes=36)


@pytest.mark.django_db(transaction=True)
def test_one_worker_at_a_time_holds_a_job() -> None:
    leads = builders.make_leads()
    admin = builders.person(is_superuser=True)
    job = imported(leads, admin, many(40))

    def work(_: int) -> int:
        try:
            return sum(iter(lambda: jobs.work(job.pk), 0))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))
    job.refresh_from_db()
    assert sum(counts) == 40 and companies() == [f"Firm {index}" for index in range(40)]
    assert job.state == Job.DONE


# The real worker, killed.

ROWS = 5_000
READ = """
import json
from flowfinity.models import Job, JobRow, Submission
rows = JobRow.objects.order_by("number").values_list("state", "submission")
made = Submission.objects.filter(values__Company__startswith="Imported").order_by("pk")
print(json.dumps([Job.objects.get().state, list(rows), [[one.pk, one.values["Company"]] for one in made]]))
"""


def manage(server: Server, *arguments: str) -> str:
    """What a command of the site prints."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=server.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dealt_with(server: Server) -> int:
    """How many rows of jobs are no longer waiting, as the database has it."""
    asked = "SELECT count(*) FROM flowfinity_jobrow WHERE state <> 'waiting'"
    if url := server.environ.get("DATABASE_URL"):
        with psycopg.connect(url) as postgres:
            return int(postgres.execute(asked).fetchall()[0][0])
    sqlite = sqlite3.connect(Path(server.environ["DATA_DIR"]) / "flowfinity.sqlite3", timeout=20)
    try:
        return int(sqlite.execute(asked).fetchone()[0])
    finally:
        sqlite.close()


def wait_for(server: Server, rows: int) -> None:
    """Waits until so many rows are dealt with."""
    end = machine.monotonic() + 600
    while dealt_with(server) < rows:
        assert machine.monotonic() < end, server.log()[-5_000:]
        machine.sleep(0.05)


def kill_worker(server: Server) -> None:
    """SIGKILL to the process that works beside the server."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            beside = b"\0work\0--beside\0" in (process / "cmdline").read_bytes()
            ours = f"DATA_DIR={server.environ['DATA_DIR']}".encode() in (process / "environ").read_bytes()
        except OSError:
            continue
        if beside and ours:
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise AssertionError("no worker is there to be killed")


def test_an_import_of_5_000_rows_that_is_killed_again_and_again_misses_none_and_repeats_none(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "leads.csv"
    lines = ["Company,Last name", *(f"Imported {index:05d},Smith" for index in range(ROWS))]
    file.write_text("\n".join(lines), encoding="utf-8")
    manage(server, "import_csv", str(file), "--app", "LeadRegistration", "--operation", "CaptureLead", "--as", "sam")
    for times, part in enumerate((0.15, 0.4, 0.7), 1):
        wait_for(server, int(ROWS * part))
        if times == 2:
            server.kill()
        else:
            kill_worker(server)
        # What it held is free when its lease is over.
        server.clock.write_text(str(60 * times), encoding="ascii")
        assert dealt_with(server) < ROWS
        server.restart()
    wait_for(server, ROWS)
    state = Job.RUNNING
    while state == Job.RUNNING:
        state, rows, made = json.loads(manage(server, "shell", "--no-imports", "-c", READ))
    assert state == Job.DONE and {row[0] for row in rows} == {JobRow.DONE}
    assert [company for _, company in made] == [f"Imported {index:05d}" for index in range(ROWS)]
    assert Counter(number for _, number in rows) == Counter(number for number, _ in made)
