"""A view of an app's draft as it stands in a form, what a button of the form makes of it, and back. Pure.

The form is posted whole at each change, and no state is kept elsewhere. Its filter is the business of `filter_builder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flowfinity import blueprint, names
from flowfinity.configure import filter_builder as builder
from flowfinity.configure.filter_builder import Asked, Bracket, Columns
from flowfinity.configure.filter_controls import NEW
from flowfinity.fields import TYPES
from flowfinity.query import MOST_SORTS, OPERATORS, Column, Order, Parameter, QueryError, load_filter, load_order

MOST_PARAMETERS = 50
DIRECTIONS = ("ascending", "descending")


@dataclass(frozen=True)
class Question:
    """A parameter as it stands in the form. `stored` is what the draft has of it; `fixed` when others may use it."""

    key: str
    label: str = ""
    name: str = ""
    type: str = "text"
    options: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)
    fixed: bool = False

    @property
    def part(self) -> dict[str, Any]:
        """The parameter as a blueprint has it."""
        name = self.name.strip() or names.propose(self.label)
        return {"name": name, "label": self.label.strip(), "type": self.type, **self.options}


@dataclass(frozen=True)
class Sheet:
    """A view as it stands in the form. Without `where`, its filter is left as it is stored."""

    label: str
    description: str
    columns: tuple[str, ...]
    sort: tuple[tuple[str, str], ...]
    questions: tuple[Question, ...]
    where: Bracket | None

    @property
    def asked(self) -> Asked:
        """The parameters that are finished, by the key of their question."""
        found, taken = {}, set[str]()
        for question in self.questions:
            part = question.part
            if not question_fault(question, taken):
                options = {key: value for key, value in part.items() if key not in {"name", "label", "type"}}
                found[question.key] = Parameter(part["name"], part["label"], TYPES[part["type"]], options)
        return found


def question_fault(question: Question, taken: set[str]) -> str:
    """What is wrong with a parameter, in one sentence, or ""; adds its name to `taken`."""
    part = question.part
    if not part["label"]:
        return _("Give the parameter a label: what the reader is asked.")
    if not part["name"]:
        return _("No name can be made from this label. Choose one: A-Z, then letters and digits.")
    name = str(part["name"])
    if name.lower() in taken:
        return _("%s is taken already (capitals make no difference). Choose another name.") % name
    taken.add(name.lower())
    return next((sentence for _where, sentence in blueprint.parameter_faults("", [part])), "")


# What is stored as a form, and what a form has sent


def stored_questions(part: Mapping[str, Any], published: Mapping[str, Any] | None) -> tuple[Question, ...]:
    """A view's parameters; those that are published have a fixed name."""
    fixed = {one["name"] for one in (published or {}).get("parameters", [])}
    return tuple(
        Question(
            f"p{number}",
            str(one.get("label", "")),
            str(one.get("name", "")),
            str(one.get("type", "")),
            {key: value for key, value in one.items() if key not in {"name", "label", "type"}},
            one,
            one.get("name") in fixed,
        )
        for number, one in enumerate(part["parameters"], 1)
    )


def sheet_of(part: Mapping[str, Any], published: Mapping[str, Any] | None, columns: Columns) -> Sheet:
    """The stored view as a form."""
    bare = Sheet(
        part["label"],
        part["description"],
        tuple(part["columns"]),
        tuple((key["field"], key["direction"]) for key in part["sort"]),
        stored_questions(part, published),
        None,
    )
    return replace(bare, where=builder.drawn(part["filter"], columns, bare.asked))


def sent_sheet(
    data: QueryDict, part: Mapping[str, Any], published: Mapping[str, Any] | None, columns: Columns
) -> Sheet:
    """The view as the form has sent it. Raises BadRequest for a form that no page of ours has made."""
    stored = {question.name: question for question in stored_questions(part, published)}
    found = Sheet(
        one_line(data.get("label", "")),
        data.get("description", "").replace("\r\n", "\n"),
        tuple(dict.fromkeys(data.getlist("column"))),
        tuple(
            (name, direction if direction in DIRECTIONS else DIRECTIONS[0])
            for name, direction in zip_longest(data.getlist("sort"), data.getlist("direction"), fillvalue="")
            if name
        )[:MOST_SORTS],
        tuple(
            sent_question(data, key, stored.get(data.get(f"{key}-was", "")))
            for key in dict.fromkeys(data.getlist("question"))
            if key[:1] == "p" and key[1:].isascii() and key[1:].isdecimal() and len(key) < 6
        )[:MOST_PARAMETERS],
        None,
    )
    if "kept" in data:
        return found
    try:
        return replace(found, where=builder.read(data, columns, found.asked))
    except builder.Unreadable:
        raise BadRequest("This form cannot be read.") from None


