"""Field types: what each takes, keeps and sends, cell by cell (contract, Records in a view's answer)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.test import override_settings
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from flowfinity.fields import FORMATS, TYPES, FieldError, FieldType, Moment, RecordNumber, WholeNumber, record_id
from flowfinity.query import OPERATORS

CHOICES = {"choices": ["Energy", "50-80%", "2", "a__b", "O'Neil", "Ölförderung", "日本"]}
NOTHING: dict[str, Any] = {}


@pytest.fixture
def berlin() -> Iterator[None]:
    with override_settings(TIME_ZONE="Europe/Berlin"):
        yield


@dataclass
class Values:
    """One type's table: `valid` maps what comes in to what is stored, `sent` the stored to both formats and words."""

    valid: list[tuple[Any, Any]]
    invalid: list[Any]
    sent: list[tuple[Any, Any, Any, str]]
    empty: tuple[Any, Any]
    blank: list[Any]
    config: dict[str, Any] = field(default_factory=dict)
    code: str = "invalid"


NO_TEXT: list[Any] = [5, 5.5, True, False, [], ["a"], {}, {"Selection": "a"}, "a\x00b", "\ud800", "a\udfff"]
SPACES = [None, "", " ", "\t\r\n", "\u00a0", "\u2003"]

TABLES: dict[str, Values] = {
    "text": Values(
        valid=[(text, text) for text in ("ABC Inc", " a ", "İıßΣςÉ", "😀", "a\nb", "null", "\u200b", "x" * 1000)],
        invalid=[*NO_TEXT],
        sent=[("ABC Inc", "ABC Inc", "ABC Inc", "ABC Inc")],
        empty=("", ""),
        blank=SPACES,
    ),
    "multiline": Values(
        valid=[("one\r\ntwo", "one\r\ntwo"), ("x" * 100_000, "x" * 100_000)],
        invalid=[*NO_TEXT],
        sent=[("one\ntwo", "one\ntwo", "one\ntwo", "one\ntwo")],
        empty=("", ""),
        blank=SPACES,
    ),
    "phone": Values(
        valid=[("555-7777", "555-7777"), ("ask for Jo, ext. 5", "ask for Jo, ext. 5"), ("1" * 100, "1" * 100)],
        invalid=[*NO_TEXT],
        sent=[("+1 (604) 878-0008", "+1 (604) 878-0008", "+1 (604) 878-0008", "+1 (604) 878-0008")],
        empty=("", ""),
        blank=SPACES,
    ),
    "email": Values(
        valid=[("jsmith@example.com", "jsmith@example.com"), ("a+b@müller.example", "a+b@müller.example")],
        invalid=[*NO_TEXT, "jsmith", "jsmith@", "@example.com", "a b@example.com", " a@example.com", "a@example.com\n"],
        sent=[("jsmith@example.com",) * 4],
        empty=("", ""),
        blank=SPACES,
    ),
    "url": Values(
        valid=[("https://example.com/a?b=%20#c",) * 2, ("http://localhost:8000",) * 2],
        invalid=[*NO_TEXT, "example.com", "ftp://example.com", "javascript:alert(1)", "https://", "https://a b.com"],
        sent=[("https://example.com/",) * 4],
        empty=("", ""),
        blank=SPACES,
    ),
    "number": Values(
        valid=[
            *[(25, 25), ("25", 25), (25.0, 25), ("25.00", 25), ("2.5e1", 25), (" 25 ", 25), ("-0", 0), (-0.0, 0)],
            *[(0.5, 0.5), ("0.50", 0.5), ("00.1", 0.1), (-99.25, -99.25), ("1E-7", 1e-7)],
            *[(999999999999999, 999999999999999), (0.123456789012345, 0.123456789012345), ("1e20", 1e20)],
            *[(10**300, 1e300), ("1e-300", 1e-300), ("0e-9999", 0), ("0.0000000000000000001", 1e-19)],
            *[
                (2**53 // 1000 * 1000, 9007199254740000),
                (123456789012345000, 123456789012345000),
                (1e19, 10**19),
                (-1e19, -1e19),
            ],
        ],
        invalid=[
            *[True, False, [], [25], {}, {"Selection": 25}, "25 USD", "$25", "1,000", "1 000", "1_000", "0x19", "٢٥"],
            *[
                "NaN",
                "nan",
                "Infinity",
                "-inf",
                float("nan"),
                float("inf"),
                -float("inf"),
                "+5",
                ".5",
                "5.",
                "1e",
                "--5",
            ],
            *["1e309", "-1e309", "1e9999", "1e99999", "1e-301", "1e-9999", 5e-324, 10**400, -(10**4000), "1" * 500],
            *[1234567890123456, 2**53, "0.1234567890123456", 0.1 + 0.2, 1 / 3, "1000000000000001e5", "5\x00"],
        ],
        sent=[
            (25, "25", 25, "25"),
            (0, "0", 0, "0"),
            (0.5, "0.5", 0.5, "0.5"),
            (-1234567.25, "-1234567.25", -1234567.25, "-1,234,567.25"),
            (1e-7, "0.0000001", 1e-7, "0.0000001"),
            (1e20, "100000000000000000000", 1e20, "100,000,000,000,000,000,000"),
            (1e22, "1" + "0" * 22, 1e22, "10,000,000,000,000,000,000,000"),
        ],
        empty=(None, None),
        blank=[None, "", "  "],
    ),
    "currency": Values(
        valid=[(99, 99), ("99.50", 99.5), (-5, -5)],
        invalid=[True, "$99", "99 USD", "NaN", 1234567890123456],
        sent=[(99, "99", 99, "$99"), (-1234.5, "-1234.5", -1234.5, "-$1,234.50")],
        empty=(None, None),
        blank=[None, "", " "],
        config={"currency": "USD"},
    ),
    "yesno": Values(
        valid=[
            *[(True, True), ("Yes", True), ("true", True), ("TRUE", True), ("1", True), ("on", True)],
            *[({"Selection": ["Yes"]}, True), ({"selection": ["Yes"]}, True)],
        ],
        invalid=[
            1,
            0,
            1.0,
            "maybe",
            "y",
            " yes",
            [],
            ["Yes"],
            {},
            {"Selection": ["No"]},
            {"Selection": "Yes"},
            {"a": []},
            {"Selection": ["Yes"], "b": 1},
            {"Selection": ["Yes", "Yes"]},
            {"Selection": True},
        ],
        sent=[(True, {"Selection": ["Yes"]}, True, "Yes")],
        empty=({"Selection": []}, False),
        blank=[None, "", False, "No", "false", "0", {"Selection": []}],
    ),
    "date": Values(
        valid=[
            *[(text, "2019-09-06") for text in ("2019-09-06", "2019-09-06T00:00:00.000", "2019-09-06 00:00")],
            *[("2019-09-06T00:00:00.000000000", "2019-09-06"), ("2020-02-29",) * 2, ("0001-01-01",) * 2],
        ],
        invalid=[
            *["2019-02-29", "2019-13-01", "2019-00-10", "2019-9-6", "20190906", "2019-W36-5", "06.09.2019", "today"],
            *["2019-09-06T04:37:31", "2019-09-06T00:00:00.001", "2019-09-06T00:00Z", "2019-09-06T00:00:00+02:00"],
            *["2019-09-06Z", " 2019-09-06", "2019-09-06\n", "٢٠١٩-09-06", "0000-01-01", 20190906, True, [], {}, " "],
        ],
        sent=[("2019-09-06", "2019-09-06T00:00:00.000", "2019-09-06", "6 Sep 2019")],
        empty=(None, None),
        blank=[None, ""],
    ),
    "datetime": Values(
        valid=[
            *[
                ("2020-09-06T04:37:31.120Z", "2020-09-06T04:37:31.120Z"),
                ("2020-09-06t04:37:31z", "2020-09-06T04:37:31.000Z"),
            ],
            *[
                ("2020-09-06T04:37:31.120", "2020-09-06T04:37:31.120Z"),
                ("2020-09-06 04:37", "2020-09-06T04:37:00.000Z"),
            ],
            *[("2020-09-06", "2020-09-06T00:00:00.000Z"), ("2020-09-06T04:37:31+02:00", "2020-09-06T02:37:31.000Z")],
            *[
                ("2020-09-06T04:37:31-0730", "2020-09-06T12:07:31.000Z"),
                ("2020-09-06T04:37:31.5Z", "2020-09-06T04:37:31.500Z"),
            ],
            *[
                ("2020-09-06T04:37:31.123999999Z", "2020-09-06T04:37:31.123Z"),
                ("2020-01-01T00:30+01:00", "2019-12-31T23:30:00.000Z"),
            ],
        ],
        invalid=[
            *[
                "2020-02-30T00:00Z",
                "2020-09-06T24:00:00Z",
                "2020-09-06T04:60Z",
                "2020-09-06T04:37:60Z",
                "2020-09-06T04",
            ],
            *["2020-09-06T04:37:31+24:00", "2020-09-06T04:37:31 +02:00", "20200906T043731Z", "1599367051", 1599367051],
            *["2020-09-06T04:37:31.1234567890Z", "04:37", True, [], {}, " ", "2020-09-06T04:37:31Z\n", "yesterday"],
            # The edges of the calendar cannot be shown in every zone.
            *["0001-01-01T00:00:00Z", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59-12:00"],
        ],
        sent=[("2020-09-06T04:37:31.120Z", "2020-09-06T04:37:31.120", "2020-09-06T04:37:31.120Z", "6 Sep 2020, 04:37")],
        empty=(None, None),
        blank=[None, ""],
    ),
    "single": Values(
        valid=[(c, c) for c in CHOICES["choices"]] + [({"Selection": c}, c) for c in CHOICES["choices"]],
        invalid=["energy", "Energy ", " ", "choices", {"Selection": "Coal"}],
        sent=[(c, {"Selection": c}, c, c) for c in CHOICES["choices"]],
        empty=({"Selection": None}, None),
        blank=[None, "", {"Selection": None}, {"Selection": ""}, {"SELECTION": None}],
        config=CHOICES,
        code="not_a_choice",
    ),
    "multiple": Values(
        valid=[
            (["Energy"], {"Energy": True}),
            (["2", "Energy", "2"], {"Energy": True, "2": True}),
            ({"Selection": ["日本", "a__b"]}, {"a__b": True, "日本": True}),
        ],
        invalid=[["Coal"], ["Energy", "Coal"], [""], {"Selection": ["energy"]}],
        sent=[
            ({"2": True, "Energy": True}, {"Selection": ["Energy", "2"]}, ["Energy", "2"], "Energy, 2"),
            # A choice that is no longer there stays with the records that have it, last.
            ({"Coal": True, "日本": True}, {"Selection": ["日本", "Coal"]}, ["日本", "Coal"], "日本, Coal"),
        ],
        empty=({"Selection": []}, []),
        blank=[None, [], {"Selection": []}, {"Selection": None}],
        config=CHOICES,
        code="not_a_choice",
    ),
    "location": Values(
        valid=[
            ({"latitude": "49.28", "LONGITUDE": -123.12}, {"Latitude": 49.28, "Longitude": -123.12}),
            (
                {"Latitude": 90, "Longitude": -180, "Accuracy": "12"},
                {"Latitude": 90, "Longitude": -180, "Accuracy": 12},
            ),
            ("49.28, -123.12", {"Latitude": 49.28, "Longitude": -123.12}),
            ("0;0;5.5", {"Latitude": 0, "Longitude": 0, "Accuracy": 5.5}),
        ],
        invalid=[
            *(5, True, [], "here", "1", "91,0", {"Latitude": 1}, {"Longitude": 1}, {"Accuracy": 1}, {"Lat": 1}),
            *(
                {"Latitude": 90.1, "Longitude": 0},
                {"Latitude": 0, "Longitude": 181},
                {"Latitude": True, "Longitude": 0},
            ),
            {"Latitude": 0, "Longitude": 0, "Accuracy": -1},
        ],
        sent=[
            (
                {"Latitude": 49.5, "Longitude": -123},
                {"Latitude": "49.5", "Longitude": "-123", "Accuracy": None},
                {"Latitude": 49.5, "Longitude": -123, "Accuracy": None},
                "49.5, -123",
            )
        ],
        empty=({"Latitude": None, "Longitude": None, "Accuracy": None},) * 2,
        blank=[None, "", {}, {"Latitude": None, "Longitude": None, "Accuracy": None}],
    ),
    "user": Values(
        valid=[("sam", "sam"), ({"UserName": "sam"}, "sam"), ({"username": "sam", "DisplayName": "Sam Lowry"}, "sam")],
        invalid=[5, True, [], {}, {"DisplayName": "Sam"}, {"UserName": "sam", "Email": "x"}, "a\x00", {"UserName": 5}],
        sent=[("sam", *({"UserName": "sam", "DisplayName": "sam"},) * 2, "sam")],
        empty=({"UserName": None, "DisplayName": None},) * 2,
        blank=[None, "", {"UserName": None, "DisplayName": None}],
    ),
    "link": Values(
        valid=[("000000012", 12), (12, 12), ({"RecordID": "000000012", "Display": "ABC"}, 12), ({"recordid": 1}, 1)],
        invalid=[0, -1, 1.5, True, [], {}, "x", "1.5", 2**53, "9" * 16, {"Display": "ABC"}, {"RecordID": True}],
        sent=[(12, *({"RecordID": "000000012", "Display": ""},) * 2, "000000012")],
        empty=({"RecordID": None, "Display": None},) * 2,
        blank=[None, "", {"RecordID": None, "Display": None}],
        config={"app": "Accounts"},
    ),
}
# What is sent of a file is not what is stored: tests/test_files.py.
FILES = {"picture", "signature", "attachment"}


def test_every_type_has_a_table() -> None:
    assert set(TABLES) == set(TYPES) - FILES
    assert all(name == type.name for name, type in TYPES.items())


@pytest.mark.parametrize("name", TABLES)
def test_what_comes_in_is_stored_as_the_table_says(name: str) -> None:
    table, type = TABLES[name], TYPES[name]
    stored = [(raw, type.validate(raw, table.config)) for raw, _ in table.valid]
    assert stored == table.valid
    for (raw, value), (_, wanted) in zip(stored, table.valid, strict=True):
        assert value.__class__ is wanted.__class__, raw
        assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("name", TABLES)
def test_what_is_no_value_of_the_type_is_refused_in_words(name: str) -> None:
    table, type = TABLES[name], TYPES[name]
    for raw in table.invalid:
        with pytest.raises(FieldError) as refused:
            type.validate(raw, table.config)
            pytest.fail(f"{raw!r} was taken")
        assert refused.value.code == table.code
        assert 10 < len(refused.value.message) < 250


@pytest.mark.parametrize("name", TABLES)
def test_a_blank_is_not_stored(name: str) -> None:
    table, type = TABLES[name], TYPES[name]
    assert [type.validate(raw, table.config) for raw in table.blank] == [None] * len(table.blank)
    assert type.display(None, table.config) == ("No" if name == "yesno" else "")


@pytest.mark.parametrize("name", TABLES)
def test_the_wire_shows_it_as_the_contract_says(name: str) -> None:
    table, type = TABLES[name], TYPES[name]
    for stored, *outputs, words in table.sent:
        for format, output in zip(FORMATS, outputs, strict=True):
            render, _ = type.renderer(table.config, format)
            assert render(stored) == output
            assert render(stored).__class__ is output.__class__
        assert type.display(stored, table.config) == words
    assert tuple(type.renderer(table.config, format)[1] for format in FORMATS) == table.empty


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", TABLES)
def test_what_was_sent_comes_back_the_same(name: str, format: Any) -> None:
    table, type = TABLES[name], TYPES[name]
    render, blank = type.renderer(table.config, format)
    for _, stored in table.valid:
        assert type.validate(render(stored), table.config) == stored
    assert type.validate(blank, table.config) is None


@pytest.mark.parametrize("name", ["text", "multiline", "phone", "email", "url"])
def test_text_has_a_length(name: str) -> None:
    type: Any = TYPES[name]
    with pytest.raises(FieldError) as refused:
        type.validate("é" * (type.longest + 1), NOTHING)
    assert refused.value.code == "too_long"
    assert refused.value.message == f"Shorten this to {type.longest:,} characters; it has {type.longest + 1:,}."


@pytest.mark.parametrize("name", ["single", "multiple"])
def test_a_choice_of_the_wrong_json_type_is_invalid_not_unknown(name: str) -> None:
    wrong: list[Any] = [
        5,
        True,
        {},
        {"Selection": 5},
        {"Selection": "Energy", "x": 1},
        {"x": "Energy"},
        [["Energy"]],
        [5],
    ]
    wrong += [["Energy"], {"Selection": ["Energy"]}] if name == "single" else ["Energy", "", {"Selection": "Energy"}]
    for raw in wrong:
        with pytest.raises(FieldError) as refused:
            TYPES[name].validate(raw, CHOICES)
        assert refused.value.code == "invalid", raw


def test_a_refused_choice_is_told_the_choices_as_far_as_there_is_room() -> None:
    with pytest.raises(FieldError, match=r"^Choose one of: Hot, Warm, Cold\.$"):
        TYPES["single"].validate("Tepid", {"choices": ["Hot", "Warm", "Cold"]})
    for choices in ([f"Choice {number}" for number in range(500)], ["x" * 200, "y"], []):
        for name, raw in (("single", "?"), ("multiple", ["?"])):
            with pytest.raises(FieldError) as refused:
                TYPES[name].validate(raw, {"choices": choices})
            assert len(refused.value.message) < 250


def test_a_currency_is_shown_with_its_sign() -> None:
    shown = {code: TYPES["currency"].display(1234.5, {"currency": code}) for code in ("EUR", "CHF", "JPY", "")}
    assert shown == {"EUR": "€1,234.50", "CHF": "CHF 1,234.50", "JPY": "¥1,234.50", "": "1,234.50"}
    assert TYPES["currency"].display(-3, {"currency": "CHF"}) == "-CHF 3"
    assert TYPES["currency"].display(-3, {}) == "-3"


def test_money_has_two_decimals_or_none_and_is_never_rounded() -> None:
    amounts = (1200.5, 1200, 0.5, -0.25, 1200.125)
    shown = [TYPES["currency"].display(amount, {"currency": "USD"}) for amount in amounts]
    assert shown == ["$1,200.50", "$1,200", "$0.50", "-$0.25", "$1,200.125"]
    with translation.override("de"):
        assert TYPES["currency"].display(1200.5, {"currency": "EUR"}) == "€1.200,50"


# Times and zones


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("raw", "stored", "shown"),
    [
        ("2020-09-06T04:37:31.120", "2020-09-06T02:37:31.120Z", "2020-09-06T04:37:31.120"),
        ("2020-01-06", "2020-01-05T23:00:00.000Z", "2020-01-06T00:00:00.000"),
        ("2020-09-06T04:37:31Z", "2020-09-06T04:37:31.000Z", "2020-09-06T06:37:31.000"),
        # The hour before and after the one that is skipped.
        ("2021-03-28T01:59:59.999", "2021-03-28T00:59:59.999Z", "2021-03-28T01:59:59.999"),
        ("2021-03-28T03:00", "2021-03-28T01:00:00.000Z", "2021-03-28T03:00:00.000"),
        # An hour that occurs twice is the first.
        ("2021-10-31T02:30", "2021-10-31T00:30:00.000Z", "2021-10-31T02:30:00.000"),
        ("2021-10-31T02:30+01:00", "2021-10-31T01:30:00.000Z", "2021-10-31T02:30:00.000"),
        ("2021-10-31T03:00", "2021-10-31T02:00:00.000Z", "2021-10-31T03:00:00.000"),
    ],
)
def test_a_time_without_zone_is_in_the_sites_zone(raw: str, stored: str, shown: str) -> None:
    type = TYPES["datetime"]
    assert type.validate(raw, NOTHING) == stored
    assert type.renderer(NOTHING, "flowfinity")[0](stored) == shown
    assert type.renderer(NOTHING, "typed")[0](stored) == stored
    assert type.to_form(stored, NOTHING) == shown


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("raw", ["2021-03-28T02:00", "2021-03-28T02:30:00", "2021-03-28 02:59:59.999"])
def test_an_hour_that_is_skipped_is_refused(raw: str) -> None:
    with pytest.raises(FieldError):
        TYPES["datetime"].validate(raw, NOTHING)
    assert TYPES["datetime"].validate(f"{raw}Z", NOTHING).endswith("Z")


@pytest.mark.usefixtures("berlin")
def test_a_date_has_no_zone() -> None:
    assert TYPES["date"].validate("2021-03-28", NOTHING) == "2021-03-28"
    assert TYPES["date"].renderer(NOTHING, "flowfinity")[0]("2021-03-28") == "2021-03-28T00:00:00.000"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "Etc/GMT+12"])
