"""A filter as a form that a person fills in, and back to the document that a blueprint holds. Pure.

A form of conditions and groups is posted whole at each change, and no state is kept elsewhere. Each has a key of its
own ("c7", "g3"), so that its controls keep their ids whatever is added, removed or grouped around them.

What is not finished never counts: it is no part of the document, and a page says what is missing before it saves.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from django.utils.translation import gettext as _

from flowfinity import fields
from flowfinity.fields import FieldError, FieldType
from flowfinity.query import (
    DEEPEST,
    MOST_CONDITIONS,
    OPERATORS,
    Column,
    Condition,
    Filter,
    Group,
    Parameter,
    QueryError,
    leaves,
    load_filter,
    operand,
    pointless,
)

# Groups within groups that a page draws, its outermost included, and conditions: more is shown in words.
MOST_LEVELS = 3
MOST_DRAWN = 60
ROOT = "g0"
PLACE = re.compile(r"([cg][0-9]{1,4}) (g[0-9]{1,4})")


class Unreadable(ValueError):
    """A posted form that no page of ours has made."""


class Unfinished(Exception):
    """A condition that does not count yet; says what is missing."""


class Posted(Protocol):
    """What a form has sent: Django's QueryDict."""

    def get(self, key: str, default: str, /) -> str: ...
    def getlist(self, key: str, /) -> list[str]: ...
    def __contains__(self, key: str, /) -> bool: ...


@dataclass(frozen=True)
class Line:
    """A condition as it stands in the form: `values` as the control sends them, or the key of a question to `ask`."""

    key: str
    field: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    ask: str | None = None


@dataclass(frozen=True)
class Bracket:
    """A group as it stands in the form. `bare` marks an outermost one that stands for its only condition."""

    key: str = ROOT
    joined: Literal["all", "any"] = "all"
    parts: tuple[Part, ...] = ()
    bare: bool = False

    def lines(self) -> Iterator[Line]:
        """Every condition, however deep."""
        for part in self.parts:
            if isinstance(part, Bracket):
                yield from part.lines()
            else:
                yield part


Part = Line | Bracket
Columns = Mapping[str, Column]
# What the view asks its reader, by the key that each question has in the form.
Asked = Mapping[str, Parameter]


# From the form to the document


def written(line: Line, columns: Columns, asked: Asked) -> dict[str, Any]:
    """The condition as a blueprint has it. Raises Unfinished."""
    column = columns.get(line.field)
    if column is None:
        if not line.field:
            raise Unfinished(_("Choose a field."))
        raise Unfinished(
            _("%s is no field of this app any more: choose another, or remove the condition.") % line.field
        )
    part: dict[str, Any] = {"field": line.field, "operator": line.operator}
    takes = OPERATORS[line.operator].operand
    if takes == "none":
        return part
    if line.ask is not None:
        if line.ask not in asked:
            raise Unfinished(_("Choose what the reader is asked, or give a value."))
        return {**part, "parameter": asked[line.ask].name}
    given = [value.strip() for value in line.values if value.strip()]
    if not given:
        raise Unfinished(missing(column, line.operator))
    raw = given if takes == "many" else given[0]
    try:
        value = operand(column, line.operator, raw)
    except FieldError as error:
        raise Unfinished(error.message) from None
    if value is None:
        raise Unfinished(missing(column, line.operator))
    if sentence := pointless(Condition(column, line.operator, value)):
        raise Unfinished(sentence)
    if isinstance(column.type, fields.Text):
        # Compared without regard to case, but kept as it was typed.
        value = raw
    return {**part, "value": fields.stamp(value) if isinstance(value, dt.datetime) else value}


def missing(column: Column, operator: str) -> str:
    """What to do about a condition without a value."""
    takes = OPERATORS[operator].operand
    if takes == "many":
        return _("Tick at least one choice.")
    if takes == "days":
        return _("Type a number of days.")
    if isinstance(column.type, fields.Author) and OPERATORS[operator].lookup == "exact":
        # Of many accounts a name is typed.
        return _("Choose or type a name.")
    if isinstance(column.type, fields.SingleSelection | fields.MultipleSelection | fields.YesNo | fields.Person):
        return _("Choose a value.")
    return _("Type a value.")


