"""A real SMTP server on this machine that keeps what it is sent: where mail goes in tests.

`with receiving_mail() as mailbox:` listens meanwhile; `mailbox.host` and `mailbox.port` go into Django's EMAIL_HOST and
EMAIL_PORT (or into EMAIL_URL: `mailbox.url`), `mailbox.messages` are what came in.
"""

from __future__ import annotations

import email.policy
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller

from tests.conftest import _free_port

# Nine lines a message, which pytest would keep: thousands of messages then take minutes.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Mailbox:
    """What was accepted, in order: `sent` as it came in. `script` answers each message: an SMTP status line."""

    def __init__(self, script: Callable[[EmailMessage], str] | None = None) -> None:
        self.script = script
        self.sent: list[bytes] = []
        self.host, self.port = "127.0.0.1", 0

    @property
    def url(self) -> str:
        """The server as one address."""
        return f"smtp://{self.host}:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages."""
        return [read(one) for one in list(self.sent)]

    @property
    def subjects(self) -> list[str]:
        """What the messages are about, in order."""
        return [str(message["Subject"]) for message in self.messages]

    def body(self, place: int = -1) -> str:
        """The text of one message, its lines ended as Python's are."""
        part = read(self.sent[place]).get_body(("plain",))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""

    def wait_for(self, enough: Callable[[], bool], seconds: float = 30) -> bool:
        """True as soon as `enough` is, False when it is not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if enough():
                return True
            time.sleep(0.02)
        return enough()


class Handler:
    """What aiosmtpd calls. Not the mailbox itself: at each connection it reads every attribute of its handler."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Takes a message, or says why not."""
        script = self.mailbox.script
        said = script(read(envelope.content)) if script else "250 OK"
        if said.startswith("2"):
            self.mailbox.sent.append(envelope.content)
        return said


def read(sent: bytes) -> EmailMessage:
    """A message as it came in."""
    return BytesParser(policy=email.policy.default).parsebytes(sent)


@contextmanager
def receiving_mail(script: Callable[[EmailMessage], str] | None = None) -> Iterator[Mailbox]:
    """A mailbox whose server listens meanwhile."""
    mailbox = Mailbox(script)
    mailbox.port = _free_port()
    # It asks itself whether it listens, at a port that it must be told.
    controller = Controller(Handler(mailbox), hostname=mailbox.host, port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
