"""Hooks over real services that are killed, flushed and restarted: nothing is forgotten (contract, REST hooks).

`make stack` runs these alone. On PostgreSQL they run the services of docker-compose.yml with Redis; without Redis, on
either database, what `make run` starts. Targets are a real HTTP receiver that answers from a script.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
import stat
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from tests.conftest import Server, static_files
from tests.receiver import Received, Receiver, Reply, receiving
from tests.stack import COMPOSE, DOCKERFILE, ROOT, SITE, Clock, Stack, made_env

WRITERS = 8
SUBMISSIONS = 5_000
WITHOUT_REDIS = 500
KILLS = 5
API = "/api/apps/LeadRegistration"
ALL, HOT = {"Hot", "Warm", "Cold"}, {"Hot"}
# By path at the receiver: the view, the format, and the ratings of the leads that the view shows.
TARGETS = {
    "/all": ("ViewAllRecords", "typed", ALL),
    "/hot": ("HotLeads", "typed", HOT),
    "/flowfinity": ("HotLeads", "flowfinity", HOT),
}
INSTANT = 2.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The services, up. Where there is no redis-server: a failure with CI=true, elsewhere a skip."""
    if shutil.which("redis-server") is None:
        missing = "redis-server is not installed here (on Debian: apt-get install redis-server)."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    directory = tmp_path_factory.mktemp("stack")
    stack = Stack(directory)
    static_files(tmp_path_factory, directory / "data")
    failed = request.session.testsfailed
    try:
        stack.up()
        static_files(tmp_path_factory, directory / "data")
        yield stack
    finally:
        if request.session.testsfailed > failed:
            sys.stdout.write(stack.log()[-20_000:])
        stack.down()


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    yield from clients(stack.url, stack.password, stack.clock)


@pytest.fixture
def client_without_redis(server: Server) -> Iterator[Client]:
    server.restart(HOOKS_ALLOW_PRIVATE="1")
    yield from clients(server.url, server.password, server.clock)


def clients(url: str, password: str, clock: Path) -> Iterator[Client]:
    """A client, which takes its subscriptions back at the end."""
    client = Client(url, password, clock)
    try:
        yield client
    finally:
        for path in client.subscribed:
            client.call("DELETE", path)