def document(part: Part, columns: Columns, asked: Asked) -> dict[str, Any] | None:
    """What is finished of the filter, as a blueprint has it; None for nothing, which an empty group is as well."""
    if isinstance(part, Line):
        try:
            return written(part, columns, asked)
        except Unfinished:
            return None
    parts = [one for inner in part.parts if (one := document(inner, columns, asked)) is not None]
    if part.bare and len(parts) == 1 and isinstance(part.parts[0], Line):
        return parts[0]
    return {part.joined: parts} if parts else None


def faults(tree: Bracket, columns: Columns, asked: Asked) -> dict[str, str]:
    """What each unfinished condition misses, by its key."""
    found = {}
    for line in tree.lines():
        try:
            written(line, columns, asked)
        except Unfinished as error:
            found[line.key] = str(error)
    return found


# From the document to the form


def drawn(stored: Any, columns: Columns, asked: Asked) -> Bracket | None:
    """The form of a stored filter; None for one that the form cannot hold without a loss."""
    keys = {parameter.name: key for key, parameter in asked.items()}
    numbers = iter(range(1, MOST_DRAWN * 4))

    def part_of(part: Any, level: int) -> Part:
        for joined in ("all", "any"):
            if set(part) == {joined}:
                if level > MOST_LEVELS or not part[joined]:
                    raise Unreadable
                key = ROOT if level == 1 else f"g{next(numbers)}"
                return Bracket(key, joined, tuple(part_of(one, level + 1) for one in part[joined]))
        return line_of(part, f"c{next(numbers)}", columns, keys)

    if stored is None:
        return Bracket()
    try:
        found = part_of(stored, 1)
    except (Unreadable, TypeError, KeyError, AttributeError, StopIteration, RuntimeError):
        return None
    tree = found if isinstance(found, Bracket) else Bracket(parts=(found,), bare=True)
    fits = sum(1 for _line in tree.lines()) <= MOST_DRAWN
    return tree if fits and faithful(tree, stored, columns, asked) else None


def line_of(part: Mapping[str, Any], key: str, columns: Columns, keys: Mapping[str, str]) -> Line:
    """The form of a stored condition. Raises Unreadable for what is none."""
    name, operator = part["field"], part["operator"]
    column = columns.get(name)
    if not isinstance(name, str) or operator not in (OPERATORS if column is None else column.type.operators):
        raise Unreadable
    if "parameter" in part:
        return Line(key, name, operator, ask=keys.get(part["parameter"], ""))
    value = part.get("value")
    return Line(key, name, operator, () if value is None else typed(column, operator, value))


def typed(column: Column | None, operator: str, value: Any) -> tuple[str, ...]:
    """A stored operand as its control takes it."""
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    try:
        known = None if column is None else operand(column, operator, value)
    except FieldError:
        known = None
    if column is None or known is None or isinstance(column.type, fields.Text):
        return (value if isinstance(value, str) else json.dumps(value),)
    if isinstance(known, bool):
        return ("yes" if known else "no",)
    if OPERATORS[operator].operand == "days" or isinstance(column.type, fields.MultipleSelection):
        return (str(known),)
    return (str(column.type.to_form(fields.stamp(known) if isinstance(known, dt.datetime) else known, column.config)),)


def faithful(tree: Bracket, stored: Any, columns: Columns, asked: Asked) -> bool:
    """True when the form says what the stored filter says or, where that cannot be read, marks each of its faults."""
    if any("\n" in value or "\r" in value for line in tree.lines() for value in line.values):
        return False  # A browser takes line ends out of a control.
    parameters = {parameter.name: parameter for parameter in asked.values()}
    try:
        meant = load_filter(stored, columns, parameters)
    except QueryError as error:
        return len(error.faults) == len(faults(tree, columns, asked))
    if marked := faults(tree, columns, asked):
        return len(marked) == sum(1 for condition in leaves(meant) if pointless(condition))
    return alike(load_filter(document(tree, columns, asked), columns, parameters), meant)


