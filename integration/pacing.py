"""Before many submissions go to an app: would Zapier hold them?

A Zap that finds 100 or more ids in one poll that it has not seen before runs for none of them until a person lets it.
So whoever is about to write that many is told, and may choose to write them no faster than Zapier polls.
"""

from __future__ import annotations

import datetime as dt

from flowfinity.jobs import Advice
from flowfinity.models import Record
from integration.models import Poll, Surface
from integration.zapier_mode import DAY_MS, ruling_lookback

# As many unseen ids in one poll are held.
HELD = 100


def listeners(app: int, now: dt.datetime) -> list[Poll]:
    """The clients that poll enabled views of the app as Zapier does, and did so within their view's lookback."""
    site = Surface.objects.get(pk=1)
    if not site.query_enabled:
        return []
    rows = Poll.objects.filter(
        view__app=app, mode="zapier", view__rest__enabled=True, account__is_active=True
    ).select_related("account", "view__app", "view__rest")
    found = []
    for row in rows.order_by("view__position", "view", "client"):
        rest = row.view.rest
        days, _ = ruling_lookback(rest.lookback_days, rest.floor_ms, site.lookback_days, site.floor_ms)
        if row.last_ms > now.timestamp() * 1000 - days * DAY_MS:
            found.append(row)
    return found


def advice(app: int, ids: int, now: dt.datetime) -> Advice:
    """Who listens, and whether `ids` new submissions, with those that wait already, could meet in one poll."""
    found = listeners(app, now)
    waiting = [
        Record.objects.filter(app=app, last_submission_id__gt=row.seen)[:HELD].count() if ids < HELD else 0
        for row in found
    ]
    return Advice(tuple(map(named, found)), any(ids + more >= HELD for more in waiting))


def named(row: Poll) -> str:
    """A client in words: who polls which view."""
    client = f" ({row.client})" if row.client else ""
    return f"{row.account}{client} → {row.view.label}"
