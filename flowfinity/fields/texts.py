"""Text, and the kinds of it that have a shape."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flowfinity.fields.base import (
    BLANK_OPERATORS,
    NOWHERE,
    Config,
    FieldError,
    FieldType,
    Format,
    Render,
    Schema,
    World,
    checked_text,
    same,
)

# SQLite compares with patterns of at most 50,000 bytes.
LONGEST_OPERAND = 10_000


class Text(FieldType):
    name = "text"
    label = gettext_lazy("Text")
    operators = ("is", "is_not", "contains", "does_not_contain", "starts_with", *BLANK_OPERATORS)
    transform = "folded"
    longest: ClassVar[int] = 1_000
    example: ClassVar[str] = "Example"

    def validate(self, raw: Any, config: Config) -> Any:
        return checked_text(raw, self.longest)

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        return same, ""

    def schema(self, config: Config, format: Format) -> Schema:
        return {"type": "string"}

    def write_schema(self, config: Config) -> Schema:
        return {"type": "string", "maxLength": self.longest}

    def argument_schema(self, config: Config) -> Schema:
        return {"type": "string", "maxLength": min(self.longest, LONGEST_OPERAND)}

    def sample(self, config: Config) -> Any:
        return self.example

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"maxlength": str(self.longest)})

    def operand(self, raw: Any, config: Config) -> Any:
        return checked_text(raw, min(self.longest, LONGEST_OPERAND))

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        # Folded only here, so that a sentence says the words as they were given.
        return super().condition(path, lookup, operand.lower() if isinstance(operand, str) else operand)


class MultilineText(Text):
    name = "multiline"
    label = gettext_lazy("Multi-line text")
    longest = 100_000
    wide = True
    # A page's place holds the sort values of its last row: a chapter of text does not fit into a URL.
    sortable = False
    example = "Example text. It may have several lines."

    def widget(self, config: Config) -> forms.Widget:
        return forms.Textarea(attrs={"rows": 4})

    def operand_control(self, config: Config, world: World = NOWHERE) -> forms.Widget:
        return forms.TextInput()


class Phone(Text):
    name = "phone"
    label = gettext_lazy("Phone")
    longest = 100
    example = "555-7777"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})


class Email(Text):
    name = "email"
    label = gettext_lazy("E-mail")
    longest = 254
    example = "jsmith@example.com"
    check = EmailValidator()

    def validate(self, raw: Any, config: Config) -> Any:
        text = super().validate(raw, config)
        if text is not None:
            try:
                self.check(text)
            except ValidationError:
                raise FieldError(
                    "invalid", _("Write a full e-mail address, like ada@example.com. Is something missing?")
                ) from None
        return text

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "email", "autocomplete": "off"})


class Url(Text):
    name = "url"
    label = gettext_lazy("URL")
    longest = 2_000
    example = "https://www.example.com/"
    check = URLValidator(schemes=["http", "https"])

    def validate(self, raw: Any, config: Config) -> Any:
        text = super().validate(raw, config)
        if text is not None:
            try:
                self.check(text)
            except ValidationError:
                raise FieldError(
                    "invalid", _("Write a whole web address, starting with https:// or http://.")
                ) from None
        return text

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "url", "placeholder": "https://"})


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as a reader is shown at a glance."""
    return text if len(text) <= longest else f"{text[:longest]}…"
