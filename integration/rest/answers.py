"""Answers that are kept, and the tag that proves them right without a look at a record (contract, The poll, 6).

An answer is a function of the configuration's version, the app's last submission, what is asked, and the moment its
oldest item leaves the window. The tag carries all of these, so `If-None-Match` is settled from the state alone, by any
process, after a restart; and a kept answer is right as long as its tag holds. The state is read before the rows: an
answer may be newer than its tag says (one 200 too many), never older.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import orjson
from django.conf import settings

from flowfinity.submissions import milliseconds
from integration.rest.state import State

MOST_BYTES = 64 * 1024 * 1024
LEVEL = 3


@dataclass
class Kept:
    """An answer's body with its headers; `leaves_ms` is when its oldest item leaves the window, 0 for never."""

    digest: str
    leaves_ms: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    squeezed: bytes | None = None
    # For the poll log: how many records, the first and last submission number, and whether some were left out.
    count: int = 0
    newest: int = 0
    oldest: int = 0
    cut: bool = False
    # The last row's sort values, where more rows follow.
    place: tuple[Any, ...] | None = None

    @property
    def tag(self) -> str:
        """The ETag."""
        return f'"{self.digest}.{self.leaves_ms:x}"'

    def gzipped(self) -> bytes:
        """The body compressed, once."""
        if self.squeezed is None:
            self.squeezed = squeeze(self.body)
        return self.squeezed


def squeeze(body: bytes) -> bytes:
    """The body compressed."""
    return gzip.compress(body, compresslevel=LEVEL, mtime=0)


def digest(state: State, asked: Any) -> str:
    """A digest of all that an answer depends on, but for the time."""
    parts = [
        settings.VERSION,
        settings.TIME_ZONE,
        state.version,
        state.target,
        state.format,
        state.lookback,
        state.last_submission_id,
        state.last_submitted_ms,
        asked,
    ]
    return hashlib.sha256(orjson.dumps(parts, default=str)).hexdigest()[:32]


def holds(header: str, digest: str, now: dt.datetime) -> str | None:
    """The tag among those that the client knows which still stands for what it would get, or None."""
    for tag in header.split(","):
        known, _, leaves = tag.strip().removeprefix("W/").strip('"').partition(".")
        if known == digest and fresh(leaves, now):
            return f'"{known}.{leaves}"'
    return None


def fresh(leaves: str, now: dt.datetime) -> bool:
    """Whether that moment (hexadecimal milliseconds, "0" for never) is still to come. A forged one fools its forger."""
    try:
        moment = int(leaves, 16)
    except ValueError:
        return False
    return moment == 0 or milliseconds(now) < moment


class Answers:
    """The newest answers of this process, within a bound of bytes. Nobody else need know of them: their tags tell."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.size = 0
        self.kept: OrderedDict[bytes, Kept] = OrderedDict()
        self.lock = Lock()

    def get(self, key: bytes, digest: str, now: dt.datetime) -> Kept | None:
        """The answer kept for the question, if it is still right."""
        found = self.kept.get(key)
        if found is None or found.digest != digest or (found.leaves_ms and milliseconds(now) >= found.leaves_ms):
            return None
        return found

    def put(self, key: bytes, answer: Kept) -> None:
        """Keeps the answer in place of an older one to the same question."""
        with self.lock:
            if old := self.kept.pop(key, None):
                self.size -= len(old.body)
            self.kept[key] = answer
            self.size += len(answer.body)
            while self.size > self.most:
                self.size -= len(self.kept.popitem(last=False)[1].body)


answers = Answers()
