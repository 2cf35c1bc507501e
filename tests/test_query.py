"""Query: what each operator means, on the database that is configured, and that it fails closed."""

from __future__ import annotations

import base64
import datetime as dt
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import F
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from flowfinity import definitions
from flowfinity.fields import TYPES, plain
from flowfinity.models import App, Record, Submission, User
from flowfinity.query import (
    DEEPEST,
    MOST_CONDITIONS,
    OPERATORS,
    SYSTEM_COLUMNS,
    Column,
    Condition,
    Group,
    Holding,
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
SETTINGS: dict[str, dict[str, Any]] = {
    **{"single": {"choices": CHOICES}, "multiple": {"choices": CHOICES}},
    **{"currency": {"currency": "USD"}, "link": {"app": "Targets"}},
}


def spec(type: str) -> dict[str, Any]:
    """A field of the type, for `make_app`."""
    return {"type": type, **SETTINGS.get(type, {})}


def fill(app: App, rows: Mapping[str, Mapping[str, Any]], by: User, at: dt.datetime = NOW) -> None:
    """Makes a record a row, with its key in the field Name."""
    submit([builders.call(app, "Make", Name=name, **values) for name, values in rows.items()], by, at=at)


def names(query: Query, model: type[models.Model] = Record) -> list[str]:
    """The field Name of the rows that answer, in order."""
    rows: Iterable[dict[str, Any]] = query.apply(model._default_manager.all()).values_list("values", flat=True)
    return [values["Name"] for values in rows]


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
        "dotless": "\u0131s\u0131",
        "sharp": "Straße",
        "capital sharp": "STRAẞE",
        "ss": "Strasse",
        "capitals": "ΟΔΟΣ",
        "final": "οδος",
        "medial": "οδοσ",
        "acute": "é",
        "capital acute": "É",
        "plain": "E",
        "marks": 'O\'Neil "x" \\ / $ [0] {}',
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
    ("is", "\u0131s\u0131", {"dotless"}),
    ("is", "STRAẞE", {"sharp", "capital sharp"}),
    ("is", "STRASSE", {"ss"}),
    ("is", "Οδος", {"capitals", "final"}),
    ("is", "οδοσ", {"medial"}),
    ("is", "É", {"acute", "capital acute"}),
    ("is", "e", {"plain"}),
    ("is", 'o\'neil "X" \\ / $ [0] {}', {"marks"}),
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
        **{"large": 123456789012345000, "larger": 1.23456789012345e19, "huge": 1e20, "enormous": 1e300, "tiny": 1e-7},
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
    ("is", "12345678901234500000", {"larger"}),
    ("is", 1e300, {"enormous"}),
    ("is", "0.0000001", {"tiny"}),
    ("is_not", 10, numbers.but("ten")),
    ("is_not", 5, numbers.but()),
    ("greater_than", 9, {"nine and a half", "ten", "large", "larger", "huge", "enormous"}),
    ("greater_than", 1e20, {"enormous"}),
    ("at_least", 10, {"ten", "large", "larger", "huge", "enormous"}),
    ("at_least", 123456789012345000, {"large", "larger", "huge", "enormous"}),
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

# User names are exact: two that differ in capitals are two users.
PEOPLE = ["sam", "Sam", "null", "a_b"]
people = Table({"blank": None, **{name: name for name in PEOPLE}})
people.cases = [
    *(("is", name, {name}) for name in PEOPLE),
    ("is", {"UserName": "sam", "DisplayName": "?"}, {"sam"}),
    ("is", "SAM", set()),
    ("is_not", "sam", people.but("sam")),
    ("is_not", "nobody", people.but()),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, people.but("blank")),
]


@dataclass(frozen=True)
class Target:
    """A record that a link may point at: its key is known when it is made."""

    place: int


links = Table({"blank": None, "first": Target(0), "first again": Target(0), "second": Target(1)})
links.cases = [
    ("is", Target(0), {"first", "first again"}),
    ("is_not", Target(0), {"blank", "second"}),
    ("is_blank", NO, {"blank"}),
    ("is_not_blank", NO, links.but("blank")),
]


