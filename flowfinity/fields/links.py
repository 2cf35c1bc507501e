"""Types whose value points at somebody or something else: it is checked when written, and may dangle later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from flowfinity.fields.base import (
    BLANK_OPERATORS,
    NOWHERE,
    Config,
    FieldError,
    FieldType,
    Format,
    Reference,
    Render,
    World,
    checked_text,
)


def part(raw: Any, key: str, others: set[str]) -> Any:
    """What an object says under `key`, whatever its capitals; anything else as it is. Raises FieldError."""
    if not isinstance(raw, dict):
        return raw
    given = {str(name).lower(): value for name, value in raw.items()}
    if key.lower() not in given or not set(given) <= {key.lower(), *(name.lower() for name in others)}:
        raise FieldError("invalid", f"Send {key} alone, or an object with {key}, as it is read.")
    return given[key.lower()]


class Person(FieldType):
    """A user of this site, kept by user name, which is fixed."""

    name = "user"
    label = "User"
    operators = ("is", "is_not", *BLANK_OPERATORS)
    transform = "text"
    refers = True

    def validate(self, raw: Any, config: Config) -> Any:
        """The user name. Whether there is such a user, `submit` asks."""
        return checked_text(part(raw, "UserName", {"DisplayName"}), 150)

    def references(self, value: Any, config: Config) -> Iterable[Reference]:
        """The user."""
        return (Reference("user", value),)

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """The user's name and display name."""
        people = world.people

        def render(value: str) -> Any:
            return {"UserName": value, "DisplayName": people.get(value, value)}

        return render, {"UserName": None, "DisplayName": None}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The display name."""
        return "" if value is None else world.people.get(value, value)

    def sample(self, config: Config) -> Any:
        """A user name."""
        return "sam"


class RecordLink(FieldType):
    """A record of an app, kept by its key."""

    name = "link"
    label = "Record link"
    operators = ("is", "is_not", *BLANK_OPERATORS)
    sortable = False
    stable = False
    refers = True
    options = ("app",)

    def validate(self, raw: Any, config: Config) -> Any:
        """The record's key. Whether it is there, `submit` asks."""
        value = part(raw, "RecordID", {"Display"})
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
            raise FieldError("invalid", 'Send the RecordID of a record, like "000000012".')
        return value

    def references(self, value: Any, config: Config) -> Iterable[Reference]:
        """The record."""
        return (Reference("record", value, config.get("app", "")),)

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """The record's key and what it is called."""
        titles = world.titles

        def render(value: int) -> Any:
            return {"RecordID": f"{value:09d}", "Display": titles.get(value, "")}

        return render, {"RecordID": None, "Display": None}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """What the record is called."""
        return "" if value is None else world.titles.get(value) or f"{value:09d}"

    def sample(self, config: Config) -> Any:
        """A record's key."""
        return 1

    def faults(self, config: Config) -> list[str]:
        """The app that is linked to must be named."""
        return [] if isinstance(config.get("app"), str) and config["app"] else ["A record link names an app."]

    def widget(self, config: Config) -> forms.Widget:
        """A RecordID."""
        return forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})

    def to_form(self, value: Any, config: Config) -> Any:
        """The RecordID."""
        return None if value is None else f"{value:09d}"
