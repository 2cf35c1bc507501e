"""Pacing: whether Zapier would hold what is about to be written, and that a paced job is never held."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from flowfinity import clock, jobs
from flowfinity.models import Job, User
from integration.models import Poll
from tests import rest
from tests.rest import Api, Site

opened, site, api = rest.opened, rest.site, rest.api
START = rest.NOW
POLLED_EVERY = dt.timedelta(minutes=15)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[dt.datetime]:
    """The process clock: what its last element says."""
    times = [START]
    monkeypatch.setattr(clock, "now", lambda: times[-1])
    return times


def poll(site: Site, api: Api) -> list[int]:
    """What Zapier is shown."""
    response: Any = api.zapier()
    assert response.status_code == 200
    return [one["id"] for one in response.json()]


def asked(site: Site, rows: int, later: dt.timedelta = dt.timedelta()) -> jobs.Advice:
    return jobs.advice(site.app.pk, rows, START + later)


def test_who_polls_as_zapier_is_listened_for(site: Site, api: Api, time: list[dt.datetime]) -> None:
    assert asked(site, 10_000) == jobs.Advice()
    poll(site, api)
    assert asked(site, 10_000) == jobs.Advice(("Zapier (restuser) → View all records",), True)
    assert asked(site, 99).listeners and not asked(site, 99).holds
    assert asked(site, 100).holds


def test_who_reads_plainly_is_held_by_nothing(site: Site, api: Api, time: list[dt.datetime]) -> None:
    api.poll()
    assert Poll.objects.get().mode == "plain" and asked(site, 10_000) == jobs.Advice()


def test_two_clients_of_one_account_are_named_apart(site: Site, api: Api, time: list[dt.datetime]) -> None:
    for client in ("", "crm"):
        api.zapier("ViewAllRecords", {"client": client})
    assert asked(site, 100).listeners == (
        "Zapier (restuser) → View all records",
        "Zapier (restuser) (crm) → View all records",
    )


def test_what_waits_already_counts(site: Site, api: Api, time: list[dt.datetime]) -> None:
    poll(site, api)
    for _ in range(60):
        site.lead()
    assert asked(site, 40).holds and not asked(site, 39).holds


@pytest.mark.parametrize(
    "change",
    [
        lambda site: site.access(enabled=False),
        lambda site: site.surface(query_enabled=False),
        lambda site: User.objects.filter(pk=site.account.pk).update(is_active=False),
    ],
)
def test_who_is_shut_out_does_not_listen(site: Site, api: Api, time: list[dt.datetime], change: Any) -> None:
    poll(site, api)
    change(site)
    assert asked(site, 10_000) == jobs.Advice()


def test_who_has_not_polled_for_longer_than_the_lookback_is_gone(site: Site, api: Api, time: list[dt.datetime]) -> None:
    poll(site, api)
    assert asked(site, 100, dt.timedelta(days=6)).holds
    assert asked(site, 100, dt.timedelta(days=8)) == jobs.Advice()


@pytest.mark.parametrize("pace", [jobs.SAFE_PACE, 0])
def test_a_paced_import_never_shows_a_hundred_new_ids_in_one_poll_and_an_unpaced_one_does(
    site: Site, api: Api, time: list[dt.datetime], pace: int
) -> None:
    site.sam.is_superuser = True
    site.sam.save()
    seen = set(poll(site, api))
    rows = ((number, {"Firm": f"Firm {number}", "Name": "Smith"}, None) for number in range(2, 252))
    source = {"mapping": {"Firm": "Company", "Name": "LastName"}}
    job = jobs.create(
        site.app.pk, Job.IMPORT, "leads.csv", site.sam, rows, now=START, operation="CaptureLead", pace=pace,
        source=source,
    )  # fmt: skip
    fresh = []
    # Zapier's slowest interval, and each poll more than a minute late.
    for minute in range(1, 103):
        time.append(START + dt.timedelta(minutes=minute, seconds=7))
        while jobs.work(job.pk):
            pass
        if minute % 17 == 0:
            shown = set(poll(site, api))
            fresh.append(len(shown - seen))
            seen |= shown
    assert sum(fresh) == 250
    assert (max(fresh) < 100) is bool(pace)
