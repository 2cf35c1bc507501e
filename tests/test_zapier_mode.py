"""Zapier mode as an overlay of queries: pure, so tried without a site."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowfinity.fields import TYPES
from flowfinity.query import SYSTEM_COLUMNS, Column, Condition, Group, Order, Query
from integration import zapier_mode

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
RATING = Column("Rating", "Rating", TYPES["single"], {"choices": ["Hot", "Cold"]})
HOT = Condition(RATING, "is", "Hot")
MODIFIED = SYSTEM_COLUMNS["LastModifiedOn"]
NUMBER = SYSTEM_COLUMNS["lastSubmissionID"]


def ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("mode", "agent", "on"),
    [
        (None, "", False),
        (None, "Zapier", True),
        (None, "Zapier/2", True),
        (None, "zapier", False),
        (None, "Not Zapier", False),
        (None, "zapier-platform-core/19.1.0", False),
        ("zapier", "", True),
        ("zapier", "Zapier", True),
        ("plain", "Zapier", False),
        ("plain", "", False),
    ],
)
def test_which_requests_are_answered_in_it(mode: str | None, agent: str, on: bool) -> None:
    assert zapier_mode.is_on(mode, agent) is on


class TestWindow:
    def test_it_starts_a_lookback_ago(self) -> None:
        assert zapier_mode.window_start(NOW, 7, 0) == NOW - dt.timedelta(days=7)
        assert zapier_mode.window_start(NOW, 365, 0) == NOW - dt.timedelta(days=365)

    def test_but_never_before_where_it_once_stood(self) -> None:
        floor = NOW - dt.timedelta(days=7)
        assert zapier_mode.window_start(NOW, 30, ms(floor)) == floor
        assert zapier_mode.window_start(NOW, 1, ms(floor)) == NOW - dt.timedelta(days=1)
        later = NOW + dt.timedelta(days=40)
        assert zapier_mode.window_start(later, 30, ms(floor)) == later - dt.timedelta(days=30)

    @given(days=st.integers(1, 365), floor=st.integers(0, 2_000_000_000_000), steps=st.lists(st.integers(0, 10**9)))
    def test_it_never_moves_back_as_time_goes_on(self, days: int, floor: int, steps: list[int]) -> None:
        now, before = NOW, zapier_mode.window_start(NOW, days, floor)
        for step in steps:
            now += dt.timedelta(milliseconds=step)
            start = zapier_mode.window_start(now, days, floor)
            assert start >= before
            before = start

    @given(floor=st.integers(0, 4_000_000_000_000))
    def test_a_floor_is_kept_to_the_millisecond(self, floor: int) -> None:
        start = zapier_mode.window_start(dt.datetime(1970, 1, 8, tzinfo=dt.UTC), 7, floor)
        assert start.microsecond % 1000 == 0 and ms(start) == floor


class TestOverlay:
    START = NOW - dt.timedelta(days=7)
    WINDOW = Condition(MODIFIED, "on_or_after", START)

    def test_a_view_of_everything(self) -> None:
        query = zapier_mode.overlay(Query(1), self.START)
        assert query.app == 1
        assert list(query.conditions()) == [self.WINDOW]

    def test_newest_first_whatever_the_view_says(self) -> None:
        orders = [(), (Order(RATING),), (Order(NUMBER),), (Order(MODIFIED), Order(RATING, descending=True))]
        for order in orders:
            query = zapier_mode.overlay(Query(1, HOT, order), self.START)
            assert query.order == (Order(MODIFIED, descending=True), Order(NUMBER, descending=True))

    def test_the_views_filter_stays(self) -> None:
        either = Group("any", (HOT, Condition(RATING, "is_blank")))
        query = zapier_mode.overlay(Query(1, either), self.START)
        assert isinstance(query.where, Group) and query.where.joined == "all"
        assert list(query.where.parts) == [self.WINDOW, either]

    def test_twice_is_once(self) -> None:
        for where in (None, HOT, Group("any", (HOT, HOT)), Group("all", (HOT, Group("all", (HOT, self.WINDOW))))):
            once = zapier_mode.overlay(Query(1, where), self.START)
            assert zapier_mode.overlay(once, self.START) == once

    def test_the_same_window_in_an_or_is_no_window(self) -> None:
        """A view that happens to say "modified since then, or hot" must still be narrowed to the window."""
        loose = Query(1, Group("any", (HOT, self.WINDOW)))
        query = zapier_mode.overlay(loose, self.START)
        assert isinstance(query.where, Group) and query.where.joined == "all"
        assert self.WINDOW in query.where.parts and loose.where in query.where.parts

    def test_the_query_is_left_as_it_was(self) -> None:
        query = Query(1, HOT, (Order(RATING),))
        zapier_mode.overlay(query, self.START)
        assert query == Query(1, HOT, (Order(RATING),))


def test_what_zapier_drops_is_never_reached() -> None:
    """Its core hands on at most 6,291,456 bytes."""
    assert zapier_mode.WARN_BYTES < zapier_mode.MOST_BYTES < 6_291_456
