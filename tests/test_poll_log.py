"""The poll log: one row a client, written after the answer; and the window that makes up for an outage."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from flowfinity import clock
from integration import poll_log
from integration.models import Poll, PollHour
from integration.poll_log import DAY_MS, Client
from tests import builders, rest

pytestmark = pytest.mark.django_db
NOW = 1_000 * DAY_MS


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> rest.Site:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.mark.parametrize(
    ("away_days", "lookback", "missed"),
    [(0, 7, False), (6, 7, False), (6.01, 7, True), (10, 7, True), (0.5, 1, False), (0.51, 1, True), (1.1, 2, True)],
)
def test_an_outage_is_a_gap_of_most_of_the_lookback(away_days: float, lookback: int, missed: bool) -> None:
    last = NOW - int(away_days * DAY_MS)
    wanted = (last - lookback * DAY_MS, NOW + DAY_MS) if missed else (0, 0)
    assert poll_log.outage(Client(1, 1, "", 1, last), NOW, lookback, 0) == wanted
    assert poll_log.outage(Client(1, 1, ""), NOW, lookback, 0) == (0, 0), "a first poll follows no gap"
    if missed:
        assert poll_log.outage(Client(1, 1, "", 1, last), NOW, lookback, last)[0] == last, "the floor holds"


def test_ten_days_away_with_a_lookback_of_seven_lose_nothing(site: rest.Site) -> None:
    api = rest.Api()
    api.zapier()
    shown = set()
    for _ in range(10):
        site.at += dt.timedelta(days=1)
        shown.add(site.lead().submission)
    first = {item["id"] for item in api.zapier().json()}
    assert first == shown
    site.at += dt.timedelta(hours=23)
    assert {item["id"] for item in api.zapier().json()} == shown
    site.at += dt.timedelta(hours=2)
    assert len(api.zapier().json()) < len(shown)


def test_a_dead_client_is_not_hidden_by_a_live_one_and_heads_and_samples_are_no_polls(site: rest.Site) -> None:
    api = rest.Api()
    lead = site.lead()
    for name in ("one", "two"):
        api.poll(query=f"mode=zapier&client={name}")
    site.at += dt.timedelta(minutes=5)
    api.poll(query="mode=zapier&client=two")
    api.call("HEAD", "/api/apps/LeadRegistration/views/ViewAllRecords?client=one")
    api.get("/api/apps/LeadRegistration/views/ViewAllRecords/sample?client=one")
    rows = {poll.client: poll for poll in Poll.objects.all()}
    assert set(rows) == {"one", "two"}
    assert rows["two"].last_ms - rows["one"].last_ms == 300_000
    assert (rows["two"].newest, rows["two"].seen, rows["two"].count) == (lead.submission, lead.submission, 1)
    assert len(rows["two"].recent) == 2
    assert PollHour.objects.get(poll=rows["one"]).polls == 1


def test_a_poll_that_cannot_be_kept_is_answered_all_the_same(site: rest.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(poll_log, "write", fail)
    assert rest.Api().zapier().status_code == 200


def test_what_the_log_costs_a_poll(site: rest.Site) -> None:
    """Within a minute and with nothing new nothing beside the state query, else three: its row, twice, and its hour."""
    api = rest.Api()
    site.lead()
    api.zapier()
    site.at += dt.timedelta(seconds=30)
    with builders.counted_queries("poll that is kept and not written"):
        api.zapier()
    for _ in range(2):
        site.at += dt.timedelta(minutes=1)
        with builders.counted_queries("poll that is kept and written"):
            api.zapier()


@pytest.mark.django_db(transaction=True)
def test_a_poll_is_answered_while_another_holds_what_its_log_needs(site: rest.Site) -> None:
    """It would wait for 20 s, and Zapier gives up at 30."""
    api = rest.Api()
    api.zapier()
    lead = site.lead()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Poll.objects.update(bytes=1)
                held.set()
                # Longer than the test would wait if the poll waited.
                done.wait(60)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    answer = api.zapier()
    waiting = not done.is_set() and holder.is_alive()
    done.set()
    holder.join()
    assert answer.status_code == 200 and waiting and [item["id"] for item in answer.json()] == [lead.submission]
    assert Poll.objects.get().newest < lead.submission, "what could not be written"
    api.zapier()
    assert Poll.objects.get().newest == lead.submission, "is made up for by the next poll"
