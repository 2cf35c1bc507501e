"""A request that cannot reach inside: the address is checked when it is connected to, and no redirect is followed.

A name that was public when it was looked at may be private when it is connected to; so it is resolved once, each
address is checked, and the connection goes to one of those.
"""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

CONNECT_SECONDS = 5
# The whole exchange: a target that sends a byte a second holds nobody up for longer.
WHOLE_SECONDS = 15
TOO_SLOW = gettext_noop("No whole answer within 15 seconds.")
MOST_READ = 16_384
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """A target that nothing is sent to, with the reason in a sentence."""


@dataclass(frozen=True)
class Answer:
    """What came back: `status` is 0 where nothing did, and `error` then says why."""

    status: int
    ms: int
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def retry_after(self, now: dt.datetime) -> dt.timedelta | None:
        """How long the target asks to be left alone, in whole seconds or until a date; None when it does not say."""
        value = {name.lower(): text for name, text in self.headers.items()}.get("retry-after", "").strip()
        if value.isascii() and value.isdecimal():
            return dt.timedelta(seconds=int(value)) if len(value) < 8 else None
        try:
            return parsedate_to_datetime(value).astimezone(dt.UTC) - now
        except (ValueError, OverflowError):
            return None


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, and not of this machine or of a network behind it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        if found.sixtofour:
            return is_public(str(found.sixtofour))
        if found.teredo:
            return False
        if found in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


def check_target(url: str) -> None:
    """Raises Refused, with a sentence, for a URL that no hook may go to, as far as the URL itself tells."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Refused(gettext_noop("This is not a URL.")) from None
    if not host or parts.username or parts.password or any(c.isspace() or not c.isprintable() for c in url):
        raise Refused(
            gettext_noop("Send a whole URL like https://hooks.example.com/…, without user name and password.")
        )
    if not url.isascii():
        raise Refused(gettext_noop("Write the URL in ASCII: a host name as xn--…, other characters as %…."))
    if settings.HOOKS_ALLOW_PRIVATE:
        if parts.scheme not in {"http", "https"}:
            raise Refused(gettext_noop("The URL must start with https:// or http://."))
        return
    if parts.scheme != "https":
        raise Refused(gettext_noop("The URL must start with https://."))
    try:
        literal = is_public(host)
    except ValueError:
        literal = not (host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host)
    if not literal:
        raise Refused(gettext_noop("The URL must lead to a public address."))


def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """The host's addresses. Raises Refused when one of them is not public, OSError when there is none."""
    found = []
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not settings.HOOKS_ALLOW_PRIVATE and not is_public(str(address[0])):
            raise Refused(f"{host} leads to {address[0]}, which is not a public address.")
        found.append((family, (str(address[0]), port)))
    return found


@cache
def trust() -> ssl.SSLContext:
    """Whose certificates are believed, read once: that takes longer than many a delivery."""
    return ssl.create_default_context()


class Connection(http.client.HTTPConnection):
    """Connects to the addresses that were checked, and to no other look-up of the name."""

    def __init__(self, host: str, port: int, secure: bool) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self.secure = secure
        self.was_cut = False

    def connect(self) -> None:
        """Opens the connection. Raises Refused or OSError."""
        last: OSError | None = None
        for family, address in resolve(self.host, self.port):
            if self.was_cut:
                break
            plain = socket.socket(family, socket.SOCK_STREAM)
            plain.settimeout(CONNECT_SECONDS)
            try:
                plain.connect(address)
            except OSError as error:
                plain.close()
                last = error
                continue
            plain.settimeout(WHOLE_SECONDS)
            self.sock = plain
            if self.secure:
                # The handshake comes after `sock` is set, so that it can be cut as well.
                self.sock = trust().wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
            if not self.was_cut:
                if isinstance(self.sock, ssl.SSLSocket):
                    self.sock.do_handshake()
                return
        raise last or OSError("the name has no address")

    def cut(self) -> None:
        """Ends the exchange, whatever it waits for."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def send(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """The target's answer. Never raises: what goes wrong is an answer without a status."""
    started = time.monotonic()

    def answer(status: int, error: str = "", headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        return Answer(status, round((time.monotonic() - started) * 1000), error[:250], headers or {}, body)

    connection: Connection | None = None
    timer: threading.Timer | None = None
    try:
        check_target(url)
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        connection = Connection(parts.hostname or "", parts.port or (443 if secure else 80), secure)
        timer = threading.Timer(WHOLE_SECONDS, connection.cut)
        timer.daemon = True
        timer.start()
        path = parts.path or "/"
        connection.request(method, f"{path}?{parts.query}" if parts.query else path, body or None, dict(headers))
        response = connection.getresponse()
        text = response.read(MOST_READ).decode("utf-8", "replace").replace("\x00", "\ufffd")
        return answer(response.status, "", dict(response.getheaders()), text)
    except Refused as error:
        return answer(0, str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or (connection is not None and connection.was_cut):
            return answer(0, TOO_SLOW)
        return answer(0, f"The connection failed: {type(error).__name__}: {error}")
    finally:
        if timer is not None:
            timer.cancel()
        if connection is not None:
            connection.close()
