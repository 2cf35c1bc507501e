"""How the form of a filter looks: each condition's controls, made by the types themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from flowfinity.configure.filter_builder import (
    MOST_LEVELS,
    ROOT,
    Asked,
    Bracket,
    Columns,
    Line,
    Part,
    faults,
    suits,
)
from flowfinity.fields import Author, World
from flowfinity.query import OPERATORS, Column

NEW = "new"


def shown(tree: Bracket, columns: Columns, asked: Asked, world: World, focus: str = "") -> dict[str, Any]:
    """The filter for its template: `parts` of `lines` and groups, each with its controls as HTML.

    `focus` is the id of the control that a page begins at.
    """
    numbers = {line.key: number for number, line in enumerate(tree.lines(), 1)}
    groups = {part.key: number for number, part in enumerate(brackets(tree), 1)}
    missing = faults(tree, columns, asked)

    def bracket_of(bracket: Bracket, level: int) -> dict[str, Any]:
        parts = [part_of(part, index, bracket, level) for index, part in enumerate(bracket.parts)]
        return {
            "key": bracket.key,
            "number": groups.get(bracket.key, 0),
            "joined": bracket.joined,
            "bare": bracket.bare,
            # A joint is chosen at the second part: until there is one, it is carried along.
            "carried": len(bracket.parts) < 2,
            "nests": level < MOST_LEVELS,
            "parts": parts,
            "finished": any(line.key not in missing for line in bracket.lines()),
        }

    def part_of(part: Part, index: int, within: Bracket, level: int) -> dict[str, Any]:
        found = {
            "place": f"{part.key} {within.key}",
            "joint": joint(within, index, groups),
        }
        if isinstance(part, Bracket):
            return {**found, "group": bracket_of(part, level + 1)}
        fault = missing.get(part.key, "")
        return {
            **found,
            "line": {
                "key": part.key,
                "number": numbers[part.key],
                "fault": fault,
                "can_group": level < MOST_LEVELS,
                **controls(part, numbers[part.key], columns, asked, world, bool(fault), focus),
            },
        }

    return bracket_of(tree, 1)


def brackets(tree: Bracket) -> Iterator[Bracket]:
    """The groups within a group."""
    for part in tree.parts:
        if isinstance(part, Bracket):
            yield part
            yield from brackets(part)


def joint(within: Bracket, index: int, groups: Mapping[str, int]) -> dict[str, str]:
    """What stands before a part: "Where", then a choice of and/or, then the word that was chosen there."""
    if index == 0:
        return {"word": pgettext("before the first condition", "Where")}
    words = {"all": pgettext("between conditions", "and"), "any": pgettext("between conditions", "or")}
    if index > 1:
        return {"word": words[within.joined]}
    name = f"{within.key}-joined"
    where = _("How the conditions are joined")
    if within.key != ROOT:
        where = _("How the conditions of group %d are joined") % groups[within.key]
    return {"control": select(name, within.joined, list(words.items()), where)}


def select(name: str, value: Any, choices: Iterable[Any], label: str, **attrs: Any) -> str:
    """A select as HTML."""
    widget = forms.Select(choices=list(choices))
    return widget.render(name, value, {"id": name, "aria-label": label, "autocomplete": "off", **attrs})


def controls(
    line: Line, number: int, columns: Columns, asked: Asked, world: World, unfinished: bool, focus: str
) -> dict[str, Any]:
    """A condition's controls as HTML: `field`, `operator`, `value` or `ask`; and what may be done with it."""
    column = columns.get(line.field)
    named = _("Condition %d") % number
    described = {"aria-describedby": f"{line.key}-fault"} if unfinished else {}
    start = {"autofocus": True} if focus == f"{line.key}-field" else {}
    choices: list[Any] = [] if line.field else [("", _("Choose a field …"))]
    if line.field and column is None:
        choices = [(line.field, _("%s (no field any more)") % line.field)]
    own = [(one.name, one.heading) for one in columns.values() if not one.system and one.type.operators]
    system = [(one.name, one.heading) for one in columns.values() if one.system and one.type.operators]
    choices += [(_("Fields"), own)] if own else []
    choices += [(_("About the record"), system)]
    found = {
        "drawn": f"{line.field} {line.operator}",
        "field": select(f"{line.key}-field", line.field, choices, _("%s: field") % named, **described, **start),
    }
    if column is None:
        # What the field that is gone was compared by and with is carried along, for nothing to be lost.
        return {**found, "carried": carried(line) if line.field else []}
    takes = OPERATORS[line.operator].operand
    operators = [(name, operator_words(name)) for name in column.type.operators]
    found["operator"] = select(
        f"{line.key}-operator", line.operator, operators, _("%s: comparison") % named, **described
    )
    if takes == "none":
        return found
    questions = [(key, one.label) for key, one in asked.items() if suits(one.type, column, line.operator)]
    if line.ask is not None:
        if line.ask not in dict(questions):
            questions.insert(0, ("", _("Choose a parameter …")))
        return {
            **found,
            "asking": True,
            "ask": select(
                f"{line.key}-ask", line.ask, [*questions, (NEW, _("A new parameter"))], _("%s: parameter") % named,
                **described,
            ),
        }  # fmt: skip
    return {
        **found,
        "can_ask": takes in ("one", "days"),
        "unit": _("days") if takes == "days" else column.type.unit(column.config),
        "unit_after": takes == "days" or column.type.unit(column.config) not in "$€£¥",
        "many": takes == "many",
        "value": value_control(line, column, _("%s: value") % named, world, described),
    }