def dot() -> str:
    """The smallest of pictures, as base64."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


BLANKS = [("is_blank", NO, {"blank"}), ("is_not_blank", NO, {"here"})]
located = Table({"blank": None, "here": {"Latitude": 0, "Longitude": 0}}, BLANKS)
drawn = Table({"blank": None, "here": {"FileName": "dot.png", "Content": dot()}}, BLANKS)

TABLES: dict[str, Table] = {
    **{"text": text, "multiline": text, "phone": text, "email": addresses, "url": places},
    **{"number": numbers, "currency": numbers, "yesno": answers, "date": days, "datetime": times},
    **{"single": single, "multiple": multiple, "user": people, "link": links},
    **{"location": located, "picture": drawn, "signature": drawn, "attachment": drawn},
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
    table, by = TABLES[name], builders.person()
    for person in PEOPLE:
        builders.person(person)
    targets = builders.make_app({"Name": "text"}, "Targets")
    made = [builders.do(by, targets, "Make", Name=name).record for name in ("first", "second")]

    def settled(value: Any) -> Any:
        return made[value.place] if isinstance(value, Target) else value

    app = builders.make_app({"Name": "text", "Value": spec(name)})
    fill(app, {key: {"Value": settled(raw)} for key, raw in table.rows.items()}, by)
    for operator, operand, wanted in table.cases:
        document = {"field": "Value", "operator": operator} | ({} if operand is NO else {"value": settled(operand)})
        found = names(asked(app, document), model)
        assert sorted(found) == sorted(wanted), f"{operator} {operand!r}"


@pytest.mark.django_db
@pytest.mark.parametrize("operator", ["is", "contains", "does_not_contain", "starts_with"])
def test_an_operand_is_as_long_as_both_databases_can_compare(operator: str) -> None:
    """SQLite's LIKE takes patterns of 50,000 bytes, with the backslashes before each % and _."""
    app = builders.make_app({"Name": "text", "Value": "multiline"})
    long, found = "\U0001d7d8" * 10_000, operator != "does_not_contain"
    fill(app, {"long": {"Value": long}, "marks": {"Value": "%_" * 5_000}}, builders.person())
    for value, name in ((long, "long"), ("%_" * 5_000, "marks")):
        document = {"field": "Value", "operator": operator, "value": value}
        assert (name in names(asked(app, document))) == found
        with pytest.raises(QueryError):
            asked(app, {**document, "value": value + "x"})


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
        *("Gte", "Exact", "Contains", "Contained", "In", "Isnull", "Text", "Folded", "Date", "Year", "Pk", "Ids"),
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

# Values in ascending order; those of one list are equal, whatever their capitals.
SORTS: dict[str, list[list[Any]]] = {
    "text": [
        *[["!"], ["10"], ["9"], ["A", "a"], ["ann", "Ann"], ["ANN_B"], ["Anna"], ["b"], ["I"], ["İ"], ["ß", "ẞ"]],
        *[["É", "é"], ["\u0131"], ["Σ", "\u03c3"], ["Ω"], ["日本"], ["\uffee"], ["😀"]],
    ],
    "phone": [["+1"], ["1"], ["555"], ["a"], ["B", "b"]],
    "email": [["a@example.com"], ["B@example.com", "b@Example.com"], ["c@example.com"]],
    "url": [["http://b.example"], ["https://A.example", "https://a.example"], ["https://b.example"]],
    "number": [
        [-10],
        [-9.5],
        [0, -0.0],
        [1e-7],
        [0.5],
        [9],
        [9.5],
        [10, "10.0"],
        [123456789012345000],
        [1e20],
        [1e300],
    ],
    "currency": [[-1], [2], [10], [100.5]],
    "date": [["0001-01-01"], ["1999-12-31"], ["2020-09-06"], ["9999-12-31"]],
    "datetime": [
        *[["0002-01-01T00:00Z"], ["2020-09-06T00:00+02:00"], ["2020-09-06T00:00Z", "2020-09-06"]],
        *[["2020-09-06T00:00:00.001Z"], ["9998-12-31T00:00Z"]],
    ],
    "single": [[choice] for choice in sorted(CHOICES)],
    "user": [["Sam"], ["a_b"], ["null"], ["sam"]],
}


@pytest.mark.django_db
@pytest.mark.parametrize("type", SORTS)
def test_order_is_by_value_with_blanks_last_and_ties_by_record(type: str) -> None:
    places = [(place, value) for place, values in enumerate(SORTS[type]) for value in (*values, *values)]
    places += [(len(places), None)] * 3
    # Neither up nor down, the same each time.
    places = places[1::3] + places[::-3] + places[2::3][::-1]
    for person in PEOPLE:
        builders.person(person)
    app = builders.make_app({"Name": "text", "Value": spec(type)})
    fill(app, {str(number): {"Value": value} for number, (_, value) in enumerate(places)}, builders.person())
    up = sorted(range(len(places)), key=lambda number: places[number][0])
    blanks = [number for number in up if places[number][1] is None]
    down = sorted((n for n in up if n not in blanks), key=lambda number: (-places[number][0], number)) + blanks
    for direction, wanted in (("ascending", up), ("descending", down)):
        query = asked(app, None, [{"field": "Value", "direction": direction}])
        for model in (Record, Submission):
            assert [int(name) for name in names(query, model)] == wanted


def test_there_is_a_sort_for_every_sortable_type() -> None:
    assert set(SORTS) == {name for name, type in TYPES.items() if type.sortable}


@pytest.mark.django_db
def test_every_further_key_orders_what_the_ones_before_leave_equal() -> None:
    app = builders.make_app({"Name": "text", "A": "text", "B": "number"})
    rows = {f"{a or '-'}{b or '-'}{c}": {"A": a, "B": b} for c in "xy" for b in (2, None, 1) for a in ("q", None, "P")}
    fill(app, rows, builders.person())
    by = [{"field": "A", "direction": "descending"}, {"field": "B", "direction": "ascending"}]
    assert " ".join(names(asked(app, None, by))) == (
        "q1x q1y q2x q2y q-x q-y P1x P1y P2x P2y P-x P-y -1x -1y -2x -2y --x --y"
    )
    last = {"field": "RecordID", "direction": "descending"}
    assert " ".join(names(asked(app, None, [by[1], last]))) == (
        "P1y -1y q1y P1x -1x q1x P2y -2y q2y P2x -2x q2x P-y --y q-y P-x --x q-x"
    )


