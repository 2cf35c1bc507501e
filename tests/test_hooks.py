"""REST hooks: subscribed as the contract says, delivered at least once, never forgotten."""

from __future__ import annotations

import datetime as dt
import json
import socket
from typing import Any

import pytest
from standardwebhooks import Webhook

from flowfinity import clock
from flowfinity.models import User, configuring
from integration.hooks import delivery, http, retry
from integration.models import Attempt, Delivery, Subscription
from tests import rest
from tests.receiver import Received, Reply, receiving

pytestmark = pytest.mark.django_db
HOOKS = "/api/apps/LeadRegistration/views/{}/hooks"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, settings: Any) -> rest.Site:
    settings.HOOKS_ALLOW_PRIVATE = True
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


def subscribe(url: str, view: str = "ViewAllRecords", **more: Any) -> Subscription:
    """A subscription made as a client makes it."""
    answer = rest.Api().post(HOOKS.format(view), {"targetUrl": url, **more})
    assert answer.status_code == 201, answer.content
    return Subscription.objects.get(key=answer.json()["id"])


def work(site: rest.Site, forward: dt.timedelta = dt.timedelta()) -> int:
    """Does what is due, as a worker does; answers with how much was sent."""
    site.at += forward
    return sum(delivery.deliver(key) for key in delivery.due(site.at))


def test_a_delivery_is_one_item_of_the_zapier_answer_signed(site: rest.Site) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        lead = site.lead(Rating="Hot", TotalValue=99)
        assert work(site) == 1
        (received,) = receiver.received
        shown = rest.Api().poll(query="mode=zapier&values=typed").json()[0]
        assert received.item == shown
        assert received.item["id"] == lead.submission
        assert received.headers["webhook-id"] == f"msg_{subscription.pk}_{lead.submission}"
        signer = Webhook(subscription.secret)
        moment = dt.datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), dt.UTC)
        signature = signer.sign(received.headers["webhook-id"], moment, received.body.decode())
        assert received.headers["webhook-signature"] == signature
        assert work(site) == 0


def test_what_is_sent_is_frozen_as_submitted_one_each_submission(site: rest.Site) -> None:
    with receiving() as receiver:
        subscribe(receiver.url, "HotLeads", values="flowfinity")
        lead = site.lead(Rating="Cold")
        site.do("UpdateLead", lead.record, Rating="Hot", Company="First")
        site.do("UpdateLead", lead.record, Company="Second")
        site.do("UpdateLead", lead.record, Rating="Warm")
        site.do("DeleteLead", lead.record)
        work(site)
        assert [one.item["Company"] for one in receiver.received] == ["First", "Second"]
        assert [one.item["Rating"] for one in receiver.received] == [{"Selection": "Hot"}] * 2


def test_only_what_comes_after_the_subscription_is_sent(site: rest.Site) -> None:
    site.lead()
    with receiving() as receiver:
        subscribe(receiver.url)
        assert work(site) == 0
        site.lead()
        assert work(site) == 1


@pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(429), Reply(cut=True)])
def test_a_failure_is_tried_again_under_the_same_id_until_it_arrives(site: rest.Site, reply: Reply) -> None:
    replies = [reply, reply]
    with receiving(lambda request: replies.pop() if replies else Reply()) as receiver:
        subscribe(receiver.url)
        site.lead()
        site.lead()
        assert work(site) == 1
        assert work(site) == 0, "the whole queue waits, not only the one that failed"
        assert work(site, dt.timedelta(seconds=6)) == 1
        assert work(site, dt.timedelta(seconds=31)) == 2
        assert len({one.headers["webhook-id"] for one in receiver.received}) == 2
        assert [one.item["id"] for one in receiver.received[:3]] == [receiver.received[0].item["id"]] * 3
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert Attempt.objects.count() == 4


def test_retry_after_is_honoured(site: rest.Site) -> None:
    replies = [Reply(429, {"Retry-After": "600"})]
    with receiving(lambda request: replies.pop() if replies else Reply()) as receiver:
        subscribe(receiver.url)
        site.lead()
        work(site)
        assert work(site, dt.timedelta(seconds=599)) == 0
        assert work(site, dt.timedelta(seconds=2)) == 1


def test_410_removes_the_subscription(site: rest.Site) -> None:
    with receiving(lambda request: Reply(410)) as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        work(site)
        subscription.refresh_from_db()
        assert subscription.state == "removed"
        assert rest.Api().get(HOOKS.format("ViewAllRecords")).json() == []


