"""REST hooks: subscribed as the contract says, delivered at least once, never forgotten."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from standardwebhooks import Webhook

from flowfinity import clock
from flowfinity.models import User, View, configuring
from integration import apps, items
from integration.hooks import delivery, http, retry, tasks
from integration.models import Attempt, Delivery, Subscription
from tests import rest
from tests.conftest import _free_port
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
        first = work(site)
        assert work(site) == 0, "what has failed waits"
        assert first + work(site, dt.timedelta(seconds=6)) + work(site, dt.timedelta(seconds=31)) == 4
        assert len({one.headers["webhook-id"] for one in receiver.received}) == 2
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


def test_retry_after_may_be_a_date() -> None:
    now = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)

    def wish(value: str) -> dt.timedelta | None:
        return http.Answer(429, 0, headers={"Retry-After": value}).retry_after(now)

    assert wish("Tue, 24 Nov 2026 12:10:00 GMT") == wish("600") == dt.timedelta(minutes=10)
    for nonsense in ("", "soon", "-5", "1.5", "Tue, 99 Nov 2026 12:10:00 GMT", "9" * 20):
        assert wish(nonsense) is None
    assert retry.next_attempt(1, now, wish("Tue, 24 Nov 2020 12:10:00 GMT")) > now


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


def test_a_target_that_is_too_long_is_told_how_long_it_may_be(site: rest.Site) -> None:
    url = "https://hooks.example.com/" + "x" * 2_000
    answer = rest.Api().post(HOOKS.format("ViewAllRecords"), {"targetUrl": url})
    error = rest.refused(answer, 422, "invalid_fields", ("targetUrl", "too_long"))
    assert "at most 2,000 characters" in error["message"]


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


def test_several_are_sent_at_once_after_one_has_arrived(site: rest.Site) -> None:
    came, now_open, most, lock = [0], [0], [0], threading.Lock()
    together = threading.Barrier(delivery.SENT_AT_ONCE)

    def meet(request: Received) -> Reply:
        with lock:
            came[0] += 1
            now_open[0] += 1
            most[0] = max(most[0], now_open[0])
            first = came[0] == 1
        if not first:
            together.wait(10)
        with lock:
            now_open[0] -= 1
        return Reply()

    with receiving(meet) as receiver:
        subscribe(receiver.url)
        owed = [site.lead().submission for _ in range(1 + 2 * delivery.SENT_AT_ONCE)]
        assert work(site) == len(owed)
        assert sorted(one.item["id"] for one in receiver.received) == owed
        assert most[0] == delivery.SENT_AT_ONCE
        assert Attempt.objects.count() == len(owed)
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_one_that_always_fails_holds_up_nothing_else(site: rest.Site) -> None:
    bad: list[int] = []
    with receiving(lambda request: Reply(500 if request.item["id"] in bad else 200)) as receiver:
        subscribe(receiver.url)
        bad.append(site.lead().submission)
        began, owed = site.at, []
        for hours in range(80):
            # Seldom something new: most of the time the one that fails is the only one there is.
            owed += [site.lead().submission] if hours % 9 == 4 else []
            work(site)
            arrived = {one.item["id"] for one in receiver.received} - set(bad)
            assert arrived == set(owed), "at once"
            work(site, dt.timedelta(hours=1))
        assert 10 < [one.item["id"] for one in receiver.received].count(bad[0]) < 40
        assert site.at - began > dt.timedelta(days=3)
        assert Subscription.objects.get().state == "active"
        assert Delivery.objects.get(state="failed").submission_id == bad[0], "given up after three days"
        delivery.send_again(Delivery.objects.filter(state="failed"))
        assert work(site) == 1
        assert Delivery.objects.get(submission=bad[0]).state == "due", "and three days again"
        bad.clear()
        work(site, dt.timedelta(seconds=6))
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("poisoned", [0, 1, 2])
def test_a_dead_target_costs_one_probe_a_pause_however_much_is_owed(site: rest.Site, poisoned: int) -> None:
    dead, bad = [True], []
    with receiving(lambda request: Reply(500 if dead[0] or request.item["id"] in bad else 200)) as receiver:
        subscribe(receiver.url)
        drawn = [site.lead().submission for _ in range(5)]
        bad += drawn[:poisoned]
        assert work(site) == 2, "the second tells that it is not the first one's fault"
        for pause in retry.PAUSES[:8]:
            drawn.append(site.lead().submission)
            assert work(site, pause - dt.timedelta(seconds=1)) == 0
            assert work(site, dt.timedelta(seconds=1)) == 1
        dead[0] = False
        work(site, retry.PAUSES[8])
        assert {one.item["id"] for one in receiver.received} == set(drawn)
        left = Delivery.objects.exclude(state="delivered")
        assert set(left.values_list("submission_id", flat=True)) == set(bad), "the others are not behind these"
        assert Subscription.objects.get().failing_since is None
        bad.clear()
        work(site, dt.timedelta(hours=6))
        assert not left.exists()


def test_one_failure_among_several_waits_by_itself_and_is_not_lost(site: rest.Site) -> None:
    bad: list[int] = []
    with receiving(lambda request: Reply(500 if request.item["id"] in bad else 200)) as receiver:
        subscribe(receiver.url)
        owed = [site.lead().submission for _ in range(6)]
        bad.append(owed[2])
        assert work(site) == 6
        assert work(site) == 0
        bad.clear()
        assert work(site, dt.timedelta(seconds=6)) == 1
        assert {one.item["id"] for one in receiver.received} == set(owed)
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_one_that_is_paused_while_a_worker_has_it_is_let_go(site: rest.Site) -> None:
    subscription = subscribe("https://hooks.example.com/")
    site.lead()
    turn = delivery.claim(subscription.pk, site.at)
    assert turn and turn.renew(site.at)
    delivery.pause(subscription, "Paused by its account.")
    assert not turn.renew(site.at)


def test_a_worker_that_is_told_to_stop_lets_go_at_once(site: rest.Site) -> None:
    subscription = subscribe("https://hooks.example.com/")
    site.lead()
    assert delivery.deliver(subscription.pk, stopping=lambda: True) == 0
    assert delivery.is_due(subscription.pk, site.at)


def test_a_late_answer_does_not_undo_what_another_worker_has_delivered(site: rest.Site) -> None:
    with receiving() as receiver:
        subscribe(receiver.url)
        site.lead()
        work(site)
        delivered = Delivery.objects.get()
        for fate, answer in (("failed", http.Answer(400, 1)), ("retry", http.Answer(0, 1, "cut"))):
            delivery.record(delivered, site.at, {}, b"", answer, fate)  # type: ignore[arg-type]
        delivered.refresh_from_db()
        assert (delivered.state, delivered.attempts) == ("delivered", 3)


def test_an_item_that_cannot_be_written_fails_alone(site: rest.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        subscribe(receiver.url)
        owed = [site.lead().submission for _ in range(4)]
        made = items.renderer

        def broken(*arguments: Any) -> Any:
            render = made(*arguments)
            return lambda row: render(row) if row[6] != owed[1] else 1 / 0

        monkeypatch.setattr(items, "renderer", broken)
        work(site)
        assert {one.item["id"] for one in receiver.received} == {*owed} - {owed[1]}
        failed = Delivery.objects.get(state="failed")
        assert failed.submission_id == owed[1]
        assert "cannot be written: ZeroDivisionError" in Attempt.objects.get(delivery=failed).error


def test_days_in_a_filter_count_from_the_submission_however_late_it_is_sent(site: rest.Site) -> None:
    with configuring():
        recent = {"field": "FirstContact", "operator": "within_last_days", "value": 3}
        View.objects.filter(name="HotLeads").update(filter=recent)
    with receiving() as receiver:
        subscribe(receiver.url, "HotLeads")
        today = site.lead(FirstContact=f"{site.at:%Y-%m-%d}").submission
        site.lead(FirstContact=f"{site.at - dt.timedelta(days=9):%Y-%m-%d}")
        assert work(site, dt.timedelta(days=8)) == 1
        assert [one.item["id"] for one in receiver.received] == [today]


def test_a_handshake_that_drips_is_cut(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.5)
    cut = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x40\x00")
                for _ in range(300):
                    connection.sendall(b"\x02")
                    if cut.wait(0.1):
                        break

        thread = threading.Thread(target=drip)
        thread.start()
        answer = http.send("POST", f"https://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}")
        cut.set()
        thread.join()
    assert answer.status == 0
    assert "No whole answer" in answer.error


def test_bells_for_one_app_wait_as_one_and_a_broker_that_is_away_is_left_alone(
    site: rest.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[list[int]] = []
    app = site.app.pk
    monkeypatch.setattr(tasks.ring, "apply_async", lambda arguments, **_: rung.append(arguments[0]))
    for _ in range(3):
        apps.ring([app])
    assert rung == [[app]]
    apps.ring([app, app + 1])
    assert rung == [[app], [app + 1]]
    tasks.ring([app])
    apps.ring([app])
    assert rung == [[app], [app + 1], [app]]

    def away(*_: Any, **__: Any) -> None:
        rung.clear()
        raise OSError("no broker")

    monkeypatch.setattr(tasks.ring, "apply_async", away)
    monkeypatch.setattr(apps, "_quiet_until", 0.0)
    tasks.ring([app])
    apps.ring([app])
    assert apps._quiet_until > time.monotonic()
    monkeypatch.setattr(tasks.ring, "apply_async", lambda arguments, **_: rung.append(arguments[0]))
    tasks.ring([app])
    apps.ring([app])
    assert rung == []


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
    replies = [Reply(204), Reply(503)]
    with receiving(lambda request: replies.pop()) as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        delivery.remove(subscription, "Removed by ada.", tell=True)
        assert not receiver.received, "a worker tells it, so that nobody waits for the target"
        assert work(site) == 1
        assert work(site, dt.timedelta(seconds=6)) == 1
        assert [one.method for one in receiver.received] == ["DELETE", "DELETE"]
        assert work(site, dt.timedelta(days=1)) == 0
        assert Subscription.objects.get().reason == "Removed by ada. The target was told. It answered 204."


def test_the_receiver_in_the_docs_keeps_the_latest_of_each_and_refuses_what_is_not_signed(
    site: rest.Site, tmp_path: Path
) -> None:
    text = (site_settings.BASE_DIR / "docs" / "hooks.md").read_text(encoding="utf-8")
    [(_, example)] = re.findall(r"^```python test=(receive\.py)\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "receive.py").write_text(example, encoding="utf-8")
    port = _free_port()
    url = f"http://127.0.0.1:{port}/"
    # A signature that is older than five minutes is refused, by the clock of the receiver.
    site.at = dt.datetime.now(dt.UTC).replace(microsecond=0)
    subscription = subscribe(url, "HotLeads")
    environ = {**os.environ, "SECRET": subscription.secret, "PORT": str(port)}
    with subprocess.Popen([sys.executable, "receive.py"], cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL) as one:
        try:
            while http.send("GET", url, {}).status == 0:
                assert one.poll() is None
            lead = site.lead(Rating="Hot", Company="First")
            site.do("UpdateLead", lead.record, Company="Second")
            assert work(site, dt.timedelta(seconds=1)) == 2
            assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
            # The older one comes again, and one that nobody has signed.
            delivery.send_again(Delivery.objects.filter(submission=lead.submission))
            assert work(site) == 1
            headers = Attempt.objects.earliest("pk").request_headers
            assert http.send("POST", url, headers, b'{"id": 999999, "RecordID": "000000001"}').status == 401
        finally:
            one.terminate()
    with closing(sqlite3.connect(tmp_path / "leads.sqlite3")) as leads:
        [(number, item)] = leads.execute("SELECT id, item FROM lead").fetchall()
    assert number > lead.submission and json.loads(item)["Company"] == "Second"


def test_a_secret_or_a_body_stands_in_no_log_line(site: rest.Site, caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        site.lead(Company="Hush Ltd")
        work(site)
    assert subscription.secret not in caplog.text and "Hush Ltd" not in caplog.text
    assert json.dumps(Received("GET", "/", {}, b"{}", 0).item) == "{}"