class Client:
    """An integration account's program, with the clock that it is lent."""

    def __init__(self, url: str, password: str, clock: Path) -> None:
        self.url, self.password = url, password
        self.clock = Clock(clock)
        if clock.exists():
            self.clock.seconds = float(clock.read_text())
        self.subscribed: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON."""
        login = ("restuser", self.password)
        answer = requests.request(method, self.url + API + path, json=body, auth=login, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def subscribe(self, view: str, url: str, values: str = "typed") -> str:
        """The secret of a new subscription."""
        made = self.call("POST", f"/views/{view}/hooks", {"targetUrl": url, "values": values})
        self.subscribed.append(f"/views/{view}/hooks/{made['id']}")
        return str(made["secret"])

    def subscribe_all(self, receiver: Receiver) -> dict[str, str]:
        """The secrets of subscriptions for all of TARGETS, by path."""
        base = receiver.url.removesuffix("/hook")
        return {path: self.subscribe(view, base + path, values) for path, (view, values, _) in TARGETS.items()}

    def lead(self, rating: str = "Hot") -> int:
        """The number of the submission that captures a lead."""
        body = {"Company": f"Company {random.getrandbits(64):x}", "LastName": "Smith", "Rating": rating}
        return int(self.call("POST", "/operations/CaptureLead", body)["lastSubmissionID"])


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Shows figures, whether the test passes or not."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def numbers(receiver: Receiver, path: str = "/hook") -> list[int]:
    """The ids that came in there."""
    return [one.item["id"] for one in list(receiver.received) if one.path == path and one.method == "POST"]


# What docker-compose.yml and the Dockerfile say, without running them.


def test_every_image_is_pinned_nobody_is_root_and_everything_has_a_health_check() -> None:
    services = COMPOSE["services"]
    assert set(services) == {*SITE, "postgres", "redis"}
    for image in [
        *re.findall(r"^FROM (\S+)", DOCKERFILE, re.M),
        services["postgres"]["image"],
        services["redis"]["image"],
    ]:
        assert re.search(r":\d+\.\d+(\.\d+)?-", image), image
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.M) == ["flowfinity"]
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped"
        assert name in SITE or service["user"] == name
    # The image alone, without compose, is the web service.
    quoted = re.findall(r"CMD (\[.+\])$", DOCKERFILE, re.M)
    assert quoted == [as_json(services["web"]["healthcheck"]["test"][1:]), as_json(services["web"]["command"])]


def as_json(command: list[str]) -> str:
    """A command as a Dockerfile has it."""
    return "[" + ", ".join(f'"{part}"' for part in command) + "]"


def test_passwords_are_made_once_are_nobody_elses_and_all_that_compose_needs(tmp_path: Path) -> None:
    made = made_env(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert made_env(tmp_path) == made
    assert len(set(made.values())) == len(made) and min(map(len, made.values())) >= 40
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= set(made)
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


# With Redis, as docker-compose.yml runs it.


@pytest.mark.stack
@pytest.mark.postgres
def test_a_lead_from_the_api_or_the_form_is_at_the_target_at_once(
    stack: Stack, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as receiver, requests.Session() as browser:
        secret = client.subscribe("ViewAllRecords", receiver.url)
        login = f"{stack.url}/login/"
        token = browser.get(login, timeout=30).cookies["csrftoken"]
        person = {"username": "sam", "password": stack.password, "csrfmiddlewaretoken": token}
        browser.post(login, person, timeout=30).raise_for_status()
        form = f"{stack.url}/apps/LeadRegistration/operations/CaptureLead/"
        page = browser.get(form, timeout=30).text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))

        def from_the_form() -> None:
            lead = {**hidden, "Company": "From the form", "LastName": "Smith", "CallbackRequested": ""}
            answer = browser.post(form, lead, headers={"Referer": form}, timeout=30)
            assert answer.ok and "/records/" in answer.url, answer.text

        delays = {}
        # Nobody looks for what is due while beat is away: what arrives, its own bell has brought.
        stack.services["beat"].kill()
        try:
            for name, submit in {"first": client.lead, "API": client.lead, "form": from_the_form}.items():
                before, start = len(receiver.received), time.monotonic()
                submit()
                assert receiver.wait_for(lambda before=before: len(receiver.received) > before)
                delays[name] = receiver.received[before].at - start
        finally:
            stack.services["beat"].start()
        say(capsys, ", ".join(f"{name}: {delay * 1000:.0f} ms" for name, delay in delays.items()))
        for one in receiver.received:
            Webhook(secret).verify(one.body.decode(), one.headers)


class Ledger:
    """What writers have submitted and what a target has taken, kept apart from the code that delivers."""

    def __init__(self) -> None:
        self.written: dict[int, str] = {}
        # By path the numbers that were taken, and how often; not what came while its sender was killed.
        self.taken: dict[str, Counter[int]] = {path: Counter() for path in TARGETS}
        self.answered: Counter[str] = Counter()
        self.lock = threading.Lock()

    def follow(self, writer: subprocess.Popen[str]) -> None:
        """Enters what a writer says, until it ends."""
        assert writer.stdout is not None
        for line in writer.stdout:
            number, state = line.split()
            with self.lock:
                self.written[int(number)] = state

    def owed(self, path: str) -> set[int]:
        """The submissions that the view shows which is delivered there."""
        *_, ratings = TARGETS[path]
        with self.lock:
            return {number for number, state in self.written.items() if state in ratings}

    def missing(self) -> dict[str, int]:
        """By path how many have not arrived."""
        return {path: len(self.owed(path) - set(self.taken[path])) for path in TARGETS}

    def arrived(self) -> int:
        """How many different ones were taken, over all paths."""
        return sum(map(len, self.taken.values()))


class Script:
    """Answers as targets do on a bad day, and holds a request open while its sender is killed."""

    def __init__(self, ledger: Ledger, hangs: Mapping[str, int], every: tuple[int, int, int]) -> None:
        """`hangs` says by path at which request to hang; `every` how often 429, a cut and 500 come."""
        self.ledger, self.hangs, self.every = ledger, dict(hangs), every
        self.requests: Counter[str] = Counter()
        self.open = 0
        self.last = time.monotonic()
        self.armed, self.in_mid_send, self.killed = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, request: Received) -> Reply:
        """What to answer: bad answers by the request's number, so that they come whatever else happens."""
        path = request.path
        with self.ledger.lock:
            self.requests[path] += 1
            self.open += 1
            count = self.requests[path]
            kill = self.armed.is_set()
            if kill:
                self.armed.clear()
            hang = not kill and count >= self.hangs.get(path, count + 1)
            if hang:
                del self.hangs[path]
        try:
            return self.enter(request, *self.reply(count, kill, hang))
        finally:
            with self.ledger.lock:
                self.open -= 1
                self.last = time.monotonic()

    def reply(self, count: int, kill: bool, hang: bool) -> tuple[str, Reply]:
        """Its name in the figures, and the answer."""
        if kill:
            self.in_mid_send.set()
            self.killed.wait(30)
            return "killed in mid-send", Reply(cut=True)
        if hang:
            # Longer than any sender waits.
            time.sleep(17)
            return "hang", Reply(cut=True)
        if count % self.every[0] == 0:
            return "429", Reply(429, {"Retry-After": "20"})
        if count % self.every[1] == 0:
            return "cut", Reply(cut=True)
        if count % self.every[2] == 0:
            return "500", Reply(500)
        return "200", Reply()

    def enter(self, request: Received, name: str, reply: Reply) -> Reply:
        """Notes it in the ledger."""
        with self.ledger.lock:
            self.ledger.answered[name] += 1
            if name == "200":
                self.ledger.taken[request.path][request.item["id"]] += 1
        return reply

    def idle(self, seconds: float) -> bool:
        """Whether no request is open and none came of late: everything waits for the clock."""
        with self.ledger.lock:
            return self.open == 0 and time.monotonic() - self.last > seconds