def alike(one: Filter | None, other: Filter | None) -> bool:
    """True when two filters mean the same: of several choices, the order means nothing."""
    if isinstance(one, Group) and isinstance(other, Group):
        return (
            one.joined == other.joined
            and len(one.parts) == len(other.parts)
            and all(alike(*pair) for pair in zip(one.parts, other.parts, strict=True))
        )
    if isinstance(one, Condition) and isinstance(other, Condition) and isinstance(one.value, list):
        return replace(one, value=None) == replace(other, value=None) and sorted(one.value) == sorted(other.value)
    return one == other


# What a form has sent


def read(data: Posted, columns: Columns, asked: Asked) -> Bracket:
    """The posted filter, repaired where a choice has made another one senseless. Raises Unreadable.

    `part` has the places, a condition or a group and the group that it stands in, in the form's order.
    """
    inside: dict[str, list[str]] = {ROOT: []}
    level = {ROOT: 1}
    known = {ROOT}
    for place in data.getlist("part"):
        match = PLACE.fullmatch(place)
        key, parent = (match[1], match[2]) if match else ("", "")
        if parent not in inside or key in known or len(known) > 2 * MOST_CONDITIONS:
            raise Unreadable(place)
        known.add(key)
        inside[parent].append(key)
        if key.startswith("g"):
            inside[key], level[key] = [], level[parent] + 1
            if level[key] >= DEEPEST:
                raise Unreadable(place)
    if len(known) - len(inside) > MOST_CONDITIONS:
        raise Unreadable("part")

    def part_of(key: str) -> Part:
        if key in inside:
            joined: Literal["all", "any"] = "any" if data.get(f"{key}-joined", "") == "any" else "all"
            bare = key == ROOT and f"{key}-bare" in data
            return Bracket(key, joined, tuple(part_of(one) for one in inside[key]), bare)
        line = Line(
            key,
            data.get(f"{key}-field", ""),
            data.get(f"{key}-operator", ""),
            tuple(data.getlist(f"{key}-value")),
            data.get(f"{key}-ask", "") if f"{key}-ask" in data else None,
        )
        return repaired(line, data.get(f"{key}-drawn", ""), columns, asked)

    found = part_of(ROOT)
    assert isinstance(found, Bracket)
    return found


def repaired(line: Line, before: str, columns: Columns, asked: Asked) -> Line:
    """The condition with an operator that its field knows, and a value that its control can hold.

    `before` is the field and operator that its controls were drawn for.
    """
    column = columns.get(line.field)
    if column is None:
        return line if line.operator in OPERATORS else replace(line, operator="is")
    if not column.type.operators:
        return Line(line.key)
    operator = line.operator if line.operator in column.type.operators else column.type.operators[0]
    field_before, _space, operator_before = before.partition(" ")
    takes = OPERATORS[operator].operand
    took = OPERATORS[operator_before].operand if operator_before in OPERATORS else ""
    values, ask = line.values, line.ask
    if (field_before, operator_before) != (line.field, operator):
        moved = field_before != line.field and not kept_over(columns.get(field_before), column)
        if moved or takes == "none" or ("days" in (takes, took) and takes != took):
            values = ()
        values = (values if takes == "many" else values[:1]) or default(column, operator)
    if takes not in ("one", "days") or (ask and ask in asked and not suits(asked[ask].type, column, operator)):
        ask = None
    return replace(line, operator=operator, values=values, ask=ask)


def kept_over(before: Column | None, after: Column) -> bool:
    """True when a value may stay though the field has changed: text or a number, typed freely."""
    return before is not None and kin(before.type) == kin(after.type) in ("text", "number")


def default(column: Column, operator: str) -> tuple[str, ...]:
    """What a new condition begins with, where most people mean the same."""
    if OPERATORS[operator].operand == "days":
        return ("30",)
    return ("yes",) if isinstance(column.type, fields.YesNo) else ()


KIN: tuple[tuple[str, type[FieldType] | tuple[type[FieldType], ...]], ...] = (
    ("text", fields.Text),
    ("number", fields.Number),
    ("choice", (fields.SingleSelection, fields.MultipleSelection)),
    ("date", fields.Date),
    ("time", fields.DateTime),
)


def kin(type: FieldType) -> str:
    """What types that take the same operands have in common."""
    return next((name for name, classes in KIN if isinstance(type, classes)), type.name)


def suits(type: FieldType, column: Column, operator: str) -> bool:
    """True when a question of that type can be asked for the condition's operand."""
    return kin(type) == ("number" if OPERATORS[operator].operand == "days" else kin(column.type))