def test_every_stored_time_can_be_shown_in_every_zone(zone: str) -> None:
    type = TYPES["datetime"]
    with override_settings(TIME_ZONE=zone):
        for raw in ("0002-01-01T00:00:00Z", "9998-12-31T23:59:59.999Z"):
            stored = type.validate(raw, NOTHING)
            render, _ = type.renderer(NOTHING, "flowfinity")
            assert type.validate(render(stored), NOTHING) == stored
            assert type.display(stored, NOTHING)


def test_days_are_counted_back_from_now() -> None:
    now = dt.datetime(2020, 9, 6, 22, 30, tzinfo=dt.UTC)
    assert TYPES["date"].span(7, now) == ("2020-08-30", "2020-09-06")
    assert TYPES["datetime"].span(7, now) == ("2020-08-30T22:30:00.000Z", "2020-09-06T22:30:00.000Z")
    assert Moment().span(7, now) == (now - dt.timedelta(days=7), now)
    assert TYPES["date"].span(0, now) == ("2020-09-06", "2020-09-06")
    with override_settings(TIME_ZONE="Europe/Berlin"):
        assert TYPES["date"].span(1, now) == ("2020-09-06", "2020-09-07")
    early = dt.datetime(50, 1, 1, tzinfo=dt.UTC)
    assert TYPES["date"].span(36_500, early)[0] == "0001-01-01"


