"""Types whose value points at somebody or something else: it is checked when written, and may dangle later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flowfinity.fields.base import (
    BLANK_OPERATORS,
    NOWHERE,
    Config,
    FieldError,
    FieldType,
    Format,
    Reference,
    Render,
    Schema,
    World,
    checked_text,
    closed,
)
from flowfinity.fields.texts import Text

LONGEST_USER_NAME = 150


def part(raw: Any, key: str, others: set[str]) -> Any:
    """What an object says under `key`, whatever its capitals; anything else as it is. Raises FieldError."""
    if not isinstance(raw, dict):
        return raw
    given = {str(name).lower(): value for name, value in raw.items()}
    if key.lower() not in given or not set(given) <= {key.lower(), *(name.lower() for name in others)}:
        raise FieldError("invalid", _("Send %(key)s alone, or an object with %(key)s, as it is read.") % {"key": key})
    return given[key.lower()]


class Person(FieldType):
    """A user of this site, kept by user name, which is fixed."""

    name = "user"
    label = gettext_lazy("User")
    operators = ("is", "is_not", *BLANK_OPERATORS)
    transform = "text"
    refers = True
    former = gettext_lazy("no longer active")

    def validate(self, raw: Any, config: Config) -> Any:
        """The user name. Whether there is such a user, `submit` asks."""
        return checked_text(part(raw, "UserName", {"DisplayName"}), LONGEST_USER_NAME)

    def references(self, value: Any, config: Config) -> Iterable[Reference]:
        """The user."""
        return (Reference("user", value),)

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """The user's name and display name."""
        people = world.people

        def render(value: str) -> Any:
            return {"UserName": value, "DisplayName": people.get(value, value)}

        return render, {"UserName": None, "DisplayName": None}

    def schema(self, config: Config, format: Format) -> Schema:
        """Both keys, null for nobody."""
        text = {"type": ["string", "null"]}
        return closed({"UserName": text, "DisplayName": text}, ["UserName", "DisplayName"])

    def write_schema(self, config: Config) -> Schema:
        """The user name, or the object that is read, of which it alone counts."""
        name = {"type": ["string", "null"], "maxLength": LONGEST_USER_NAME}
        user = closed({"UserName": name, "DisplayName": {}}, ["UserName"])
        return {"anyOf": [{"type": "string", "maxLength": LONGEST_USER_NAME}, user]}

    def argument_schema(self, config: Config) -> Schema:
        """The user name."""
        return {"type": "string", "maxLength": LONGEST_USER_NAME}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The display name."""
        return "" if value is None else world.people.get(value, value)

    def offered(self, config: Config) -> Reference | None:
        """An active person."""
        return Reference("user", None)

    def sample(self, config: Config) -> Any:
        """A user name."""
        return "sam"


class Author(Text):
    """Who made or changed a record, by display name. Not offered to apps."""

    def offered(self, config: Config) -> Reference | None:
        """Any account, since an integration makes records as well, and what a person made stays theirs."""
        return Reference("author", None)


class RecordLink(FieldType):
    """A record of an app, kept by its key."""

    name = "link"
    label = gettext_lazy("Record link")
    operators = ("is", "is_not", *BLANK_OPERATORS)
    sortable = False
    stable = False
    refers = True
    options = ("app",)
    former = ""

    def validate(self, raw: Any, config: Config) -> Any:
        """The record's key. Whether it is there, `submit` asks."""
        value = part(raw, "RecordID", {"Display"})
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
            raise FieldError("invalid", _('The RecordID of a record is expected here, like "000000012".'))
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

    def schema(self, config: Config, format: Format) -> Schema:
        """Both keys, null for no record."""
        return closed(
            {
                "RecordID": {"type": ["string", "null"], "pattern": "^[0-9]{9,}$"},
                "Display": {"type": ["string", "null"]},
            },
            ["RecordID", "Display"],
        )

    def write_schema(self, config: Config) -> Schema:
        """The RecordID as text or as a number, or the object that is read, of which it alone counts."""
        number = {"type": ["string", "integer"], "pattern": "^[0-9]{0,15}$", "minimum": 1, "maximum": 2**53 - 1}
        link = closed({"RecordID": {**number, "type": ["string", "integer", "null"]}, "Display": {}}, ["RecordID"])
        return {"anyOf": [number, link]}

    def argument_schema(self, config: Config) -> Schema:
        """The RecordID."""
        return {"type": "string", "pattern": "^[0-9]{0,15}$"}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """What the record is called."""
        return "" if value is None else world.titles.get(value) or f"{value:09d}"

    def url(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The record's own page, for who may open it, while there is one."""
        if value is None or value in world.deleted:
            return ""
        return world.record_url(config.get("app", ""), value)

    def sample(self, config: Config) -> Any:
        """A record's key."""
        return 1

    def faults(self, config: Config) -> list[str]:
        """The app that is linked to must be named."""
        return [] if isinstance(config.get("app"), str) and config["app"] else [_("A record link names an app.")]

    def offered(self, config: Config) -> Reference | None:
        """A record of the app."""
        return Reference("record", None, str(config.get("app", "")).lower())

    def widget(self, config: Config) -> forms.Widget:
        """A RecordID, for where there are too many records to choose among."""
        return forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "placeholder": "RecordID"})

    def to_form(self, value: Any, config: Config) -> Any:
        """The RecordID."""
        return None if value is None else f"{value:09d}"
