"""Within an app, numbers become visible in ascending order: who follows the last one it has seen misses none.

Real processes write, and the reader reads as a client does, by the last number and nothing else. Each test has its
negative control, without which a 0 would prove nothing: with the lock taken out, the same reader must lose.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection, models

from flowfinity import definitions
from flowfinity.models import App, Record, Submission, User
from flowfinity.query import Query
from integration import zapier_mode
from tests import builders

ON_POSTGRES = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
WRITERS = 8 if ON_POSTGRES else 4
SUBMISSIONS = 20_000
IN_THE_CONTROL = 1_000
IN_THE_STORM = 8_000
TICK = 0.005
NOW = dt.datetime(2020, 9, 6, tzinfo=dt.UTC)
SYNCHRONIZE = {
    "name": "Synchronize",
    "label": "Synchronize",
    "columns": ["Name"],
    "filter": {"field": "lastSubmissionID", "operator": "greater_than", "parameter": "PreviousLastSubmissionId"},
    "sort": [{"field": "lastSubmissionID", "direction": "ascending"}],
    "parameters": [{"name": "PreviousLastSubmissionId", "label": "Previous", "type": "number"}],
}


@dataclass
class Reader:
    """A client that follows the last number: of records (the sync view) or of submissions (the feed)."""

    query: Query
    rows: models.QuerySet[Any]
    last: int = 0
    seen: list[int] = field(default_factory=list)

    def read(self) -> bool:
        """Reads what is new since the last one seen, and says whether there was anything."""
        query = self.query.with_arguments({"PreviousLastSubmissionId": self.last}, NOW)
        number = "last_submission_id" if self.rows.model is Record else "pk"
        new = list(query.apply(self.rows.all()).values_list(number, flat=True))
        if new:
            self.seen += new
            self.last = new[-1]
        return bool(new)


@dataclass
class Ledger:
    """What was written, and what a reader has seen of it."""

    written: set[int]
    readers: dict[str, Reader]
    seconds: float
    # How often was read, and how often there was something new, while writers wrote.
    reads: int
    found: int
    said: list[str]

    def lost(self, name: str) -> int:
        """How many of its app's submissions the reader has not seen."""
        reader = self.readers[name]
        own = set(Submission.objects.filter(app=reader.query.app).values_list("pk", flat=True))
        return len(own - set(reader.seen))

    def twice(self, name: str) -> int:
        return sum(times - 1 for times in Counter(self.readers[name].seen).values())

    def __str__(self) -> str:
        counts = ", ".join(f"{name}: {self.lost(name)} lost, {self.twice(name)} twice" for name in self.readers)
        rate = len(self.written) / self.seconds
        reads = f"read {self.reads:,} times, {self.found:,} with something new"
        return f"{len(self.written):,} submissions, {rate:,.0f}/s, {reads}; {counts}"


@dataclass
class Zap(Reader):
    """A client that reads the whole window again each time and knows what it has seen by its id: Zapier's way."""

    def read(self) -> bool:
        """Reads the window, newest first, keeps what it has not seen, and says whether there was anything."""
        now = dt.datetime.now(dt.UTC)
        start = zapier_mode.window_start(now, 7, 0)
        query = zapier_mode.overlay(self.query.with_arguments({}, now), start)
        shown = query.apply(self.rows.all()).values_list("last_submission_id", flat=True)
        known = set(self.seen)
        new = [number for number in shown if number not in known]
        self.seen += new
        return bool(new)


def database_url() -> str:
    """The test database, as a process of its own is told about it."""
    parts = connection.settings_dict
    if not ON_POSTGRES:
        return f"sqlite:///{quote(str(parts['NAME']))}"
    login = f"{quote(parts['USER'])}{':' + quote(parts['PASSWORD']) if parts['PASSWORD'] else ''}@"
    options = {key: value for key, value in parts["OPTIONS"].items() if isinstance(value, str)} | {
        "host": parts["HOST"]
    }
    port = f"localhost:{parts['PORT']}" if parts["PORT"] else ""
    return f"postgresql://{login}{port}/{quote(parts['NAME'])}?{urlencode(options)}"


