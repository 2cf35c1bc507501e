"""What is old is deleted, and what somebody may still ask for is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from flowfinity import clock, jobs
from flowfinity.models import Job, JobRow, Record, Submission, Transaction
from integration import retention
from integration.hooks import delivery
from integration.models import Attempt, Delivery, Poll, PollHour, Refusal
from tests import builders, rest
from tests.receiver import Reply, receiving
from tests.test_hooks import subscribe, work

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def test_what_was_delivered_goes_after_thirty_days_and_what_failed_stays_until_its_subscription_has_ended(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    bad: list[int] = []
    with receiving(lambda request: Reply(400 if request.item["id"] in bad else 200)) as receiver:
        subscription = subscribe(receiver.url)
        drawn = [site.lead().submission for _ in range(5)]
        bad += drawn[:1]
        work(site)
        assert Attempt.objects.count() == 5
        site.at += 20 * DAY
        late = site.lead().submission
        work(site)
    assert retention.prune(site.at) == 0
    site.at += 11 * DAY
    retention.prune(site.at)
    assert set(Delivery.objects.values_list("submission_id", "state")) == {(bad[0], "failed"), (late, "delivered")}
    assert Attempt.objects.count() == 2
    delivery.remove(subscription, "Unsubscribed by its account.")
    retention.prune(site.at)
    assert list(Delivery.objects.values_list("submission_id", flat=True)) == [late]


def test_polls_by_the_hour_and_refused_calls_go_after_ninety_days_and_transactions_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    api = rest.Api()
    made = api.run("CaptureLead", {"ExternalTransactionId": "t1", "Company": "Acme", "LastName": "Smith"}).json()
    poll = Poll.objects.create(account=site.account, view=site.app.views.first(), first_on=site.at, last_ms=0)
    PollHour.objects.create(poll=poll, hour_ms=int(site.at.timestamp() * 1000))
    api.get("/api/apps/Nothing/views/Nothing")
    assert Refusal.objects.count() == 1
    retention.prune(site.at + 89 * DAY)
    assert (PollHour.objects.count(), Refusal.objects.count()) == (1, 1)
    retention.prune(site.at + 91 * DAY)
    assert (PollHour.objects.count(), Refusal.objects.count()) == (0, 0)
    assert Transaction.objects.count() == 1
    again = api.run("CaptureLead", {"ExternalTransactionId": "t1", "Company": "Acme", "LastName": "Smith"}).json()
    assert again == {**made, "Replayed": True}


def test_a_job_goes_ninety_days_after_its_end_and_never_before_while_what_it_has_made_stays(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    boss = builders.person("boss", is_superuser=True, is_staff=True)
    client.force_login(boss)
    made = [site.lead().record for _ in range(3)]

    def again(*records: int) -> Job:
        rows = [(number, {}, record) for number, record in enumerate(records, 2)]
        return jobs.create(site.app.pk, Job.CATCH_UP, "Again", boss, rows, now=site.at)

    done, stopped, paused, prepared = again(*made, 999), again(*made), again(*made), again(*made)
    jobs.work(done.pk)
    jobs.stop(stopped, site.at)
    jobs.pause(paused, site.at)
    Job.objects.filter(pk=prepared.pk).update(state=Job.PREPARED)
    kept = Record.objects.count(), Submission.objects.count(), Transaction.objects.count()
    page = client.get(f"/jobs/{done.pk}/").content.decode()
    done.refresh_from_db()
    assert done.state == Job.DONE and f"kept until {date_format(site.at + 90 * DAY)}" in page
    assert "kept until" not in client.get(f"/jobs/{paused.pk}/").content.decode()

    retention.prune(site.at + 89 * DAY)
    assert Job.objects.count() == 4 and client.get(f"/jobs/{done.pk}/errors.csv").status_code == 200
    retention.prune(site.at + 91 * DAY)
    assert set(Job.objects.values_list("pk", flat=True)) == {paused.pk, prepared.pk}
    assert set(JobRow.objects.values_list("job", flat=True)) == {paused.pk, prepared.pk}
    assert client.get(f"/jobs/{done.pk}/").status_code == 404
    assert kept == (Record.objects.count(), Submission.objects.count(), Transaction.objects.count())