# Changes that a button makes


def fresh(tree: Bracket, *others: str) -> Iterator[str]:
    """Numbers that no part of the form has yet."""
    taken = [int(key[1:]) for key in (*keys(tree), *others)]
    return map(str, range(max(taken, default=0) + 1, 10_000))


def keys(part: Part) -> Iterator[str]:
    """The part's key, and those of all within it."""
    yield part.key
    if isinstance(part, Bracket):
        for inner in part.parts:
            yield from keys(inner)


def level_of(tree: Bracket, key: str, level: int = 1) -> int:
    """How deep the group of that key stands, or the group that holds the condition; 0 for none."""
    if tree.key == key or any(part.key == key for part in tree.parts if isinstance(part, Line)):
        return level
    deeper = (level_of(part, key, level + 1) for part in tree.parts if isinstance(part, Bracket))
    return next((found for found in deeper if found), 0)


def changed(tree: Bracket, key: str, change: Callable[[Any, Bracket], tuple[Part, ...]]) -> Bracket:
    """The tree with the part of that key replaced by what `change` makes of it and of its group."""
    parts: list[Part] = []
    for part in tree.parts:
        if part.key == key:
            parts += change(part, tree)
        elif isinstance(part, Bracket):
            inner = changed(part, key, change)
            # A group that has lost its last condition goes with it.
            parts += [inner] if inner.parts or not part.parts else []
        else:
            parts.append(part)
    return replace(tree, parts=tuple(parts))


def extended(tree: Bracket, key: str, part: Part) -> Bracket:
    """The tree with a part more at the end of the group of that key."""
    if tree.key == key:
        return replace(tree, parts=(*tree.parts, part), bare=False)
    inner = (extended(one, key, part) if isinstance(one, Bracket) else one for one in tree.parts)
    return replace(tree, parts=tuple(inner))


def done(tree: Bracket, what: str, key: str) -> tuple[Bracket, str]:
    """The tree after a button was pressed, and the id of the control that goes on from there, "" for none."""
    number = fresh(tree)
    count = sum(1 for _line in tree.lines())
    if what == "add" and count < MOST_DRAWN and key in set(keys(tree)):
        line = Line(f"c{next(number)}")
        return extended(tree, key, line), f"{line.key}-field"
    if what == "add-group" and count < MOST_DRAWN and 0 < level_of(tree, key) < MOST_LEVELS:
        bracket = Bracket(f"g{next(number)}", "any", (line := Line(f"c{next(number)}"),))
        return extended(tree, key, bracket), f"{line.key}-field"
    if what == "group" and count < MOST_DRAWN and 0 < level_of(tree, key) < MOST_LEVELS:
        bracket, line = Bracket(f"g{next(number)}"), Line(f"c{next(number)}")

        def wrap(part: Line, within: Bracket) -> tuple[Part, ...]:
            return (replace(bracket, joined="all" if within.joined == "any" else "any", parts=(part, line)),)

        return replace(changed(tree, key, wrap), bare=False), f"{line.key}-field"
    if what == "ungroup":
        return changed(tree, key, lambda part, _within: part.parts if isinstance(part, Bracket) else (part,)), ""
    if what == "remove":
        return changed(tree, key, lambda _part, _within: ()), next_to(tree, key)
    return tree, ""


def next_to(tree: Bracket, key: str) -> str:
    """Where the focus goes when a part is removed: to the next condition, else to the button that adds one."""
    gone = [part for part in every(tree) if part.key == key]
    leaving = set(keys(gone[0])) if gone else set()
    order = [line.key for line in tree.lines()]
    after = order[max((order.index(one) for one in leaving if one in order), default=0) :]
    return next((f"{one}-field" for one in after if one not in leaving), f"{ROOT}-add")


def every(tree: Bracket) -> Iterator[Part]:
    """All parts within a group."""
    for part in tree.parts:
        yield part
        if isinstance(part, Bracket):
            yield from every(part)


def with_line(tree: Bracket, key: str, **changes: Any) -> Bracket:
    """The tree with a condition changed."""
    return changed(tree, key, lambda line, _within: (replace(line, **changes),) if isinstance(line, Line) else (line,))