@pytest.mark.parametrize(
    "sort",
    [
        [],
        [("Text", "ascending")],
        [("Text", "descending"), ("Number", "ascending")],
        [("Number", "descending"), ("Day", "descending"), ("Text", "ascending")],
        [("Time", "ascending"), ("lastSubmissionID", "descending")],
        [("LastModifiedBy", "descending"), ("CreatedOn", "ascending")],
        [("Choice", "ascending"), ("RecordID", "descending")],
    ],
)
@pytest.mark.django_db
def test_a_query_goes_on_behind_any_row(sort: list[tuple[str, str]]) -> None:
    """Keyset paging: behind each row of the whole come exactly the rows that the whole has behind it."""
    kinds = {"Text": "text", "Number": "number", "Day": "date", "Time": "datetime", "Choice": spec("single")}
    app = builders.make_app({"Name": "text", **kinds})
    values: dict[str, list[Any]] = {
        "Text": ["Ann", "ann", None, "É", "😀"],
        "Number": [None, 9, 10, 0.1],
        "Day": ["2020-09-06", None, "2019-01-01"],
        "Time": ["2020-09-06T00:00Z", None],
        "Choice": ["2", "50-80%", None],
    }
    rows = {str(n): {name: some[n * 7 % len(some)] for name, some in values.items()} for n in range(30)}
    for part, who in enumerate(("ada", "ida")):
        fill(app, dict(list(rows.items())[part::2]), builders.person(who), NOW + dt.timedelta(minutes=part))
    query = asked(app, None, [{"field": name, "direction": direction} for name, direction in sort])
    keys = {f"key_{n}": F(key.path(Record.PATHS)) for n, key in enumerate(query.keys())}
    whole = list(query.apply(Record.objects.annotate(**keys)).values_list("values", *keys))
    assert len(whole) == 30
    for place, (_, *after) in enumerate(whole):
        rest = names(replace(query, after=tuple(after)))
        assert rest == [values["Name"] for values, *_ in whole[place + 1 :]]


# Fails closed

COLUMNS: Mapping[str, Column] = {
    **{name: Column(name.title(), name.title(), type, SETTINGS.get(name, {})) for name, type in TYPES.items()},
    **SYSTEM_COLUMNS,
}
PARAMETERS = {
    "Question": Parameter("Question", "Question", TYPES["text"]),
    "Number": Parameter("Number", "A number", TYPES["number"]),
}
LEAF = {"field": "text", "operator": "is", "value": "a"}


def deep(levels: int) -> Any:
    document: Any = LEAF
    for _ in range(levels):
        document = {"all": [document]}
    return document


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        # Not a condition, not a group.
        *[(document, ["filter"]) for document in (5, 0, "", "all", True, False, [], [LEAF])],
        *[(document, ["filter.field"]) for document in ({}, {"not": [LEAF]}, {"all": [LEAF], "any": [LEAF]})],
        ({"ALL": [LEAF]}, ["filter.field"]),
        ({"all": [LEAF], "extra": 1}, ["filter.field"]),
        # Groups.
        *[({"all": inner}, ["filter.all"]) for inner in (None, [], {}, "x", LEAF)],
        ({"any": [LEAF, {"all": []}]}, ["filter.any[1].all"]),
        ({"any": [LEAF, None, {"any": [5]}]}, ["filter.any[1]", "filter.any[2].any[0]"]),
        *[(deep(levels), [f"filter{'.all[0]' * DEEPEST}"]) for levels in (DEEPEST, 500)],
        ({"all": [LEAF] * (MOST_CONDITIONS + 1)}, ["filter"]),
        # The field.
        *[({**LEAF, "field": name}, ["filter.field"]) for name in ("Text", "gone", "", None, 5, ["text"], {"text": 1})],
        *[
            ({**LEAF, "field": name}, ["filter.field"])
            for name in ("values__text", "text__gte", "pk", "app_id", "deleted")
        ],
        ({"operator": "is", "value": "a"}, ["filter.field"]),
        # The operator.
        *[
            ({**LEAF, "operator": name}, ["filter.operator"])
            for name in ("IS", "exact", "", None, 5, ["is"], {}, "includes")
        ],
        ({"field": "text", "value": "a"}, ["filter.operator"]),
        ({"field": "yesno", "operator": "is_blank"}, ["filter.operator"]),
        ({"field": "CreatedOn", "operator": "is", "value": "2020-09-06"}, ["filter.operator"]),
        # Its keys.
        ({"field": "text", "operator": "is"}, ["filter"]),
        ({**LEAF, "parameter": "Question"}, ["filter"]),
        ({**LEAF, "negated": True}, ["filter"]),
        ({"field": "text", "operator": "is_blank", "value": None}, ["filter"]),
        ({"field": "text", "operator": "is_blank", "parameter": "Question"}, ["filter"]),
        ({"field": "single", "operator": "is_any_of", "parameter": "Question"}, ["filter"]),
        # The parameter.
        *[
            ({"field": "text", "operator": "is", "parameter": name}, ["filter.parameter"])
            for name in ("question", "Gone", "", None, 5, ["Question"], {})
        ],
        # The operand.
        *[
            ({**LEAF, "value": value}, ["filter.value"])
            for value in (None, "", "  ", 5, True, ["a"], {}, "\x00", "\ud800")
        ],
        *[
            ({"field": "number", "operator": "at_least", "value": value}, ["filter.value"])
            for value in (None, "", "ten", True, "NaN", [10], 1234567890123456, float("inf"))
        ],
        *[
            ({"field": "yesno", "operator": "is", "value": value}, ["filter.value"])
            for value in (None, "", 1, "maybe", [])
        ],
        *[
            ({"field": "date", "operator": "before", "value": value}, ["filter.value"])
            for value in (None, "", "2020-02-30", "2020-09-06T10:00", "today", 7)
        ],
        *[
            ({"field": "datetime", "operator": "before", "value": value}, ["filter.value"])
            for value in (None, "", "2020-02-30T00:00Z", "now", 7)
        ],
        *[
            ({"field": field, "operator": "within_last_days", "value": value}, ["filter.value"])
            for field in ("date", "datetime", "LastModifiedOn")
            for value in (None, "", -1, 1.5, "seven", True, 36_501, [7])
        ],
        *[
            ({"field": "single", "operator": "is", "value": value}, ["filter.value"])
            for value in (None, "", "gone", ["2"])
        ],
        *[
            ({"field": "single", "operator": operator, "value": value}, ["filter.value"])
            for operator in ("is_any_of", "is_none_of")
            for value in (None, [], "2", {"2": True}, ["gone"], ["2", "gone"], [None], [""], ["2", None], [["2"]])
        ],
        *[
            ({"field": "multiple", "operator": "includes", "value": v}, ["filter.value"])
            for v in (None, "", "gone", ["2"])
        ],
        *[
            ({"field": "RecordID", "operator": "is", "value": v}, ["filter.value"])
            for v in (None, "", "x", 1.5, 2**53 * 10)
        ],
        # Every fault of the document, not the first alone.
        (
            {"all": [{**LEAF, "field": "gone"}, {**LEAF, "operator": "?"}, {"any": [{**LEAF, "value": 5}, LEAF]}]},
            ["filter.all[0].field", "filter.all[1].operator", "filter.all[2].any[0].value"],
        ),
    ],
)
def test_a_filter_that_cannot_be_read_raises_and_says_where(document: Any, paths: list[str]) -> None:
    with pytest.raises(QueryError) as refused:
        load_filter(document, COLUMNS, PARAMETERS)
    assert [path for path, _ in refused.value.faults] == paths
    assert all(sentence for _, sentence in refused.value.faults)


