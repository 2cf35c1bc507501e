"""Query: what each operator means, on the database that is configured, and that it fails closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import F
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowfinity import definitions
from flowfinity.fields import TYPES
from flowfinity.models import App, Record, Submission, User
from flowfinity.query import (
    DEEPEST,
    MOST_CONDITIONS,
    OPERATORS,
    SYSTEM_COLUMNS,
    Column,
    Condition,
    Group,
    Order,
    Parameter,
    Query,
    QueryError,
    load_filter,
    load_order,
)
from flowfinity.submissions import submit
from integration import items, zapier_mode
from tests import builders

NOW = dt.datetime(2020, 9, 6, 12, 0, tzinfo=dt.UTC)
CHOICES = ["Energy", "2", "a__b", "50-80%", "O'Neil", "Ölförderung", "日本", "Z", "in", "null"]
WITH_CHOICES = {"single": {"choices": CHOICES}, "multiple": {"choices": CHOICES}, "currency": {"currency": "USD"}}


def spec(type: str) -> dict[str, Any]:
    """A field of the type, for `make_app`."""
    return {"type": type, **WITH_CHOICES.get(type, {})}


def fill(app: App, rows: Mapping[str, Mapping[str, Any]], by: User, at: dt.datetime = NOW) -> None:
    """Makes a record a row, with its key in the field Name."""
    submit([builders.call(app, "Make", Name=name, **values) for name, values in rows.items()], by, at=at)


def names(query: Query, model: type[models.Model] = Record) -> list[str]:
    """The field Name of the rows that answer, in order."""
    return list(query.apply(model._default_manager.all()).values_list("values__Name", flat=True))


def columns_of(app: App) -> Mapping[str, Column]:
    return definitions.of(app.pk).columns


def asked(app: App, document: Any, sort: Any = ()) -> Query:
    """The query that a stored filter and sort mean, with its days counted from NOW."""
    columns = columns_of(app)
    query = Query(app.pk, load_filter(document, columns, {}), load_order(list(sort), columns))
    return query.with_arguments({}, NOW)


# What each operator means


@dataclass
class Table:
    """Rows (name to value), and what is found: operator, operand, names."""

    rows: dict[str, Any]
    cases: list[tuple[str, Any, set[str]]] = field(default_factory=list)

    def but(self, *names: str) -> set[str]:
        return set(self.rows) - set(names)


NO = object()

text = Table(
    {
        "blank": None,
        "spaces": "  ",
        "ann": "Ann",
        "anna": "anna",
        "underscore": "Ann_B",
        "percent": "100% sure",
        "sure": "100 sure",
        "ten": "10",
        "dotted": "İstanbul",
        "undotted": "Istanbul",
        "dotless": "ısı",
        "sharp": "Straße",
        "capital sharp": "STRAẞE",
        "ss": "Strasse",
        "capitals": "ΟΔΟΣ",
        "final": "οδος",
        "medial": "οδοσ",
        "acute": "é",
        "capital acute": "É",
        "plain": "E",
        "marks": "O'Neil \"x\" \\ / $ [0] {}",
        "null": "null",
        "true": "true",
        "json": '["a"]',
        "smile": "😀",
    }
)
everything = text.but()
text.cases = [
    ("is", "ANN", {"ann"}),
    ("is", "anna", {"anna"}),
    ("is", "Ann%", set()),
    ("is", "10", {"ten"}),
    ("is", "null", {"null"}),
    ("is", "TRUE", {"true"}),
    ("is", '["A"]', {"json"}),
    ("is", "İSTANBUL", {"dotted"}),
    ("is", "iSTANBUL", {"undotted"}),
    ("is", "ISI", set()),
    ("is", "ısı", {"dotless"}),
    ("is", "STRAẞE", {"sharp", "capital sharp"}),
    ("is", "STRASSE", {"ss"}),
    ("is", "Οδος", {"capitals", "final"}),
    ("is", "οδοσ", {"medial"}),
    ("is", "É", {"acute", "capital acute"}),
    ("is", "e", {"plain"}),
    ("is", "o'neil \"X\" \\ / $ [0] {}", {"marks"}),
    ("is", "😀", {"smile"}),
    ("is_not", "ANN", everything - {"ann"}),
    ("is_not", "nobody", everything),
    ("is_not", "É", everything - {"acute", "capital acute"}),
    ("contains", "NN", {"ann", "anna", "underscore"}),
    ("contains", "%", {"percent"}),
    ("contains", "_", {"underscore"}),
    ("contains", "n_", {"underscore"}),
    ("contains", "\\", {"marks"}),
    ("contains", "'", {"marks"}),
    ("contains", '"X"', {"marks"}),
    ("contains", "sUr", {"percent", "sure"}),
    ("contains", "AẞE", {"sharp", "capital sharp"}),
    ("contains", "Δ", {"capitals", "final", "medial"}),
    ("contains", "É", {"acute", "capital acute"}),
    ("contains", "I\u0307S", {"dotted"}),
    ("does_not_contain", "NN", everything - {"ann", "anna", "underscore"}),
    ("does_not_contain", "%", everything - {"percent"}),
    ("starts_with", "ANN", {"ann", "anna", "underscore"}),
    ("starts_with", "100%", {"percent"}),
    ("starts_with", "%", set()),
    ("starts_with", "_", set()),
    ("starts_with", "i\u0307", {"dotted"}),
    ("is_blank", NO, {"blank", "spaces"}),
    ("is_not_blank", NO, everything - {"blank", "spaces"}),
]

addresses = Table({"blank": "", "ann": "Ann@Example.com", "bob": "bob_x@example.org", "percent": "b%b@example.org"})
addresses.cases = [
    ("is", "ann@example.COM", {"ann"}),
    ("is_not", "ann@example.com", {"blank", "bob", "percent"}),
    ("contains", "EXAMPLE", {"ann", "bob", "percent"}),
    ("contains", "b_", {"bob"}),
    ("does_not_contain", ".ORG", {"blank", "ann"}),
    ("starts_with", "B%", {"percent"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, {"ann", "bob", "percent"}),
]
places = Table({"blank": "", "a": "https://Example.com/A?b=%20_", "b": "http://example.com/ab"})
places.cases = [
    ("is", "https://example.com/a?B=%20_", {"a"}),
    ("is_not", "http://example.com/ab", {"blank", "a"}),
    ("contains", "%20_", {"a"}),
    ("does_not_contain", "/AB", {"blank", "a"}),
    ("starts_with", "HTTPS:", {"a"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, {"a", "b"}),
]

numbers = Table(
    {
        **{"blank": None, "zero": 0, "minus": -10, "nine": 9, "nine and a half": "9.50", "ten": 10.0, "tenth": 0.1},
        **{"large": 123456789012345000, "huge": 1e20, "enormous": 1e300, "tiny": 1e-7},
    }
)
numbers.cases = [
    ("is", "10", {"ten"}),
    ("is", 10.0, {"ten"}),
    ("is", 9.5, {"nine and a half"}),
    ("is", 0, {"zero"}),
    ("is", 0.1, {"tenth"}),
    ("is", 1e20, {"huge"}),
    ("is", "100000000000000000000", {"huge"}),
    ("is", "123456789012345000", {"large"}),
    ("is", 1e300, {"enormous"}),
    ("is", "0.0000001", {"tiny"}),
    ("is_not", 10, numbers.but("ten")),
    ("is_not", 5, numbers.but()),
    ("greater_than", 9, {"nine and a half", "ten", "large", "huge", "enormous"}),
    ("greater_than", 1e20, {"enormous"}),
    ("at_least", 10, {"ten", "large", "huge", "enormous"}),
    ("at_least", 123456789012345000, {"large", "huge", "enormous"}),
    ("less_than", 10, {"zero", "minus", "nine", "nine and a half", "tenth", "tiny"}),
    ("less_than", 0, {"minus"}),
    ("at_most", 9.5, {"zero", "minus", "nine", "nine and a half", "tenth", "tiny"}),
    ("at_most", 1e-7, {"zero", "minus", "tiny"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, numbers.but("blank")),
]

answers = Table({"blank": None, "no": False, "yes": True})
answers.cases = [
    ("is", True, {"yes"}),
    ("is", {"Selection": ["Yes"]}, {"yes"}),
    ("is", False, {"blank", "no"}),
    ("is", "no", {"blank", "no"}),
]

days = Table(
    {
        **{"blank": None, "long ago": "0001-01-01", "before": "2020-08-29", "week": "2020-08-30"},
        **{"yesterday": "2020-09-05", "today": "2020-09-06", "tomorrow": "2020-09-07", "later": "2021-01-01"},
    }
)
days.cases = [
    ("is", "2020-09-06", {"today"}),
    ("is", "2020-09-06T00:00:00.000", {"today"}),
    ("before", "2020-08-30", {"long ago", "before"}),
    ("after", "2020-09-06", {"tomorrow", "later"}),
    ("on_or_before", "2020-08-30", {"long ago", "before", "week"}),
    ("on_or_after", "2020-09-06", {"today", "tomorrow", "later"}),
    ("within_last_days", 7, {"week", "yesterday", "today"}),
    ("within_last_days", 0, {"today"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, days.but("blank")),
]

times = Table(
    {
        **{"blank": None, "before": "2020-08-30T11:59:59.999Z", "week": "2020-08-30T12:00:00Z"},
        **{"now": "2020-09-06T14:00:00+02:00", "soon": "2020-09-06T12:00:00.001Z", "later": "2021-01-01"},
    }
)
times.cases = [
    ("is", "2020-09-06T12:00:00Z", {"now"}),
    ("is", "2020-09-06T07:00:00.000-05:00", {"now"}),
    ("is", "2020-09-06T12:00", {"now"}),
    ("before", "2020-08-30T12:00:00Z", {"before"}),
    ("after", "2020-09-06T12:00:00Z", {"soon", "later"}),
    ("on_or_before", "2020-08-30T12:00:00Z", {"before", "week"}),
    ("on_or_after", "2020-09-06T12:00:00Z", {"now", "soon", "later"}),
    ("within_last_days", 7, {"week", "now"}),
    ("within_last_days", 0, {"now"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, times.but("blank")),
]

single = Table({"blank": None, **{choice: choice for choice in CHOICES}})
single.cases = [
    *(("is", choice, {choice}) for choice in CHOICES),
    ("is", {"Selection": "2"}, {"2"}),
    *(("is_not", choice, single.but(choice)) for choice in CHOICES),
    ("is_any_of", ["2", "日本", "O'Neil", "50-80%"], {"2", "日本", "O'Neil", "50-80%"}),
    ("is_any_of", ["null"], {"null"}),
    ("is_none_of", ["2", "日本", "null"], single.but("2", "日本", "null")),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, single.but("blank")),
]

multiple = Table(
    {"blank": None, "empty": [], "all": CHOICES, "two": ["2", "a__b"], **{choice: [choice] for choice in CHOICES}}
)
multiple.cases = [
    ("includes", "2", {"all", "two", "2"}),
    ("includes", "a__b", {"all", "two", "a__b"}),
    *(("includes", choice, {"all", choice}) for choice in CHOICES[2:] if choice != "a__b"),
    ("does_not_include", "2", multiple.but("all", "two", "2")),
    *(("does_not_include", choice, multiple.but("all", choice)) for choice in CHOICES if choice not in {"2", "a__b"}),
    ("is_blank", NO, {"blank", "empty"}),
    ("is_not_blank", NO, multiple.but("blank", "empty")),
]

TABLES: dict[str, Table] = {
    **{"text": text, "multiline": text, "phone": text, "email": addresses, "url": places},
    **{"number": numbers, "currency": numbers, "yesno": answers, "date": days, "datetime": times},
    **{"single": single, "multiple": multiple},
}


def test_every_operator_of_every_type_has_its_row() -> None:
    assert {name: {case[0] for case in table.cases} for name, table in TABLES.items()} == {
        name: set(type.operators) for name, type in TYPES.items()
    }
    assert set().union(*(type.operators for type in TYPES.values())) == set(OPERATORS)
    for column in SYSTEM_COLUMNS.values():
        assert set(column.type.operators) <= set(OPERATORS)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Record, Submission])
@pytest.mark.parametrize("name", TABLES)
def test_an_operator_finds_what_its_row_says(name: str, model: type[models.Model]) -> None:
    table = TABLES[name]
    app = builders.make_app({"Name": "text", "Value": spec(name)})
    fill(app, {key: {"Value": raw} for key, raw in table.rows.items()}, builders.person())
    for operator, operand, wanted in table.cases:
        document = {"field": "Value", "operator": operator} | ({} if operand is NO else {"value": operand})
        found = names(asked(app, document), model)
        assert sorted(found) == sorted(wanted), f"{operator} {operand!r}"


@pytest.mark.django_db
def test_dates_are_counted_in_the_sites_zone() -> None:
    app = builders.make_app({"Name": "text", "Day": "date", "Time": "datetime"})
    with override_settings(TIME_ZONE="Pacific/Kiritimati"):
        rows = {day: {"Day": day, "Time": f"{day}T00:00"} for day in ("2020-09-05", "2020-09-06", "2020-09-07")}
        fill(app, rows, builders.person())
        # It is the 7th there, at two in the morning.
        assert names(asked(app, {"field": "Day", "operator": "within_last_days", "value": 0})) == ["2020-09-07"]
        within = {"field": "Time", "operator": "within_last_days", "value": 1}
        assert names(asked(app, within)) == ["2020-09-07"]
        assert names(asked(app, {"field": "Time", "operator": "is", "value": "2020-09-06"})) == ["2020-09-06"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        *("Gte", "Exact", "Contains", "Contained", "In", "Isnull", "Text", "Folded", "Date", "Year", "Pk", "Id"),
        *("HasKey", "Values", "App", "Deleted", "K", "N0", "Iregex", "Range", "Q" * 63),
    ],
)
def test_a_field_may_be_called_like_a_lookup_or_a_column(name: str) -> None:
    app = builders.make_app({"Name": "text", name: "number", f"X{name}"[:63]: "text"})
    fill(app, {"none": {}, "five": {name: 5}, "six": {name: 6, f"X{name}"[:63]: "six"}}, builders.person())
    assert names(asked(app, {"field": name, "operator": "at_least", "value": 5})) == ["five", "six"]
    assert names(asked(app, {"field": name, "operator": "is_blank"})) == ["none"]
    assert names(asked(app, {"field": f"X{name}"[:63], "operator": "is", "value": "SIX"})) == ["six"]
    assert names(asked(app, None, [{"field": name, "direction": "descending"}])) == ["six", "five", "none"]


# System columns


@pytest.fixture
def history(db: None) -> App:
    """Three records of two people at three times: "one" by Ada, changed by İda; "two" by İda; "three" by Ada."""
    app = builders.make_app({"Name": "text"})
    ada, ida = builders.person("ada", display_name="Ada"), builders.person("ida", display_name="İda")
    fill(app, {"one": {}}, ada, NOW - dt.timedelta(days=3))
    fill(app, {"two": {}}, ida, NOW - dt.timedelta(days=2))
    fill(app, {"three": {}, "gone": {}}, ada, NOW - dt.timedelta(days=1))
    first, gone = Record.objects.order_by("pk")[0], Record.objects.order_by("-pk")[0]
    submit([builders.call(app, "Change", first.pk, Name="One")], ida, at=NOW)
    submit([builders.call(app, "Remove", gone.pk)], ida, at=NOW)
    return app


def test_system_columns_can_be_asked_for(history: App) -> None:
    one, two, three = Record.objects.order_by("pk")[:3]
    yesterday = (NOW - dt.timedelta(days=1)).isoformat()
    table: list[tuple[str, str, Any, set[str]]] = [
        ("RecordID", "is", f"{two.pk:09d}", {"two"}),
        ("RecordID", "is_not", two.pk, {"One", "three"}),
        ("RecordID", "greater_than", str(two.pk), {"three"}),
        ("RecordID", "at_most", two.pk, {"One", "two"}),
        ("RecordID", "is_blank", NO, set()),
        ("RecordID", "is_not_blank", NO, {"One", "two", "three"}),
        ("lastSubmissionID", "greater_than", three.last_submission_id, {"One"}),
        ("lastSubmissionID", "at_least", three.last_submission_id, {"One", "three"}),
        ("lastSubmissionID", "less_than", three.last_submission_id, {"two"}),
        ("lastSubmissionID", "is", one.last_submission_id, {"One"}),
        ("CreatedBy", "is", "ADA", {"One", "three"}),
        ("CreatedBy", "is_not", "Ada", {"two"}),
        ("CreatedBy", "is_blank", NO, set()),
        ("LastModifiedBy", "is", "İDA", {"One", "two"}),
        ("LastModifiedBy", "contains", "DA", {"One", "two", "three"}),
        ("LastModifiedBy", "does_not_contain", "i\u0307d", {"three"}),
        ("LastModifiedBy", "starts_with", "a", {"three"}),
        ("CreatedOn", "before", yesterday, {"One", "two"}),
        ("CreatedOn", "on_or_after", yesterday, {"three"}),
        ("CreatedOn", "within_last_days", 2, {"two", "three"}),
        ("LastModifiedOn", "after", yesterday, {"One"}),
        ("LastModifiedOn", "on_or_before", yesterday, {"two", "three"}),
        ("LastModifiedOn", "on_or_after", "2020-09-06T14:00:00+02:00", {"One"}),
        ("LastModifiedOn", "within_last_days", 0, {"One"}),
    ]
    for name, operator, operand, wanted in table:
        document = {"field": name, "operator": operator} | ({} if operand is NO else {"value": operand})
        assert set(names(asked(history, document))) == wanted, (name, operator, operand)


def test_a_number_that_fits_no_column_finds_nothing_and_fails_nothing(history: App) -> None:
    for number in (2**53 - 2, -(2**52)):
        for operator in ("is", "greater_than", "less_than"):
            document = {"field": "lastSubmissionID", "operator": operator, "value": number // 1000 * 1000}
            assert len(names(asked(history, document))) in (0, 3)


def test_a_query_of_submissions_gives_them_as_they_were(history: App) -> None:
    """The same columns as a record's, frozen: "one" as it was and as it is; a deletion is no row."""
    everything = asked(history, None, [{"field": "lastSubmissionID", "direction": "ascending"}])
    assert names(everything, Submission) == ["one", "two", "three", "gone", "One"]
    assert names(everything) == ["two", "three", "One"]
    table: list[tuple[str, str, Any, list[str]]] = [
        ("Name", "is", "one", ["one", "One"]),
        ("LastModifiedBy", "is", "Ada", ["one", "three", "gone"]),
        ("CreatedBy", "is", "Ada", ["one", "three", "gone", "One"]),
        ("LastModifiedOn", "on_or_after", NOW.isoformat(), ["One"]),
        ("CreatedOn", "before", (NOW - dt.timedelta(days=2)).isoformat(), ["one", "One"]),
        ("RecordID", "is", Record.objects.order_by("pk")[0].pk, ["one", "One"]),
        ("lastSubmissionID", "greater_than", Submission.objects.order_by("pk")[1].pk, ["three", "gone", "One"]),
    ]
    for name, operator, operand, wanted in table:
        query = asked(history, {"field": name, "operator": operator, "value": operand})
        query = replace(query, order=everything.order)
        assert names(query, Submission) == wanted, (name, operator)