# System columns


def test_system_columns_look_as_the_contract_says() -> None:
    moment = dt.datetime(2020, 9, 6, 4, 37, 31, 120_000, tzinfo=dt.UTC)
    number, record, on = WholeNumber(), RecordNumber(), Moment()
    assert record_id(227544) == "000227544"
    assert [record.renderer(NOTHING, format)[0](227544) for format in FORMATS] == ["000227544"] * 2
    assert record.display(227544, NOTHING) == "000227544"
    assert record_id(1234567890) == "1234567890"
    assert number.renderer(NOTHING, "typed")[0](5) == 5
    assert on.renderer(NOTHING, "typed")[0](moment) == "2020-09-06T04:37:31.120Z"
    with override_settings(TIME_ZONE="Europe/Berlin"):
        assert on.renderer(NOTHING, "flowfinity")[0](moment) == "2020-09-06T06:37:31.120"
    assert on.display(moment, NOTHING) == "6 Sep 2020, 04:37"
    assert on.display(None, NOTHING) == ""


def test_system_columns_are_compared_as_numbers_and_times() -> None:
    assert WholeNumber().operand("000227544", NOTHING) == 227544
    assert RecordNumber().operand(5.0, NOTHING) == 5
    for raw in (5.5, 1e20, 2**53 * 10, "123456789012345000"):
        with pytest.raises(FieldError):
            WholeNumber().operand(raw, NOTHING)
    assert Moment().operand("2020-09-06T06:37:31+02:00", NOTHING) == dt.datetime(2020, 9, 6, 4, 37, 31, tzinfo=dt.UTC)
    assert Moment().operand("", NOTHING) is None


