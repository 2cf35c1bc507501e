"""Configure > Integration > Deliveries: what was sent where, every attempt, and what an admin may do about it."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from flowfinity import clock
from integration.configure import deliveries
from integration.hooks import delivery, standing
from integration.models import Delivery, Subscription
from tests import rest
from tests.builders import person
from tests.receiver import Received, Receiver, Reply, receiving
from tests.test_hooks import HOOKS, subscribe, work

pytestmark = pytest.mark.django_db
LIST = "/admin/integration/deliveries/"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, settings: Any) -> rest.Site:
    settings.HOOKS_ALLOW_PRIVATE = True
    site = rest.open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.fixture
def admin(site: rest.Site, client: Client) -> Client:
    client.force_login(person("ada", is_staff=True))
    return client


def page(client: Client, url: str) -> str:
    """What a page says, without its markup."""
    answer = client.get(url)
    assert answer.status_code == 200, url
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def told(client: Client, url: str, **data: Any) -> str:
    """What the page says that a form leads to."""
    return page(client, client.post(url, data)["Location"])


def api(subscription: Subscription, path: str = "") -> Any:
    """What the API answers for a subscription."""
    return rest.Api().get(f"{HOOKS.format(subscription.view.name)}/{subscription.key}{path}").json()


def at(on: str) -> str:
    """A time of the API as a page writes it."""
    return f"{timezone.localtime(dt.datetime.fromisoformat(on)):%-d %b, %H:%M:%S}"


def test_what_needs_somebody_stands_first_with_its_reason(site: rest.Site, admin: Client) -> None:
    assert "Nobody has subscribed yet." in page(admin, LIST)
    with receiving(lambda request: Reply(500 if request.path == "/failing" else 200)) as receiver:
        base = receiver.url.removesuffix("/hook")
        paused, failing, healthy = (subscribe(f"{base}/{name}") for name in ("paused", "failing", "healthy"))
        site.lead()
        delivery.pause(paused, "None of the account's roles grants the view.")
        work(site)
        site.lead()
        text = page(admin, LIST)
        assert text.index("Paused None of the account's roles") < text.index("Failing since") < text.index("Active")
        assert "1 to send, 1 submission unread" in text, "and how far behind the failing one is"
        order = re.findall(rf'href="{LIST}(\d+)/"', admin.get(LIST).content.decode())
        assert [int(pk) for pk in order] == [paused.pk, failing.pk, healthy.pk]


def test_every_attempt_is_told_with_what_was_sent_and_what_came_back(site: rest.Site, admin: Client) -> None:
    replies = [
        Reply(200, {"X-Said": "thanks"}, b'{"taken": true}'),
        Reply(cut=True),
        Reply(503, body=b"down <b>today</b>"),
    ]
    with receiving(lambda request: replies.pop()) as receiver:
        subscription = subscribe(receiver.url)
        number = site.lead(Company="Globex & Co").submission
        for seconds in (0, 6, 31):
            work(site, dt.timedelta(seconds=seconds))
        url = reverse("configure-delivery", args=[subscription.pk, number])
        text = page(admin, url)
        assert text.index("Attempt 3") < text.index("Attempt 2") < text.index("Attempt 1")
        for words in (
            "503",
            "down <b>today</b>",
            "The target ended the connection without an answer.",
            "No answer",
            "Globex & Co",
        ):
            assert words in text
        for words in ("X-Said", "thanks", '"taken"', "webhook-signature", f"msg_{subscription.pk}_{number}"):
            assert words in text
        assert "<b>today" not in admin.get(url).content.decode(), "what a target answers is text"
    for shown in (LIST, f"{LIST}{subscription.pk}/", url):
        assert subscription.secret not in admin.get(shown).content.decode()


def test_page_and_api_say_the_same_of_what_comes_next(site: rest.Site, admin: Client) -> None:
    with receiving(lambda request: Reply(429, {"Retry-After": "600"})) as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        number = site.lead().submission
        work(site)
        said, due = api(subscription), api(subscription, "/deliveries")
        assert {one["nextOn"] for one in due} == {said["nextOn"]} == {"2026-11-24T12:10:00.500+00:00"}
        for url in (LIST, f"{LIST}{subscription.pk}/", f"{LIST}{subscription.pk}/{number}/"):
            assert at(said["nextOn"]) in page(admin, url)
        assert (said["due"], said["failed"], said["failingSince"]) == (2, 0, "2026-11-24T12:00:00.500+00:00")
        site.at += dt.timedelta(seconds=601)
        assert "next try: now" in page(admin, f"{LIST}{subscription.pk}/")
        told(admin, reverse("configure-subscription-pause", args=[subscription.pk]))
        assert api(subscription)["nextOn"] is None and api(subscription, "/deliveries")[0]["nextOn"] is None
        assert api(subscription)["reason"] == "Paused by ada."
        assert "when resumed" in page(admin, f"{LIST}{subscription.pk}/")


def refusing(request: Received) -> Reply:
    """A target that takes nothing."""
    return Reply(422, body=b"no such field")


def test_one_many_or_all_that_failed_are_sent_again(site: rest.Site, admin: Client) -> None:
    with receiving(refusing) as receiver:
        subscription = subscribe(receiver.url)
        drawn = [site.lead().submission for _ in range(5)]
        work(site)
        again = reverse("configure-deliveries-again", args=[subscription.pk])
        receiver.script = lambda request: Reply()
        assert "tick the deliveries first" in told(admin, again)
        assert "1 delivery is due again" in told(admin, again, submission=[drawn[0]], back="1")
        assert sent(site, receiver) == drawn[:1]
        assert "2 deliveries are due again" in told(admin, again, submission=drawn[1:3])
        assert sent(site, receiver) == drawn[1:3]
        assert "2 deliveries are due again" in told(admin, again, failed="1")
        assert sent(site, receiver) == drawn[3:]
        assert "No delivery has failed." in page(admin, f"{LIST}{subscription.pk}/?state=failed")


def sent(site: rest.Site, receiver: Receiver) -> list[int]:
    """The submissions that a worker sends now."""
    receiver.received.clear()
    work(site)
    return sorted(one.item["id"] for one in receiver.received)


def test_deliveries_are_paged_from_a_place_and_filtered_by_state(
    site: rest.Site, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "DELIVERIES_A_PAGE", 3)
    bad: list[int] = []
    with receiving(lambda request: Reply(400 if request.item["id"] in bad else 200)) as receiver:
        subscription = subscribe(receiver.url)
        drawn = [site.lead().submission for _ in range(8)]
        bad += drawn[:1]
        work(site)
    url, seen = f"{LIST}{subscription.pk}/?", []
    while url:
        body = admin.get(url).content.decode()
        seen += [int(one) for one in re.findall(r'name="submission" value="(\d+)"', body)]
        found = re.search(r'href="(\?[^"]*)" rel="next"', body)
        url = f"{LIST}{subscription.pk}/{html.unescape(found[1])}" if found else ""
    assert seen == drawn[::-1]
    body = admin.get(f"{LIST}{subscription.pk}/?state=failed").content.decode()
    assert re.findall(r'name="submission" value="(\d+)"', body) == [str(drawn[0])]
    page(admin, f"{LIST}{subscription.pk}/?before=x&state=nonsense")


def test_pausing_keeps_the_place_and_resuming_goes_on_from_it(site: rest.Site, admin: Client) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        told(admin, reverse("configure-subscription-pause", args=[subscription.pk]))
        drawn = [site.lead().submission for _ in range(2)]
        assert sent(site, receiver) == []
        told(admin, reverse("configure-subscription-resume", args=[subscription.pk]))
        assert sent(site, receiver) == drawn


@pytest.mark.parametrize("tell", [True, False])
def test_removing_asks_first_tells_the_target_by_a_worker_and_ends_it(
    site: rest.Site, admin: Client, tell: bool
) -> None:
    with receiving() as receiver:
        subscription = subscribe(receiver.url)
        site.lead()
        url = reverse("configure-subscription-remove", args=[subscription.pk])
        assert "1 submission unread: that is not sent any more" in page(admin, url)
        assert Subscription.objects.get().state == "active"
        assert "Removed by ada." in told(admin, url, **({"tell": "1"} if tell else {}))
        assert not receiver.received
        work(site)
        assert [one.method for one in receiver.received] == (["DELETE"] if tell else [])
        assert ("The target was told. It answered 200." in page(admin, f"{LIST}{subscription.pk}/")) is tell
        assert admin.get(url).status_code == 404
        assert "Removed by ada." in page(admin, f"{LIST}?removed=1")
        again = reverse("configure-deliveries-again", args=[subscription.pk])
        assert "nothing is sent any more" in told(admin, again, failed="1")


def test_removing_a_zap_says_that_it_pauses(site: rest.Site, admin: Client) -> None:
    zap = subscribe("https://hooks.zapier.com/hooks/standard/1/2/")
    other = subscribe("https://notzapier.com/hooks/standard/1/2/")
    words = "Telling Zapier pauses the Zap"
    assert words in page(admin, reverse("configure-subscription-remove", args=[zap.pk]))
    assert words not in page(admin, reverse("configure-subscription-remove", args=[other.pk]))


def test_nobody_but_who_may_configure_gets_in(site: rest.Site, client: Client) -> None:
    subscription = subscribe("https://hooks.example.com/")
    client.force_login(site.sam)
    for name in ("", "-again", "-pause", "-resume", "-remove"):
        args = [subscription.pk] if name else []
        url = reverse(
            {"": "configure-deliveries", "-again": "configure-deliveries-again"}.get(
                name, f"configure-subscription{name}"
            ),
            args=args,
        )
        assert client.post(url).status_code == 302
    assert Subscription.objects.get().state == "active"


def test_the_list_takes_as_many_queries_for_thirty_as_for_three(site: rest.Site, admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin.get(LIST)
        return len(captured)

    for _ in range(3):
        subscribe("https://hooks.example.com/")
    queries()
    few = queries()
    for _ in range(27):
        subscribe("https://hooks.example.com/")
    assert queries() == few


def test_subscriptions_are_paged_in_the_order_of_the_list(
    site: rest.Site, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "SUBSCRIPTIONS_A_PAGE", 2)
    made = [subscribe("https://hooks.example.com/") for _ in range(7)]
    for one in (made[1], made[5]):
        delivery.pause(one, "Paused.")
    url, seen = LIST, []
    while url:
        body = admin.get(url).content.decode()
        seen += [int(pk) for pk in re.findall(rf'href="{LIST}(\d+)/"', body)]
        found = re.search(r'href="(\?[^"]*)" rel="next"', body)
        url = LIST + html.unescape(found[1]) if found else ""
    assert seen == [made[n].pk for n in (5, 1, 6, 4, 3, 2, 0)]
    assert not Delivery.objects.exists()


def test_a_pause_is_read_in_the_readers_language_and_the_api_says_it_in_english(site: rest.Site, admin: Client) -> None:
    with receiving(refusing) as receiver:
        subscription = subscribe(receiver.url)
        for _ in range(delivery.MOST_REFUSALS):
            site.lead()
        work(site)
        german, english = person("berta", is_staff=True, language="de"), "10 attempts in a row have failed."
        answered = Subscription.objects.get().reason.removeprefix(english).strip()
        assert answered.startswith("The target answered 4") and api(subscription)["reason"] == f"{english} {answered}"
        one = f"{LIST}{subscription.pk}/"
        assert f"{english} {answered}" in page(admin, one)
        admin.force_login(german)
        for url in (LIST, one, reverse("admin:index")):
            assert "10 Versuche nacheinander sind gescheitert. Das Ziel hat mit 4" in page(admin, url), url
        for kept, said in (
            ("The view is not enabled for REST.", "<small>Die Ansicht ist nicht für REST freigegeben.</small>"),
            ("Who knows why.", '<small lang="en">Who knows why.</small>'),
        ):
            Subscription.objects.update(reason=kept, sentences=[])
            assert said in admin.get(LIST).content.decode(), "one that was paused before its reason was kept in pieces"


def test_why_an_attempt_failed_is_read_in_the_readers_language_and_the_api_says_what_it_said(
    site: rest.Site, admin: Client
) -> None:
    # Nothing listens there.
    subscription = subscribe("http://127.0.0.1:1/")
    site.lead()
    work(site)
    sent = Delivery.objects.get()
    ((tried,),) = (one["attempts"] for one in api(subscription, "/deliveries"))
    assert tried["error"] == "The connection failed: ConnectionRefusedError: [Errno 111] Connection refused"
    one = f"{LIST}{subscription.pk}/"
    for language, words in (
        ("en", "The target refused the connection: [Errno 111] Connection refused"),
        ("de", "Das Ziel hat die Verbindung abgelehnt: [Errno 111] Connection refused"),
    ):
        admin.force_login(person(f"reader{language}", is_staff=True, language=language))
        for url in (one, f"{one}{sent.submission_id}/"):
            assert words in page(admin, url), url
    Subscription.objects.update(**standing.reasoned(["Every attempt has failed for three days.", tried["error"]]))
    Subscription.objects.update(state=Subscription.PAUSED)
    assert "Seit drei Tagen ist jeder Versuch gescheitert. Das Ziel hat die Verbindung abgelehnt" in page(admin, LIST)
    assert api(subscription)["reason"] == f"Every attempt has failed for three days. {tried['error']}"


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (
            "The connection failed: SSLCertVerificationError: [SSL] self-signed",
            "Dem Zertifikat des Ziels wird nicht vertraut: [SSL] self-signed",
        ),
        (
            "The connection failed: SSLError: [SSL: WRONG_VERSION_NUMBER]",
            "Zum Ziel kam keine sichere Verbindung (TLS) zustande: [SSL: WRONG_VERSION_NUMBER]",
        ),
        (
            "The connection failed: gaierror: [Errno -2] Name or service not known",
            "Zum Namen des Ziels wurde keine Adresse gefunden: [Errno -2] Name or service not known",
        ),
        (
            "The connection failed: ConnectionResetError: [Errno 104] Connection reset by peer",
            "Das Ziel hat die Verbindung abgebrochen: [Errno 104] Connection reset by peer",
        ),
        (
            "The connection failed: RemoteDisconnected: Remote end closed connection without response",
            "Das Ziel hat die Verbindung ohne eine Antwort beendet.",
        ),
        (
            "The connection failed: BadStatusLine: 100%\n(s",
            "Die Verbindung kam nicht zustande: BadStatusLine: 100%\n(s",
        ),
        ("The connection failed: OSError: [Errno 113] No route", "Das Ziel ist nicht erreichbar: [Errno 113] No route"),
        ("No whole answer within 15 seconds.", "Keine ganze Antwort innerhalb von 15 Sekunden."),
        (
            "a.example.com leads to 10.0.0.1, which is not a public address.",
            "a.example.com führt zu 10.0.0.1, und das ist keine öffentliche Adresse.",
        ),
        ("The item cannot be written: KeyError.", "Der Eintrag kann nicht geschrieben werden: KeyError."),
        ("The URL must start with https://.", "Die URL muss mit https:// beginnen."),
        ("Who knows why.", "Who knows why."),
    ],
)
def test_what_is_kept_of_a_failure_is_told_in_german(kept: str, words: str) -> None:
    with translation.override("de"):
        assert standing.told(kept) == words


def test_a_pause_by_a_person_is_read_in_the_readers_language(site: rest.Site, admin: Client) -> None:
    subscription = subscribe("http://127.0.0.1:1/")
    told(admin, reverse("configure-subscription-pause", args=[subscription.pk]))
    admin.force_login(person("berta", is_staff=True, language="de"))
    assert "Angehalten von ada." in page(admin, LIST)
    assert api(subscription)["reason"] == "Paused by ada."
