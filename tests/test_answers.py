"""A kept answer is never wrong: the tag proves it, or it is made anew (contract, The poll, 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowfinity import clock
from flowfinity.models import Record, User, View, configuring
from flowfinity.submissions import milliseconds
from integration.rest import answers
from tests import rest

pytestmark = pytest.mark.django_db

QUESTIONS = [
    ("ViewAllRecords", "mode=zapier"),
    ("ViewAllRecords", "mode=zapier&values=typed"),
    ("HotLeads", "mode=zapier"),
    ("SearchLeads", "mode=zapier&Rating=Hot"),
    ("SearchLeads", "mode=plain&Company=ac"),
    ("ViewAllRecords", "mode=plain&limit=2"),
    ("Synchronize", "PreviousLastSubmissionId=3"),
    ("Recent", "mode=plain"),
    ("Recent", "mode=zapier"),
]


class Moving:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = rest.NOW

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moving]:
    moving = Moving()
    monkeypatch.setattr(clock, "now", moving)
    yield moving


@pytest.fixture
def site() -> rest.Site:
    site = rest.open_site()
    recent = {"field": "FirstContact", "operator": "within_last_days", "value": 3}
    with configuring():
        View.objects.create(app=site.app, name="Recent", label="Recent", columns=["Company"], filter=recent)
    site.open(site.app)
    return site


def plainly(api: rest.Api, view: str, query: str) -> bytes:
    """The answer made anew, whatever is kept."""
    kept, answers.answers = answers.answers, answers.Answers(0)
    try:
        return bytes(api.poll(view, query).content)
    finally:
        answers.answers = kept


STEPS = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(["Acme", "Umbrella", "Ácme"])),
    st.tuples(st.just("edit"), st.sampled_from(["Hot", "Cold"])),
    st.tuples(st.just("delete"), st.none()),
    st.tuples(st.just("lookback"), st.sampled_from([1, 7, 30])),
    st.tuples(st.just("format"), st.sampled_from(["typed", "flowfinity"])),
    st.tuples(st.just("rename"), st.sampled_from(["Sam", "Samuel"])),
    st.tuples(st.just("columns"), st.sampled_from([["Company"], ["Company", "Rating"]])),
    st.tuples(st.just("pass"), st.sampled_from([1, 3_600, 86_400, 86_400 * 6, 86_400 * 8])),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(STEPS, st.sampled_from(QUESTIONS)), min_size=3, max_size=14))
def test_every_answer_is_what_would_be_made_now(moving: Moving, site: rest.Site, steps: Any) -> None:
    api, tags = rest.Api(), {}
    for (kind, what), asked in steps:
        turn(site, moving, kind, what)
        for view, query in {asked, QUESTIONS[0]}:
            fresh = plainly(api, view, query)
            first, second = api.poll(view, query), api.poll(view, query)
            assert first.content == fresh, (kind, what, view, query)
            assert second.content == fresh
            assert first["ETag"] == second["ETag"]
            known = tags.get((view, query))
            if known:
                again = api.poll(view, query, If_None_Match=known[0])
                assert again.status_code in {200, 304}
                if again.status_code == 304:
                    assert known[1] == fresh, (kind, what, view, query)
                    assert again.content == b""
                else:
                    assert again.content == fresh
            tags[view, query] = first["ETag"], fresh


def turn(site: rest.Site, moving: Moving, kind: str, what: Any) -> None:
    """One thing that happens to the site."""
    site.at = moving.now
    newest = Record.objects.filter(deleted=False).order_by("-last_submission_id").first()
    if kind == "pass":
        moving.now += dt.timedelta(seconds=what)
    elif kind == "create":
        site.lead(Company=what, FirstContact=moving.now.date().isoformat())
    elif kind == "edit" and newest:
        site.do("UpdateLead", newest.pk, Rating=what)
    elif kind == "delete" and newest:
        site.do("DeleteLead", newest.pk)
    elif kind == "lookback":
        site.surface(lookback_days=what)
    elif kind == "format":
        site.access(format=what)
    elif kind == "rename":
        with configuring():
            User.objects.filter(pk=site.sam.pk).update(display_name=what)
    elif kind == "columns":
        with configuring():
            View.objects.filter(app=site.app, name="HotLeads").update(columns=what)


def test_an_unchanged_answer_costs_one_query_and_no_record(
    site: rest.Site, moving: Moving, django_assert_num_queries: Any
) -> None:
    site.lead()
    api = rest.Api()
    first = api.zapier()
    with django_assert_num_queries(1):
        assert api.zapier().content == first.content
    with django_assert_num_queries(1):
        assert api.poll(query="mode=zapier", If_None_Match=first["ETag"]).status_code == 304
    assert api.poll(query="mode=zapier", If_None_Match='W/"x", ' + first["ETag"]).status_code == 304
    assert api.poll(query="mode=zapier", If_None_Match="nonsense, *").status_code == 200


def test_a_tag_stands_after_a_restart_and_falls_when_the_oldest_record_leaves(site: rest.Site, moving: Moving) -> None:
    site.lead(dt.timedelta(days=6))
    site.lead()
    api = rest.Api()
    tag = api.zapier()["ETag"]
    answers.answers = answers.Answers()
    moving.now += dt.timedelta(hours=23)
    assert api.poll(query="mode=zapier", If_None_Match=tag).status_code == 304
    moving.now += dt.timedelta(hours=2)
    left = api.poll(query="mode=zapier", If_None_Match=tag)
    assert left.status_code == 200
    assert len(left.json()) == 1


def test_no_304_is_given_unasked_nor_for_another_question(site: rest.Site, moving: Moving) -> None:
    site.lead()
    api = rest.Api()
    tag = api.zapier()["ETag"]
    assert api.zapier().status_code == 200
    assert api.poll(query="mode=plain", If_None_Match=tag).status_code == 200
    assert api.poll(query="mode=zapier&values=typed", If_None_Match=tag).status_code == 200
    with override_settings(PUBLIC_URL="https://records.example"):
        assert api.poll(query="mode=zapier", If_None_Match=tag).status_code == 200


def test_answers_are_kept_within_a_bound() -> None:
    kept = answers.Answers(100)
    now = rest.NOW
    for number in range(10):
        kept.put(b"%d" % number, answers.Kept("d", milliseconds(now) + 5, b"x" * 30))
    assert kept.size == sum(len(answer.body) for answer in kept.kept.values()) == 90
    assert kept.get(b"9", "d", now) and not kept.get(b"0", "d", now) and not kept.get(b"9", "other", now)
    assert kept.get(b"9", "d", now + dt.timedelta(seconds=1)) is None
    kept.put(b"9", answers.Kept("e", 0, b"y"))
    assert kept.size == 61