def test_another_4xx_fails_at_once_is_kept_and_can_be_sent_again(site: rest.Site) -> None:
    replies = [Reply(400, body=b"no such field")]
    with receiving(lambda request: replies.pop() if replies else Reply()) as receiver:
        subscription = subscribe(receiver.url)
        first = site.lead().submission
        site.lead()
        assert work(site) == 2
        path = f"{HOOKS.format('ViewAllRecords')}/{subscription.key}/deliveries"
        failed = rest.Api().get(f"{path}?state=failed").json()
        assert [one["SubmissionID"] for one in failed] == [first]
        assert failed[0]["attempts"][0]["status"] == 400
        assert Attempt.objects.filter(status=400).get().answer_body == "no such field"
        assert rest.Api().post(f"{path}/{first}/send-again", {}).status_code == 200
        assert work(site) == 1
        assert [one.item["id"] for one in receiver.received].count(first) == 2


def test_one_that_keeps_failing_is_paused_with_its_place_and_resumes_where_it_stopped(site: rest.Site) -> None:
    broken = [True]
    with receiving(lambda request: Reply(500 if broken[0] else 200)) as receiver:
        subscription = subscribe(receiver.url)
        drawn = [site.lead().submission]
        began = site.at
        while Subscription.objects.get().state == "active":
            work(site, dt.timedelta(hours=1))
            assert site.at - began < dt.timedelta(days=4)
        assert site.at - began >= dt.timedelta(days=3)
        drawn += [site.lead().submission for _ in range(3)]
        assert work(site) == 0
        assert "three days" in Subscription.objects.get().reason
        broken[0] = False
        path = f"{HOOKS.format('ViewAllRecords')}/{subscription.key}/resume"
        assert rest.Api().post(path, {}).json()["state"] == "active"
        receiver.received.clear()
        work(site)
        assert sorted(one.item["id"] for one in receiver.received) == drawn


@pytest.mark.parametrize("what", ["account", "view", "role"])
def test_it_is_paused_with_the_reason_when_the_account_may_no_longer(site: rest.Site, what: str) -> None:
    with receiving() as receiver:
        subscribe(receiver.url)
        site.lead()
        with configuring():
            if what == "account":
                User.objects.filter(pk=site.account.pk).update(is_active=False)
            elif what == "role":
                site.role.views.clear()
        if what == "view":
            site.access(enabled=False)
        assert work(site) == 0
        assert not receiver.received
        paused = Subscription.objects.get()
        assert paused.state == "paused"
        assert what in paused.reason


def test_query_off_delays_and_pauses_nothing(site: rest.Site) -> None:
    with receiving() as receiver:
        subscribe(receiver.url)
        site.lead()
        site.surface(query_enabled=False)
        assert work(site) == 0
        site.surface(query_enabled=True)
        assert work(site, dt.timedelta(minutes=1)) == 1
        assert len(receiver.received) == 1


def test_subscriptions_are_ones_own_several_and_unsubscribing_is_safe_to_repeat(site: rest.Site) -> None:
    api, path = rest.Api(), HOOKS.format("ViewAllRecords")
    with receiving() as receiver:
        one, two = subscribe(receiver.url), subscribe(receiver.url)
        assert [row["id"] for row in api.get(path).json()] == [one.key, two.key]
        assert "secret" not in api.get(f"{path}/{one.key}").json()
        for _ in range(2):
            answer = api.call("DELETE", f"{path}/{one.key}")
            assert (answer.status_code, answer.content) == (200, b"{}")
        assert [row["id"] for row in api.get(path).json()] == [two.key]
        site.lead()
        assert work(site) == 1
        with configuring():
            other = User.objects.create_user("other", password=rest.PASSWORD, account_type=User.INTEGRATION)
            other.roles.add(site.role)
        rest.refused(rest.Api("other").get(f"{path}/{two.key}"), 404, "not_found")
        rest.refused(rest.Api("other").call("DELETE", f"{path}/{two.key}"), 404, "not_found")
        with configuring():
            site.role.views.clear()
        assert api.call("DELETE", f"{path}/{two.key}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"targetUrl": None},
        {"targetUrl": 5},
        {"targetUrl": "hooks.example.com"},
        {"targetUrl": "ftp://hooks.example.com/"},
        {"targetUrl": "https://user:pw@hooks.example.com/"},
        {"targetUrl": "https://hooks.example.com/ x"},
        {"targetUrl": "https://[::1"},
        {"targetUrl": "https://x.example:99999/"},
        {"targetUrl": "https://hooks.example.com/" + "x" * 2_000},
        {"targetUrl": "https://hooks.example.com/", "values": "xml"},
        {"targetUrl": "https://hooks.example.com/", "filter": {}},
    ],
)
def test_what_cannot_be_subscribed_is_refused_in_words(site: rest.Site, body: Any) -> None:
    rest.refused(rest.Api().post(HOOKS.format("ViewAllRecords"), body), 422, "invalid_fields")
    assert not Subscription.objects.exists()


INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fc00::1",
    "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_public(address: str) -> None:
    assert not http.is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "44.214.195.64", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert http.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://{address}/" for address in INSIDE if ":" not in address),
        *(f"https://[{address}]/" for address in INSIDE if ":" in address and "%" not in address),
        "http://hooks.example.com/",
        "https://localhost/",
        "https://intranet/",
        "https://x.internal/",
        "https://a.local/",
    ],
)
def test_a_url_that_leads_inside_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(http.Refused):
        http.check_target(url)


def test_a_name_that_leads_inside_at_the_second_look_up_is_refused_when_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def rebinding(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert http.resolve("rebind.example", 443)
    answer = http.send("POST", "https://rebind.example/", {}, b"{}")
    assert answer.status == 0
    assert "not a public address" in answer.error


def test_a_redirect_is_not_followed(site: rest.Site) -> None:
    with receiving() as inside, receiving(lambda request: Reply(302, {"Location": inside.url})) as receiver:
        answer = http.send("POST", receiver.url, {}, b"{}")
        assert answer.status == 302
        assert not inside.received


def test_a_target_that_hangs_is_cut(site: rest.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    with receiving(lambda request: Reply(wait=2)) as receiver:
        answer = http.send("POST", receiver.url, {}, b"{}")
        assert (answer.status, answer.ms < 1_500) == (0, True)
        assert "No whole answer" in answer.error


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        *((200, "delivered"), (204, "delivered"), (299, "delivered"), (410, "gone"), (301, "failed"), (302, "failed")),
        *((400, "failed"), (401, "failed"), (404, "failed"), (422, "failed")),
        *((0, "retry"), (408, "retry"), (425, "retry"), (429, "retry"), (500, "retry"), (503, "retry"), (599, "retry")),
    ],
)
def test_the_fate_of_an_answer(status: int, fate: str) -> None:
    assert retry.fate(status) == fate


def test_pauses_grow_and_end_after_three_days() -> None:
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    waits = [retry.next_attempt(failures, now) - now for failures in range(1, 30)]
    assert waits == sorted(waits)
    assert waits[0] <= dt.timedelta(seconds=10) and waits[-1] <= dt.timedelta(hours=6)
    moment, tries = now, 0
    while not retry.is_over(now, moment):
        tries += 1
        moment = retry.next_attempt(tries, moment)
    assert dt.timedelta(days=3) <= moment - now < dt.timedelta(days=3, hours=6)
    assert 15 < tries < 40
    assert retry.next_attempt(1, now, dt.timedelta(minutes=10)) == now + dt.timedelta(minutes=10)
    assert retry.next_attempt(1, now, dt.timedelta(days=300)) == now + dt.timedelta(days=1)


def test_a_dead_workers_lease_is_taken_up_when_it_is_over(site: rest.Site) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        assert delivery.claim(subscription.pk, site.at)
        assert work(site) == 0
        assert work(site, dt.timedelta(seconds=31)) == 1
        assert len(receiver.received) == 1


def test_submitting_costs_the_same_with_no_and_with_fifty_subscriptions(
    site: rest.Site, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    site.lead()
    with CaptureQueriesContext(connection) as none:
        site.lead()
    for _ in range(50):
        subscribe("https://hooks.example.com/")
    with CaptureQueriesContext(connection) as fifty:
        site.lead()
    assert len(fifty) == len(none)


def test_an_admins_removal_unsubscribes_at_the_target(site: rest.Site) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        delivery.remove(subscription, "Removed by an admin.", tell=True)
        assert [one.method for one in receiver.received] == ["DELETE"]


def test_a_secret_or_a_body_stands_in_no_log_line(site: rest.Site, caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        site.lead(Company="Hush Ltd")
        work(site)
    assert subscription.secret not in caplog.text and "Hush Ltd" not in caplog.text
    assert json.dumps(Received("GET", "/", {}, b"{}", 0).item) == "{}"