def test_only_null_means_no_filter() -> None:
    assert load_filter(None, COLUMNS, PARAMETERS) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*COLUMNS, *OPERATORS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["all", "any", "field", "operator", "value", "parameter"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON.filter(lambda document: document is not None))
def test_any_other_document_is_a_filter_or_raises(document: Any) -> None:
    try:
        found = load_filter(document, COLUMNS, PARAMETERS)
    except QueryError as error:
        assert error.faults and str(error)
    else:
        assert found is not None and list(Query(1, found).conditions())


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        *[(document, ["sort"]) for document in (None, {}, "text", 5)],
        ([{"field": "text", "direction": "ascending"}] * 4, ["sort"]),
        ([5, "text", None], ["sort[0]", "sort[1]", "sort[2]"]),
        ([{"field": "text"}], ["sort[0]"]),
        ([{"field": "text", "direction": "ascending", "nulls": "first"}], ["sort[0]"]),
        *[
            ([{"field": "text", "direction": value}], ["sort[0].direction"])
            for value in ("up", "", None, 1, ["ascending"])
        ],
        *[([{"field": v, "direction": "ascending"}], ["sort[0].field"]) for v in ("gone", "", None, 5, ["text"], "pk")],
        *[([{"field": v, "direction": "ascending"}], ["sort[0].field"]) for v in ("yesno", "multiple", "multiline")],
        (
            [{"field": "text", "direction": "ascending"}, {"field": "text", "direction": "descending"}],
            ["sort[1].field"],
        ),
    ],
)
def test_a_sort_that_cannot_be_read_raises_and_says_where(document: Any, paths: list[str]) -> None:
    with pytest.raises(QueryError) as refused:
        load_order(document, COLUMNS)
    assert [path for path, _ in refused.value.faults] == paths


def test_what_is_unanswered_raises_when_it_is_applied() -> None:
    question = load_filter({"field": "text", "operator": "is", "parameter": "Question"}, COLUMNS, PARAMETERS)
    days = load_filter({"field": "date", "operator": "within_last_days", "value": 7}, COLUMNS, PARAMETERS)
    for where in (question, days, Group("any", ()), Group("all", (Group("all", ()),))):
        with pytest.raises(QueryError):
            Query(1, where).apply(Record.objects.all())
        with pytest.raises(QueryError):
            Query(1, where).apply(Submission.objects.all())


# Parameters

