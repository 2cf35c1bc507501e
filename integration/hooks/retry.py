"""What becomes of an attempt, and when the next one is. Pure: `now` is an argument."""

from __future__ import annotations

import datetime as dt
from typing import Literal

# Growing pauses; the last one is repeated until three days are over (contract, REST hooks).
PAUSES = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600))
ALL_IN_ALL = dt.timedelta(days=3)
LONGEST_WISH = dt.timedelta(hours=24)

Fate = Literal["delivered", "gone", "retry", "failed"]


def fate(status: int) -> Fate:
    """What an answer's status means; 0 stands for none, a time-out or a broken connection."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    if status in (0, 408, 425, 429) or status >= 500:
        return "retry"
    return "failed"


def next_attempt(failures: int, now: dt.datetime, retry_after: dt.timedelta | None = None) -> dt.datetime:
    """When to try again after `failures` (at least 1) in a row; later when the target has wished for it."""
    pause = PAUSES[min(failures, len(PAUSES)) - 1]
    return now + max(pause, min(retry_after or dt.timedelta(), LONGEST_WISH))


def is_over(failing_since: dt.datetime, now: dt.datetime) -> bool:
    """Whether a target has failed for so long that its subscription is paused."""
    return now - failing_since >= ALL_IN_ALL