def one_line(text: str) -> str:
    """Text as a single line."""
    return " ".join(text.split())


def sent_question(data: QueryDict, key: str, stored: Question | None) -> Question:
    """A parameter as the form has sent it, with what the form does not show of it."""
    type = data.get(f"{key}-type", "")
    type = type if type in TYPES else "text"
    options: dict[str, Any] = dict(stored.options) if stored is not None and stored.type == type else {}
    if "choices" in TYPES[type].options:
        choices = [one_line(line) for line in data.get(f"{key}-choices", "").splitlines() if line.strip()]
        options["choices"] = choices
        if "tones" in options:
            options["tones"] = {one: tone for one, tone in options["tones"].items() if one in choices}
    for option in ("currency", "app"):
        if option in TYPES[type].options and (value := data.get(f"{key}-{option}", "").strip()):
            options[option] = value
    fixed = stored is not None and stored.fixed
    name = stored.name if stored is not None and fixed else data.get(f"{key}-name", "").strip()
    return Question(
        key, one_line(data.get(f"{key}-label", "")), name, type, options, stored.stored if stored else {}, fixed
    )


def part_of(sheet: Sheet, part: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The view as a blueprint has it, with what is finished of its filter; one that means the same stays as it is."""
    asked = sheet.asked
    where = part["filter"] if sheet.where is None else builder.document(sheet.where, columns, asked)
    parameters = {one.name: one for one in asked.values()}
    try:
        if builder.alike(load_filter(part["filter"], columns, parameters), load_filter(where, columns, parameters)):
            where = part["filter"]
    except QueryError:
        pass
    return {
        **part,
        "label": sheet.label,
        "description": sheet.description,
        "columns": list(sheet.columns),
        "filter": where,
        "sort": [{"field": name, "direction": direction} for name, direction in sheet.sort],
        "parameters": [question.part for question in sheet.questions],
    }


# What a button does


def pressed(sheet: Sheet, do: str, columns: Columns) -> tuple[Sheet, str]:
    """The form after its button was pressed, and the id of the control that goes on from there, "" for none."""
    what, _space, key = do.partition(" ")
    if what in ("column-add", "column-remove", "column-up", "column-down", "columns-all"):
        return replace(sheet, columns=picked(sheet.columns, what, key, columns)), next_column(sheet, what, key, columns)
    if what == "question-add" and len(sheet.questions) < MOST_PARAMETERS:
        question = Question(fresh_key(sheet))
        return replace(sheet, questions=(*sheet.questions, question)), f"{question.key}-label"
    if what == "question-remove":
        return replace(sheet, questions=tuple(one for one in sheet.questions if one.key != key)), "question-add"
    if what == "filter-new":
        return replace(sheet, where=Bracket()), "g0-add"
    if sheet.where is None:
        return sheet, ""
    if what == "ask":
        return asking(sheet, key, columns)
    if what == "answer":
        return replace(sheet, where=builder.with_line(sheet.where, key, ask=None)), f"{key}-value"
    where, focus = builder.done(sheet.where, what, key)
    return replace(sheet, where=where), focus


def picked(chosen: Sequence[str], what: str, name: str, columns: Columns) -> tuple[str, ...]:
    """The columns after one was added, taken away or moved."""
    if what == "columns-all":
        return (*chosen, *(one.name for one in columns.values() if not one.system and one.name not in chosen))
    if what == "column-add":
        return (*chosen, name) if name in columns and name not in chosen else tuple(chosen)
    found = list(chosen)
    if name in found:
        at = found.index(name)
        found.pop(at)
        if what != "column-remove":
            found.insert(max(0, at + (1 if what == "column-down" else -1)), name)
    return tuple(found)


def next_column(sheet: Sheet, what: str, name: str, columns: Columns) -> str:
    """Where the focus goes from a column's button: it stays with the column, or goes to its neighbour."""
    if what == "column-add":
        rest = [one for one in columns if one not in sheet.columns]
        at = rest.index(name) if name in rest else 0
        after = [*rest[at + 1 :], *rest[:at][-1:]]
        return f"add-{after[0]}" if after else "columns-title"
    if what == "column-remove":
        at = sheet.columns.index(name) if name in sheet.columns else 0
        after = [*sheet.columns[at + 1 :], *sheet.columns[:at][-1:]]
        return f"remove-{after[0]}" if after else "columns-title"
    if what == "columns-all":
        return "columns-title"
    end = {"column-up": 1, "column-down": len(sheet.columns) - 2}[what]
    other = {"column-up": "down", "column-down": "up"}[what]
    at = sheet.columns.index(name) if name in sheet.columns else -1
    return f"{other if at == end else what.removeprefix('column-')}-{name}"


def fresh_key(sheet: Sheet) -> str:
    """A key that no parameter has yet."""
    return f"p{max((int(one.key[1:]) for one in sheet.questions), default=0) + 1}"


def asking(sheet: Sheet, key: str, columns: Columns, new: bool = False) -> tuple[Sheet, str]:
    """The form with a condition that asks its reader: by the first parameter that suits, else by a new one."""
    assert sheet.where is not None
    line = next((one for one in sheet.where.lines() if one.key == key), None)
    column = columns.get(line.field) if line is not None else None
    if line is None or column is None or OPERATORS[line.operator].operand not in ("one", "days"):
        return sheet, ""
    suitable = [one for one, parameter in sheet.asked.items() if builder.suits(parameter.type, column, line.operator)]
    if new or not suitable:
        question = question_of(fresh_key(sheet), column, line.operator, sheet)
        sheet, suitable = replace(sheet, questions=(*sheet.questions, question)), [question.key]
    assert sheet.where is not None
    return replace(sheet, where=builder.with_line(sheet.where, key, ask=suitable[0], values=())), f"{key}-ask"


def question_of(key: str, column: Column, operator: str, sheet: Sheet) -> Question:
    """A new parameter for a column's operand, called like the column."""
    days = OPERATORS[operator].operand == "days"
    if days or column.type.name not in TYPES:
        type = "number" if days else {"text": "text", "time": "datetime"}.get(builder.kin(column.type), "number")
        options: dict[str, Any] = {}
    else:
        type = column.type.name
        options = {name: column.config[name] for name in column.type.options if name in column.config}
        options.pop("tones", None)
    taken = {one.part["name"].lower() for one in sheet.questions} | names.NO_PARAMETER
    label = _("%s: days") % column.heading if days else column.heading
    number, first = 1, label
    while names.propose(label).lower() in taken:
        number += 1
        label = f"{first} {number}"
    return Question(key, label, "", type, options)


def with_new_parameters(sheet: Sheet, columns: Columns) -> Sheet:
    """The form with a parameter made for each condition that asks for a new one."""
    for line in sheet.where.lines() if sheet.where is not None else ():
        if line.ask == NEW:
            sheet, _focus = asking(sheet, line.key, columns, new=True)
    return sheet


# What is finished of it, and what is not


def order_of(sheet: Sheet, columns: Columns) -> list[Order]:
    """The sort keys that can be read."""
    found: list[Order] = []
    for name, direction in sheet.sort:
        try:
            (order,) = load_order([{"field": name, "direction": direction}], columns)
        except QueryError:
            continue
        if all(order.column.name != one.column.name for one in found):
            found.append(order)
    return found


def unfinished(sheet: Sheet, columns: Columns) -> int:
    """How many conditions do not count yet."""
    return 0 if sheet.where is None else len(builder.faults(sheet.where, columns, sheet.asked))


def faults_of(sheet: Sheet, part: Mapping[str, Any], columns: Columns) -> list[str]:
    """Why the form cannot be saved, in sentences; nothing when it can."""
    found = list(own_faults(sheet, columns))
    if found or sheet.where is None:
        return found
    # The last word is that of the reader of all views, whatever this page has overlooked.
    return [sentence for _where, sentence in blueprint.view_faults("", part_of(sheet, part, columns), columns)]


def own_faults(sheet: Sheet, columns: Columns) -> Iterator[str]:
    """What a person has to put right before the form can be saved."""
    if not sheet.label:
        yield _("Give the view a label.")
    elif len(sheet.label) > 150 or not sheet.label.isprintable():
        yield _("A label has at most 150 printable characters.")
    if fault := blueprint.text_fault(sheet.description, blueprint.TEXTS["description"]):
        yield fault
    if not sheet.columns:
        yield _("Choose at least one column.")
    for name in dict.fromkeys((*sheet.columns, *(key for key, _direction in sheet.sort))):
        if name not in columns:
            yield _("%s is no field of this app any more: take it away from columns and sort.") % name
    if len({name for name, _direction in sheet.sort}) < len(sheet.sort):
        yield _("Sort by each field once.")
    taken = set[str]()
    if any(question_fault(question, taken) for question in sheet.questions):
        yield _("Finish the parameters that are marked, or remove them.")
    if count := unfinished(sheet, columns):
        yield ngettext(
            "%(count)d condition is not finished: finish or remove it.",
            "%(count)d conditions are not finished: finish or remove them.",
            count,
        ) % {"count": count}
