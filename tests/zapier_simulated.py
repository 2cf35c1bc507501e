"""A simulated Zapier: what it does to a poll's answer, rule by rule, so that "nothing lost" is measured, not claimed.

Each rule names its section of the reference on Zapier's contract (part B); test_zapier_simulated holds the simulator to
them. What Zapier does not say is taken for the worse, and says so. Requests, answers and e-mails are real; time is that
of a server with TEST_CLOCK, and jumps.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import smtplib
import time as machine
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import takewhile
from typing import Any, TypeAlias

import requests
from urllib3.exceptions import HTTPError

from flowfinity import clock
from tests.stack import Clock

Item: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, Any]
Action: TypeAlias = Callable[[Item], None]

# B2. What a poll or an action may take, what an answer may weigh, and what the app's code may hand on of it.
TIMEOUT_SECONDS = 30
MOST_ANSWER_BYTES = 20_000_000
MOST_RESULT_BYTES = 6_291_456
MOST_SEEN = 105_000
HELD_FROM = 100
INTERVALS = dt.timedelta(minutes=1), dt.timedelta(minutes=15)
# B4, 5. Autoreplay: when a failed action is tried again, counted from the try before.
REPLAYS = tuple(dt.timedelta(minutes=minutes) for minutes in (5, 30, 60, 180, 360))
# B4, 6. A Zap is turned off when more than 20 runs in 7 days are errors to 95%.
ERRORS_IN, MOST_RUNS, ERROR_SHARE = dt.timedelta(days=7), 20, 0.95
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
# B8. All headers of a poll, but for credentials and connection.
HEADERS = {"User-Agent": "Zapier", "Accept": "*/*", "Accept-Encoding": "gzip,deflate"}


class CheckError(AssertionError):
    """An answer of the wrong shape (B1). Zapier's production only logs it; a test is to hear of it."""


class CouldNotTurnOn(Exception):
    """Turning a Zap on tests the credentials and fills its list, and one of the two has failed (B4, 1)."""


class Time:
    """Simulated time: this machine's, and the seconds more that a running server is told by its TEST_CLOCK."""

    def __init__(self, moved: Clock) -> None:
        self.moved = moved

    def now(self) -> dt.datetime:
        """The present time of the server and of the simulator."""
        return clock.to_millisecond(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.moved.seconds))

    def jump(self, to: dt.datetime) -> None:
        """Moves on to a moment; one that has passed stays passed."""
        ahead = (to - self.now()).total_seconds()
        if ahead > 0:
            self.moved.forward(ahead)


@dataclass
class Poll:
    """One poll: what was new in it, and why it failed, if it did."""

    at: dt.datetime
    new: list[Any] = field(default_factory=list)
    held: bool = False
    error: str = ""
    count: int = 0
    bytes: int = 0
    dropped: int = 0


@dataclass
class Run:
    """An item on its way through the action: "success", "errored", or "scheduled" for another try (B4, 5)."""

    item: Item
    at: dt.datetime
    state: str = ""
    tries: int = 0
    error: str = ""
    again_on: dt.datetime = NEVER


