"""`submit`: the only way that a record is ever written.

Numbers are drawn from one sequence for the site, under the app's Journal lock, which is held to commit: within an app
they become visible in ascending order, so a reader that remembers the last one it has seen never misses another
(contract, The poll, 5; measured with the lock off: 4% lost). Everything that can be computed is computed before the
lock; under it there are only statements.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists
from django.dispatch import Signal
from django.utils.translation import gettext

from flowfinity import clock, definitions, references, storage
from flowfinity.definitions import AppDefinition, OperationDefinition
from flowfinity.fields import FieldError, KeptFile, Reference, Upload
from flowfinity.models import Configuration, Journal, Record, Submission, Transaction, User
from flowfinity.names import SYSTEM, ZAPIER
from flowfinity.query import Column

# Sent after commit with `apps`, the keys of the apps that have new submissions. A bell: it may be lost.
submitted = Signal()

KINDS = {"create": Submission.CREATED, "update": Submission.UPDATED, "delete": Submission.DELETED}
READ_ONLY = frozenset(name.lower() for name in (*SYSTEM, *ZAPIER))
MOST_TRIES = 8


@dataclass(frozen=True)
class Call:
    """One thing to submit.

    `values` are raw, in either wire format, keyed by field name without regard to case. `record` is the record's key
    (none on a create); `expected` its last submission as the caller knows it. Without an operation, `kind` is
    "restored" (`values` are whole and stored) or "resent", which always make a submission.
    """

    operation: OperationDefinition | None
    values: Mapping[str, Any] = field(default_factory=dict)
    record: int | None = None
    expected: int | None = None
    kind: str = ""
    app: int = 0

    def __post_init__(self) -> None:
        if self.operation is not None:
            object.__setattr__(self, "kind", KINDS[self.operation.kind])
            object.__setattr__(self, "app", self.operation.app)


@dataclass(frozen=True)
class Result:
    """What became of a call: the record, the number that now stands, and which fields changed."""

    record: int
    submission: int
    created_ms: int
    modified_ms: int
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The results in the calls' order; `replayed` when the transaction had succeeded before."""

    results: tuple[Result, ...]
    replayed: bool = False


@dataclass(frozen=True)
class Key:
    """A caller's own id for a transaction, and a fingerprint of what it asks (contract, Writing)."""

    id: str
    fingerprint: str


@dataclass(frozen=True)
class Fault:
    """One field's error."""

    field: str
    code: str
    message: str


class Refused(Exception):
    """A call that cannot be carried out; nothing was written. `call` is its index."""

    def __init__(self, call: int, message: str) -> None:
        super().__init__(message)
        self.call = call