# Settings of a field


@pytest.mark.parametrize("name", ["single", "multiple"])
@pytest.mark.parametrize(
    "config",
    [
        *({}, {"choices": None}, {"choices": []}, {"choices": "Hot"}, {"choices": {"Hot": 1}}, {"choices": ["Hot", 5]}),
        *({"choices": ["Hot", "Hot"]}, {"choices": [""]}, {"choices": [" Hot"]}, {"choices": ["Hot\n"]}),
        *({"choices": ["x" * 201]}, {"choices": ['say "x"']}, {"choices": ["a\\b"]}, {"choices": ["\ud800"]}),
        *({"choices": ["a\x00"]}, {"choices": [["Hot"]]}, {"choices": ["Hot"], "tones": {"Cold": "bad"}}),
        *({"choices": ["Hot"], "tones": {"Hot": "red"}}, {"choices": ["Hot"], "tones": ["Hot"]}),
        *({"choices": ["Hot"], "tones": {"Hot": ["bad"]}}, {"choices": ["Hot"], "tones": {"Hot": None}}),
    ],
)
def test_choices_that_cannot_be_are_told(name: str, config: dict[str, Any]) -> None:
    (sentence,) = TYPES[name].faults(config)
    assert sentence.endswith(".")


def test_choices_that_can_be_are_taken() -> None:
    for config in (CHOICES, {"choices": ["Hot", "Warm"], "tones": {"Hot": "bad", "Warm": ""}}):
        assert TYPES["single"].faults(config) == TYPES["multiple"].faults(config) == []


