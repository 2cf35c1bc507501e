"""The API of a running server: what only real HTTP, callers at once, a restart or a missing neighbour can show."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.conftest import Server
from tests.rest import ARTICLE, basic, recorded

POLL = "/api/apps/LeadRegistration/views/ViewAllRecords"
CAPTURE = "/api/apps/LeadRegistration/operations/CaptureLead"
UPDATE = "/api/apps/LeadRegistration/operations/UpdateLead"
LIMIT = 10 * 1024 * 1024
ZAPIER = recorded("poll")


@pytest.fixture
def session(server: Server) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = ("restuser", server.password)
        yield session


def raw(server: Server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that come back for these bytes."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request)
        connection.settimeout(20)
        received = b""
        while part := connection.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body


def ask(server: Server, method: str, path: str, *headers: str, body: bytes = b"", host: str = "localhost") -> Any:
    """The same for one request with credentials, after which the connection is closed."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        f"Authorization: {basic('restuser', server.password)}",
        *headers,
    ]
    return raw(server, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def at_once(times: int, call: Callable[[int], Any]) -> list[Any]:
    """What the call answers, run by as many threads that start together."""
    start, answers = threading.Barrier(times), [None] * times

    def run(number: int) -> None:
        start.wait()
        answers[number] = call(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class TestHttp:
    def test_zapiers_poll(self, server: Server, session: requests.Session) -> None:
        answer = session.get(f"{server.url}{POLL}", headers=ZAPIER)
        items = answer.json()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert 0 < len(items) < len(session.get(f"{server.url}{POLL}").json())
        assert [item["id"] for item in items] == sorted({item["id"] for item in items}, reverse=True)

    @pytest.mark.parametrize("path", ["/api", POLL, f"{POLL}?mode=zapier"])
    def test_head_has_no_body(self, server: Server, path: str) -> None:
        status, headers, body = ask(server, "HEAD", path)
        told, length = ask(server, "GET", path)[0], len(ask(server, "GET", path)[2])
        assert (status, body) == (200, b"") and told == 200
        assert headers["content-length"] == str(length)
        assert headers["content-type"] == "application/json"

    @pytest.mark.parametrize("method", ["OPTIONS", "QUERY", "PUT", "PATCH", "TRACE", "PROPFIND", "LINK"])
    def test_other_methods(self, server: Server, method: str) -> None:
        status, headers, body = ask(server, method, POLL, "Content-Length: 2", body=b"{}")
        assert status == 405 and json.loads(body)["error"]["code"] == "method_not_allowed"
        assert headers["content-type"] == "application/json" and "GET" in headers["allow"]

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "[::1", "a_b"])
    def test_a_foreign_host(self, server: Server, host: str) -> None:
        status, headers, body = ask(server, "GET", "/api", host=host)
        assert status == 400 and headers["content-type"] == "application/json"
        assert json.loads(body)["error"]["code"] == "bad_request"

    @pytest.mark.parametrize(
        "path",
        [
            "/api/%00",
            "/api/%ff%fe",
            "/api/%0a",
            "/api/..",
            "/api/../admin",
            "/api//",
            "/api/apps//views/",
            "/api/apps/%2e%2e/views/x",
            "/api/" + "x" * 3000,
            "/api/apps/LeadRegistration/views/ViewAllRecords%3Fmode=zapier",
            "/api;x=1/nothing",
            "/api/apps/L%C3%B6we",
        ],
    )
    def test_strange_addresses(self, server: Server, path: str) -> None:
        status, headers, body = ask(server, "GET", path)
        if path.startswith("/api/"):
            assert status == 404 and json.loads(body)["error"]["code"] == "not_found"
            assert headers["content-type"] == "application/json"
        assert "location" not in headers and status < 500

    def test_a_body_over_the_limit(self, server: Server, session: requests.Session) -> None:
        answer = session.post(f"{server.url}{CAPTURE}", data=b" " * (LIMIT + 1))
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"
        assert session.get(f"{server.url}/api").status_code == 200

    def test_a_body_in_chunks(self, server: Server, session: requests.Session) -> None:
        """Some clients (Java's, Power Automate's) send no length."""
        sent = json.dumps({**ARTICLE, "Company": "Chunked"}).encode()
        answer = session.post(f"{server.url}{CAPTURE}", data=iter([sent[:20], sent[20:]]))
        assert answer.status_code == 200, answer.text
        assert session.get(f"{server.url}{POLL}", headers=ZAPIER).json()[0]["Company"] == "Chunked"

    def test_too_large_a_body_in_chunks(self, server: Server, session: requests.Session) -> None:
        answer = session.post(f"{server.url}{CAPTURE}", data=iter([b" " * 1_000_000] * 11))
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"

    @pytest.mark.parametrize("length", ["many", "-5", "1e3"])
    def test_a_length_that_is_none(self, server: Server, length: str) -> None:
        assert ask(server, "POST", CAPTURE, f"Content-Length: {length}", body=b"{}")[0] == 400

    def test_expect_continue(self, server: Server) -> None:
        body = json.dumps(ARTICLE).encode()
        status, _, _ = ask(server, "POST", CAPTURE, "Expect: 100-continue", f"Content-Length: {len(body)}", body=body)
        assert status in {100, 200}

    def test_one_connection_serves_many(self, server: Server, session: requests.Session) -> None:
        """An answer that says too much or too little of its length would upset the next one."""
        for _ in range(3):
            assert session.head(f"{server.url}{POLL}").status_code == 200
            assert session.post(f"{server.url}{CAPTURE}", data=b"{").status_code == 400
            assert session.put(f"{server.url}{CAPTURE}", data=b"{}").status_code == 405
            assert session.get(f"{server.url}/api/nothing").status_code == 404
            assert isinstance(session.get(f"{server.url}{POLL}", headers=ZAPIER).json(), list)

    def test_deep_nesting_does_not_end_the_process(self, server: Server, session: requests.Session) -> None:
        for body in (b"[" * 5_000_000, b'{"a":' * 1_000_000, b'{"Company":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
            answer = session.post(f"{server.url}{CAPTURE}", data=body)
            assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_json"
        assert session.get(f"{server.url}/api").status_code == 200

    def test_no_log_holds_what_was_sent(self, server: Server, session: requests.Session) -> None:
        session.get(f"{server.url}/api?username=restuser&password=hunter2")
        session.get(f"{server.url}{POLL}?Company=private7&password=hunter2")
        requests.get(f"{server.url}/api", auth=("restuser", "hunter2"), timeout=20)
        session.post(f"{server.url}{CAPTURE}", data=b'{"Company": "private7"')
        for word in ("hunter2", "private7", basic("restuser", server.password)):
            assert word not in server.log()


class TestAtOnce:
    def test_one_transaction_id_makes_one_record(self, server: Server) -> None:
        """Eight times the same call: one is carried out, and the others are told what came of it."""
        for round in range(5):
            body = {**ARTICLE, "ExternalTransactionId": f"once {round}"}
            answers = at_once(
                8,
                lambda _, body=body: requests.post(
                    f"{server.url}{CAPTURE}", json=body, auth=("restuser", server.password), timeout=60
                ),
            )
            assert {answer.status_code for answer in answers} == {200}
            results = [answer.json() for answer in answers]
            assert sorted(result["Replayed"] for result in results) == [False] + [True] * 7
            assert len({(result["RecordID"], result["lastSubmissionID"]) for result in results}) == 1

    def test_one_transaction_id_over_both_endpoints(self, server: Server) -> None:
        """Two different calls under one id: one is carried out, the other is in conflict."""
        part = {"App": "LeadRegistration", "Operation": "CaptureLead", "Record": ARTICLE}
        for round in range(5):
            bodies = [
                (CAPTURE, {**ARTICLE, "ExternalTransactionId": f"both {round}"}),
                ("/api", {"Operations": [part], "ExternalTransactionId": f"both {round}"}),
            ]
            answers = at_once(
                6,
                lambda n, bodies=bodies: requests.post(
                    f"{server.url}{bodies[n % 2][0]}",
                    json=bodies[n % 2][1],
                    auth=("restuser", server.password),
                    timeout=60,
                ),
            )
            assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 3

    def test_of_many_edits_of_one_state_one_wins(self, server: Server, session: requests.Session) -> None:
        made = session.post(f"{server.url}{CAPTURE}", json=ARTICLE).json()
        answers = at_once(
            8,
            lambda number: requests.post(
                f"{server.url}{UPDATE}",
                json={"RecordID": made["RecordID"], "Summary": f"by {number}"},
                timeout=60,
                auth=("restuser", server.password),
                headers={"If-Match": f'"{made["lastSubmissionID"]}"'},
            ),
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


class TestAfterwards:
    """These restart the server; each leaves it well."""

    def test_polls_before_and_after_a_restart_are_the_same(self, server: Server, session: requests.Session) -> None:
        before = session.get(f"{server.url}{POLL}", headers=ZAPIER)
        server.restart()
        after = session.get(f"{server.url}{POLL}", headers=ZAPIER)
        assert [item["id"] for item in after.json()] == [item["id"] for item in before.json()]

    def test_a_transaction_survives_a_restart(self, server: Server, session: requests.Session) -> None:
        body = {**ARTICLE, "ExternalTransactionId": "before the restart"}
        made = session.post(f"{server.url}{CAPTURE}", json=body).json()
        server.restart()
        assert session.post(f"{server.url}{CAPTURE}", json=body).json() == {**made, "Replayed": True}

    def test_without_redis_polls_go_on(self, server: Server, session: requests.Session) -> None:
        server.restart(REDIS_URL="redis://127.0.0.1:1/0")
        try:
            assert requests.get(f"{server.url}/readyz", timeout=20).json()["broker"] == "unavailable"
            assert session.get(f"{server.url}{POLL}", headers=ZAPIER).status_code == 200
            assert session.post(f"{server.url}{CAPTURE}", json=ARTICLE).status_code == 200
            wrong = requests.get(f"{server.url}/api", auth=("restuser", "wrong"), timeout=60)
            assert wrong.status_code == 401
        finally:
            server.restart(REDIS_URL="")

    @pytest.mark.postgres
    def test_the_database_goes_away_and_comes_back(self, server: Server, session: requests.Session) -> None:
        assert session.get(f"{server.url}{POLL}").status_code == 200
        url = server.environ["DATABASE_URL"]
        name = urlsplit(url).path.strip("/")
        with psycopg.connect(url.replace(f"/{name}", "/postgres"), autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
                for method, path in (
                    ("GET", POLL),
                    ("GET", "/api"),
                    ("POST", CAPTURE),
                    ("POST", "/api"),
                    ("GET", POLL),
                ) * 3:
                    answer = session.request(method, f"{server.url}{path}", json=ARTICLE if method == "POST" else None)
                    assert answer.status_code == 503 and answer.json()["error"]["code"] == "unavailable", answer.text
                    assert answer.headers["Retry-After"].isdecimal()
                ready = requests.get(f"{server.url}/readyz", timeout=20)
                assert ready.status_code == 503 and ready.json()["database"] == "unavailable"
                assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
            finally:
                admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        # A connection that broke while it was idle is found out by the request that meets it.
        for _ in range(20):
            session.get(f"{server.url}{POLL}")
        assert session.get(f"{server.url}{POLL}", headers=ZAPIER).status_code == 200
        assert session.post(f"{server.url}{CAPTURE}", json=ARTICLE).status_code == 200
