"""Zapier mode: what changes about a view when Zapier polls it (contract, The poll, 3; the article, step 2).

An overlay from Query to Query: a window over the time of modification, newest first, whatever the view's own sort says.
The view's filter and parameters stay. Pure: `now` is an argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from flowfinity.query import SYSTEM_COLUMNS, Condition, Filter, Group, Order, Query

# Zapier's core hands on at most 6,291,456 bytes of a poll, and says nothing of what it drops.
MOST_BYTES = 5_000_000
WARN_BYTES = 4_000_000
DAY_MS = 86_400_000

NEWEST_FIRST = (
    Order(SYSTEM_COLUMNS["LastModifiedOn"], descending=True),
    Order(SYSTEM_COLUMNS["lastSubmissionID"], descending=True),
)


def is_on(mode: str | None, agent: str) -> bool:
    """Whether a request is answered in Zapier mode: by its `mode`, else by the agent that Zapier's client names."""
    return mode == "zapier" if mode else agent.startswith("Zapier")


def ruling_lookback(own: int | None, own_floor: int | None, site: int, site_floor: int) -> tuple[int, int]:
    """The lookback that rules a view, in days, and its floor in ms since 1970: its own, else the site's."""
    if own:
        return own, own_floor or 0
    return site, max(site_floor, own_floor or 0)


def window_start(now: dt.datetime, lookback_days: int, floor_ms: int) -> dt.datetime:
    """The window's first moment. `floor_ms` (milliseconds since 1970) is where it stood when it was last widened.

    It never moves back, since ids that were never shown would fire as new in every Zap.
    """
    return max(now - dt.timedelta(days=lookback_days), dt.datetime.fromtimestamp(floor_ms / 1000, dt.UTC))


def leaves_ms(oldest_ms: int, lookback_days: int) -> int:
    """When a record modified at `oldest_ms` leaves the window, in milliseconds since 1970."""
    return oldest_ms + lookback_days * DAY_MS


def overlay(query: Query, start: dt.datetime) -> Query:
    """The query as Zapier sees it: modified since `start`, newest first. Laid over twice, it is the same."""
    window = Condition(SYSTEM_COLUMNS["LastModifiedOn"], "on_or_after", start)
    narrowed = query if window in required(query.where) else query.and_where(window)
    return replace(narrowed, order=NEWEST_FIRST)


def required(where: Filter | None) -> Iterator[Filter]:
    """The parts of a filter that every one of its rows answers."""
    if isinstance(where, Group) and where.joined == "all":
        for part in where.parts:
            yield from required(part)
    elif where is not None:
        yield where
