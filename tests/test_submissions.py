"""submit: what it writes, what it refuses, and what it answers when it is asked twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, connections, transaction

from flowfinity import clock, submissions
from flowfinity.fields import TYPES
from flowfinity.models import (
    App,
    Configuration,
    Field,
    Journal,
    Operation,
    Record,
    Submission,
    Transaction,
    User,
    configuring,
)
from flowfinity.submissions import Call, Conflict, Invalid, Key, Outcome, Refused, Stale, submit, submitted
from tests import builders
from tests.builders import call, do, values_of

NOW = dt.datetime(2020, 9, 6, 4, 37, 31, 120_000, tzinfo=dt.UTC)
KEY = Key("one", "fingerprint")
ARTICLE = {
    **{"Company": "ABC Inc", "FirstName": "John", "LastName": "Smith", "EmailAddress": "jsmith@example.com"},
    **{"Industry": "Energy", "EmployeeCount": 25, "TotalValue": 99, "CallbackRequested": True},
}


@pytest.fixture
def leads(db: None) -> App:
    return builders.make_leads()


@pytest.fixture
def ada(db: None) -> User:
    return builders.person()


@pytest.fixture
def bell() -> Iterator[list[list[int]]]:
    """What the signal has said, in order."""
    rung: list[list[int]] = []

    def listen(apps: list[int], **_: Any) -> None:
        rung.append(apps)

    submitted.connect(listen)
    yield rung
    submitted.disconnect(listen)


def written() -> tuple[int, int, int, list[tuple[int, int, int]]]:
    """All that a refused call must leave as it was."""
    journals = list(Journal.objects.order_by("pk").values_list("pk", "last_submission_id", "last_submitted_ms"))
    return Record.objects.count(), Submission.objects.count(), Transaction.objects.count(), journals


# What is written


def test_a_create_makes_a_record_and_its_first_submission(leads: App, ada: User) -> None:
    result = submit([call(leads, "CaptureLead", **ARTICLE)], ada, at=NOW).results[0]
    record, submission = Record.objects.get(), Submission.objects.get()
    assert record.pk == result.record and submission.pk == result.submission
    assert record.values == submission.values == ARTICLE
    assert (record.app_id, record.deleted, record.last_operation) == (leads.pk, False, "CaptureLead")
    assert record.first_submission_id == record.last_submission_id == submission.pk
    assert record.created_on == record.modified_on == submission.on == NOW
    assert record.created_by == record.modified_by == submission.by == ada
    assert (submission.app_id, submission.record_id, submission.deleted) == (leads.pk, record.pk, False)
    assert (submission.kind, submission.operation, submission.last_operation) == (
        "created",
        "CaptureLead",
        "CaptureLead",
    )
    assert set(submission.changed) == set(result.changed) == set(ARTICLE)
    assert result.created_ms == result.modified_ms == NOW.timestamp() * 1000
    journal = Journal.objects.get()
    assert (journal.last_submission_id, journal.last_submitted_on) == (submission.pk, NOW)


def test_an_update_sets_what_it_names_and_leaves_the_rest(leads: App, ada: User) -> None:
    made = submit([call(leads, "CaptureLead", **ARTICLE)], ada, at=NOW).results[0]
    later, ida = NOW + dt.timedelta(hours=1), builders.person("ida")
    changes = {"EmployeeCount": "26", "FirstName": None, "Rating": {"Selection": "Hot"}, "CallbackRequested": False}
    result = submit([call(leads, "UpdateLead", made.record, **changes)], ida, at=later).results[0]
    record, submission = Record.objects.get(), Submission.objects.get(pk=result.submission)
    wanted = {**ARTICLE, "EmployeeCount": 26, "Rating": "Hot"}
    del wanted["FirstName"], wanted["CallbackRequested"]
    assert record.values == submission.values == wanted
    assert result.changed == ("CallbackRequested", "EmployeeCount", "FirstName", "Rating") == tuple(submission.changed)
    assert (record.created_on, record.created_by) == (NOW, ada)
    assert (record.modified_on, record.modified_by) == (later, ida)
    assert (submission.kind, submission.operation) == ("updated", "UpdateLead")
    assert (submission.on, submission.by) == (later, ida)
    assert record.first_submission_id == made.submission < result.submission == record.last_submission_id
    assert (result.created_ms, result.modified_ms) == (made.created_ms, later.timestamp() * 1000)
    # What was, stays as it was.
    assert Submission.objects.get(pk=made.submission).values == ARTICLE


def test_a_deletion_keeps_the_last_values_and_hides_the_record(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    result = do(ada, leads, "DeleteLead", made.record)
    record, submission = Record.objects.get(), Submission.objects.get(pk=result.submission)
    assert record.deleted and submission.deleted
    assert record.values == submission.values == ARTICLE
    assert (submission.kind, submission.operation, submission.changed) == ("deleted", "DeleteLead", [])
    assert record.last_submission_id == result.submission > made.submission
    assert record.last_operation == "DeleteLead"


def test_names_are_matched_without_regard_to_case(leads: App, ada: User) -> None:
    result = do(ada, leads, "capturelead", COMPANY="ABC", lastname="Smith")
    assert values_of(result.record) == {"Company": "ABC", "LastName": "Smith"}


def test_blanks_are_not_stored(leads: App, ada: User) -> None:
    result = do(ada, leads, "CaptureLead", Company="ABC", LastName="S", Summary=" ", TotalValue=None, Industry="")
    assert values_of(result.record) == {"Company": "ABC", "LastName": "S"}
    assert result.changed == ("Company", "LastName")


def test_a_record_is_new_until_it_is_changed(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", Company="ABC", LastName="Smith")
    record = Record.objects.get()
    assert record.first_submission_id == record.last_submission_id
    do(ada, leads, "UpdateLead", made.record, Company="ABC")
    record.refresh_from_db()
    assert record.first_submission_id == record.last_submission_id
    do(ada, leads, "UpdateLead", made.record, Company="DEF")
    record.refresh_from_db()
    assert record.first_submission_id == made.submission < record.last_submission_id


@pytest.mark.parametrize(
    "same",
    [
        *({}, {"Company": "ABC Inc"}, {"EmployeeCount": "25.0"}, {"TotalValue": 99.0}, {"FirstName": None}),
        *({"Industry": {"Selection": "Energy"}}, {"CallbackRequested": {"Selection": ["Yes"]}}, {"Summary": "\n"}),
        {"Rating": {"Selection": None}},
    ],
)
def test_an_edit_that_changes_nothing_is_no_submission(
    leads: App, ada: User, bell: list[Any], same: Mapping[str, Any], django_capture_on_commit_callbacks: Any
) -> None:
    values = {name: value for name, value in ARTICLE.items() if name != "FirstName"}
    made = submit([call(leads, "CaptureLead", **values)], ada, at=NOW).results[0]
    before = written()
    with django_capture_on_commit_callbacks(execute=True):
        result = do(ada, leads, "UpdateLead", made.record, **same)
    assert (result.record, result.submission, result.changed) == (made.record, made.submission, ())
    assert (result.created_ms, result.modified_ms) == (made.created_ms, made.modified_ms)
    assert written() == before
    assert Record.objects.get().modified_on == NOW
    assert bell == []


@pytest.mark.parametrize(
    "number",
    [
        *(0, 1, 25, 9.5, 0.1, 1e-7, 1e-300, 9007199254740000, 123456789012345000, 1.23456789012345e18, 9e18, 1e19),
        *(1.23456789012345e19, 1.8e19, 1e20, 1.23456789012345e25, 1e300, -123456789012345000, -1.23456789012345e19),
    ],
)
def test_a_number_sent_again_changes_nothing(number: float, ada: User) -> None:
    """It comes back from either database as the number that was stored."""
    app = builders.make_app({"Number": "number"})
    made = do(ada, app, "Make", Number=number)
    stored = values_of(made.record)["Number"]
    assert stored == TYPES["number"].validate(number, {})
    for again in (number, stored, str(stored)):
        assert do(ada, app, "Change", made.record, Number=again).changed == ()


def test_numbers_ascend_with_gaps_nowhere_but_between_apps(leads: App, ada: User) -> None:
    other = builders.make_app({"Name": "text"})
    results = [
        *submit([call(leads, "CaptureLead", Company=str(n), LastName="x") for n in range(3)], ada).results,
        do(ada, other, "Make", Name="a"),
        do(ada, leads, "CaptureLead", Company="4", LastName="x"),
    ]
    first = results[0].submission
    assert [result.submission for result in results] == list(range(first, first + 5))
    assert Journal.objects.get(pk=leads.pk).last_submission_id == first + 4
    assert Journal.objects.get(pk=other.pk).last_submission_id == first + 3


def test_several_edits_of_one_record_in_one_transaction(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", Company="0", LastName="x")
    edits = [call(leads, "UpdateLead", made.record, Company=company) for company in ("1", "1", "2")]
    one, same, two = submit(edits, ada).results
    assert made.submission < one.submission < two.submission
    assert (one.changed, same.changed, two.changed) == (("Company",), (), ("Company",))
    assert [s.values["Company"] for s in Submission.objects.order_by("pk")] == ["0", "1", "2"]
    assert Record.objects.get().values["Company"] == "2"
    assert Record.objects.get().last_submission_id == two.submission
    with pytest.raises(Invalid) as refused:
        submit([call(leads, "DeleteLead", made.record), call(leads, "UpdateLead", made.record, Company="3")], ada)
    assert refused.value.call == 1
    assert not Record.objects.get().deleted


def test_nothing_to_submit_writes_nothing(ada: User) -> None:
    assert submit([], ada) == Outcome(())
    assert written() == (0, 0, 0, [])


# Time


def test_time_never_runs_backwards_within_an_app(leads: App, ada: User) -> None:
    other = builders.make_app({"Name": "text"})
    submit([call(leads, "CaptureLead", Company="1", LastName="x")], ada, at=NOW)
    early = NOW - dt.timedelta(days=1)
    first, second = submit(
        [call(leads, "CaptureLead", Company="2", LastName="x"), call(other, "Make", Name="a")], ada, at=early
    ).results
    assert Submission.objects.get(pk=first.submission).on == Record.objects.get(pk=first.record).modified_on == NOW
    # Another app has a time of its own.
    assert Submission.objects.get(pk=second.submission).on == early
    later = NOW + dt.timedelta(milliseconds=1)
    third = submit([call(leads, "CaptureLead", Company="3", LastName="x")], ada, at=later).results[0]
    assert third.modified_ms == later.timestamp() * 1000
    times = list(Submission.objects.filter(app=leads).order_by("pk").values_list("on", flat=True))
    assert times == sorted(times)


def test_time_is_the_clocks_to_the_millisecond(leads: App, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert do(ada, leads, "CaptureLead", Company="1", LastName="x").modified_ms == NOW.timestamp() * 1000
    monkeypatch.undo()
    before = clock.now()
    do(ada, leads, "CaptureLead", Company="2", LastName="x")
    on = Submission.objects.order_by("pk").last().on  # type: ignore[union-attr]
    assert before <= on <= clock.now()
    assert on.microsecond % 1000 == 0


# Refusals


def test_all_fields_are_refused_at_once(leads: App, ada: User) -> None:
    before = written()
    with pytest.raises(Invalid) as refused:
        do(
            ada, leads, "CaptureLead", 5,
            lastname="  ", EmailAddress="nobody", TotalValue=True, Rating="Tepid", Telephone="1", lastSubmissionID=5,
            isNew=True, FirstContact="2020-02-30", FirstName="fine", RecordId="000000005",
        )  # fmt: skip
    assert {(fault.field, fault.code) for fault in refused.value.faults} == {
        *[("RecordID", "read_only"), ("Company", "required"), ("LastName", "required"), ("EmailAddress", "invalid")],
        *[("TotalValue", "invalid"), ("Rating", "not_a_choice"), ("Telephone", "unknown_field")],
        *[
            ("lastSubmissionID", "read_only"),
            ("isNew", "read_only"),
            ("FirstContact", "invalid"),
            ("RecordId", "read_only"),
        ],
    }
    assert len(refused.value.faults) == 11
    assert refused.value.call == 0
    assert all(0 < len(fault.message) < 250 for fault in refused.value.faults)
    assert written() == before


def test_a_field_that_the_operation_does_not_set_is_read_only(ada: User) -> None:
    operations = [
        {"name": "Make", "label": "M" * 150, "kind": "create", "fields": ["A"]},
        {"name": "Change", "label": "Change", "kind": "update", "fields": ["B" * 63]},
        {"name": "Remove", "label": "Remove", "kind": "delete"},
    ]
    app = builders.make_app({"A": "text", "B" * 63: "text"}, operations=operations)
    made = do(ada, app, "Make").record
    for operation, record, name in (("Make", None, "b" * 63), ("Change", made, "a"), ("Remove", made, "A")):
        with pytest.raises(Invalid) as refused:
            do(ada, app, operation, record, **{name: "x"})
        (fault,) = refused.value.faults
        assert (fault.field, fault.code) == (name.upper(), "read_only")
        assert len(fault.message) < 250
    with pytest.raises(Invalid) as refused:
        do(ada, app, "Make", None, **{"x" * 5_000: "x"})
    assert len(refused.value.faults[0].message) < 250


def test_required_means_given_on_a_create_and_never_made_blank(ada: User) -> None:
    app = builders.make_app(
        {"Name": {"type": "text", "required": True}, "Yes": {"type": "yesno", "required": True}, "Other": "text"}
    )
    for values in ({}, {"Name": None}, {"Name": " "}):
        with pytest.raises(Invalid) as refused:
            do(ada, app, "Make", **values)
        assert [(fault.field, fault.code) for fault in refused.value.faults] == [("Name", "required")]
    made = do(ada, app, "Make", Name="a")
    assert do(ada, app, "Change", made.record, Other="x").changed == ("Other",)
    assert do(ada, app, "Change", made.record, Yes=False).changed == ()
    with pytest.raises(Invalid):
        do(ada, app, "Change", made.record, Name="")


@pytest.mark.parametrize("number", [0, -1, 10**6, 2**63 - 1, 2**63, 10**30])
@pytest.mark.parametrize("operation", ["UpdateLead", "DeleteLead"])
def test_an_unknown_record_is_refused(leads: App, ada: User, operation: str, number: int) -> None:
    before = written()
    with pytest.raises(Invalid) as refused:
        do(ada, leads, operation, number)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("RecordID", "unknown_record")]
    assert written() == before


def test_a_missing_deleted_or_foreign_record_is_unknown(leads: App, ada: User) -> None:
    other = builders.make_app({"Name": "text"})
    foreign = do(ada, other, "Make", Name="a").record
    deleted = do(ada, leads, "CaptureLead", Company="1", LastName="x").record
    do(ada, leads, "DeleteLead", deleted)
    before = written()
    for record in (None, foreign, deleted):
        for operation in ("UpdateLead", "DeleteLead"):
            with pytest.raises(Invalid) as refused:
                do(ada, leads, operation, record)
            assert [(fault.field, fault.code) for fault in refused.value.faults] == [("RecordID", "unknown_record")]
    assert written() == before


def test_who_was_slower_is_told_what_stands(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", Company="1", LastName="x")
    edit = replace(call(leads, "UpdateLead", made.record, Company="2"), expected=made.submission)
    faster = submit([edit], ada).results[0]
    before = written()
    for again in (
        edit,
        replace(edit, values={"Company": "2"}),
        replace(edit, expected=faster.submission + 1, values={}),
        replace(call(leads, "DeleteLead", made.record), expected=made.submission),
    ):
        with pytest.raises(Stale) as refused:
            submit([again], ada)
        assert (refused.value.standing, refused.value.call) == (faster.submission, 0)
    assert written() == before
    assert submit([replace(edit, expected=faster.submission, values={"Company": "3"})], ada).results[0].changed


def test_calls_over_two_apps_are_carried_out_all_or_none(leads: App, ada: User) -> None:
    other = builders.make_app({"Name": {"type": "text", "required": True}})
    stale = replace(call(other, "Change", do(ada, other, "Make", Name="a").record, Name="b"), expected=0)
    good = [call(leads, "CaptureLead", Company="1", LastName="x"), call(other, "Make", Name="a")]
    before = written()
    for bad, kind in (
        (call(other, "Make"), Invalid),
        (call(leads, "UpdateLead", 10**6), Invalid),
        (stale, Stale),
    ):
        with pytest.raises(Refused) as refused:
            submit([*good, bad], ada, KEY)
        assert isinstance(refused.value, kind)
        assert refused.value.call == 2
        assert written() == before
    outcome = submit([*good, *good[::-1]], ada, KEY)
    assert [Record.objects.get(pk=result.record).app_id for result in outcome.results] == [
        *[leads.pk, other.pk, other.pk, leads.pk]
    ]


def test_an_operation_that_is_gone_is_refused(leads: App, ada: User) -> None:
    kept = call(leads, "CaptureLead", Company="1", LastName="x")
    with configuring():
        Operation.objects.filter(name="CaptureLead").delete()
    with pytest.raises(Refused):
        submit([kept], ada)


# Restored and resent


def test_a_record_is_restored_to_earlier_values(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    do(ada, leads, "UpdateLead", made.record, Company="DEF", FirstName=None, Rating="Hot")
    do(ada, leads, "DeleteLead", made.record)
    result = submit([Call(None, ARTICLE, made.record, kind="restored", app=leads.pk)], ada).results[0]
    record, submission = Record.objects.get(), Submission.objects.get(pk=result.submission)
    assert not record.deleted and not submission.deleted
    assert record.values == submission.values == ARTICLE
    assert result.changed == ("Company", "FirstName", "Rating")
    # It is no operation: what was last operated stays.
    assert (submission.kind, submission.operation, submission.last_operation) == ("restored", "", "DeleteLead")
    assert record.last_operation == "DeleteLead"
    assert record.last_submission_id == result.submission
    assert do(ada, leads, "UpdateLead", made.record, Company="GHI").changed == ("Company",)


@pytest.mark.parametrize("kind", ["restored", "resent"])
def test_without_an_operation_there_is_always_a_submission(leads: App, ada: User, kind: str) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    values = ARTICLE if kind == "restored" else {}
    result = submit([Call(None, values, made.record, kind=kind, app=leads.pk)], ada).results[0]
    submission = Submission.objects.get(pk=result.submission)
    assert (submission.kind, submission.changed, submission.values) == (kind, [], ARTICLE)
    assert submission.last_operation == "CaptureLead"
    assert result.submission > made.submission
    record = Record.objects.get()
    assert (record.values, record.last_submission_id) == (ARTICLE, result.submission)


def test_a_deleted_record_is_not_resent(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    do(ada, leads, "DeleteLead", made.record)
    with pytest.raises(Invalid):
        submit([Call(None, {}, made.record, kind="resent", app=leads.pk)], ada)


# Sent again


def test_a_transaction_that_succeeded_answers_as_it_did(leads: App, ada: User) -> None:
    calls = [call(leads, "CaptureLead", **ARTICLE), call(leads, "CaptureLead", Company="2", LastName="x")]
    first = submit(calls, ada, KEY)
    assert not first.replayed
    do(ada, leads, "UpdateLead", first.results[0].record, Company="changed")
    before = written()
    # Its calls are not even looked at: they may have become invalid.
    for again in (calls, [call(leads, "CaptureLead")], []):
        assert submit(again, ada, KEY) == Outcome(first.results, replayed=True)
    assert written() == before


def test_an_edit_that_changed_nothing_is_a_success_too(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    first = submit([call(leads, "UpdateLead", made.record, Company="ABC Inc")], ada, KEY)
    do(ada, leads, "UpdateLead", made.record, Company="DEF")
    assert submit([call(leads, "UpdateLead", made.record, Company="ABC Inc")], ada, KEY) == replace(
        first, replayed=True
    )
    assert Record.objects.get().values["Company"] == "DEF"


def test_a_replay_wins_over_a_stale_record(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    edit = replace(call(leads, "UpdateLead", made.record, Company="DEF"), expected=made.submission)
    first = submit([edit], ada, KEY)
    assert submit([edit], ada, KEY) == replace(first, replayed=True)


def test_another_call_under_a_known_id_is_a_conflict(leads: App, ada: User) -> None:
    submit([call(leads, "CaptureLead", **ARTICLE)], ada, KEY)
    before = written()
    for calls in ([call(leads, "CaptureLead", **ARTICLE)], [call(leads, "CaptureLead")]):
        with pytest.raises(Conflict):
            submit(calls, ada, Key("one", "another"))
    assert written() == before


def test_ids_are_exact_and_each_accounts_own(leads: App, ada: User) -> None:
    ida = builders.person("ida")
    lead = call(leads, "CaptureLead", Company="1", LastName="x")
    for by, id in ((ada, "one"), (ida, "one"), (ada, "One"), (ada, "one "), (ada, "x" * 255), (ada, "日本")):
        assert not submit([lead], by, Key(id, "fingerprint")).replayed
        assert submit([lead], by, Key(id, "fingerprint")).replayed
    assert Record.objects.count() == 6


def test_a_failed_call_does_not_burn_its_id(leads: App, ada: User) -> None:
    made = do(ada, leads, "CaptureLead", **ARTICLE)
    for bad in (
        call(leads, "CaptureLead"),
        call(leads, "UpdateLead", 10**6),
        replace(call(leads, "UpdateLead", made.record), expected=0),
    ):
        with pytest.raises(Refused):
            submit([bad], ada, KEY)
    assert not Transaction.objects.exists()
    good = call(leads, "CaptureLead", Company="1", LastName="x")
    assert not submit([good], ada, Key("one", "another fingerprint")).replayed


def test_without_an_id_the_same_call_is_carried_out_again(leads: App, ada: User) -> None:
    lead = call(leads, "CaptureLead", Company="1", LastName="x")
    assert submit([lead], ada).results[0].record != submit([lead], ada).results[0].record


# The definition changes meanwhile


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], times: int = 1) -> list[int]:
    """Runs `change` between validation and lock, the first `times` times; the list grows with each validation."""
    validations: list[int] = []
    validate = submissions.validated

    def validated(calls: Any, version: int) -> Any:
        cleaned = validate(calls, version)
        validations.append(version)
        if len(validations) <= times:
            with configuring():
                change()
        return cleaned

    monkeypatch.setattr(submissions, "validated", validated)
    return validations


def test_what_was_valid_is_asked_again_when_the_definition_has_changed(
    leads: App, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        Field.objects.filter(name="Rating").update(config={"choices": ["Warm", "Cold"]})

    lead = call(leads, "CaptureLead", Company="1", LastName="x", Rating="Hot")
    validations = meanwhile(monkeypatch, change)
    with pytest.raises(Invalid) as refused:
        submit([lead], ada)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("Rating", "not_a_choice")]
    assert len(validations) == 1
    assert not Record.objects.exists()


def test_what_is_still_valid_is_written_once(leads: App, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        Field.objects.filter(name="Company").update(label="The company")

    validations = meanwhile(monkeypatch, change, times=3)
    submit([call(leads, "CaptureLead", Company="1", LastName="x")], ada)
    assert len(validations) == 4
    assert Record.objects.count() == Submission.objects.count() == 1


def test_a_definition_that_never_rests_ends_in_an_error_not_in_a_loop(
    leads: App, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: None, times=10**6)
    with pytest.raises(RuntimeError):
        submit([call(leads, "CaptureLead", Company="1", LastName="x")], ada)
    assert not Record.objects.exists()


# The bell


def test_the_bell_rings_after_commit_with_the_apps_that_have_news(
    leads: App, ada: User, bell: list[list[int]], django_capture_on_commit_callbacks: Any
) -> None:
    other = builders.make_app({"Name": "text"})
    with django_capture_on_commit_callbacks(execute=True):
        made = do(ada, leads, "CaptureLead", Company="1", LastName="x")
        assert bell == []
    assert bell == [[leads.pk]]
    quiet = call(leads, "UpdateLead", made.record, Company="1")
    with django_capture_on_commit_callbacks(execute=True):
        submit([quiet, call(other, "Make", Name="a")], ada, KEY)
    assert bell == [[leads.pk], [other.pk]]
    with django_capture_on_commit_callbacks(execute=True):
        submit([quiet], ada, KEY)
        with pytest.raises(Refused):
            do(ada, leads, "CaptureLead")
    assert len(bell) == 2


@pytest.mark.django_db(transaction=True)
def test_who_hears_the_bell_finds_what_it_rang_for() -> None:
    leads, ada = builders.make_leads(), builders.person()
    heard: list[tuple[bool, int]] = []

    def listen(**_: Any) -> None:
        heard.append((connection.in_atomic_block, Record.objects.count()))
        raise RuntimeError("a listener's fault is not the submitter's")

    submitted.connect(listen)
    try:
        do(ada, leads, "CaptureLead", Company="1", LastName="x")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            do(ada, leads, "CaptureLead", Company="2", LastName="x")
            raise ZeroDivisionError
    finally:
        submitted.disconnect(listen)
    assert heard == [(False, 1)]


# Queries


def test_queries_are_as_many_as_they_were(leads: App, ada: User) -> None:
    lead = call(leads, "CaptureLead", **ARTICLE)
    made = submit([lead], ada).results[0]
    with builders.counted_queries("create"):
        submit([lead], ada)
    with builders.counted_queries("create with a transaction id"):
        submit([lead], ada, KEY)
    with builders.counted_queries("replay"):
        submit([lead], ada, KEY)
    edit = call(leads, "UpdateLead", made.record, Company="DEF")
    with builders.counted_queries("edit"):
        submit([edit], ada)
    with builders.counted_queries("edit that changes nothing"):
        submit([edit], ada)
    many = [call(leads, "CaptureLead", **ARTICLE) for _ in range(100)]
    with builders.counted_queries("create of 100"):
        submit(many, ada)


# Several at once


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each function gives, or the exception it raises, all run at the same time on connections of their own."""
    gate = threading.Barrier(len(works))
    given: list[Any] = [None] * len(works)

    def run(place: int) -> None:
        try:
            gate.wait()
            given[place] = works[place]()
        except Exception as error:
            given[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_calls_with_one_id_one_makes_a_record_and_the_others_say_so() -> None:
    leads, ada = builders.make_leads(), builders.person()
    lead = call(leads, "CaptureLead", **ARTICLE)
    for number in range(5):
        key = Key(str(number), "fingerprint")
        outcomes = at_once([lambda key=key: submit([lead], ada, key)] * 8)
        assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes
        assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 7
        assert len({outcome.results for outcome in outcomes}) == 1
        assert Record.objects.count() == Submission.objects.count() == number + 1


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_calls_with_one_id_on_two_apps_one_succeeds() -> None:
    """They share no Journal: they meet at the constraint alone."""
    apps = [builders.make_app({"Name": "text"}, name) for name in ("A", "B")]
    ada = builders.person()
    for number in range(10):
        outcomes = at_once(
            [
                lambda app=app, number=number: submit([call(app, "Make", Name="x")], ada, Key(str(number), app.name))
                for app in apps
            ]
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Outcome"], outcomes
        assert Record.objects.count() == Transaction.objects.count() == number + 1


@pytest.mark.django_db(transaction=True)
def test_calls_over_two_apps_in_opposite_order_do_not_lock_each_other_out() -> None:
    apps = [builders.make_app({"Name": "text"}, name) for name in ("A", "B")]
    ada = builders.person()

    def work(order: list[App]) -> None:
        for _ in range(500):
            submit([call(app, "Make", Name="x") for app in order], ada)

    assert at_once([lambda: work(apps), lambda: work(apps[::-1])]) == [None, None]
    assert Record.objects.count() == 2_000
    for app in apps:
        rows = list(Submission.objects.filter(app=app).order_by("pk").values_list("on", flat=True))
        assert rows == sorted(rows)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_edits_of_one_record_each_build_on_the_last() -> None:
    app, ada = builders.make_app({f"F{n}": "number" for n in range(6)}), builders.person()
    made = do(ada, app, "Make")

    def work(name: str) -> None:
        for number in range(15):
            do(ada, app, "Change", made.record, **{name: number})

    assert at_once([lambda name=f"F{n}": work(name) for n in range(6)]) == [None] * 6
    assert values_of(made.record) == {f"F{n}": 14 for n in range(6)}
    whole: dict[str, Any] = {}
    for submission in Submission.objects.order_by("pk")[1:]:
        (name,) = submission.changed
        assert submission.values == {**whole, name: submission.values[name]}
        whole = submission.values


@pytest.mark.django_db(transaction=True)
def test_a_write_never_falls_between_a_change_of_definition_and_its_version() -> None:
    """What was accepted while choices change back and forth was a choice at that time, by the Configuration's order."""
    leads, ada = builders.make_leads(), builders.person()
    stop = threading.Event()

    def flip() -> None:
        for number in range(20):
            with configuring():
                Field.objects.filter(name="Rating").update(config={"choices": ["Hot"] if number % 2 else ["Cold"]})
        stop.set()

    def write() -> int:
        accepted = 0
        while not stop.is_set():
            try:
                do(ada, leads, "CaptureLead", Company="1", LastName="x", Rating="Hot")
                accepted += 1
            except Invalid:
                pass
            except RuntimeError:
                # Changed eight times while one submission was checked: it may say so.
                pass
        return accepted

    flipped, accepted = at_once([flip, write])
    assert flipped is None and isinstance(accepted, int), accepted
    assert Record.objects.count() == accepted
    assert Configuration.current() >= 20