@pytest.fixture
def writing() -> Iterator[Callable[..., threading.Thread]]:
    """Starts writers that enter what they make into a ledger; a thread ends with the last of them."""
    with ExitStack() as ending:

        def write(ledger: Ledger, environ: Mapping[str, str], submissions: int, pause: float) -> threading.Thread:
            writers = []
            for place in range(WRITERS):
                share = submissions // WRITERS + (place < submissions % WRITERS)
                writer = subprocess.Popen(
                    [sys.executable, "-m", "tests.lead_writers", str(share), str(pause)],
                    cwd=ROOT,
                    env={**environ, "DJANGO_SETTINGS_MODULE": "flowfinity.settings"},
                    stdout=subprocess.PIPE,
                    text=True,
                )
                ending.enter_context(writer)
                ending.callback(writer.kill)
                writers.append(writer)
            followers = [threading.Thread(target=ledger.follow, args=(writer,)) for writer in writers]

            def wait() -> None:
                for follower in followers:
                    follower.join()
                for writer in writers:
                    assert writer.wait() == 0

            for follower in followers:
                follower.start()
            whole = threading.Thread(target=wait)
            whole.start()
            return whole

        yield write


def until_all_has_arrived(
    client: Client,
    ledger: Ledger,
    script: Script,
    writers: threading.Thread,
    happenings: Mapping[int, Callable[[], None]],
) -> None:
    """Lets things happen when so many have arrived, and moves the clock on when everything waits for it."""
    todo = dict(sorted(happenings.items()))
    # Far longer than it takes: this finds what is missing, not what is slow.
    end = time.monotonic() + 900
    while time.monotonic() < end:
        if todo and ledger.arrived() >= next(iter(todo)):
            todo.pop(next(iter(todo)))()
        if script.idle(0.5):
            if not writers.is_alive() and not todo and not any(ledger.missing().values()):
                return
            client.clock.forward(6)
            time.sleep(0.5)
        time.sleep(0.1)
    raise AssertionError(f"missing: {ledger.missing()}, still to happen: {list(todo)}, answered: {ledger.answered}")