def operator_words(name: str) -> str:
    """An operator in a list to choose from."""
    words = str(OPERATORS[name].words)
    return f"{words} …" if OPERATORS[name].operand == "days" else words


def carried(line: Line) -> list[tuple[str, str, str]]:
    """Hidden controls of a condition whose field is gone: name, id and value."""
    found = [("operator", line.operator), *(("value", value) for value in line.values)]
    found += [] if line.ask is None else [("ask", line.ask)]
    return [(f"{line.key}-{name}", f"{line.key}-{name}-{index}", value) for index, (name, value) in enumerate(found)]


def without_offer(column: Column, value: str) -> str:
    """A value in a list to choose from that does not offer it."""
    if isinstance(column.type, Author):
        return _("%s (nobody’s display name)") % value
    return _("%s (no longer offered)") % value


def value_control(line: Line, column: Column, label: str, world: World, described: Mapping[str, str]) -> str:
    """The control of a condition's operand, as HTML."""
    name = f"{line.key}-value"
    attrs = {"id": name, "aria-label": label, "autocomplete": "off", **described}
    takes = OPERATORS[line.operator].operand
    if takes == "days":
        widget: forms.Widget = forms.TextInput(attrs={"inputmode": "numeric", "maxlength": "6"})
        return widget.render(name, "".join(line.values[:1]), attrs)
    widget = column.type.operand_control(column.config, world)
    values = line.values
    if isinstance(column.type, Author) and OPERATORS[line.operator].lookup != "exact":
        widget = column.type.widget(column.config)
    if isinstance(widget, forms.Select):
        known = [choice for choice in widget.choices if choice[0] != ""]
        if isinstance(column.type, Author):
            # A name is compared without regard to case.
            names = {value.lower(): value for value, _words in known}
            values = tuple(names.get(value.lower(), value) for value in values)
        gone = [(value, without_offer(column, value)) for value in values if value and value not in dict(known)]
        if takes == "many":
            boxes = forms.CheckboxSelectMultiple(choices=[*known, *gone])
            return boxes.render(name, list(values), {"id": name, "autocomplete": "off", **described})
        widget.choices = [("", _("Choose …")), *known, *gone]
    return widget.render(name, "".join(values[:1]), attrs)