ASKING = {
    "all": [
        {"field": "text", "operator": "contains", "parameter": "Question"},
        {"any": [{"field": "number", "operator": "at_least", "parameter": "Number"}]},
    ]
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "All records."),
        ({"Question": None, "Number": None}, "All records."),
        ({"Unknown": 5}, "All records."),
        ({"Question": "ABC"}, "Records where Text contains ABC."),
        ({"Number": 0}, "Records where (Number is at least 0)."),
        ({"Question": "x", "Number": 1000}, "Records where Text contains x and (Number is at least 1,000)."),
    ],
)
def test_a_condition_without_an_argument_is_dropped_and_so_is_an_empty_group(
    arguments: dict[str, Any], sentence: str
) -> None:
    asking = Query(1, load_filter(ASKING, COLUMNS, PARAMETERS))
    answered = asking.with_arguments(arguments, NOW)
    assert answered.describe() == sentence
    assert (answered.where is None) == (sentence == "All records.")
    assert asking.where == load_filter(ASKING, COLUMNS, PARAMETERS)


def test_what_needs_no_argument_is_never_dropped() -> None:
    document = {"any": [{"field": "text", "operator": "is", "parameter": "Question"}, LEAF]}
    query = Query(1, load_filter(document, COLUMNS, PARAMETERS))
    assert query.with_arguments({}, NOW).describe() == "Records where Text is a."


def test_no_is_an_argument() -> None:
    parameters = {"Answer": Parameter("Answer", "Answer", TYPES["yesno"])}
    query = Query(1, load_filter({"field": "yesno", "operator": "is", "parameter": "Answer"}, COLUMNS, parameters))
    assert query.with_arguments({"Answer": False}, NOW).describe() == "Records where Yesno is No."


def test_an_argument_that_does_not_suit_its_condition_raises_by_the_parameters_name() -> None:
    parameters = {"Question": Parameter("Question", "Question", TYPES["text"])}
    for name, operator in (("single", "is"), ("number", "is"), ("date", "before"), ("LastModifiedOn", "after")):
        query = Query(
            1, load_filter({"field": name, "operator": operator, "parameter": "Question"}, COLUMNS, parameters)
        )
        with pytest.raises(QueryError) as refused:
            query.with_arguments({"Question": "neither"}, NOW)
        assert [path for path, _ in refused.value.faults] == ["Question"]


def test_days_may_be_asked_for() -> None:
    document = {"field": "LastModifiedOn", "operator": "within_last_days", "parameter": "Number"}
    query = Query(1, load_filter(document, COLUMNS, PARAMETERS))
    assert query.with_arguments({"Number": 7}, NOW).where == Condition(
        SYSTEM_COLUMNS["LastModifiedOn"], "within_last_days", (NOW - dt.timedelta(days=7), NOW)
    )
    with pytest.raises(QueryError):
        query.with_arguments({"Number": 1.5}, NOW)


def test_a_query_is_a_value() -> None:
    def made() -> Query:
        return Query(1, load_filter(ASKING, COLUMNS, PARAMETERS), load_order([], COLUMNS))

    assert made() == made()
    assert made().with_arguments({"Number": 5}, NOW).q(Record.PATHS) == made().with_arguments({"Number": 5.0}, NOW).q(
        Record.PATHS
    )
    narrowed = made().and_where(Condition(COLUMNS["text"], "is_blank"))
    assert len(list(narrowed.conditions())) == 3
    assert Query(1).and_where(Condition(COLUMNS["text"], "is_blank")).describe() == "Records where Text is blank."
    assert made().stable
    assert not made().and_where(Condition(COLUMNS["date"], "within_last_days", 7)).stable