def check(ledger: Ledger, receiver: Receiver, secrets: Mapping[str, str]) -> str:
    """Each is there, a repeat is the very same, and every signature is right; answers with the figures."""
    assert not any(ledger.missing().values())
    for path in TARGETS:
        assert set(ledger.taken[path]) == ledger.owed(path), "and nothing that the view does not show"
    same: dict[tuple[str, str], tuple[int, bytes]] = {}
    for one in receiver.received:
        known = same.setdefault((one.path, one.headers["webhook-id"]), (one.item["id"], one.body))
        assert known == (one.item["id"], one.body)
    ids = Counter((path, number) for (path, _), (number, _) in same.items())
    assert set(ids.values()) == {1}, "one webhook-id each"
    for one in random.sample(receiver.received, 50):
        signature = Webhook(secrets[one.path])
        moment = time_of(one.headers["webhook-timestamp"])
        expected = signature.sign(one.headers["webhook-id"], moment, one.body.decode())
        assert one.headers["webhook-signature"] == expected
    due = sum(len(ledger.owed(path)) for path in TARGETS)
    twice = sum(taken.total() - len(taken) for taken in ledger.taken.values())
    answers = ", ".join(f"{name} {count:,}" for name, count in sorted(ledger.answered.items()))
    return (
        f"{len(ledger.written):,} submissions, {due:,} owed to {len(TARGETS)} subscriptions: 0 missing, "
        f"{twice} taken twice, {len(receiver.received) - due:,} requests more than that; answered: {answers}"
    )


def time_of(timestamp: str) -> dt.datetime:
    """A moment in UTC."""
    return dt.datetime.fromtimestamp(int(timestamp), dt.UTC)