class Invalid(Refused):
    """Fields that are wrong, all of the call at once."""

    def __init__(self, call: int, faults: Sequence[Fault]) -> None:
        super().__init__(call, "; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = list(faults)


class Stale(Refused):
    """The record has another last submission than the caller expected."""

    def __init__(self, call: int, standing: int) -> None:
        super().__init__(call, gettext("The record was changed meanwhile: its last submission is %d.") % standing)
        self.standing = standing


class Conflict(Exception):
    """The transaction's id has already succeeded with another call."""


class _DefinitionChanged(Exception):
    """The configuration changed between validation and the lock: validate again."""


def submit(calls: Sequence[Call], by: User, transaction: Key | None = None, at: dt.datetime | None = None) -> Outcome:
    """Carries out the calls as one transaction, all or none, and answers with their results.

    `at` is the submissions' time (the clock by default); it never runs backwards within an app. Raises Invalid, Stale
    or Conflict with nothing written. May the account do this? is the caller's question, not asked here.
    """
    key = transaction
    if key and (replay := replayed(by, key)):
        return replay
    for _ in range(MOST_TRIES):
        version = Configuration.current()
        try:
            cleaned = validated(calls, version)
            return carry_out(calls, cleaned, version, by, key, at)
        except _DefinitionChanged:
            continue
        except (Refused, IntegrityError):
            # The same call may have succeeded meanwhile, which explains the refusal: a replay wins over it.
            if key and (replay := replayed(by, key)):
                return replay
            raise
    raise RuntimeError(f"The configuration changed {MOST_TRIES} times while a submission was being checked.")


def replayed(by: User, key: Key) -> Outcome | None:
    """The original outcome of a transaction that succeeded, or None. Raises Conflict when it was another call."""
    known = Transaction.objects.filter(account=by, external_id=key.id).first()
    if known is None:
        return None
    if known.fingerprint != key.fingerprint:
        raise Conflict(key.id)
    return Outcome(tuple(Result(one[0], one[1], one[2], one[3], tuple(one[4])) for one in known.results), replayed=True)


def validated(calls: Sequence[Call], version: int) -> list[Mapping[str, Any]]:
    """Each call's values, typed and ready to store (None for a field made blank), files stored. Raises Invalid."""
    apps = {app: definitions.of(app, version) for app in {call.app for call in calls}}
    checked = [
        (call.values, []) if call.operation is None else clean(call, apps[call.app], index)
        for index, call in enumerate(calls)
    ]
    referring = [
        (index, column, reference)
        for index, call in enumerate(calls)
        if call.operation is not None
        for column in call.operation.fields
        if column.type.refers and checked[index][0].get(column.name) is not None
        for reference in column.type.references(checked[index][0][column.name], column.config)
    ]
    absent = references.missing(reference for _, _, reference in referring) if referring else set()
    for index, column, reference in referring:
        if reference in absent and not stands(calls[index], column, checked[index][0]):
            checked[index][1].append(dangling(column, reference))
    for index, (call, (_, faults)) in enumerate(zip(calls, checked, strict=True)):
        if faults:
            raise Invalid(index, [*faults, *gone(call)])
    return [
        {name: storage.store(one) if isinstance(one, Upload) else one for name, one in values.items()}
        for values, _ in checked
    ]


def clean(call: Call, app: AppDefinition, index: int) -> tuple[dict[str, Any], list[Fault]]:
    """A call's values by field name, and the faults of all its fields."""
    assert call.operation is not None
    try:
        operation = app.operation(call.operation.id)
    except definitions.Unknown:
        raise Refused(index, gettext("The operation is no longer there.")) from None
    settable = {column.name.lower(): column for column in operation.fields}
    known = {name.lower(): name for name in app.fields}
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    if operation.kind == "create" and call.record is not None:
        faults.append(
            Fault("RecordID", "read_only", gettext("Leave RecordID out, or null: this operation makes a new record."))
        )
    if operation.kind != "create" and call.record is None:
        faults.append(unknown_record())
    for name, raw in call.values.items():
        column = settable.get(name.lower())
        if column is None:
            faults.append(not_settable(name, known.get(name.lower()), operation))
            continue
        try:
            values[column.name] = column.type.validate(raw, column.config)
        except FieldError as error:
            faults.append(Fault(column.name, error.code, error.message))
    faults.extend(missing(operation, values, {fault.field for fault in faults}))
    return values, faults


def gone(call: Call) -> list[Fault]:
    """The fault of an edit whose record is not there, so that it is told with the others; the lock asks again."""
    if call.kind == Submission.CREATED or call.record is None:
        return []
    there = 0 < call.record < 2**63 and Record.objects.filter(pk=call.record, app=call.app, deleted=False).exists()
    return [] if there else [unknown_record()]


def stands(call: Call, column: Column, values: Mapping[str, Any]) -> bool:
    """Whether the call sends back what the record has: what was deleted since may stay, and an edit is not lost."""
    if call.kind != Submission.UPDATED or call.record is None or not 0 < call.record < 2**63:
        return False
    before = Record.objects.filter(pk=call.record, app=call.app).values_list("values", flat=True).first() or {}
    return bool(before.get(column.name) == values[column.name])


def dangling(column: Column, reference: Reference) -> Fault:
    """The fault of a value that names somebody or something that is not there."""
    if reference.kind == "user":
        return Fault(column.name, "unknown_user", gettext("Name an active user of this site, by user name."))
    return Fault(
        column.name, "unknown_record", gettext("Name a record of %s that is not deleted, by RecordID.") % reference.app
    )


def unknown_record() -> Fault:
    """The fault of an edit or deletion whose record is not there."""
    return Fault(
        "RecordID", "unknown_record", gettext("Name a record that exists and is not deleted: RecordID from the view.")
    )


def not_settable(name: str, known: str | None, operation: OperationDefinition) -> Fault:
    """The fault of a key that the operation does not take."""
    if name.lower() in READ_ONLY:
        return Fault(name, "read_only", gettext("%s is set by the platform: leave it out.") % name)
    if known:
        sentence = gettext("The operation %(operation)s does not set %(field)s: leave it out.")
        return Fault(known, "read_only", sentence % {"operation": f"{operation.label:.100}", "field": known})
    return Fault(
        name, "unknown_field", (gettext("There is no field %s here; the view's /fields lists them.") % name)[:249]
    )


def missing(operation: OperationDefinition, values: Mapping[str, Any], faulty: set[str]) -> Iterator[Fault]:
    """The required fields that a create leaves out, or that any call makes blank."""
    for column in operation.fields:
        if not column.required or column.type.never_blank or column.name in faulty:
            continue
        if (operation.kind == "create" or column.name in values) and values.get(column.name) is None:
            yield Fault(column.name, "required", gettext("%s is required: give it a value.") % column.label)


def carry_out(
    calls: Sequence[Call],
    cleaned: Sequence[Mapping[str, Any]],
    version: int,
    by: User,
    key: Key | None,
    at: dt.datetime | None,
) -> Outcome:
    """Locks, looks again, writes, commits."""
    with transaction.atomic():
        journals = {app: lock(app) for app in sorted({call.app for call in calls})}
        look_again(version, by, key)
        pks = {call.record for call in calls if call.record is not None}
        # Text of any length may come as a RecordID; only what fits the column is looked for.
        records = Record.objects.in_bulk([pk for pk in pks if 0 < pk < 2**63]) if pks else {}
        steps = stepped(calls, cleaned, records)
        results = write(steps, journals, by, at)
        if key:
            Transaction.objects.create(
                account=by,
                external_id=key.id,
                fingerprint=key.fingerprint,
                results=[[r.record, r.submission, r.created_ms, r.modified_ms, list(r.changed)] for r in results],
                on=clock.now(),
            )
        changed = sorted({step.app for step in steps if step.writes})
        if changed:
            transaction.on_commit(partial(submitted.send_robust, sender=submit, apps=changed))
    return Outcome(tuple(results))


def lock(app: int) -> Journal:
    """The app's Journal, locked to the end of the transaction; on SQLite BEGIN IMMEDIATE is the lock."""
    return Journal.objects.select_for_update().get(pk=app)


def look_again(version: int, by: User, key: Key | None) -> None:
    """Under the lock: is the definition still the one validated against, the transaction still new?"""
    row = Configuration.objects.filter(pk=1)
    if key is None:
        current, known = row.values_list("version", flat=True).get(), False
    else:
        again = Exists(Transaction.objects.filter(account=by, external_id=key.id))
        current, known = row.annotate(known=again).values_list("version", "known").get()
    if known:
        raise IntegrityError("this transaction has just succeeded")
    if current != version:
        raise _DefinitionChanged


def stepped(calls: Sequence[Call], cleaned: Sequence[Mapping[str, Any]], records: dict[int, Record]) -> list[Step]:
    """Each call's step. Raises Invalid, else Stale: what can never be carried out is told before what came too late
    (contract, The poll, 1).
    """
    steps, stale = [], None
    for index, (call, values) in enumerate(zip(calls, cleaned, strict=True)):
        try:
            steps.append(step(index, call, values, records))
        except Stale as error:
            stale = stale or error
    if stale is not None:
        raise stale
    return steps


@dataclass
class Step:
    """A call on its record under the lock: the record as it will be, and what changed."""

    app: int
    kind: str
    operation: str
    record: Record
    values: Mapping[str, Any]
    changed: tuple[str, ...]
    writes: bool


def step(index: int, call: Call, values: Mapping[str, Any], records: dict[int, Record]) -> Step:
    """Applies a call to its record in memory. Raises Invalid for a record that is not there, Stale for a newer one."""
    if call.kind == Submission.CREATED:
        values = with_kept_files(index, values, {})
        record = Record(app_id=call.app, values={name: value for name, value in values.items() if value is not None})
        return Step(call.app, call.kind, name_of(call), record, record.values, tuple(record.values), True)
    found = records.get(call.record) if call.record is not None else None
    if found is None or found.app_id != call.app or (found.deleted and call.kind != Submission.RESTORED):
        raise Invalid(index, [unknown_record()])
    if call.expected is not None and call.expected != found.last_submission_id:
        raise Stale(index, found.last_submission_id)
    before = found.values
    values = with_kept_files(index, values, before)
    if call.kind == Submission.RESTORED:
        after = dict(values)
    else:
        after = {name: value for name, value in {**before, **values}.items() if value is not None}
    changed = tuple(sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n)))
    if call.kind == Submission.UPDATED and not changed:
        return Step(call.app, call.kind, name_of(call), found, before, (), False)
    found.values = after
    found.deleted = call.kind == Submission.DELETED
    return Step(call.app, call.kind, name_of(call), found, after, changed, True)