# In words


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (None, "All records."),
        (LEAF, "Records where Text is a."),
        ({**LEAF, "operator": "is_not"}, "Records where Text is not a."),
        ({**LEAF, "operator": "contains"}, "Records where Text contains a."),
        ({**LEAF, "operator": "does_not_contain"}, "Records where Text does not contain a."),
        ({**LEAF, "operator": "starts_with"}, "Records where Text starts with a."),
        ({"field": "text", "operator": "is_blank"}, "Records where Text is blank."),
        ({"field": "text", "operator": "is_not_blank"}, "Records where Text is not blank."),
        ({"field": "text", "operator": "is", "parameter": "Question"}, "Records where Text is the parameter Question."),
        ({"field": "number", "operator": "greater_than", "value": 1000}, "Records where Number is greater than 1,000."),
        ({"field": "number", "operator": "at_least", "value": 0.5}, "Records where Number is at least 0.5."),
        ({"field": "number", "operator": "less_than", "value": -5}, "Records where Number is less than -5."),
        ({"field": "currency", "operator": "at_most", "value": 99}, "Records where Currency is at most $99."),
        ({"field": "yesno", "operator": "is", "value": True}, "Records where Yesno is Yes."),
        ({"field": "yesno", "operator": "is", "value": "no"}, "Records where Yesno is No."),
        ({"field": "date", "operator": "before", "value": "2020-09-06"}, "Records where Date is before 2020-09-06."),
        ({"field": "date", "operator": "after", "value": "2020-09-06"}, "Records where Date is after 2020-09-06."),
        (
            {"field": "date", "operator": "on_or_before", "value": "2020-09-06"},
            "Records where Date is on or before 2020-09-06.",
        ),
        (
            {"field": "date", "operator": "on_or_after", "value": "2020-09-06"},
            "Records where Date is on or after 2020-09-06.",
        ),
        (
            {"field": "date", "operator": "within_last_days", "value": 7},
            "Records where Date is within the last 7 days.",
        ),
        ({"field": "date", "operator": "within_last_days", "value": 0}, "Records where Date is today."),
        (
            {"field": "datetime", "operator": "within_last_days", "value": 1},
            "Records where Datetime is within the last 1 day.",
        ),
        (
            {"field": "datetime", "operator": "is", "value": "2020-09-06T04:37Z"},
            "Records where Datetime is 6 Sep 2020, 04:37.",
        ),
        ({"field": "single", "operator": "is", "value": "Z"}, "Records where Single is Z."),
        ({"field": "single", "operator": "is_any_of", "value": ["2"]}, "Records where Single is any of 2."),
        ({"field": "single", "operator": "is_any_of", "value": ["2", "Z"]}, "Records where Single is any of 2 or Z."),
        (
            {"field": "single", "operator": "is_none_of", "value": ["2", "Z", "日本"]},
            "Records where Single is none of 2, Z or 日本.",
        ),
        ({"field": "multiple", "operator": "includes", "value": "2"}, "Records where Multiple includes 2."),
        (
            {"field": "multiple", "operator": "does_not_include", "value": "Z"},
            "Records where Multiple does not include Z.",
        ),
        ({"field": "RecordID", "operator": "is", "value": 5}, "Records where Record ID is 000000005."),
        (
            {"field": "lastSubmissionID", "operator": "greater_than", "value": 5},
            "Records where Last submission ID is greater than 5.",
        ),
        (
            {"field": "LastModifiedOn", "operator": "after", "value": "2020-09-06T04:37Z"},
            "Records where Last modified on is after 6 Sep 2020, 04:37.",
        ),
        ({"all": [LEAF, {**LEAF, "value": "b"}]}, "Records where Text is a and Text is b."),
        (
            {"any": [LEAF, {"all": [{**LEAF, "value": "b"}, {"field": "number", "operator": "is_blank"}]}]},
            "Records where Text is a or (Text is b and Number is blank).",
        ),
    ],
)
def test_a_filter_says_itself(document: Any, sentence: str) -> None:
    query = Query(1, load_filter(document, COLUMNS, PARAMETERS))
    assert query.describe() == sentence
    if "parameter" not in str(document):
        # With days counted from a moment it says the same.
        assert query.with_arguments({}, NOW).describe() == sentence


def test_an_order_says_itself() -> None:
    sort = [{"field": "text", "direction": "ascending"}, {"field": "LastModifiedOn", "direction": "descending"}]
    assert Query(1, None, load_order(sort[:1], COLUMNS)).describe() == "All records, sorted by Text."
    assert Query(1, load_filter(LEAF, COLUMNS, {}), load_order(sort, COLUMNS)).describe() == (
        "Records where Text is a, sorted by Text, then Last modified on, descending."
    )


def test_every_operator_has_words() -> None:
    assert len({operator.words for operator in OPERATORS.values()}) == len(OPERATORS)
    document: Any
    said = set()
    for name, column in COLUMNS.items():
        for operator in column.type.operators:
            takes = OPERATORS[operator].operand
            value = {"days": 7, "many": ["2"]}.get(takes, EXAMPLES.get(name, "a"))
            document = {"field": name, "operator": operator} | ({} if takes == "none" else {"value": value})
            condition = load_filter(document, COLUMNS, {})
            assert condition is not None and condition.describe().startswith(
                f"{column.label} {OPERATORS[operator].words}"
            )
            said.add(operator)
    assert said == set(OPERATORS)


EXAMPLES: dict[str, Any] = {
    **{"number": 5, "currency": 5, "yesno": True, "date": "2020-09-06", "datetime": "2020-09-06", "single": "2"},
    **{
        "multiple": "2",
        "link": 5,
        "RecordID": 5,
        "lastSubmissionID": 5,
        "CreatedOn": "2020-09-06",
        "LastModifiedOn": "2020-09-06",
    },
}


# The same in Python

SMALL: dict[str, list[Any]] = {
    "text": ["Ann", "ann", "Anna", "É", "é", "%", "a_b", "10"],
    "multiline": ["Ann\nBob", "bob", "'"],
    "phone": ["555", "5_5"],
    "email": ["a@example.com", "A@example.com"],
    "url": ["https://a.example", "https://A.example/%20"],
    "number": [0, -1, 9, 9.5, 10, 1e20],
    "currency": [0, 99, 99.5],
    "yesno": [True, False],
    "date": ["2020-08-29", "2020-08-30", "2020-09-06", "2020-09-07"],
    "datetime": ["2020-08-30T11:59:59.999Z", "2020-08-30T12:00Z", "2020-09-06T12:00Z", "2020-09-06T12:00:00.001Z"],
    "single": CHOICES,
    "multiple": CHOICES,
    "user": PEOPLE,
}


