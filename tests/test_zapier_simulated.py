"""The simulated Zapier keeps Zapier's rules: what later tests prove with it is worth as much as this."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import zapier_simulated
from tests.mailbox import Mailbox, receiving_mail
from tests.receiver import Received, Receiver, Reply, receiving
from tests.rest import recorded
from tests.stack import Clock
from tests.zapier_simulated import CheckError, CouldNotTurnOn, Email, Item, Time, Zap, Zapier

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


class Source:
    """What the Zap polls: `items` newest first, or whatever `reply` says instead."""

    def __init__(self, receiver: Receiver) -> None:
        self.url = receiver.url
        self.receiver = receiver
        self.items: list[Item] = []
        self.reply: Reply | None = None

    def answer(self, request: Received) -> Reply:
        if request.path == "/me":
            return Reply(body=b'{"User": "restuser"}')
        return self.reply or Reply(body=json.dumps(self.items).encode())

    def show(self, *ids: Any) -> None:
        """Shows these ids, oldest first, above what is shown."""
        self.items[:0] = [{"id": one, "LastName": f"Lead {one}"} for one in reversed(ids)]


@pytest.fixture
def source() -> Iterator[Source]:
    with receiving() as receiver:
        source = Source(receiver)
        receiver.script = source.answer
        yield source


@pytest.fixture
def zapier(tmp_path: Path) -> Zapier:
    return Zapier(Time(Clock(tmp_path / "clock")))


class Sink:
    """An action that keeps what it is given, and fails while it is told to."""

    def __init__(self) -> None:
        self.ids: list[Any] = []
        self.broken = False

    def __call__(self, item: Item) -> None:
        if self.broken:
            raise ConnectionRefusedError("nobody there")
        self.ids.append(item["id"])


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def zap(zapier: Zapier, source: Source, sink: Sink) -> Zap:
    """On, with the ids 1 to 3 seen."""
    source.show(1, 2, 3)
    zap = zapier.zap(source.url, ("restuser", "secret"), sink, interval=MINUTE, timeout=1)
    zap.turn_on()
    return zap


def test_it_asks_as_zapier_does(zap: Zap, source: Source) -> None:
    zap.poll()
    request = source.receiver.received[-1]
    assert request.method == "GET"
    sent = {name: value for name, value in request.headers.items() if name not in {"host", "connection"}}
    assert sent.pop("authorization").startswith("Basic ")
    assert sent == recorded("poll")


def test_turning_on_fires_nothing_and_new_ids_fire_once_oldest_first(zap: Zap, source: Source, sink: Sink) -> None:
    assert zap.poll().new == [] and sink.ids == []
    source.show(4, 5)
    assert zap.poll().new == [4, 5]
    zap.poll()
    assert sink.ids == [4, 5]


def test_what_changes_while_it_is_off_never_fires(zap: Zap, source: Source, sink: Sink) -> None:
    zap.turn_off()
    assert not zap.seen
    source.show(4, 5)
    zap.turn_on()
    source.show(6)
    zap.poll()
    assert sink.ids == [6]


def test_the_type_of_an_id_counts(zap: Zap, source: Source, sink: Sink) -> None:
    source.show("3", True, 0)
    zap.poll()
    assert sink.ids == ["3", True, 0]
    source.items = [{"id": 3.0}, *source.items[:3]]
    assert zap.poll().new == [], "JSON has one type of number"


def test_older_ids_that_were_never_shown_fire_as_new(zap: Zap, source: Source, sink: Sink) -> None:
    source.items.append({"id": 0.5})
    zap.poll()
    assert sink.ids == [0.5]


def test_a_hundred_new_ids_are_held_until_they_are_confirmed(zap: Zap, source: Source, sink: Sink) -> None:
    source.show(*range(4, 103))
    assert not zap.poll().held and sink.ids == list(range(4, 103))
    source.show(*range(200, 300))
    assert zap.poll().held
    assert len(zap.held) == 100 and "100 runs are held" in zap.emails[-1] and sink.ids[-1] == 102
    source.show(300)
    zap.poll()
    assert sink.ids[-1] == 300, "what comes later goes on"
    assert zap.release() == 100 and zap.held == []
    assert sink.ids[-100:] == list(range(200, 300))
    assert zap.runs[-1].at - zap.runs[-100].at >= dt.timedelta(seconds=98), "one a second"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(503), "503"),
        (Reply(403, body=b"not yours"), "403 not yours"),
        (Reply(302, {"Location": "/"}), "302"),
        (Reply(cut=True), "ConnectionError"),
        (Reply(headers={"Content-Length": "1000"}, body=b"[{}", wait=0.1), ""),
        (Reply(body=b""), "no body"),
        (Reply(body=b"[]", wait=1.5), "Timeout"),
    ],
)
def test_a_poll_that_fails_loses_nothing_and_is_not_repeated_early(
    zapier: Zapier, zap: Zap, source: Source, sink: Sink, reply: Reply, error: str
) -> None:
    asked = len(source.receiver.received)
    source.show(4)
    source.reply = reply
    failed = zap.poll()
    assert failed.error and error in failed.error and sink.ids == []
    assert "Trigger partner failure" in zap.emails[-1]
    zapier.run(MINUTE - dt.timedelta(seconds=10))
    assert len(source.receiver.received) == asked + 1
    source.reply = None
    zapier.run(MINUTE)
    assert sink.ids == [4]


def test_it_polls_at_its_interval(zapier: Zapier, zap: Zap, source: Source) -> None:
    start, asked = zapier.time.now(), len(source.receiver.received)
    zapier.run(dt.timedelta(minutes=30, seconds=30))
    assert len(source.receiver.received) - asked == 30
    assert abs(zapier.time.now() - start - dt.timedelta(minutes=30, seconds=30)) < dt.timedelta(seconds=20)
    with pytest.raises(AssertionError):
        zapier.zap(source.url, ("", ""), print, interval=dt.timedelta(minutes=16))


def test_one_page_is_read(zap: Zap, source: Source) -> None:
    asked = len(source.receiver.received)
    source.reply = Reply(headers={"Link": f'<{source.url}?cursor=x>; rel="next"'}, body=b"[]")
    zap.poll()
    assert len(source.receiver.received) == asked + 1


def test_what_is_over_six_mib_is_dropped_without_a_word(zap: Zap, source: Source, sink: Sink) -> None:
    source.items[:0] = [{"id": one, "Text": "x" * 100_000} for one in range(70, 3, -1)]
    done = zap.poll()
    assert done.error == "" and done.dropped > 3 and done.bytes > zapier_simulated.MOST_RESULT_BYTES
    assert sink.ids == list(range(4 + done.dropped - 3, 71)), "the oldest ones are those that go"


def test_an_answer_over_twenty_mb_is_a_failure(zap: Zap, source: Source) -> None:
    source.reply = Reply(body=b"[" + b" " * 20_000_000 + b"]")
    assert "20 MB" in zap.poll().error


def test_the_list_of_seen_ids_has_an_end(zap: Zap, source: Source, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    assert zapier_simulated.MOST_SEEN == 105_000
    monkeypatch.setattr(zapier_simulated, "MOST_SEEN", 4)
    source.show(4, 5)
    zap.poll()
    assert len(zap.seen) == 4
    assert zap.poll().new == [1], "what it has forgotten and is shown again fires again"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"results": []}', "triggerIsArray"),
        ("[1]", "triggerIsObject"),
        ('[{"RecordID": "000000001"}]', "triggerHasId"),
        ('[{"id": null}]', "triggerHasId"),
        ('[{"id": 1}, {"id": 1}]', "triggerHasUniquePrimary"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_told(zap: Zap, source: Source, body: str, name: str) -> None:
    source.reply = Reply(body=body.encode())
    with pytest.raises(CheckError, match=name):
        zap.poll()


def test_a_zap_cannot_be_turned_on_when_its_credentials_or_its_poll_fail(zapier: Zapier, source: Source) -> None:
    url = source.url.removesuffix("/hook")
    zap = zapier.zap(source.url, ("restuser", "secret"), print, test_url=f"{url}/me")
    source.reply = Reply(401)
    with pytest.raises(CouldNotTurnOn, match="401"):
        zap.turn_on()
    assert not zap.on
    source.reply = None
    zap.turn_on()
    assert zap.on


def test_actions_are_tried_again_only_with_autoreplay(zapier: Zapier, zap: Zap, source: Source, sink: Sink) -> None:
    patient = zapier.zap(source.url, ("restuser", "secret"), sink, interval=15 * MINUTE, autoreplay=True)
    patient.turn_on()
    sink.broken = True
    source.show(4)
    zapier.run(16 * MINUTE)
    assert [run.state for run in zap.runs] == ["errored"]
    assert [run.state for run in patient.runs] == ["scheduled"]
    zapier.run(dt.timedelta(hours=1))
    assert patient.runs[0].tries == 3, "after 5 minutes, and 30 more"
    sink.broken = False
    zapier.run(dt.timedelta(hours=1))
    assert sink.ids == [4] and patient.runs[0].state == "success" and zap.runs[0].state == "errored"
    sink.broken = True
    source.show(5)
    zapier.run(dt.timedelta(hours=12))
    assert (patient.runs[-1].tries, patient.runs[-1].state) == (6, "errored"), "five times, in 10 h 35 min"


def test_a_zap_that_only_fails_is_turned_off(zapier: Zapier, zap: Zap, source: Source, sink: Sink) -> None:
    settings: dict[str, Any] = {"interval": 15 * MINUTE}
    graced = zapier.zap(source.url, zap.login, sink, grace=DAY, **settings)
    stubborn = zapier.zap(source.url, zap.login, sink, keep_running=True, **settings)
    for one in (graced, stubborn):
        one.turn_on()
    sink.broken = True
    source.show(*range(4, 24))
    zapier.run(2 * MINUTE)
    assert zap.on, "20 runs are not more than 20"
    source.show(24)
    zapier.run(2 * MINUTE)
    assert not zap.on and not zap.seen and "turned off" in zap.emails[-1]
    assert graced.on and stubborn.on
    zapier.run(DAY + 30 * MINUTE)
    assert not graced.on and stubborn.on


def test_one_success_in_ten_keeps_a_zap_on(zapier: Zapier, zap: Zap, source: Source, sink: Sink) -> None:
    for one in range(4, 104):
        sink.broken = one % 10 != 0
        source.show(one)
        zap.poll()
    assert zap.on
    source.reply = Reply(503)
    zapier.run(DAY)
    assert not zap.on, "a poll that fails counts, too"


def test_the_e_mail_has_the_leads_name_as_its_subject_and_all_of_the_lead_as_its_body() -> None:
    refuse = [False]

    def script(message: Any) -> str:
        return "451 later" if refuse[0] else "250 OK"

    with receiving_mail(script) as mailbox:
        send = Email(mailbox.host, mailbox.port)
        send({"id": 7, "FirstName": "Zoë", "LastName": "Smith", "Industry": {"Selection": "Energy"}, "Rating": None})
        assert mailbox.subjects == ["Zoë Smith"]
        assert mailbox.body().splitlines() == [
            *("id: 7", "FirstName: Zoë", "LastName: Smith", "Industry__Selection: Energy", "Rating: ")
        ]
        refuse[0] = True
        with pytest.raises(OSError, match="451"):
            send({"id": 8, "FirstName": "A", "LastName": "B"})
        assert len(mailbox.messages) == 1


def test_a_mailbox_waits_for_what_comes() -> None:
    with receiving_mail() as mailbox:
        assert isinstance(mailbox, Mailbox) and not mailbox.wait_for(lambda: bool(mailbox.messages), 0.1)
        Email(mailbox.host, mailbox.port)({"FirstName": "A", "LastName": "B"})
        assert mailbox.wait_for(lambda: mailbox.subjects == ["A B"], 5)