def run(app: App, user: User, submissions: int, *switches: str, readers: dict[str, Reader] | None = None) -> Ledger:
    """Lets the writers write and follows them, every 5 ms, until all have ended and nothing more comes."""
    query = definitions.of(app.pk).view("Synchronize").query
    readers = readers or {
        "sync view": Reader(query, Record.objects.all()),
        "feed": Reader(query, Submission.objects.all()),
    }
    environ = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "flowfinity.settings",
        "DATA_DIR": str(settings.DATA_DIR),
    }
    shares = [submissions // WRITERS + (place < submissions % WRITERS) for place in range(WRITERS)]
    reads = found = 0
    with ExitStack() as ending:
        writers: list[subprocess.Popen[str]] = []
        for share in shares:
            writer = subprocess.Popen(
                [sys.executable, "-m", "tests.writers", str(app.pk), str(user.pk), str(share), *switches],
                cwd=settings.BASE_DIR,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            writers.append(ending.enter_context(writer))
            # Runs before the wait for its end: a writer must not outlive a test that has failed.
            ending.callback(writer.kill)
        for writer in writers:
            assert writer.stdout is not None
            if writer.stdout.readline() != "ready\n":
                raise AssertionError(writer.communicate()[1])
        begun = time.monotonic()
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        while any(writer.poll() is None for writer in writers):
            tick = time.monotonic()
            found += sum(reader.read() for reader in readers.values()) > 0
            reads += 1
            time.sleep(max(0.0, tick + TICK - time.monotonic()))
        seconds = time.monotonic() - begun
        said = [writer.communicate()[1] for writer in writers]
    for reader in readers.values():
        reader.read()
    return Ledger(set(Submission.objects.values_list("pk", flat=True)), readers, seconds, reads, found, said)


def report(capsys: pytest.CaptureFixture[str], name: str, ledger: Ledger) -> None:
    """Shows the figures, whether the test passes or not."""
    with capsys.disabled():
        sys.stdout.write(f"\n{connection.vendor}, {WRITERS} writers, {name}: {ledger}\n")


@pytest.fixture
def cast(transactional_db: None) -> tuple[App, User]:
    return builders.make_app({"Name": "text", "Text": "multiline"}, views=[SYNCHRONIZE]), builders.person()


def test_no_submission_is_lost_and_none_comes_twice(cast: tuple[App, User], capsys: pytest.CaptureFixture[str]) -> None:
    ledger = run(*cast, SUBMISSIONS)
    report(capsys, "with the lock", ledger)
    # "database is locked" would stand here.
    assert ledger.said == [""] * WRITERS
    assert len(ledger.written) == SUBMISSIONS
    for name in ledger.readers:
        assert (ledger.lost(name), ledger.twice(name)) == (0, 0), name
    # The reader has read while there was something to miss, not only at the end.
    assert ledger.found > 100
    times = list(Submission.objects.order_by("pk").values_list("on", flat=True))
    assert times == sorted(times)
    assert set(Record.objects.values_list("last_submission_id", flat=True)) == ledger.written


def test_without_the_lock_submissions_are_lost(cast: tuple[App, User], capsys: pytest.CaptureFixture[str]) -> None:
    ledger = run(*cast, IN_THE_CONTROL, "--unordered")
    report(capsys, "control without the lock", ledger)
    assert ledger.said == [""] * WRITERS
    assert len(ledger.written) == IN_THE_CONTROL
    for name in ledger.readers:
        assert ledger.lost(name) > 0, name


def test_a_storm_over_two_apps_loses_nothing(cast: tuple[App, User], capsys: pytest.CaptureFixture[str]) -> None:
    """Calls of 500 over both apps, and transactions that are rolled back; read by sync view, by feed and as Zapier."""
    app, user = cast
    other = builders.make_app({"Name": "text", "Text": "multiline"}, name="Others", views=[SYNCHRONIZE])
    readers: dict[str, Reader] = {}
    for one in (app, other):
        query = definitions.of(one.pk).view("Synchronize").query
        readers |= {
            f"sync view of {one}": Reader(query, Record.objects.all()),
            f"feed of {one}": Reader(query, Submission.objects.all()),
            f"Zap of {one}": Zap(query, Record.objects.all()),
        }
    ledger = run(app, user, IN_THE_STORM, "--storm", str(other.pk), readers=readers)
    report(capsys, "a storm over two apps", ledger)
    assert ledger.said == [""] * WRITERS
    assert len(ledger.written) >= IN_THE_STORM
    for name in readers:
        assert (ledger.lost(name), ledger.twice(name)) == (0, 0), name