@st.composite
def rows_(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values in wire form, by type's name."""
    value = {name: st.none() | st.sampled_from(some) for name, some in SMALL.items()}
    value["multiple"] = st.lists(st.sampled_from(CHOICES), max_size=3)
    return draw(st.lists(st.fixed_dictionaries({}, optional=value), min_size=1, max_size=6))


@st.composite
def leaves_(draw: st.DrawFn) -> dict[str, Any]:
    """A stored condition that can be read."""
    name = draw(st.sampled_from(list(SMALL)))
    operator = draw(st.sampled_from(TYPES[name].operators))
    leaf = {"field": COLUMNS[name].name, "operator": operator}
    operand = st.sampled_from(SMALL[name])
    match OPERATORS[operator].operand:
        case "one":
            leaf["value"] = draw(operand)
        case "many":
            leaf["value"] = draw(st.lists(operand, min_size=1, max_size=3))
        case "days":
            leaf["value"] = draw(st.sampled_from([0, 1, 7, 8]))
    return leaf


filters = st.recursive(
    leaves_(),
    lambda inner: st.builds(
        lambda joined, parts: {joined: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def answers_to(document: Any, stored: Mapping[str, Any]) -> bool:
    """Whether a record with these stored values is to be found, by the words of the operators."""
    if "all" in document:
        return all(answers_to(part, stored) for part in document["all"])
    if "any" in document:
        return any(answers_to(part, stored) for part in document["any"])
    column, operator = COLUMNS[document["field"].lower()], document["operator"]
    value, raw = stored.get(column.name), document.get("value")
    if operator in {"is_blank", "is_not_blank"}:
        return (value is None) == (operator == "is_blank")
    if OPERATORS[operator].negated:
        positive = {
            "is_not": "is",
            "does_not_contain": "contains",
            "does_not_include": "includes",
            "is_none_of": "is_any_of",
        }
        return not answers_to({**document, "operator": positive[operator]}, stored)
    if column.type.name == "yesno":
        return bool(value) == raw
    if value is None:
        return False
    if operator == "within_last_days":
        first, last = NOW - dt.timedelta(days=raw), NOW
        if column.type.name == "date":
            return str(first.date()) <= value <= str(last.date())
        return first <= dt.datetime.fromisoformat(value) <= last
    if operator == "is_any_of":
        return value in raw
    if operator == "includes":
        return raw in value
    operand = column.type.validate(raw, column.config)
    if isinstance(value, str) and column.type.name not in {"single", "date", "datetime", "user"}:
        value, operand = value.lower(), operand.lower()
    compared: dict[str, Callable[[], bool]] = {
        "is": lambda: value == operand,
        "contains": lambda: operand in value,
        "starts_with": lambda: value.startswith(operand),
        **dict.fromkeys(("greater_than", "after"), lambda: value > operand),
        **dict.fromkeys(("at_least", "on_or_after"), lambda: value >= operand),
        **dict.fromkeys(("less_than", "before"), lambda: value < operand),
        **dict.fromkeys(("at_most", "on_or_before"), lambda: value <= operand),
    }
    return compared[operator]()


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=rows_(), documents=st.lists(filters, min_size=5, max_size=10))
def test_the_database_finds_what_python_finds(rows: list[dict[str, Any]], documents: list[Any]) -> None:
    with transaction.atomic():
        app = builders.make_app({COLUMNS[name].name: spec(name) for name in SMALL})
        by = builders.person()
        for person in PEOPLE:
            builders.person(person)
        made = submit(
            [builders.call(app, "Make", **{n.title(): v for n, v in row.items()}) for row in rows], by
        ).results
        stored = {pk: Record.objects.get(pk=pk).values for pk in (result.record for result in made)}
        for document in documents:
            wanted = [pk for pk, values in stored.items() if answers_to(document, values)]
            query = asked(app, document)
            assert list(query.apply(Record.objects.all()).values_list("pk", flat=True)) == wanted
            assert list(query.apply(Submission.objects.all()).values_list("record_id", flat=True)) == wanted
        transaction.set_rollback(True)


# Words in any of several texts and numbers


LETTERS = "abSΣσςİıIßẞéÉ%_\\\"'1.2"  # noqa: RUF001
WORDS = st.text(st.sampled_from(LETTERS), min_size=1, max_size=3)
TEXTS = st.tuples(st.sampled_from(" \n"), st.lists(WORDS, min_size=1, max_size=4)).map(lambda two: two[0].join(two[1]))
AMOUNTS = st.one_of(
    st.integers(-2_000, 2_000),
    st.decimals(-99, 99, places=3).map(float),
    st.sampled_from([1e-7, -2.5e-12, 1e22, 12e40]),
)
CELLS = st.fixed_dictionaries({}, optional={"One": TEXTS, "Two": TEXTS, "Number": AMOUNTS})


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(CELLS.filter(bool), min_size=1, max_size=6), words=st.lists(st.tuples(WORDS, WORDS), max_size=6))
def test_a_word_is_found_where_a_text_or_the_digits_of_a_number_contain_a_spelling_of_it(
    rows: list[Any], words: list[tuple[str, ...]]
) -> None:
    def folded(value: Any) -> str:
        return (value if isinstance(value, str) else plain(value)).lower().replace("ß", "ss")

    with transaction.atomic():
        app = builders.make_app({"One": "multiline", "Two": "multiline", "Number": "number"})
        submit([builders.call(app, "Make", **row) for row in rows], builders.person())
        stored = dict(Record.objects.order_by("pk").values_list("pk", "values"))
        columns = tuple(definitions.of(app.pk).fields[name] for name in ("One", "Two", "Number"))
        for spellings in words:
            expected = [
                pk
                for pk, values in stored.items()
                if any(folded(word) in folded(value) for word in spellings for value in values.values())
            ]
            found = Query(app.pk, Holding(columns, spellings)).apply(Record.objects.all())
            assert list(found.values_list("pk", flat=True)) == expected
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["One", "Two", "Three"]), TEXTS, min_size=1), min_size=1, max_size=6),
    words=st.lists(WORDS.filter(lambda word: not set(word.lower()) & {"s", "ß"}), min_size=1, max_size=6),
)
def test_a_word_in_any_text_is_found_where_one_of_the_texts_contains_it(rows: list[Any], words: list[str]) -> None:
    with transaction.atomic():
        app = builders.make_app({"One": "multiline", "Two": "multiline", "Three": "multiline"})
        submit([builders.call(app, "Make", **row) for row in rows], builders.person())
        columns = tuple(definitions.of(app.pk).fields[name] for name in ("One", "Two", "Three"))
        for word in words:
            contains = (Condition(column, "contains", column.type.operand(word, {})) for column in columns)
            expected, found = (
                list(Query(app.pk, where).apply(Record.objects.all()).values_list("pk", flat=True))
                for where in (Group("any", tuple(contains)), Holding(columns, (word,)))
            )
            assert found == expected
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_word_is_found_in_as_many_texts_as_an_app_may_have_and_in_none_of_none() -> None:
    app = builders.make_app({"Name": "text", "Other": "text"})
    number = builders.do(builders.person(), app, "Make", Name="one two", Other="three").record

    def found(columns: Iterable[Column], word: str) -> list[int]:
        return list(
            Query(app.pk, Holding(tuple(columns), (word,))).apply(Record.objects.all()).values_list("pk", flat=True)
        )

    own = definitions.of(app.pk).fields["Name"], definitions.of(app.pk).fields["Other"]
    more = [replace(own[0], name=f"Text{place}") for place in range(200)]
    assert found([*more, *own], "THREE") == [number]
    assert found(own, "twothree") == found(own[:1], "three") == found((), "one") == found(own, "o\x00ne") == []