class Zap:
    """A trigger on one URL, and an action. `time` is shared with the server; all else is as its owner has set it."""

    def __init__(
        self,
        url: str,
        login: tuple[str, str],
        action: Action,
        time: Time,
        *,
        test_url: str = "",
        interval: dt.timedelta = INTERVALS[1],
        autoreplay: bool = False,
        keep_running: bool = False,
        grace: dt.timedelta = dt.timedelta(),
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Off at first. `interval` is by plan, 1 to 15 minutes (B2); `grace` before an auto-off too (B4, 6).

        `autoreplay` is off unless chosen (B4, 5); `keep_running` is the Zap's setting that overrides the error ratio.
        """
        assert INTERVALS[0] <= interval <= INTERVALS[1]
        self.url, self.login, self.action, self.time = url, login, action, time
        self.test_url, self.interval = test_url, interval
        self.autoreplay, self.keep_running, self.grace, self.timeout = autoreplay, keep_running, grace, timeout
        self.on = False
        self.seen: dict[Key, None] = {}
        self.held: list[Item] = []
        self.runs: list[Run] = []
        self.polls: list[Poll] = []
        self.emails: list[str] = []
        self.next_on: dt.datetime | None = None
        self._erring_since: dt.datetime | None = None
        self._scheduled: list[Run] = []
        self._session = requests.Session()
        # Not through the proxy that a developer may have set.
        self._session.trust_env = False
        # The last answer, as it was sent and as it was read: the same one again is not read again.
        self._sent = self._body = b""
        self._items: tuple[list[Item], int] = ([], 0)

    @property
    def fired(self) -> list[Any]:
        """The ids that went through the action with success, in order."""
        return [run.item["id"] for run in self.runs if run.state == "success"]

    def turn_on(self) -> None:
        """Tests the credentials, then fills the list of seen ids by one poll, and fires nothing (B4, 1).

        Raises CouldNotTurnOn.
        """
        assert not self.on
        try:
            # B9: an object, and 200.
            if self.test_url and not isinstance(json.loads(self._get(self.test_url)), dict):
                raise CheckError("the authentication test is not answered with an object")
            items, _ = self._ask()
        except Refused as error:
            raise CouldNotTurnOn(str(error)) from error
        self._remember(items)
        self.on, self.next_on = True, self.time.now() + self.interval
        self._erring_since = None

    def turn_off(self) -> None:
        """Stops polling and forgets what was seen: what changes from now on will never fire (B4, 3)."""
        self.on, self.next_on = False, None
        self.seen.clear()

    def poll(self) -> Poll:
        """Asks once; new ids fire, oldest first, or are held when there are 100 or more (B4, 2 and 4).

        A poll that fails is not repeated before the next one is due: a trigger is never replayed (B4, 5 and 7).
        """
        assert self.on
        now = self.time.now()
        self.next_on = now + self.interval
        done = Poll(now)
        self.polls.append(done)
        known = self._items
        try:
            items, done.dropped = self._ask()
        except Refused as error:
            done.error = str(error)
            self.emails.append(f"Trigger partner failure: {error}")
        else:
            done.count, done.bytes = len(items), len(self._body)
            # B1: answers are newest first, and runs are in the order in which things happened.
            # All of the same answer again is seen, unless the list was too long.
            same = self._items is known and len(self.seen) < MOST_SEEN
            new = [] if same else [item for item in reversed(items) if key(item["id"]) not in self.seen]
            self._remember([] if same else items)
            done.new = [item["id"] for item in new]
            done.held = len(new) >= HELD_FROM
            if done.held:
                self.held += new
                self.emails.append(f"{len(new)} runs are held: confirm them, if they are meant.")
            else:
                for item in new:
                    self._run(Run(item, now))
        self._judge(now)
        return done

    def release(self) -> int:
        """Its owner confirms what is held: it runs, one a second (B4, 4). Answers with how many."""
        held, self.held = self.held, []
        for second, item in enumerate(held):
            self._run(Run(item, self.time.now() + dt.timedelta(seconds=second)))
        return len(held)

    def replay_due(self, now: dt.datetime) -> None:
        """Tries again what Autoreplay has scheduled (B4, 5)."""
        for run in [run for run in self._scheduled if run.again_on <= now]:
            self._scheduled.remove(run)
            self._try(run, now)

    def due(self) -> dt.datetime | None:
        """When this Zap has something to do next."""
        waiting = [run.again_on for run in self._scheduled]
        return min([*waiting, *([self.next_on] if self.next_on else [])], default=None)

    def _run(self, run: Run) -> None:
        self.runs.append(run)
        self._try(run, run.at)

    def _try(self, run: Run, now: dt.datetime) -> None:
        run.tries += 1
        try:
            self.action(run.item)
        except (OSError, smtplib.SMTPException) as error:
            run.error, run.state = str(error), "errored"
            if self.autoreplay and run.tries <= len(REPLAYS):
                run.state, run.again_on = "scheduled", now + REPLAYS[run.tries - 1]
                self._scheduled.append(run)
        else:
            run.state = "success"

    def _judge(self, now: dt.datetime) -> None:
        """Turns the Zap off when 95% of more than 20 runs in 7 days are errors, after the plan's grace (B4, 6).

        Zapier does not say whether a failed poll is a run. Taken for the worse: it is one, and an empty one is none.
        """
        if self.keep_running:
            return
        since = now - ERRORS_IN
        runs = [run.state == "errored" for run in takewhile(lambda run: run.at >= since, reversed(self.runs))]
        runs += [True for poll in takewhile(lambda poll: poll.at >= since, reversed(self.polls)) if poll.error]
        if len(runs) <= MOST_RUNS or sum(runs) < ERROR_SHARE * len(runs):
            self._erring_since = None
            return
        self._erring_since = self._erring_since or now
        if now - self._erring_since >= self.grace:
            self.emails.append("Your Zap was turned off: 95% of its runs have failed.")
            self.turn_off()

    def _ask(self) -> tuple[list[Item], int]:
        """The poll's items, and how many were silently not handed on. One page: nothing is followed (B5)."""
        body = self._get(self.url)
        if body != self._body:
            items = json.loads(body)
            check(items)
            handed = items if len(body) <= MOST_RESULT_BYTES else list(within(MOST_RESULT_BYTES, items))
            self._body, self._items = body, (handed, len(items) - len(handed))
        return self._items

    def _get(self, url: str) -> bytes:
        """The body of a 200. Raises Refused for anything else, or when it takes more than 30 s in all (B2, B7)."""
        end = machine.monotonic() + self.timeout
        sent = b""
        try:
            # A redirect would lead to this machine again, where Zapier does not go (B7).
            with self._session.get(
                url, headers=HEADERS, auth=self.login, timeout=self.timeout, stream=True, allow_redirects=False
            ) as answer:
                if not 200 <= answer.status_code < 300:
                    raise Refused(f"{answer.status_code} {answer.text[:250]}")
                for part in answer.raw.stream(1 << 18, decode_content=False):
                    sent += part
                    if machine.monotonic() > end:
                        raise Refused(f"no whole answer within {self.timeout} s")
        except (requests.RequestException, HTTPError) as error:
            raise Refused(type(error).__name__) from error
        finally:
            self._session.close()
        if sent and sent == self._sent:
            return self._body
        body = gzip.decompress(sent) if answer.headers.get("Content-Encoding") == "gzip" else sent
        if not body:
            raise Refused("no body: shown as a time-out")
        if len(body) > MOST_ANSWER_BYTES:
            raise Refused("the answer is over 20 MB")
        if url == self.url:
            self._sent = sent
        return body

    def _remember(self, items: Sequence[Item]) -> None:
        """Adds to the list of seen ids, the oldest first, at most 105,000 (B2).

        Zapier does not say which one goes then. Taken for the worse: the one that came first, shown again or not.
        """
        for item in reversed(items):
            self.seen.setdefault(key(item["id"]))
        while len(self.seen) > MOST_SEEN:
            del self.seen[next(iter(self.seen))]


class Refused(Exception):
    """A request that gave no usable answer; its text is what the owner reads."""


def key(value: Any) -> Key:
    """What an id is known by: its type counts, so that 1 and "1" are two; JSON has one type of number (B1)."""
    return (type(value).__name__, value) if isinstance(value, str | bool) else ("number", value)


def within(most: int, items: Sequence[Item]) -> Iterator[Item]:
    """The first items, as many as fit into so many bytes of JSON (B2)."""
    size = 2
    for item in items:
        size += len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if size > most:
            return
        yield item


def check(items: Any) -> None:
    """The checks of Zapier's core (B1). Raises CheckError, named as there."""
    if not isinstance(items, list):
        raise CheckError("triggerIsArray")
    if not all(isinstance(item, dict) for item in items):
        raise CheckError("triggerIsObject")
    if not all(isinstance(item.get("id"), str | int | float) for item in items):
        raise CheckError("triggerHasId")
    if len({key(item["id"]) for item in items}) != len(items):
        raise CheckError("triggerHasUniquePrimary")


class Zapier:
    """Runs Zaps as time passes."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.zaps: list[Zap] = []

    def zap(self, url: str, login: tuple[str, str], action: Action, **settings: Any) -> Zap:
        """A new Zap, off."""
        self.zaps.append(Zap(url, login, action, self.time, **settings))
        return self.zaps[-1]

    def run(self, until: dt.datetime | dt.timedelta, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Lets time pass until a moment, or for so long: each poll and each retry at its time.

        `meanwhile` is done after each stop, with the clock there.
        """
        end = self.time.now() + until if isinstance(until, dt.timedelta) else until
        while (stop := min((due for zap in self.zaps if (due := zap.due())), default=end)) < end:
            self.time.jump(stop)
            now = self.time.now()
            for zap in self.zaps:
                zap.replay_due(now)
                if zap.next_on and zap.next_on <= now:
                    zap.poll()
            meanwhile()
        self.time.jump(end)


@dataclass
class Email:
    """ "Email by Zapier": the name of the lead as the subject, and the full lead as the body (the article, step 25).

    In both, {Field} is a field of the item by its flat name (B10).
    """

    host: str
    port: int
    to: str = "sales@example.com"
    subject: str = "{FirstName} {LastName}"
    timeout: float = TIMEOUT_SECONDS

    def __call__(self, item: Item) -> None:
        """Sends one e-mail. Raises OSError or SMTPException."""
        fields = flat(item)
        message = EmailMessage()
        message["From"], message["To"] = "no-reply@zapiermail.com", self.to
        message["Subject"] = self.subject.format_map(fields).strip()
        message.set_content("\n".join(f"{name}: {value}" for name, value in fields.items()))
        with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
            server.send_message(message)


def flat(item: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """An item's fields as Zapier offers them: what is nested is parent__child, several values are one text (B10)."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            found |= flat(value, f"{above}{name}__")
        elif isinstance(value, list):
            found[f"{above}{name}"] = ", ".join(map(str, value))
        else:
            found[f"{above}{name}"] = "" if value is None else value
    return found