def test_another_app_and_deleted_records_are_never_found(history: App) -> None:
    other = builders.make_app({"Name": "text"}, "Others")
    fill(other, {"other": {}}, User.objects.get(username="ada"), NOW)
    for document in (None, {"field": "Name", "operator": "is_not", "value": "?"}):
        assert set(names(asked(history, document))) == {"One", "two", "three"}
        assert names(asked(other, document)) == ["other"]
    either = {"any": [{"field": "Name", "operator": "is", "value": name} for name in ("other", "gone", "two")]}
    assert names(asked(history, either)) == ["two"]


# And, or


@pytest.mark.django_db
def test_conditions_are_joined_and_nested() -> None:
    app = builders.make_app({"Name": "text", "A": "number", "B": "text"})
    rows = {f"{a}{b or '-'}": {"A": a, "B": b} for a in (1, 2, 3) for b in ("x", "y", None)}
    fill(app, rows, builders.person())

    def a(operator: str, value: Any) -> dict[str, Any]:
        return {"field": "A", "operator": operator, "value": value}

    b: Callable[[str], dict[str, Any]] = lambda value: {"field": "B", "operator": "is", "value": value}  # noqa: E731
    not_b: Callable[[str], dict[str, Any]] = lambda value: {"field": "B", "operator": "is_not", "value": value}  # noqa: E731
    table: list[tuple[Any, str]] = [
        ({"all": [a("is", 1), b("x")]}, "1x"),
        ({"any": [a("is", 1), b("x")]}, "1x 1y 1- 2x 3x"),
        ({"all": [a("at_least", 2), {"any": [b("y"), {"field": "B", "operator": "is_blank"}]}]}, "2y 2- 3y 3-"),
        ({"any": [{"all": [a("is", 1), b("x")]}, {"all": [a("is", 3), not_b("x")]}]}, "1x 3y 3-"),
        ({"all": [not_b("x"), not_b("y")]}, "1- 2- 3-"),
        ({"any": [not_b("x"), not_b("y")]}, "1x 1y 1- 2x 2y 2- 3x 3y 3-"),
        ({"all": [{"any": [a("is", 1), a("is", 2)]}, {"any": [b("x"), b("y")]}, a("less_than", 2)]}, "1x 1y"),
        ({"all": [{"all": [{"any": [{"all": [b("y")]}]}]}]}, "1y 2y 3y"),
    ]
    for document, wanted in table:
        assert " ".join(names(asked(app, document))) == wanted


