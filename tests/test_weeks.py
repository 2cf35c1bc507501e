"""The ledger: weeks of submissions against what a Zap has done with them, over everything that fails on the way.

A real server, real writers, a real mailbox, a simulated Zapier, and simulated time. `pytest tests/test_weeks.py` is the
one command, on SQLite; with DB=postgres on PostgreSQL. WEEKS_SUBMISSIONS says how many are written: 1,000 by default,
20,000 for the whole of it; a quarter of them is imported on top, twice.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings

from tests.conftest import ON_POSTGRES, Server
from tests.inside import APP, Inside, Line
from tests.mailbox import Mailbox, receiving_mail
from tests.proxy import AWAY, BAD_GATEWAY, CUT, PASS, UNAVAILABLE, Proxy, proxying
from tests.stack import Clock
from tests.zapier_simulated import HELD_FROM, Email, Item, Poll, Time, Zap, Zapier

SUBMISSIONS = int(os.environ.get("WEEKS_SUBMISSIONS", "1000"))
IMPORTED = SUBMISSIONS // 4
WRITERS = 8
# So many of the writers come over HTTP.
OVER_HTTP = 2
# Written within one interval of the Zap: even after a poll that failed, fewer than Zapier holds.
A_POLL = 40
MINUTE, QUARTER, DAY = dt.timedelta(minutes=1), dt.timedelta(minutes=15), dt.timedelta(days=1)
VIEW = "ViewAllRecords"


@dataclass
class Book:
    """What was written, and what a Zap could see and did."""

    written: dict[int, Line] = field(default_factory=dict)
    # The app's last submission before and after each poll that succeeded.
    looks: list[tuple[int, int]] = field(default_factory=list)
    # What arrived, by submission.
    arrived: Counter[int] = field(default_factory=Counter)

    def enter(self, lines: list[Line]) -> None:
        """Enters what a writer has told."""
        self.written |= {line[0]: line for line in lines}

    def fates(self) -> dict[str, set[int]]:
        """What became of each submission: arrived, missed, deletion, or overwritten.

        Missed is what stood at the first poll that succeeded after it, and did not arrive. Overwritten is what another
        submission to the same record had replaced by then: nobody who polls can see it.
        """
        found: dict[str, set[int]] = defaultdict(set)
        by_record: dict[int, list[int]] = defaultdict(list)
        for number, record, _ in sorted(self.written.values()):
            by_record[record].append(number)
        before = [look[0] for look in self.looks]
        for number, record, name in self.written.values():
            later = by_record[record]
            following = later[place] if (place := bisect_right(later, number)) < len(later) else sys.maxsize
            look = bisect_left(before, number)
            if self.arrived[number]:
                found["arrived"].add(number)
            elif name is None:
                found["deletions"].add(number)
            elif look == len(before):
                found["not yet asked for"].add(number)
            elif self.looks[look][1] >= following:
                found["overwritten"].add(number)
            else:
                found["missed"].add(number)
        return found

    @property
    def duplicates(self) -> list[int]:
        """What arrived more than once."""
        return [number for number, times in self.arrived.items() if times > 1]

    def __str__(self) -> str:
        counts = {fate: len(numbers) for fate, numbers in self.fates().items()}
        told = ", ".join(
            f"{counts.get(fate, 0):,} {fate}" for fate in ("arrived", "missed", "overwritten", "deletions")
        )
        return f"{len(self.written):,} submissions: {told}; {len(self.duplicates)} duplicates"


class Watched(Zap):
    """A Zap whose polls are entered in a book, with what there was to see."""

    book: Book
    inside: Inside

    def poll(self) -> Poll:
        """Asks once."""
        before, known = self.inside.ask("last"), self._items
        done = super().poll()
        # The same answer again shows nothing that the next one would not.
        if not done.error and self._items is not known:
            self.book.looks.append((before, self.inside.ask("last")))
        return done


@dataclass
class World:
    """The site with its writers, Zapier, and the network between."""

    server: Server
    inside: Inside
    zapier: Zapier
    network: Proxy
    ending: ExitStack
    writers: list[Inside] = field(default_factory=list)
    trouble: dict[str, float] = field(default_factory=dict)

    @property
    def time(self) -> Time:
        """The time of both."""
        return self.zapier.time

    def zap(self, action: Any, view: str = VIEW, client: str = "", **more: Any) -> Watched:
        """A Zap on a view through the network, turned on."""
        zap = Watched(
            f"{self.network.url}/api/apps/{APP}/views/{view}?client={client}",
            ("restuser", self.server.password),
            action,
            self.time,
            test_url=f"{self.network.url}/api",
            keep_running=True,
            **more,
        )
        zap.book, zap.inside = Book(), self.inside
        self.zapier.zaps.append(zap)
        zap.turn_on()
        return zap

    def hire(self) -> None:
        """Takes on the writers."""
        self.writers = [self.process() for _ in range(WRITERS)]

    def process(self) -> Inside:
        """One more process inside the site, which ends with the test."""
        made = Inside(self.server.environ, settings.BASE_DIR)
        self.ending.callback(made.end)
        return made

    def tell(self, count: int) -> list[Inside]:
        """Has the writers write so many; answers with those that do."""
        shares = [count // WRITERS + (place < count % WRITERS) for place in range(WRITERS)]
        for place, (writer, share) in enumerate(zip(self.writers, shares, strict=True)):
            if place < OVER_HTTP:
                writer.tell("write_over_http", share, self.server.url, self.server.password)
            else:
                writer.tell("write", share)
        return self.writers

    def traffic(self, zap: Watched, count: int, over: dt.timedelta) -> None:
        """So many submissions, spread over so long; the Zap polls while they are written."""
        ticks = max(-(-count // A_POLL), 1)
        for tick in range(ticks):
            end = self.time.now() + over / ticks
            share = count // ticks + (tick < count % ticks)
            writing = self.tell(share)
            self.zapier.run(min(QUARTER, over / ticks))
            for writer in writing:
                zap.book.enter(writer.hear())
            self.zapier.run(end)

    def job(self, job: int) -> None:
        """Lets time pass until a job is done."""
        while self.inside.ask("work", job) == "running":
            # A paced job does a few rows a minute.
            self.zapier.run(MINUTE)
        self.zapier.run(2 * QUARTER)


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    """The server's world, with a network that has no trouble."""
    clock = Clock(server.clock)
    if server.clock.exists():
        clock.seconds = float(server.clock.read_text())
    port = int(server.url.rpartition(":")[2])
    trouble: dict[str, float] = {}

    def fate() -> str:
        return next((kind for kind, share in trouble.items() if random.random() < share), PASS)

    with ExitStack() as ending:
        network = ending.enter_context(proxying(port, fate))
        inside = Inside(server.environ, settings.BASE_DIR)
        ending.callback(inside.end)
        yield World(server, inside, Zapier(Time(clock)), network, ending, trouble=trouble)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as mailbox:
        yield mailbox