def test_a_currency_has_three_letters() -> None:
    assert TYPES["currency"].faults({"currency": "USD"}) == TYPES["currency"].faults({}) == []
    for wrong in ("usd", "US", "USDX", "$", None, 5, ["USD"], "USD\n"):
        assert TYPES["currency"].faults({"currency": wrong}), wrong


@pytest.mark.parametrize("name", TABLES)
def test_a_type_is_whole(name: str) -> None:
    type, config = TYPES[name], TABLES[name].config
    assert type.label
    assert type.operators and set(type.operators) <= set(OPERATORS)
    assert type.faults(config) == []
    sample = type.sample(config)
    assert type.validate(type.renderer(config, "typed")[0](sample), config) == sample
    assert isinstance(type.widget(config), forms.Widget)
    for _, stored in TABLES[name].valid:
        assert type.validate(type.to_form(stored, config), config) == stored
    assert type.validate(type.to_form(None, config), config) is None


# Generated values

digits = st.integers(-(10**15) + 1, 10**15 - 1)


def rounded(degrees: float) -> float:
    return round(degrees, 7)


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=50)
GENERATED: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "multiline": texts,
    "phone": texts,
    "email": st.emails().filter(lambda text: len(text) < 200),
    "url": st.builds(
        "https://example.{}/{}".format, st.sampled_from(["com", "org"]), st.from_regex(r"\A[a-z0-9%?=#]*\Z")
    ),
    "number": digits
    | st.builds("{}e{}".format, digits, st.integers(-280, 280))
    | st.floats().map(lambda n: float(f"{n:.14e}")),
    "currency": st.decimals(-(10**12), 10**12, places=2).map(str),
    "yesno": st.booleans() | st.sampled_from(["Yes", "no", "ON", None]),
    "date": st.dates().map(str),
    "datetime": st.datetimes(dt.datetime(2, 1, 2), dt.datetime(9998, 12, 30), timezones=st.timezones()).map(
        dt.datetime.isoformat
    ),
    "single": st.sampled_from([*CHOICES["choices"], None, ""]),
    "multiple": st.lists(st.sampled_from(CHOICES["choices"])) | st.none(),
    "location": st.fixed_dictionaries(
        {"Latitude": st.floats(-90, 90).map(rounded), "Longitude": st.floats(-180, 180).map(rounded)},
        optional={"Accuracy": st.integers(0, 10_000)},
    ),
    "user": texts,
    "link": st.integers(1, 2**53 - 1).map(str),
}


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
def test_whatever_is_stored_survives_both_wires(name: str, data: st.DataObject) -> None:
    type, config = TYPES[name], TABLES[name].config
    try:
        stored = type.validate(data.draw(GENERATED[name]), config)
    except FieldError:
        # Not every generated e-mail address or number is one of ours; what is stored is what is asked about.
        return
    survives(type, config, stored)


