"""What is old is deleted, and what somebody may still ask for is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from flowfinity import clock
from flowfinity.models import Transaction
from integration import retention
from integration.hooks import delivery
from integration.models import Attempt, Delivery, Poll, PollHour, Refusal
from tests import rest
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