# Plans

MANY = 20_000
RECENT = 300


def many() -> App:
    """20,000 records of one app, 300 of them of the last week, and 2,000 of another; the statistics are fresh."""
    app, by = builders.make_leads(), builders.person()
    other = builders.make_app({"Name": "text"}, "Others")
    records = []
    for number in range(1, MANY + 2_000):
        age = (MANY - number) / RECENT * 7 if number > MANY - RECENT else 7 + (MANY - number) / 20
        on = NOW - dt.timedelta(days=max(age, 0))
        records.append(
            Record(
                app=app if number <= MANY else other,
                values={"Company": f"Company {number}", "LastName": "Name", "Summary": "words " * 40},
                **{"created_on": on, "created_by": by, "modified_on": on, "modified_by": by},
                **{"first_submission_id": number, "last_submission_id": number, "last_operation": "CaptureLead"},
            )
        )
    Record.objects.bulk_create(records, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return app


def plan(rows: models.QuerySet[Record, Any], read_on: bool = False) -> str:
    """How the database finds the rows; `read_on` when they are read by a cursor, as `iterator` does on PostgreSQL."""
    sql, parameters = rows.query.sql_with_params()
    how = "EXPLAIN QUERY PLAN"
    if connection.vendor == "postgresql":
        how = "EXPLAIN DECLARE poll NO SCROLL CURSOR FOR" if read_on else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{how} {sql}", parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


SORTING = ("TEMP B-TREE", "Sort")
OTHERWISE = ("Seq Scan on flowfinity_record", "SCAN flowfinity_record")


@pytest.mark.django_db
def test_a_window_and_what_follows_a_submission_are_read_off_their_indexes() -> None:
    app = definitions.of(many().pk)
    everything, records = app.view("ViewAllRecords").query, Record.objects.all()
    # Some, none, all.
    for days, found in ((7, RECENT), (-1, 0), (9_999, MANY)):
        query = zapier_mode.overlay(everything, NOW - dt.timedelta(days=days))
        rows = query.apply(records).values_list(*items.ROW)
        assert abs(rows.count() - found) <= 1
        told = plan(rows, read_on=True)
        assert "record_window" in told and not any(word in told for word in (*SORTING, *OTHERWISE)), told
    for last, found in ((MANY - 50, 50), (MANY, 0), (MANY * 9, 0), (0, MANY)):
        query = app.view("Synchronize").query.with_arguments({"PreviousLastSubmissionId": last}, NOW)
        assert query.apply(records).count() == found
        told = plan(query.apply(records).values_list(*items.ROW)[:1_000])
        assert "record_sync" in told and not any(word in told for word in (*SORTING, *OTHERWISE)), told
    # A filter may leave so few that PostgreSQL sorts them; it reads the window alone all the same.
    query = zapier_mode.overlay(app.view("HotLeads").query, NOW - dt.timedelta(days=7))
    told = plan(query.apply(records).values_list(*items.ROW), read_on=True)
    assert "record_window" in told and not any(word in told for word in OTHERWISE), told
    # The control: a plan that sorts says so.
    told = plan(everything.apply(records).values_list(*items.ROW)[:1_000])
    assert any(word in told for word in SORTING), told