@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)))
def test_a_time_survives_the_sites_zone_but_for_the_hour_that_occurs_twice(moment: dt.datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    with override_settings(TIME_ZONE=str(zone)):
        stored = TYPES["datetime"].validate(moment.isoformat(), NOTHING)
        if not moment.astimezone(zone).fold:
            survives(TYPES["datetime"], NOTHING, stored)


def survives(type: FieldType, config: dict[str, Any], stored: Any) -> None:
    """Fails when a stored value comes back from a wire format as another one."""
    assert isinstance(type.display(stored, config), str)
    assert json.loads(json.dumps(stored)) == stored
    for format in FORMATS:
        render, blank = type.renderer(config, format)
        sent = json.loads(json.dumps(blank if stored is None else render(stored)))
        again = type.validate(sent, config)
        assert again == stored
        assert again.__class__ is stored.__class__


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Selection", "Energy", "2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("Selection"), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("name", TABLES)
@given(raw=JSON)
def test_any_json_is_stored_or_refused(name: str, raw: Any) -> None:
    type, config = TYPES[name], TABLES[name].config
    try:
        stored = type.validate(raw, config)
    except FieldError as error:
        assert error.code in {"invalid", "too_long", "not_a_choice"}
        assert len(error.message) < 250
    else:
        survives(type, config, stored)


def test_nothing_here_depends_on_the_current_zone_but_what_is_displayed() -> None:
    with timezone.override("Asia/Tokyo"):
        assert TYPES["datetime"].validate("2020-09-06T04:37", NOTHING) == "2020-09-06T04:37:00.000Z"
        assert (
            TYPES["datetime"].renderer(NOTHING, "flowfinity")[0]("2020-09-06T04:37:00.000Z")
            == "2020-09-06T04:37:00.000"
        )
        assert TYPES["datetime"].display("2020-09-06T04:37:00.000Z", NOTHING) == "6 Sep 2020, 13:37"