@pytest.mark.stack
@pytest.mark.postgres
def test_nothing_is_forgotten_whatever_is_killed(
    stack: Stack, client: Client, writing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger()
    script = Script(ledger, {"/all": 700, "/hot": 400}, (1201, 907, 607))
    worker, web, broker, beat = (stack.services[name] for name in ("worker", "web", "redis", "beat"))
    happened: list[str] = []

    def kill_the_worker() -> None:
        script.in_mid_send.clear()
        script.killed.clear()
        script.armed.set()
        end = time.monotonic() + 60
        while not script.in_mid_send.wait(0.5):
            assert time.monotonic() < end, "nothing is sent in which to kill"
            if script.idle(0.5):
                client.clock.forward(6)
        worker.kill()
        script.killed.set()
        worker.start()
        happened.append("worker")

    def flush() -> None:
        stack.flush()
        happened.append("flush")

    def restart_redis() -> None:
        broker.kill()
        time.sleep(2)
        broker.start()
        broker.wait()
        happened.append("redis")

    def restart_web() -> None:
        for _ in range(10):
            captured(client.lead())
        web.stop()
        web.start()
        web.wait()
        for _ in range(10):
            captured(client.lead())
        happened.append("web")

    def captured(number: int) -> None:
        with ledger.lock:
            ledger.written[number] = "Hot"

    def restart_beat() -> None:
        beat.kill()
        beat.start()
        happened.append("beat")

    kills = dict.fromkeys((300, 1_200, 2_400, 4_000, 6_000), kill_the_worker)
    happenings: dict[int, Callable[[], None]] = {
        **kills,
        800: flush,
        1_800: restart_redis,
        3_200: restart_web,
        4_500: restart_beat,
        5_000: flush,
    }
    with receiving(script) as receiver:
        secrets = client.subscribe_all(receiver)
        start = time.monotonic()
        writers = writing(ledger, stack.environ, SUBMISSIONS - 20, 0.3)
        until_all_has_arrived(client, ledger, script, writers, happenings)
        seconds = time.monotonic() - start
        figures = check(ledger, receiver, secrets)
    say(
        capsys,
        f"{figures}; {seconds:.0f} s, clock moved by {client.clock.seconds:,.0f} s; {Counter(happened)}; "
        f"ended by itself and restarted: worker {worker.restarts}, beat {beat.restarts}",
    )
    assert len(ledger.written) == SUBMISSIONS
    assert Counter(happened) == {"worker": KILLS, "flush": 2, "redis": 1, "web": 1, "beat": 1}
    assert set(ledger.answered) == {"200", "429", "500", "cut", "hang", "killed in mid-send"}
    assert ledger.answered["killed in mid-send"] == KILLS


@pytest.mark.stack
@pytest.mark.postgres
def test_targets_that_hang_or_have_failed_for_two_days_hold_up_nobody_else(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    hanging, failing = [f"/hanging{number}" for number in range(3)], "/failing"
    tried: Counter[str] = Counter()

    def script(request: Received) -> Reply:
        tried[request.path] += 1
        return Reply(wait=20 if request.path in hanging else 0, status=500 if request.path == failing else 200)

    with receiving(script) as receiver:
        base = receiver.url.removesuffix("/hook")
        client.subscribe("ViewAllRecords", base + failing)
        client.lead()
        assert receiver.wait_for(lambda: tried[failing] >= 1)
        client.clock.forward(2 * 86_400)
        assert receiver.wait_for(lambda: tried[failing] >= 2)
        for path in [*hanging, "/healthy"]:
            client.subscribe("ViewAllRecords", base + path)
        delays = []
        for _ in range(30):
            start = time.monotonic()
            number = client.lead()
            assert receiver.wait_for(lambda number=number: number in numbers(receiver, "/healthy"))
            [at] = [one.at for one in receiver.received if one.path == "/healthy" and one.item["id"] == number]
            delays.append(at - start)
            time.sleep(0.5)
        assert all(tried[path] for path in hanging)
        median = statistics.median(delays)
        say(
            capsys,
            f"beside 3 targets that hang and one that has failed for two days: median {median * 1000:.0f} ms, "
            f"longest {max(delays) * 1000:.0f} ms, over {len(delays)} leads; tried {dict(tried)}",
        )
        assert median < INSTANT


@pytest.mark.stack
@pytest.mark.postgres
def test_without_redis_for_a_while_submitting_goes_on_and_the_sweep_delivers(
    stack: Stack, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as receiver:
        client.subscribe("ViewAllRecords", receiver.url)
        stack.services["redis"].kill()
        owed, times = [], []
        for _ in range(20):
            start = time.monotonic()
            owed.append(client.lead())
            times.append(time.monotonic() - start)
        stack.services["redis"].start()
        stack.services["redis"].wait()
        start = time.monotonic()
        assert receiver.wait_for(lambda: set(owed) <= set(numbers(receiver)), 60)
        say(
            capsys,
            f"without Redis a lead takes {statistics.median(times) * 1000:.0f} ms, {max(times) * 1000:.0f} ms at most; "
            f"all 20 are delivered {time.monotonic() - start:.1f} s after it is back",
        )


# Without Redis.


@pytest.mark.stack
def test_nothing_is_forgotten_without_redis(
    server: Server, client_without_redis: Client, writing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client, ledger = client_without_redis, Ledger()
    script = Script(ledger, {"/hot": 60}, (301, 211, 97))
    kills = []

    def kill() -> None:
        server.kill()
        server.start()
        kills.append(1)

    with receiving(script) as receiver:
        secrets = client.subscribe_all(receiver)
        start = time.monotonic()
        writers = writing(ledger, server.environ, WITHOUT_REDIS, 0.3)
        until_all_has_arrived(client, ledger, script, writers, {100: kill, 350: kill, 500: kill})
        figures = check(ledger, receiver, secrets)
    say(capsys, f"without Redis: {figures}; killed {len(kills)} times; {time.monotonic() - start:.0f} s")
    assert len(ledger.written) == WITHOUT_REDIS
