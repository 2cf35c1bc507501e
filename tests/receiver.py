"""A real HTTP receiver that answers from a script: what hooks are delivered to in tests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def item(self) -> dict[str, Any]:
        """The body's JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Reply:
    """What to answer: after `wait` seconds, or by cutting the connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    wait: float = 0
    cut: bool = False


class Receiver:
    """Keeps what comes in; `script` says what to answer (200 by default)."""

    def __init__(self, script: Callable[[Received], Reply] | None = None) -> None:
        self.script = script or (lambda request: Reply())
        self.received: list[Received] = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender died in mid-send: a target that heard half of it has taken nothing.
                    self.close_connection = True
                    return
                request = Received(self.command, self.path, headers, body, time.monotonic())
                with receiver.lock:
                    receiver.received.append(request)
                reply = receiver.script(request)
                time.sleep(reply.wait)
                if reply.cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            do_POST = do_DELETE = do_GET = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a test says what it received."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is part of the script."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait_for(self, enough: Callable[[], bool], seconds: float = 30) -> bool:
        """True as soon as `enough` is, False when it is not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if enough():
                return True
            time.sleep(0.02)
        return enough()


@contextmanager
def receiving(script: Callable[[Received], Reply] | None = None) -> Iterator[Receiver]:
    """A receiver that listens meanwhile."""
    receiver = Receiver(script)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
