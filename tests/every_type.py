"""An app with a field of every type, and views that ask for each: made of the types, so that none is forgotten."""

from __future__ import annotations

from typing import Any

from flowfinity.fields import TYPES
from flowfinity.query import OPERATORS

APP = "EveryType"
# What a type needs to be told.
SETTINGS: dict[str, dict[str, Any]] = {
    "single": {"choices": ["Red", "Green", "Blue"]},
    "multiple": {"choices": ["Red", "Green", "Blue"]},
    "currency": {"currency": "EUR"},
    "link": {"app": APP},
}


def name_of(type: str) -> str:
    """The field of that type."""
    return f"{type.capitalize()}Field"


def asked(type: str) -> str | None:
    """An operator that takes one operand of that type, or None when it is not compared by value."""
    return next((one for one in TYPES[type].operators if OPERATORS[one].operand == "one"), None)


def blueprint() -> dict[str, Any]:
    """The app's blueprint. The field Needed is required; the view Find has a parameter for each type that it can."""
    fields = [{"name": name_of(type), "label": type, "type": type, **SETTINGS.get(type, {})} for type in TYPES]
    fields.append({"name": "Needed", "label": "Needed", "type": "text", "required": True, "help": "It must be there."})
    names = [field["name"] for field in fields]
    asking = [type for type in TYPES if asked(type)]
    return {
        "blueprint": 1,
        "app": {"name": APP, "label": "Every type", "description": "A field of every type."},
        "fields": fields,
        "operations": [
            {"name": "Make", "label": "Make", "kind": "create", "fields": names},
            {"name": "Change", "label": "Change", "kind": "update", "fields": names},
            {"name": "Remove", "label": "Remove", "kind": "delete"},
        ],
        "views": [
            {"name": "All", "label": "All", "columns": names},
            {
                "name": "Find",
                "label": "Find",
                "columns": names,
                "filter": {
                    "all": [
                        {"field": name_of(type), "operator": asked(type), "parameter": f"P{type}"} for type in asking
                    ]
                },
                "parameters": [
                    {"name": f"P{type}", "label": f"By {type}", "type": type, **SETTINGS.get(type, {})}
                    for type in asking
                ],
            },
        ],
    }
