"""A TCP proxy that does to connections what networks do: it cuts them in mid-answer, answers 5xx itself, or is away."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PASS, CUT, AWAY, BAD_GATEWAY, UNAVAILABLE = "pass", "cut", "away", "502", "503"
ANSWERS = {
    BAD_GATEWAY: b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 11\r\nConnection: close\r\n\r\nbad gateway",
    UNAVAILABLE: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
}


class Proxy:
    """Leads to a port of this machine; `fate` says of each connection what becomes of it, `met` counts what has."""

    def __init__(self, port: int, fate: Callable[[], str]) -> None:
        self.port, self.fate = port, fate
        self.met: Counter[str] = Counter()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Takes connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._meet, args=(client,), daemon=True).start()

    def _meet(self, client: socket.socket) -> None:
        fate = self.fate()
        self.met[fate] += 1
        with client, suppress(OSError):
            if fate == AWAY:
                return
            if fate in ANSWERS:
                client.recv(65_536)
                client.sendall(ANSWERS[fate])
                return
            # How much of the answer comes through: its head is some 500 bytes.
            left = random.choice([200, 600, 2_000]) if fate == CUT else None
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as site:
                back = threading.Thread(target=self._carry, args=(client, site, None), daemon=True)
                back.start()
                self._carry(site, client, left)
                for one in (site, client):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                back.join()

    def _carry(self, source: socket.socket, sink: socket.socket, left: int | None) -> None:
        """Carries bytes until the source ends, or so many are through."""
        with suppress(OSError):
            while left is None or left > 0:
                part = source.recv(65_536 if left is None else min(left, 65_536))
                if not part:
                    break
                sink.sendall(part)
                left = None if left is None else left - len(part)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(port: int, fate: Callable[[], str]) -> Iterator[Proxy]:
    """A proxy that listens meanwhile."""
    proxy = Proxy(port, fate)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        thread.join()