def with_kept_files(index: int, values: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with each file's read form replaced by the file that the record has. Raises Invalid for another."""
    kept = {name: value for name, value in values.items() if isinstance(value, KeptFile)}
    if not kept:
        return values
    for name, file in kept.items():
        stored = before.get(name) or {}
        if stored.get("FileName") != file.name or stored.get("Size") != file.size:
            sentence = gettext("The record has no such file. Send its bytes as Content; a Url is never fetched.")
            raise Invalid(index, [Fault(name, "invalid", sentence)])
    return {**values, **{name: before[name] for name in kept}}


def name_of(call: Call) -> str:
    """The operation's name, "" for none."""
    return call.operation.name if call.operation else ""


def write(steps: Sequence[Step], journals: Mapping[int, Journal], by: User, at: dt.datetime | None) -> list[Result]:
    """Draws the numbers, stamps the Journals, and writes records and submissions."""
    counts = {app: sum(step.writes for step in steps if step.app == app) for app in journals}
    now = milliseconds(at or clock.now())
    times = {app: max(now, journal.last_submitted_ms) for app, journal in journals.items()}
    drawn = {app: iter(draw(app, count, times[app])) for app, count in counts.items() if count}
    numbers = [next(drawn[step.app]) if step.writes else 0 for step in steps]
    for one, number in zip(steps, numbers, strict=True):
        if one.writes:
            stamp(one, number, moment(times[one.app]), by)
    made = [one.record for one in steps if one.kind == Submission.CREATED]
    if made:
        Record.objects.bulk_create(made)
    edited = {id(one.record): one.record for one in steps if one.writes and one.kind != Submission.CREATED}
    if edited:
        Record.objects.bulk_create(edited.values(), update_conflicts=True, unique_fields=["id"], update_fields=EDITED)
    written = [
        Submission(
            id=number,
            app_id=one.app,
            record=one.record,
            kind=one.kind,
            operation=one.operation,
            last_operation=one.operation or one.record.last_operation,
            values=one.values,
            changed=list(one.changed),
            deleted=one.kind == Submission.DELETED,
            by=by,
            on=moment(times[one.app]),
        )
        for one, number in zip(steps, numbers, strict=True)
        if one.writes
    ]
    if written:
        Submission.objects.bulk_create(written)
    return [
        Result(
            one.record.pk,
            number or one.record.last_submission_id,
            milliseconds(one.record.created_on),
            times[one.app] if number else milliseconds(one.record.modified_on),
            one.changed,
        )
        for one, number in zip(steps, numbers, strict=True)
    ]


EDITED = ["values", "deleted", "modified_on", "modified_by", "last_submission_id", "last_operation"]


def stamp(one: Step, number: int, on: dt.datetime, by: User) -> None:
    """Marks the record with its newest submission."""
    record = one.record
    if one.kind == Submission.CREATED:
        record.created_on, record.created_by, record.first_submission_id = on, by, number
    record.modified_on, record.modified_by, record.last_submission_id = on, by, number
    if one.operation:
        record.last_operation = one.operation


def draw(app: int, count: int, at: int) -> list[int]:
    """`count` ascending numbers, drawn after the lock, with the app's Journal stamped by the last and by the time.

    PostgreSQL draws and stamps in one statement; SQLite, whose write lock is already held, counts in a row.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "WITH drawn AS MATERIALIZED"
                " (SELECT nextval('flowfinity_submission_number') AS n FROM generate_series(1, %s))"
                " UPDATE flowfinity_journal SET last_submission_id = (SELECT max(n) FROM drawn), last_submitted_ms = %s"
                " WHERE app_id = %s RETURNING (SELECT array_agg(n ORDER BY n) FROM drawn)",
                [count, at, app],
            )
            return list(cursor.fetchone()[0])
        cursor.execute("UPDATE flowfinity_submission_number SET value = value + %s RETURNING value", [count])
        last = cursor.fetchone()[0]
        cursor.execute(
            "UPDATE flowfinity_journal SET last_submission_id = %s, last_submitted_ms = %s WHERE app_id = %s",
            [last, at, app],
        )
        return list(range(last - count + 1, last + 1))


def milliseconds(on: dt.datetime) -> int:
    """The moment as milliseconds since 1970 in UTC."""
    return round(on.timestamp() * 1000)


def moment(ms: int) -> dt.datetime:
    """Milliseconds since 1970 as a moment in UTC."""
    return dt.datetime.fromtimestamp(ms // 1000, dt.UTC).replace(microsecond=ms % 1000 * 1000)