def say(capsys: pytest.CaptureFixture[str], line: object) -> None:
    """Shows figures, whether the test passes or not."""
    with capsys.disabled():
        sys.stdout.write(f"\n{'PostgreSQL' if ON_POSTGRES else 'SQLite'}: {line}\n")


def arrived(mailbox: Mailbox) -> list[tuple[int, str]]:
    """The id and the subject of each e-mail."""
    found = []
    for sent in mailbox.sent:
        # Thousands of them: the library that reads any e-mail takes too long over these plain ones.
        head, _, body = sent.decode("ascii").partition("\r\n\r\n")
        (subject,) = re.findall(r"^Subject: (.+)\r$", head, re.M)
        (number,) = re.findall(r"^id: (\d+)\r$", body, re.M)
        found.append((int(number), subject))
    return found


class Kept:
    """An action that keeps ids, where no e-mail is needed."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    def __call__(self, item: Item) -> None:
        self.ids.append(item["id"])


def settle(zap: Watched) -> None:
    """Its owner confirms what is held."""
    zap.release()
    assert isinstance(zap.action, Kept)
    zap.book.arrived = Counter(zap.action.ids)


def test_weeks_of_trouble_lose_nothing_and_repeat_nothing(
    world: World, mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The article's whole Zap: a lead is new or changed, and an e-mail comes with its name as the subject."""
    world.hire()
    zap = world.zap(Email(mailbox.host, mailbox.port), client="weeks")
    book, server = zap.book, world.server
    began, start = world.time.now(), world.inside.ask("last")
    third = SUBMISSIONS // 3
    # A week in which connections break, answers are 5xx, and the server is killed while people write.
    world.trouble |= {CUT: 0.05, BAD_GATEWAY: 0.03, UNAVAILABLE: 0.03}
    world.traffic(zap, third // 2, 3 * DAY)
    for _ in range(2):
        writing = world.tell(A_POLL)
        server.kill()
        world.zapier.run(2 * QUARTER)
        server.start()
        for writer in writing:
            book.enter(writer.hear())
        world.zapier.run(2 * QUARTER)
    world.traffic(zap, third - third // 2, 3 * DAY)
    world.trouble.clear()
    # The site is away for 10 days, longer than the lookback of 7; what was written last, no poll has seen.
    for writer in world.writers:
        book.enter(writer.ask("write", 5))
    server.stop()
    world.zapier.run(10 * DAY)
    server.start()
    world.traffic(zap, third // 2, 3 * DAY)
    # The network is away for 10 days, and people go on. Zapier holds what it then gets at once.
    world.trouble[AWAY] = 1
    world.traffic(zap, third - third // 2, 10 * DAY)
    away = world.inside.ask("health", "weeks")
    world.trouble.clear()
    world.zapier.run(QUARTER)
    held_after_outage = len(zap.held)
    assert zap.polls[-1].held and held_after_outage >= HELD_FROM
    assert "burst" in away["alarms"] and str(held_after_outage) in away["alarms"]["burst"].replace(",", "")
    zap.release()
    # An import that says no pace is told of the hold; at the pace that Zapier bears, none is held.
    refused, told = world.inside.ask("begin_import", IMPORTED, None)
    assert not refused and "holds a Zap when 100 or more" in told
    job, _ = world.inside.ask("begin_import", IMPORTED, 80)
    world.job(job)
    assert not zap.held
    # The same at once: the hold that was announced comes.
    job, _ = world.inside.ask("begin_import", IMPORTED, 0)
    assert world.inside.ask("work", job) == "done"
    announced = world.inside.ask("health", "weeks")
    world.zapier.run(QUARTER)
    assert (len(zap.held), announced["waiting"]) == (IMPORTED, IMPORTED)
    assert f"{IMPORTED:,} new ids wait for one poll" in announced["alarms"]["burst"]
    zap.release()
    # Until all windows of outages have closed, and what was written has left the lookback.
    world.traffic(zap, SUBMISSIONS - third * 2, 8 * DAY)
    world.zapier.run(DAY)

    emails = arrived(mailbox)
    book.arrived = Counter(number for number, _ in emails)
    database = world.inside.ask("ledger", start)
    imported = [line for line in database if line[0] not in book.written]
    book.enter(imported)
    weeks = (world.time.now() - began).days / 7
    failed = sum(bool(poll.error) for poll in zap.polls)
    say(capsys, f"{book}; {weeks:.1f} weeks, {len(zap.polls):,} polls, {failed:,} failed; {dict(world.network.met)}")
    assert len(imported) == 2 * IMPORTED, "what writers were told is what there is, but for the imports"
    assert {line[0]: line for line in database} == book.written
    fates = book.fates()
    assert fates["missed"] == set() and fates["not yet asked for"] == set()
    assert book.duplicates == []
    assert set(book.arrived) <= set(book.written), "nothing arrives that was not written meanwhile"
    assert all(book.written[number][2] == subject for number, subject in emails), "under the name that the lead had"
    assert {CUT, BAD_GATEWAY, UNAVAILABLE, AWAY} <= set(world.network.met)


def test_without_the_outage_window_ten_days_lose(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The negative control: with the window off, the same ledger must lose what left the lookback meanwhile."""
    books = {}
    for on in (True, False):
        world.inside.ask("outages", "HotLeads", on)
        zap = world.zap(Kept(), "HotLeads", f"control-{on}")
        world.zapier.run(QUARTER)
        world.trouble[AWAY] = 1
        for _ in range(10):
            zap.book.enter(world.inside.ask("lead", {"Rating": "Hot"}, 3))
            world.zapier.run(DAY)
        world.trouble.clear()
        world.zapier.run(DAY)
        settle(zap)
        zap.turn_off()
        books[on] = zap.book
    world.inside.ask("outages", "HotLeads", True)
    say(capsys, f"ten days away, with the outage window: {books[True]}; without: {books[False]}")
    assert books[True].fates()["missed"] == set() and books[True].duplicates == []
    assert len(books[False].fates()["missed"]) >= 9, "three days of three"


@pytest.mark.parametrize("by", ["owner", "zapier"])
def test_what_a_zap_that_was_off_will_never_see_is_named_and_caught_up(
    world: World, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    """Switched off for ten days by its owner; or by Zapier, when the site could not be reached, and on by its owner."""
    client = f"off-{by}"
    zap = world.zap(Kept(), client=client)
    zap.keep_running = False
    world.writers = [world.process() for _ in range(WRITERS)]
    world.traffic(zap, 20, 6 * 6 * QUARTER)
    world.zapier.run(QUARTER)
    if by == "owner":
        zap.turn_off()
    else:
        world.trouble[AWAY] = 1
        world.zapier.run(5 * DAY)
        assert not zap.on, "95% of its runs have failed"
    for _ in range(10):
        for writer in world.tell(20):
            zap.book.enter(writer.hear())
        world.zapier.run(DAY)
    world.trouble.clear()
    off = world.inside.ask("health", client)
    zap.turn_on()
    look = world.inside.ask("last")
    zap.book.looks.append((look, look))
    world.zapier.run(QUARTER)
    settle(zap)
    missed = zap.book.fates()["missed"]
    assert len(missed) > 50
    named = world.inside.ask("health", client)
    assert {number for numbers in named["fates"].values() for number in numbers} == missed
    assert "silent" in off["alarms"], "and while it was off, that it did not poll"
    job = world.inside.ask("begin_catch_up", client, list(named["fates"]))
    world.job(job)
    assert not zap.held
    settle(zap)
    again = {line[1]: line[0] for line in world.inside.ask("ledger", look)}
    caught = {number for number in missed if zap.book.arrived[again[zap.book.written[number][1]]] == 1}
    say(capsys, f"off for ten days, by {by}: {len(missed)} missed and named, {len(missed - caught)} after one catch-up")
    assert caught == missed
    assert zap.book.duplicates == []
    assert world.inside.ask("health", client)["fates"] == {}
    zap.turn_off()


def test_what_five_megabytes_cut_is_alarmed_and_caught_up(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    zap = world.zap(Kept(), client="cut")
    world.zapier.run(6 * QUARTER)
    zap.book.enter(world.inside.ask("lead", {"Summary": "x" * 60_000}, 90))
    world.zapier.run(QUARTER)
    settle(zap)
    missed = zap.book.fates()["missed"]
    told = world.inside.ask("health", "cut")
    assert 5 < len(missed) < 20
    assert set(told["fates"].get("cut", [])) == missed
    assert {"large", "left"} <= set(told["alarms"]) and "5 MB" in told["alarms"]["left"]
    look = world.inside.ask("last")
    world.job(world.inside.ask("begin_catch_up", "cut", ["cut"]))
    settle(zap)
    again = {line[1]: line[0] for line in world.inside.ask("ledger", look)}
    caught = {number for number in missed if zap.book.arrived[again[zap.book.written[number][1]]] == 1}
    say(
        capsys, f"5 MB have cut {len(missed)} of 90 off an answer, {len(missed - caught)} are missed after one catch-up"
    )
    assert caught == missed and zap.book.duplicates == []
    zap.turn_off()
    world.zapier.run(8 * DAY)


def test_a_dead_client_is_not_hidden_by_a_live_one(world: World) -> None:
    dead, alive = (world.zap(Kept(), client=client) for client in ("dead", "alive"))
    world.zapier.run(8 * QUARTER)
    dead.turn_off()
    lines = world.inside.ask("lead", {}, 3)
    world.zapier.run(8 * QUARTER)
    assert set(world.inside.ask("health", "alive")["alarms"]) == set()
    assert world.inside.ask("health", "alive")["fates"] == {}
    told = world.inside.ask("health", "dead")
    assert set(told["alarms"]) == {"silent"}
    assert told["fates"]["waiting"] == [line[0] for line in lines]
    assert isinstance(alive.action, Kept) and alive.action.ids == [line[0] for line in lines]
    alive.turn_off()
