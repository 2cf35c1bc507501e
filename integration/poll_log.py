"""What each client has been shown: written after a poll's answer is made, and never the reason why one fails.

A client is an account, a view, and the text it names itself by (`?client=`), so that a dead poller is not hidden by a
live one. After an outage, a client's window starts where it started before (contract, The poll, 3). What a poll did not
show, or showed after a silence, is kept as a gap.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import pairwise
from statistics import median
from threading import Lock
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from integration.models import Poll, PollHour
from integration.zapier_mode import DAY_MS

log = logging.getLogger(__name__)
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
RECENT = 50
BRIEF_MS = 250
# Silence is no poll for so many of a client's intervals, and for so long at least.
QUIET_INTERVALS = 5
LEAST_QUIET_MS = 15 * MINUTE_MS
# What is taken for the interval of a client that has polled once: Zapier's longest.
UNKNOWN_INTERVAL_MS = 15 * MINUTE_MS
MOST_GAPS = 20


@dataclass(frozen=True)
class Client:
    """Who polls what, and what is known of them: zeros before the first poll."""

    account: int
    view: int
    name: str
    poll: int = 0
    last_ms: int = 0
    newest: int = 0
    outage_window_ms: int = 0
    outage_until_ms: int = 0


@dataclass(frozen=True)
class Shown:
    """What a poll showed. Times in ms since 1970, `took_ms` in ms."""

    mode: str
    now_ms: int
    window_ms: int
    newest: int
    seen: int
    count: int
    bytes: int
    took_ms: int
    cut: bool = False
    oldest: int = 0


@dataclass(frozen=True)
class Gap:
    """Submissions after the number `after`, up to `until`, that a poll in Zapier mode was the first to be asked for.

    It came back at `back_ms`, after none since `away_ms`; it showed none modified before `window_ms`, and, where it was
    cut (`oldest` is not 0), none with a lower number than `oldest`. What it did show came after a `silence`, or not.
    """

    after: int
    until: int
    away_ms: int
    back_ms: int
    window_ms: int
    oldest: int
    silence: bool


def interval_ms(recent: Sequence[Sequence[int]]) -> int | None:
    """How often a client polls, in ms: the median between its last polls; None for one that has polled once."""
    times = [line[0] for line in recent]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return round(median(gaps)) if gaps else None


def quiet_ms(recent: Sequence[Sequence[int]]) -> int:
    """After how many ms without a poll a client is silent."""
    return max(QUIET_INTERVALS * (interval_ms(recent) or UNKNOWN_INTERVAL_MS), LEAST_QUIET_MS)


def gap(row: Poll, shown: Shown) -> Gap | None:
    """What the client may have missed by this poll, or None. Pure.

    Submissions that left the window before it, or that were cut off its answer, were not shown; what was shown after a
    silence, a Zap that had been switched off meanwhile has swallowed.
    """
    after, until = max(row.seen, row.newest), max(shown.seen, shown.newest)
    if shown.mode != "zapier" or until <= after:
        return None
    silence = shown.now_ms - row.last_ms > quiet_ms(row.recent)
    # A cut answer that reaches down to what was shown before has left out nothing new.
    oldest = shown.oldest if shown.cut and shown.oldest > after else 0
    if not silence and not oldest and shown.window_ms <= row.last_ms:
        return None
    return Gap(after, until, row.last_ms, shown.now_ms, shown.window_ms, oldest, silence)


def outage(client: Client, now_ms: int, lookback_days: int, floor_ms: int) -> tuple[int, int]:
    """Where the client's window starts after an outage, and until when, in ms since 1970; zeros for none.

    An outage is a gap between two polls longer than the greater of half the lookback and the lookback less a day; the
    window then starts, for 24 hours, the lookback before the last poll ahead of the gap. Pure.
    """
    lookback = lookback_days * DAY_MS
    if client.last_ms and now_ms - client.last_ms > max(lookback // 2, lookback - DAY_MS):
        return max(client.last_ms - lookback, floor_ms), now_ms + DAY_MS
    if now_ms < client.outage_until_ms:
        return client.outage_window_ms, client.outage_until_ms
    return 0, 0


# Polls that were not written, by row: they are added to the hour at the next write of this process.
_unwritten: Counter[int] = Counter()
_lock = Lock()


def keep(client: Client, shown: Shown, away: tuple[int, int]) -> None:
    """Writes the poll when something new was shown or a minute has passed; a failure is logged and goes no further."""
    if client.poll and shown.newest <= client.newest and shown.now_ms - client.last_ms < MINUTE_MS:
        with _lock:
            _unwritten[client.poll] += 1
        return
    try:
        with briefly():
            write(client, shown, away)
    except DatabaseError as error:
        if client.poll:
            with _lock:
                _unwritten[client.poll] += 1
        log.warning("a poll was not kept: %s", type(error).__name__)


@contextmanager
def briefly() -> Iterator[None]:
    """A transaction that gives up within a quarter of a second where another holds what it needs.

    For what is noted beside an answer: whoever waits for the answer must not wait for that. Raises DatabaseError.
    """
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        with transaction.atomic():
            connection.connection.execute(f"SET LOCAL lock_timeout = {BRIEF_MS}")
            yield
        return
    [waits] = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute(f"PRAGMA busy_timeout = {BRIEF_MS}")
    try:
        with transaction.atomic():
            yield
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {waits}")


def write(client: Client, shown: Shown, away: tuple[int, int]) -> None:
    """Writes the client's row and its hour."""
    same = {"account_id": client.account, "view_id": client.view, "client": client.name}
    row = Poll.objects.filter(**same).first()
    line = [shown.now_ms, shown.count, shown.bytes, shown.took_ms, shown.newest, shown.seen]
    values: dict[str, Any] = {
        "mode": shown.mode,
        "last_ms": shown.now_ms,
        "window_ms": shown.window_ms,
        "outage_window_ms": away[0],
        "outage_until_ms": away[1],
        "newest": max(shown.newest, row.newest if row else 0),
        "seen": max(shown.seen, row.seen if row else 0),
        "ms": shown.took_ms,
        "recent": [*(row.recent if row else []), line][-RECENT:],
    }
    if shown.bytes:  # Else it was told that what it has stands (304).
        values |= {"count": shown.count, "bytes": shown.bytes, "cut": shown.cut}
    if row and (missed := gap(row, shown)):
        values["gaps"] = [*row.gaps, astuple(missed)][-MOST_GAPS:]
    if row is None:
        first_on = dt.datetime.fromtimestamp(shown.now_ms / 1000, dt.UTC)
        try:
            with transaction.atomic():
                row = Poll.objects.create(**same, **values, first_on=first_on)
        except IntegrityError:  # Two first polls at once: the other one's row will do.
            return
    else:
        Poll.objects.filter(pk=row.pk).update(**values)
    with _lock:
        polls = 1 + _unwritten.pop(row.pk, 0)
    hour = shown.now_ms // HOUR_MS * HOUR_MS
    added = {"polls": F("polls") + polls, "shown": F("shown") + shown.count, "bytes": F("bytes") + shown.bytes}
    if not PollHour.objects.filter(poll=row, hour_ms=hour).update(**added):
        PollHour.objects.create(poll=row, hour_ms=hour, polls=polls, shown=shown.count, bytes=shown.bytes)
