"""What the rows of a file ask of an operation: which column sets which field, and how its texts are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowfinity import cells, references, submissions
from flowfinity.cells import Reading
from flowfinity.definitions import AppDefinition, OperationDefinition
from flowfinity.models import Record, Submission
from flowfinity.names import SYSTEM
from flowfinity.query import SYSTEM_COLUMNS, Column
from flowfinity.submissions import Call, Fault

RECORD_ID = "RecordID"
# Fewer letters say too little of what a heading may be short for.
LIKE = 4
# The codes of faults that lie in how a cell is written.
UNREADABLE = ("invalid", "not_a_choice")


@dataclass(frozen=True)
class Plan:
    """What the cells of an import mean.

    `mapping` is from a column's heading to a field's name, or to RecordID, which names the record of an update. With
    `clear` an empty cell makes its field blank in an update; else it leaves it as it is.
    """

    mapping: Mapping[str, str]
    reading: Reading = field(default_factory=Reading)
    clear: bool = False

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> Plan:
        """The plan that a job's source holds."""
        return cls(source.get("mapping") or {}, Reading.load(source.get("reading") or {}), bool(source.get("clear")))

    def document(self) -> dict[str, Any]:
        """What `load` takes, to be a part of a job's source."""
        return {"mapping": dict(self.mapping), "reading": self.reading.document(), "clear": self.clear}

    def call(self, operation: OperationDefinition, row: Mapping[str, str]) -> Call:
        """What a row, its texts by heading, asks of the operation."""
        settable = {column.name: column for column in operation.fields}
        values: dict[str, Any] = {}
        record = None
        for heading, name in self.mapping.items():
            text = row.get(heading, "")
            if name == RECORD_ID:
                record = record_of(text)
            elif (column := settable.get(name)) is None:
                # A field that the operation sets no longer is refused by its name.
                values[name] = text
            elif text.strip() or (self.clear and operation.kind == "update"):
                values[name] = cells.read(column, text, self.reading)
        return Call(operation, values, record)

    def told(
        self, operation: OperationDefinition, row: Mapping[str, str], faults: Iterable[Fault]
    ) -> list[tuple[str, str]]:
        """The faults of a row's call as field and sentence, in the form's order, for who has the file at hand."""
        settable = {column.name: column for column in operation.fields}
        texts = {name: row.get(heading, "") for heading, name in self.mapping.items()}
        found = []
        # Kept JSON has an order of keys of its own on PostgreSQL, so that of the row says nothing.
        places = {name: place for place, name in enumerate(settable)}
        for one in sorted(faults, key=lambda fault: places.get(fault.field, len(places))):
            column, words = settable.get(one.field), ""
            if column is not None and one.code in UNREADABLE and texts.get(one.field, "").strip():
                words = cells.refused(column, texts[one.field], self.reading)
            found.append((one.field, words or one.message))
        return found


def record_of(text: str) -> int | None:
    """The key that a RecordID means; None for an empty cell; 0, which no record has, for what is no RecordID."""
    bare = text.strip()
    if not bare:
        return None
    return int(bare) if bare.isascii() and bare.isdecimal() and len(bare) < 19 else 0


def targets(operation: OperationDefinition) -> list[Column]:
    """What a column of a file can set: the operation's fields that have text, and RecordID for an update."""
    fields = [column for column in operation.fields if not column.type.uploaded]
    return fields if operation.kind == "create" else [SYSTEM_COLUMNS[RECORD_ID], *fields]


def proposed(headings: Sequence[str], operation: OperationDefinition) -> dict[str, str]:
    """For each heading the field that it names, by name or label, whatever its capitals, blanks and signs.

    A heading that no field has is for the one field that begins with it, or that it begins with: "E-mail" for "Email
    address".
    """
    known: dict[str, str] = {}
    for column in targets(operation):
        known.setdefault(plainly(column.label), column.name)
    for column in targets(operation):
        known[plainly(column.name)] = column.name
    found: dict[str, str] = {}
    left = []
    for heading in headings:
        name = known.get(plainly(heading))
        if name is None:
            left.append(heading)
        elif name not in found.values():
            found[heading] = name
    for heading in left:
        words = plainly(heading)
        like = {name for said, name in known.items() if len(words) >= LIKE and said.startswith(words)}
        like |= {name for said, name in known.items() if len(said) >= LIKE and words.startswith(said)}
        like -= set(found.values())
        if len(like) == 1:
            found[heading] = like.pop()
    return {heading: found[heading] for heading in headings if heading in found}


def plainly(words: str) -> str:
    """The letters and digits alone, in lower case."""
    return "".join(filter(str.isalnum, words.lower()))


def guessed(plan: Plan, operation: OperationDefinition, rows: Iterable[Mapping[str, str]]) -> Plan:
    """The plan with its reading guessed from rows of the file."""
    columns = {column.name: column for column in targets(operation)}
    reading, sample = plan.reading, list(rows)
    for heading, name in plan.mapping.items():
        if name in columns and name not in SYSTEM:
            reading = cells.guessed(columns[name], (row.get(heading, "") for row in sample), reading)
    return replace(plan, reading=reading)


def missing(plan: Plan, operation: OperationDefinition) -> list[Column]:
    """What must be mapped and is not: RecordID for an update, the required fields for a create."""
    named = set(plan.mapping.values())
    if operation.kind != "create":
        return [] if RECORD_ID in named else [SYSTEM_COLUMNS[RECORD_ID]]
    required = [column for column in operation.fields if column.required and not column.type.never_blank]
    return [column for column in required if column.name not in named]


def checked(app: AppDefinition, calls: Sequence[Call]) -> list[list[Fault]]:
    """The faults of each call, as `submit` would find them now; nothing is written. Few queries for all of them."""
    found = [submissions.clean(call, app, index) for index, call in enumerate(calls)]
    referring = [
        (faults, column, reference)
        for call, (values, faults) in zip(calls, found, strict=True)
        if call.operation is not None
        for column in call.operation.fields
        if column.type.refers and values.get(column.name) is not None
        for reference in column.type.references(values[column.name], column.config)
    ]
    absent = references.missing(reference for _, _, reference in referring) if referring else set()
    for faults, column, reference in referring:
        if reference in absent:
            faults.append(submissions.dangling(column, reference))
    edited = {call.record for call in calls if call.record is not None and call.record < 2**63}
    there = set(Record.objects.filter(pk__in=edited, app=app.id, deleted=False).values_list("pk", flat=True))
    for call, (_, faults) in zip(calls, found, strict=True):
        if call.kind != Submission.CREATED and call.record is not None and call.record not in there:
            faults.append(submissions.unknown_record())
    return [faults for _, faults in found]


def sentence(operation: OperationDefinition, faults: Iterable[tuple[str, str]]) -> str:
    """What is wrong with a row, in a line: each fault with its field's label."""
    labels = {column.name: column.label for column in targets(operation)}
    return " ".join(f"{labels.get(name, name)}: {words}" if name else words for name, words in faults)
