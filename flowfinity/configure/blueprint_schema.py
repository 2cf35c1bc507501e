"""JSON Schema (2020-12) of a blueprint, made from the types of fields that there are.

It says what can be said of a file alone. That a name stands once, and that what is used is there, an import checks.
"""

from __future__ import annotations

from typing import Any

from flowfinity import blueprint, names
from flowfinity.fields import TYPES, FieldType, Schema, closed
from flowfinity.query import MOST_SORTS, OPERATORS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Of one line, and with something to see in it.
SEEN = (
    r"^[^\u0000-\u001f\u007f\ud800-\udfff]*[^\s\u0000-\u001f\u007f\ud800-\udfff][^\u0000-\u001f\u007f\ud800-\udfff]*$"
)
KEPT = r"^[^\u0000\ud800-\udfff]*$"
NAME: Schema = {"type": "string", "pattern": f"^{names.PATTERN.pattern}$"}
LABEL: Schema = {"type": "string", "minLength": 1, "maxLength": 150, "pattern": SEEN}
NAMES: Schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
CHOICE: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r'^[^"\\\u0000-\u001f\u007f]+$'}
# What each setting of a type may be; one that is not told here may be anything.
OPTIONS: dict[str, Schema] = {
    "choices": {"type": "array", "items": CHOICE, "minItems": 1, "uniqueItems": True},
    "tones": {
        "type": "object",
        "additionalProperties": {"enum": ["bad", "warn", "ok"]},
        "description": "The colour of a choice: red, amber or green.",
    },
    "currency": {"type": "string", "pattern": "^([A-Z]{3})?$"},
    "app": {"type": "string", "minLength": 1, "description": "The name of the app whose records are linked to."},
}
# Settings without which a type means nothing.
NEEDED = ("choices", "app")


def in_any_case(word: str) -> str:
    """A pattern of the word, whatever its capitals are; every reader of JSON Schema takes it."""
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


def text(key: str) -> Schema:
    """A text that a part may have."""
    return {"type": "string", "maxLength": blueprint.TEXTS[key], "pattern": KEPT}


def schema() -> dict[str, Any]:
    """The schema of a blueprint of this version's format."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:flowfinity:blueprint:{blueprint.FORMAT}",
        "title": "Blueprint of an app",
        "description": "An app's fields, operations and views. An import merges it into the app of its name.",
        **closed(
            {
                "$schema": {"type": "string"},
                "blueprint": {"const": blueprint.FORMAT, "description": "The version of this format."},
                "app": closed({"name": NAME, "label": LABEL, "description": text("description")}, ["name", "label"]),
                "fields": {"type": "array", "items": {"oneOf": [field(type) for type in TYPES.values()]}},
                "operations": {"type": "array", "items": operation()},
                "views": {"type": "array", "items": view()},
            },
            ["blueprint", "app"],
        ),
        "$defs": {"filter": filter_()},
    }


def settings(type: FieldType) -> tuple[dict[str, Schema], list[str]]:
    """The settings that a type has, and which of them it needs."""
    return {key: OPTIONS.get(key, {}) for key in type.options}, [key for key in type.options if key in NEEDED]


def field(type: FieldType) -> Schema:
    """A field of one type."""
    own, needed = settings(type)
    return {
        "title": type.name,
        **closed(
            {
                "name": {**NAME, "not": {"pattern": f"^({'|'.join(map(in_any_case, sorted(names.NO_FIELD)))})$"}},
                "label": LABEL,
                "type": {"const": type.name},
                "required": {"type": "boolean", "default": False},
                "section": text("section"),
                "help": text("help"),
                **own,
            },
            ["name", "label", "type", *needed],
        ),
    }


def operation() -> Schema:
    """An operation; one that deletes sets nothing."""
    return {
        **closed(
            {
                "name": NAME,
                "label": LABEL,
                "kind": {"enum": list(blueprint.KINDS)},
                "done": text("done"),
                "fields": {**NAMES, "description": "Names of the fields that it sets, in the form's order."},
            },
            ["name", "label", "kind"],
        ),
        "if": {"properties": {"kind": {"const": "delete"}}},
        "then": {"properties": {"fields": {"maxItems": 0}}},
    }


def view() -> Schema:
    """A view: its columns, its filter, its order and what it asks its reader."""
    direction = {"enum": ["ascending", "descending"]}
    key = closed({"field": {"type": "string"}, "direction": direction}, ["field", "direction"])
    return closed(
        {
            "name": NAME,
            "label": LABEL,
            "description": text("description"),
            "columns": NAMES,
            "filter": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/filter"}]},
            "sort": {"type": "array", "items": key, "maxItems": MOST_SORTS},
            "parameters": {"type": "array", "items": {"oneOf": [parameter(type) for type in TYPES.values()]}},
        },
        ["name", "label", "columns"],
    )


def parameter(type: FieldType) -> Schema:
    """A parameter of one type."""
    own, needed = settings(type)
    return closed(
        {"name": NAME, "label": LABEL, "type": {"const": type.name}, **own}, ["name", "label", "type", *needed]
    )


def filter_() -> Schema:
    """A condition, or conditions joined by all or any."""
    group = {"type": "array", "items": {"$ref": "#/$defs/filter"}, "minItems": 1}
    takes: dict[str, list[str]] = {"value": [], "days": [], "many": [], "none": []}
    for name, operator in OPERATORS.items():
        takes["value" if operator.operand == "one" else operator.operand].append(name)
    field_ = {"type": "string"}

    def leaf(operators: list[str], key: str, operand: Schema) -> Schema:
        return closed({"field": field_, "operator": {"enum": operators}, key: operand}, ["field", "operator", key])

    return {
        "oneOf": [
            closed({"all": group}, ["all"]),
            closed({"any": group}, ["any"]),
            leaf([*takes["value"], *takes["days"]], "parameter", NAME),
            leaf(takes["value"], "value", {"not": {"type": "null"}}),
            leaf(takes["days"], "value", {"type": ["integer", "string"], "minimum": 0, "maximum": 36_500}),
            leaf(takes["many"], "value", {"type": "array", "minItems": 1}),
            closed({"field": field_, "operator": {"enum": takes["none"]}}, ["field", "operator"]),
        ]
    }
