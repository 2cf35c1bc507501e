"""A record as an item: keys, their order, and times, without a database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import FORMATS, TYPES, Format
from flowfinity.query import SYSTEM_COLUMNS, Column, Query
from integration import items

SYSTEM = ["RecordID", "CreatedBy", "CreatedOn", "LastModifiedBy", "LastModifiedOn", "lastSubmissionID"]
ZAPIER = ["id", "IsNew", "LastOperation"]
MADE = dt.datetime(2026, 1, 5, 23, 30, 0, 7_000, tzinfo=dt.UTC)
EDITED = dt.datetime(2026, 7, 5, 22, 15, 59, 999_000, tzinfo=dt.UTC)


def view(*columns: Column) -> ViewDefinition:
    return ViewDefinition(1, 1, "All", "All", "", columns, Query(1), MappingProxyType({}), "")


def app(*operations: OperationDefinition) -> AppDefinition:
    return AppDefinition(1, 1, "Visits", "Visits", "", {}, operations, (), {})


TEXT = Column("Company", "Company", TYPES["text"])
COUNT = Column("Count", "Count", TYPES["number"])
CHOICES = {"choices": ["A", "B"]}


def row(values: dict[str, Any], first: int = 7, last: int = 9) -> items.Row:
    return values, 227_544, "Mike Smith", MADE, "Ada", EDITED, last, first, "UpdateLead"


@pytest.mark.parametrize("format", FORMATS)
def test_the_layout_then_the_system_fields(format: Format) -> None:
    for columns in (
        (TEXT, COUNT),
        (COUNT, TEXT),
        (COUNT, SYSTEM_COLUMNS["CreatedOn"], TEXT, SYSTEM_COLUMNS["RecordID"]),
    ):
        own = [column.name for column in columns if not column.system]
        values = {"Company": "A", "Count": 5, "Other": "not in the layout"}
        plain = items.renderer(view(*columns), format, zapier=False)(row(values))
        zapier = items.renderer(view(*columns), format, zapier=True)(row(values))
        assert list(plain) == [*own, *SYSTEM]
        assert list(zapier) == [*own, *SYSTEM, *ZAPIER]


@pytest.mark.parametrize("format", FORMATS)
def test_every_key_is_there_without_a_value(format: Format) -> None:
    columns = [Column(f"F{n}", "F", kind, CHOICES) for n, kind in enumerate(TYPES.values())]
    item = items.renderer(view(*columns), format, zapier=True)(row({}))
    assert list(item)[: len(columns)] == [column.name for column in columns]


def test_system_fields() -> None:
    item = items.renderer(view(TEXT), "typed", zapier=False)(row({"Company": "A"}))
    assert item == {
        "Company": "A",
        "RecordID": "000227544",
        "CreatedBy": "Mike Smith",
        "CreatedOn": "2026-01-05T23:30:00.007Z",
        "LastModifiedBy": "Ada",
        "LastModifiedOn": "2026-07-05T22:15:59.999Z",
        "lastSubmissionID": 9,
    }


def test_a_record_id_of_more_than_nine_digits_is_not_cut() -> None:
    item = items.renderer(view(TEXT), "typed", zapier=False)(({}, 12_345_678_901, *row({})[2:]))
    assert item["RecordID"] == "12345678901"


def test_zapier_fields() -> None:
    shape = items.renderer(view(TEXT), "flowfinity", zapier=True)
    edited, fresh = shape(row({})), shape(row({}, first=9, last=9))
    assert (edited["id"], edited["IsNew"], edited["LastOperation"]) == (9, False, "UpdateLead")
    assert fresh["IsNew"] is True
    assert edited["id"] == edited["lastSubmissionID"] and type(edited["id"]) is int


@pytest.mark.parametrize(
    ("zone", "made", "edited"),
    [
        ("UTC", "2026-01-05T23:30:00.007+00:00", "2026-07-05T22:15:59.999+00:00"),
        ("Europe/Berlin", "2026-01-06T00:30:00.007+01:00", "2026-07-06T00:15:59.999+02:00"),
        ("America/St_Johns", "2026-01-05T20:00:00.007-03:30", "2026-07-05T19:45:59.999-02:30"),
        ("Asia/Kolkata", "2026-01-06T05:00:00.007+05:30", "2026-07-06T03:45:59.999+05:30"),
    ],
)
def test_times_by_zone(zone: str, made: str, edited: str) -> None:
    with override_settings(TIME_ZONE=zone):
        for format in FORMATS:
            item = items.renderer(view(TEXT), format, zapier=True)(row({}))
            assert (item["CreatedOn"], item["LastModifiedOn"]) == (made, edited)
        plain = items.renderer(view(TEXT), "flowfinity", zapier=False)(row({}))
        assert (plain["CreatedOn"], plain["LastModifiedOn"]) == (made[:23], edited[:23])
        typed = items.renderer(view(TEXT), "typed", zapier=False)(row({}))
        assert typed["CreatedOn"] == "2026-01-05T23:30:00.007Z"


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)))
def test_an_offset_time_reads_back(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert dt.datetime.fromisoformat(items.with_offset(moment)) == moment


def test_what_is_made_up_has_the_shape_of_a_record() -> None:
    columns = [Column(f"F{n}", "F", kind, CHOICES) for n, kind in enumerate(TYPES.values())]
    made_up = items.made_up(app(), view(*columns), MADE)
    for format in FORMATS:
        item = items.renderer(view(*columns), format, zapier=True)(made_up)
        assert list(item) == [*(column.name for column in columns), *SYSTEM, *ZAPIER]
        assert type(item["id"]) is int and isinstance(item["IsNew"], bool)


def test_what_is_made_up_was_made_by_the_first_operation_that_makes_records() -> None:
    edit = OperationDefinition(1, 1, "Edit", "Edit", "update", "", ())
    new, other = (replace(edit, name=name, kind="create") for name in ("New", "Other"))
    shape = items.renderer(view(TEXT), "typed", zapier=True)
    for operations, said in (((edit, new, other), "New"), ((edit,), "Create")):
        assert shape(items.made_up(app(*operations), view(TEXT), MADE))["LastOperation"] == said
