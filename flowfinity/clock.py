"""The process clock, to the millisecond. Endpoints and tasks read it; everything else is handed `now`."""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

# A test server's clock: the file holds seconds to add to the real time, and is read at every look, so that a test
# moves the clock of a running server by writing a number.
TEST_CLOCK = os.environ.get("TEST_CLOCK", "")


def now() -> dt.datetime:
    """The present time in UTC, cut to the millisecond: what is kept is what is shown (contract, Records)."""
    moment = dt.datetime.now(dt.UTC)
    if TEST_CLOCK:
        with suppress(FileNotFoundError):
            moment += dt.timedelta(seconds=float(Path(TEST_CLOCK).read_text(encoding="ascii")))
    return to_millisecond(moment)


def to_millisecond(moment: dt.datetime) -> dt.datetime:
    """The moment without what is finer than a millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