# Order


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("type", "ascending"),
    [
        ("text", ["", "10", "9", "a", "Ann", "ann_b", "É", "İ", "ı", "ß", "ẞ", "ς", "Ω", "日本", "\uffee", "😀"]),
        ("phone", ["+1", "1", "555", "a", "B"]),
        ("email", ["a@example.com", "B@example.com", "c@example.com"]),
        ("url", ["http://b.example", "https://A.example", "https://b.example"]),
        ("number", [-10, -9.5, 0, 1e-7, 0.5, 9, 9.5, 10, 123456789012345000, 1e20, 1e300]),
        ("currency", [-1, 2, 10, 100.5]),
        ("date", ["0001-01-01", "1999-12-31", "2020-09-06", "9999-12-31"]),
        ("datetime", ["0002-01-01T00:00Z", "2020-09-06T00:00+02:00", "2020-09-06T00:00Z", "2020-09-06T00:00:00.001Z"]),
        ("single", ["2", "50-80%", "Energy", "O'Neil", "Z", "a__b", "in", "null", "Ölförderung", "日本"]),
    ],
)
def test_order_is_by_value_with_blanks_last_and_ties_by_record(type: str, ascending: list[Any]) -> None:
    values = [value for value in ascending if value != ""]
    app = builders.make_app({"Name": "text", "Value": spec(type)})
    # Backwards, each twice, with blanks before, between and behind.
    rows: dict[str, dict[str, Any]] = {"blank a": {}}
    for index, value in reversed(list(enumerate(values))):
        rows |= {f"{index} a": {"Value": value}, f"{index} b": {"Value": value}}
        if index == 1:
            rows["blank b"] = {}
    fill(app, rows, builders.person())
    up = [f"{index} {half}" for index in folded(type, values) for half in "ab"]
    down = [f"{index} {half}" for index in reversed(folded(type, values)) for half in "ab"]
    for direction, wanted in (("ascending", up), ("descending", down)):
        query = asked(app, None, [{"field": "Value", "direction": direction}])
        for model in (Record, Submission):
            assert untied(names(query, model), values) == untied([*wanted, "blank a", "blank b"], values)


def folded(type: str, values: list[Any]) -> list[int]:
    """The indexes of the values in ascending order; they are listed in it, but for what this very function says."""
    indexes = list(range(len(values)))
    if type in {"text", "phone", "email", "url"}:
        assert [values[i].lower() for i in indexes] == sorted(value.lower() for value in values)
    return indexes


def untied(found: list[str], values: list[Any]) -> list[str]:
    """The names with those of values that differ in capitals alone (ß and ẞ) under one index."""
    same = {str(i): str(values.index(next(v for v in values if lower(v) == lower(value)))) for i, value in enumerate(values)}
    return [same.get(name.split()[0], name) if name[0].isdigit() else name for name in found]


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


@pytest.mark.django_db
def test_there_is_a_sort_for_every_sortable_type() -> None:
    (mark,) = (m for m in test_order_is_by_value_with_blanks_last_and_ties_by_record.pytestmark if m.name == "parametrize")
    assert {case[0] for case in mark.args[1]} == {name for name, type in TYPES.items() if type.sortable}
