"""The filter builder's form: what it says of a stored filter, and that what is not finished never counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from flowfinity.configure import filter_builder as builder
from flowfinity.configure.filter_builder import Bracket, Line
from flowfinity.fields import TYPES
from flowfinity.query import OPERATORS, SYSTEM_COLUMNS, Column, Parameter, leaves, load_filter
from tests.every_type import SETTINGS, name_of

COLUMNS = {
    **{name_of(type): Column(name_of(type), type, TYPES[type], SETTINGS.get(type, {})) for type in TYPES},
    **SYSTEM_COLUMNS,
}
ASKED = {
    "p1": Parameter("Word", "Word", TYPES["text"]),
    "p2": Parameter("Amount", "Amount", TYPES["number"]),
    "p3": Parameter("Colour", "Colour", TYPES["single"], SETTINGS["single"]),
}
PARAMETERS = {parameter.name: parameter for parameter in ASKED.values()}
BY_KIN = {"text": "Word", "number": "Amount", "choice": "Colour"}
# What an operand of each kind is in a document as this form writes it.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1),
    "number": st.integers(-(10**14), 10**14),
    "choice": st.sampled_from(SETTINGS["single"]["choices"]),
    "date": st.dates().map(str),
    "time": st.datetimes().map(lambda moment: f"{moment.replace(year=2020):%Y-%m-%dT%H:%M:%S}.000Z"),
    "yesno": st.booleans(),
    "user": st.sampled_from(["ada", "sam"]),
    "link": st.integers(1, 10**9),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    column = draw(st.sampled_from([one for one in COLUMNS.values() if one.type.operators]))
    name = draw(st.sampled_from(column.type.operators))
    part = {"field": column.name, "operator": name}
    takes = OPERATORS[name].operand
    if takes == "none":
        return part
    if takes == "many":
        choices = SETTINGS["single"]["choices"]
        return {
            **part,
            "value": [one for one in choices if one in draw(st.sets(VALUES["choice"], min_size=1))] or choices,
        }
    kin = "number" if takes == "days" else builder.kin(column.type)
    if kin in BY_KIN and draw(st.booleans()):
        return {**part, "parameter": BY_KIN[kin]}
    if takes == "days":
        return {**part, "value": draw(st.integers(0 if column.type.name == "date" else 1, 36_500))}
    if column.name in ("RecordID", "lastSubmissionID"):
        return {**part, "value": draw(st.integers(0, 10**9))}
    return {**part, "value": draw(VALUES[kin])}


def grouped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda joined, parts: {joined: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
    )


FILTERS = st.one_of(
    st.none(), conditions(), grouped(st.one_of(conditions(), grouped(st.one_of(conditions(), grouped(conditions())))))
)


def posted(tree: Bracket) -> QueryDict:
    """What a browser sends of the form."""
    data = QueryDict(mutable=True)
    if tree.bare:
        data["g0-bare"] = "1"

    def send(part: Bracket | Line, within: str) -> None:
        if within:
            data.appendlist("part", f"{part.key} {within}")
        if isinstance(part, Bracket):
            data[f"{part.key}-joined"] = part.joined
            for one in part.parts:
                send(one, part.key)
            return
        data[f"{part.key}-field"], data[f"{part.key}-operator"] = part.field, part.operator
        data[f"{part.key}-drawn"] = f"{part.field} {part.operator}"
        if part.ask is None:
            data.setlist(f"{part.key}-value", list(part.values))
        else:
            data[f"{part.key}-ask"] = part.ask

    send(tree, "")
    return data


@given(FILTERS)
def test_a_filter_comes_back_from_the_form_as_it_was(stored: Any) -> None:
    tree = builder.drawn(stored, COLUMNS, ASKED)
    assert tree is not None, stored
    again = builder.read(posted(tree), COLUMNS, ASKED)
    assert again == tree
    assert builder.document(again, COLUMNS, ASKED) == stored
    assert builder.faults(again, COLUMNS, ASKED) == {}


PLACES = st.lists(st.from_regex(r"[cg][0-9] g[0-3]", fullmatch=True), unique_by=lambda place: place[:2], max_size=12)
WORDS = st.one_of(
    st.sampled_from(
        [*COLUMNS, *OPERATORS, *SETTINGS["single"]["choices"], "", "p1", "new", "30", "yes", "2020-01-01", "\0"]
    ),
    st.text(max_size=8),
)


@given(st.data())
def test_whatever_is_posted_is_read_or_refused_and_nothing_unfinished_counts(data: st.DataObject) -> None:
    form = QueryDict(mutable=True)
    places = data.draw(PLACES)
    form.setlist("part", places)
    for key in {place[:2] for place in places}:
        for name in ("field", "operator", "drawn", "joined"):
            form[f"{key}-{name}"] = data.draw(WORDS)
        form.setlist(f"{key}-value", data.draw(st.lists(WORDS, max_size=3)))
        if data.draw(st.booleans()):
            form[f"{key}-ask"] = data.draw(WORDS)
    try:
        tree = builder.read(form, COLUMNS, ASKED)
    except builder.Unreadable:
        return
    faults = builder.faults(tree, COLUMNS, ASKED)
    stored = builder.document(tree, COLUMNS, ASKED)
    finished = [line for line in tree.lines() if line.key not in faults]
    if not finished:
        assert stored is None
        return
    found = load_filter(stored, COLUMNS, PARAMETERS)
    assert found is not None
    assert [one.column.name for one in leaves(found)] == [line.field for line in finished]


def test_an_unfinished_condition_is_left_out_and_says_what_is_missing() -> None:
    tree = Bracket(
        joined="any",
        parts=(
            Line("c1", "TextField", "contains", (" ",)),
            Line("c2", "SingleField", "is_any_of"),
            Line("c3", "DateField", "within_last_days", ("soon",)),
            Line("c4", "NumberField", "at_least", ("5",)),
            Line("c5"),
            Bracket("g6", "all", (Line("c7", "SingleField", "is", ("Purple",)),)),
        ),
    )
    assert builder.document(tree, COLUMNS, ASKED) == {
        "any": [{"field": "NumberField", "operator": "at_least", "value": 5}]
    }
    faults = builder.faults(tree, COLUMNS, ASKED)
    assert (
        faults["c1"] == "Type a value."
        and faults["c2"] == "Tick at least one choice."
        and faults["c5"] == "Choose a field."
    )
    assert "number" in faults["c3"] and "Choose one of: Red" in faults["c7"] and "c4" not in faults


def test_a_condition_that_cannot_be_meant_says_what_to_write_instead() -> None:
    def fault_of(*line: Any) -> str:
        return builder.faults(Bracket(parts=(Line("c1", *line),)), COLUMNS, ASKED).get("c1", "")

    assert fault_of("RecordID", "is", ("abc",)) == 'The RecordID of a record is expected here, like "000000012".'
    assert fault_of("lastSubmissionID", "at_most", ("1.5",)).startswith("A whole number below")
    assert fault_of("RecordID", "is", ("000000012",)) == fault_of("lastSubmissionID", "is", ("12",)) == ""
    for field in ("DatetimeField", "CreatedOn"):
        assert fault_of(field, "within_last_days", ("0",)) == "Nothing lies within the last 0 days: give 1 day or more."
        assert fault_of(field, "within_last_days", ("1",)) == ""
    assert fault_of("DateField", "within_last_days", ("0",)) == "", "that is today"


def test_a_filter_of_0_days_that_is_stored_already_is_drawn_to_be_mended() -> None:
    stored = {
        "all": [
            {"field": "CreatedOn", "operator": "within_last_days", "value": 0},
            {"field": "TextField", "operator": "is_blank"},
        ]
    }
    tree = builder.drawn(stored, COLUMNS, ASKED)
    assert tree is not None and [*builder.faults(tree, COLUMNS, ASKED)] == [tree.parts[0].key]


@pytest.mark.parametrize(
    "stored",
    [
        {"all": [{"any": [{"all": [{"any": [{"field": "TextField", "operator": "is_blank"}]}]}]}]},
        {"all": [{"field": "TextField", "operator": "is", "value": "two\nlines"}]},
        {"all": [{"field": "TextField", "operator": "is", "value": " indented"}]},
        {"all": [{"field": "TextField", "operator": "is_blank"}] * 61},
        {"all": []},
        {"all": [{"field": "TextField", "operator": "is_blank", "value": "?"}]},
        {"all": [{"field": "TextField", "operator": "rhymes_with", "value": "?"}]},
        {"none": []},
        "all",
        7,
    ],
)  # fmt: skip
def test_what_the_form_cannot_hold_without_a_loss_is_not_drawn(stored: Any) -> None:
    assert builder.drawn(stored, COLUMNS, ASKED) is None


def test_a_condition_on_a_field_that_is_gone_is_drawn_to_be_mended() -> None:
    tree = builder.drawn({"any": [{"field": "Gone", "operator": "is", "value": "x"}]}, COLUMNS, ASKED)
    assert tree is not None and tree.parts == (
        Line("c1" if tree.parts[0].key == "c1" else tree.parts[0].key, "Gone", "is", ("x",)),
    )
    assert "Gone is no field" in builder.faults(tree, COLUMNS, ASKED)[tree.parts[0].key]
    assert builder.read(posted(tree), COLUMNS, ASKED) == tree


def test_what_means_the_same_as_it_is_stored_is_drawn_however_it_is_written() -> None:
    for field, value, typed in (
        ("NumberField", "25", "25"),
        ("NumberField", 25.0, "25"),
        ("SingleField", {"Selection": "Red"}, "Red"),
        ("LinkField", "000000012", "000000012"),
    ):
        tree = builder.drawn({"field": field, "operator": "is", "value": value}, COLUMNS, ASKED)
        assert tree and next(tree.lines()).values == (typed,)
    tree = builder.drawn({"field": "SingleField", "operator": "is_any_of", "value": ["Blue", "Red"]}, COLUMNS, ASKED)
    assert tree and next(tree.lines()).values == ("Blue", "Red")


def changed(before: Line, **changes: Any) -> Line:
    """A condition after its field or operator was chosen anew."""
    data = posted(Bracket(parts=(before,)))
    for name, value in changes.items():
        data[f"{before.key}-{name}"] = value
    (line,) = builder.read(data, COLUMNS, ASKED).lines()
    return line


def test_a_choice_that_makes_another_senseless_is_repaired() -> None:
    hot = Line("c1", "SingleField", "is", ("Red",))
    assert changed(hot, field="TextField") == Line("c1", "TextField", "is")
    assert changed(hot, field="NumberField") == Line("c1", "NumberField", "is")
    assert changed(hot, operator="is_any_of") == Line("c1", "SingleField", "is_any_of", ("Red",))
    assert changed(hot, operator="is_blank") == Line("c1", "SingleField", "is_blank")
    day = Line("c1", "DateField", "before", ("2020-01-01",))
    assert changed(day, operator="within_last_days") == Line("c1", "DateField", "within_last_days", ("30",))
    assert changed(day, field="YesnoField") == Line("c1", "YesnoField", "is", ("yes",))
    word = Line("c1", "TextField", "contains", ("solar",))
    assert changed(word, field="EmailField") == Line("c1", "EmailField", "contains", ("solar",))
    asking = Line("c1", "TextField", "contains", ask="p1")
    assert changed(asking, field="EmailField").ask == "p1" and changed(asking, field="NumberField").ask is None


def test_conditions_are_added_grouped_ungrouped_and_removed() -> None:
    tree, focus = builder.done(Bracket(), "add", "g0")
    assert (tree.parts, focus) == ((Line("c1"),), "c1-field")
    tree, _focus = builder.done(tree, "add", "g0")
    tree, focus = builder.done(tree, "group", "c1")
    assert tree.parts == (Bracket("g3", "any", (Line("c1"), Line("c4"))), Line("c2")) and focus == "c4-field"
    deeper, focus = builder.done(tree, "add-group", "g3")
    assert deeper.parts[0].parts[2] == Bracket("g5", "any", (Line("c6"),)) and focus == "c6-field"  # type: ignore[union-attr]
    assert builder.done(deeper, "add-group", "g5") == (deeper, ""), "deeper is not drawn"
    assert builder.done(deeper, "remove", "c6")[0] == tree, "a group goes with its last condition"
    assert builder.done(tree, "ungroup", "g3")[0].parts == (Line("c1"), Line("c4"), Line("c2"))
    tree, focus = builder.done(tree, "remove", "g3")
    assert (tree.parts, focus) == ((Line("c2"),), "c2-field")
    assert builder.done(tree, "remove", "c2") == (Bracket(), "g0-add")


@pytest.mark.parametrize("places", [["c1 g7"], ["c1 g0", "c1 g0"], ["g1 g1"], ["x"], ["g0 g0"],
                                    ["g1 g0", *(f"g{n + 1} g{n}" for n in range(1, 9))]])  # fmt: skip
def test_a_form_that_no_page_has_made_is_refused(places: list[str]) -> None:
    data = QueryDict(mutable=True)
    data.setlist("part", places)
    with pytest.raises(builder.Unreadable):
        builder.read(data, COLUMNS, ASKED)
