"""The process clock, to the millisecond. Endpoints and tasks read it; everything else is handed `now`."""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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


def ago(passed: dt.timedelta) -> str:
    """How long ago, in one unit: "3 days ago"; "just now" for less than a minute.

    Whole phrases: "ago" stands before the span in some languages, and bends its unit.
    """
    minutes, days = passed // dt.timedelta(minutes=1), passed.days
    if minutes < 1:
        return _("just now")
    if days >= 365:
        return ngettext("%d year ago", "%d years ago", days // 365) % (days // 365)
    if days >= 30:
        return ngettext("%d month ago", "%d months ago", days // 30) % (days // 30)
    if days >= 7:
        return ngettext("%d week ago", "%d weeks ago", days // 7) % (days // 7)
    if days:
        return ngettext("%d day ago", "%d days ago", days) % days
    if minutes >= 60:
        return ngettext("%d hour ago", "%d hours ago", minutes // 60) % (minutes // 60)
    return ngettext("%d minute ago", "%d minutes ago", minutes) % minutes
