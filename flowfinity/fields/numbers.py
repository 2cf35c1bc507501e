"""Numbers, money, yes and no; and the platform's own numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.db.models import Q
from django.utils.formats import get_format
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
    closed,
    same,
    unwrapped,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# What Python strips from text, for a pattern in JSON Schema.
BLANKS = r"[\s\x1c-\x1f\x85]*"


class Number(FieldType):
    name = "number"
    label = gettext_lazy("Number")
    operators = ("is", "is_not", "greater_than", "at_least", "less_than", "at_most", *BLANK_OPERATORS)
    numeric = True
    digits: ClassVar[int] = 15
    literal = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
    # Where a comma is the decimal sign, points in their places only group.
    with_comma = re.compile(r"-?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?")

    def validate(self, raw: Any, config: Config) -> Any:
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        if isinstance(raw, str) and len(raw) < 400 and self.literal.fullmatch(raw.strip()):
            raw = Decimal(raw.strip())
        if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
            raise FieldError("invalid", _("A number is expected here, like 25 or 99.5, without separators or a unit."))
        # Through repr, so that a float is the digits that its sender saw.
        exact = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
        if not exact.is_finite():
            raise FieldError("invalid", _("A finite number is expected here."))
        if len("".join(map(str, exact.as_tuple().digits)).strip("0")) > self.digits:
            raise FieldError("invalid", _("At most %d significant digits can be kept here.") % self.digits)
        value = float(exact)
        if abs(value) == float("inf") or (exact and abs(value) < 1e-300):
            raise FieldError("invalid", _("This number is too large or too small to be kept."))
        # A whole number is stored by its digits as far as orjson reads one back (64 bits): a float of 17 digits comes
        # back from PostgreSQL as another value, and an edit that changes nothing would be a change.
        return int(exact) if value.is_integer() and -(2**63) <= value < 2**64 else value

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        return (plain if format == "flowfinity" else same), None

    def schema(self, config: Config, format: Format) -> Schema:
        if format == "flowfinity":
            return {"type": ["string", "null"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
        return {"type": ["number", "null"]}

    def write_schema(self, config: Config) -> Schema:
        return {"type": ["number", "string"], "pattern": f"^{BLANKS}({self.literal.pattern})?{BLANKS}$"}

    def argument_schema(self, config: Config) -> Schema:
        return self.write_schema(config)

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        if value is None:
            return ""
        whole, point, rest = plain(abs(value)).partition(".")
        grouped = f"{int(whole):,}".replace(",", get_format("THOUSAND_SEPARATOR"))
        return f"{'-' if value < 0 else ''}{grouped}{point and get_format('DECIMAL_SEPARATOR')}{rest}"

    def sample(self, config: Config) -> Any:
        return 25

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_form(self, value: Any, config: Config) -> Any:
        return None if value is None else plain(value)

    def localized(self, value: Any, config: Config) -> Any:
        return None if value is None else plain(value).replace(".", get_format("DECIMAL_SEPARATOR"))

    def from_form(self, raw: str, config: Config) -> str:
        """The number with a point, where the page's language has a comma: 1.234,5 then is 1234.5, and 1.234 is 1234."""
        if get_format("DECIMAL_SEPARATOR") != "," or not self.with_comma.fullmatch(raw):
            return raw
        return raw.replace(".", "").replace(",", ".")


def plain(value: int | float) -> str:
    """The number's digits without exponent or trailing zeros: "25", "0.5"."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Currency(Number):
    name = "currency"
    label = gettext_lazy("Currency")
    options = ("currency",)
    symbols: ClassVar[Mapping[str, str]] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$"}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        number = super().display(value, config)
        unit = self.unit(config)
        # 1,200.5 is 1,200.50 in money; whole amounts stay whole, and nothing is ever rounded.
        if number[-2:-1] == get_format("DECIMAL_SEPARATOR"):
            number += "0"
        if not number or not unit:
            return number
        before = unit if unit in self.symbols.values() else f"{unit} "
        return f"-{before}{number[1:]}" if number.startswith("-") else f"{before}{number}"

    def unit(self, config: Config) -> str:
        code = str(config.get("currency", ""))
        return self.symbols.get(code, code)

    def sample(self, config: Config) -> Any:
        return 99

    def faults(self, config: Config) -> list[str]:
        if re.fullmatch(r"[A-Z]{3}|", str(config.get("currency", ""))):
            return []
        return [_("A currency is three capital letters, like USD.")]

    def lacks(self, config: Config) -> str:
        return "" if config.get("currency") else _("Say in which currency the amounts are: three letters, like USD.")


class YesNo(FieldType):
    name = "yesno"
    label = gettext_lazy("Yes/no")
    operators = ("is",)
    sortable = False
    never_blank = True
    words: ClassVar[Mapping[str, bool]] = {
        "yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False,
    }  # fmt: skip

    def validate(self, raw: Any, config: Config) -> Any:
        """True, or None for No: absent is No, so that there is one way to say it."""
        return self.operand(raw, config) or None

    def operand(self, raw: Any, config: Config) -> Any:
        value = unwrapped(raw)
        if isinstance(raw, dict):
            if value in (["Yes"], []):
                return bool(value)
        elif value is None or value == "":
            return None
        elif isinstance(value, bool):
            return value
        elif isinstance(value, str) and value.lower() in self.words:
            return self.words[value.lower()]
        raise FieldError(
            "invalid",
            _('Yes or no is expected here: true or false (or {"Selection": ["Yes"]} or {"Selection": []}).'),
        )

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        return Q((path, True)) if operand else Q((f"{path}__isnull", True))

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        if format == "flowfinity":
            return (lambda value: {"Selection": ["Yes"]}), {"Selection": []}
        return same, False

    def schema(self, config: Config, format: Format) -> Schema:
        if format == "flowfinity":
            return closed({"Selection": {"type": "array", "items": {"const": "Yes"}, "maxItems": 1}}, ["Selection"])
        return {"type": "boolean"}

    def write_schema(self, config: Config) -> Schema:
        return {
            "anyOf": [
                {"type": ["boolean", "string"], "pattern": self.spelled()},
                self.schema(config, "flowfinity"),
            ]
        }

    def argument_schema(self, config: Config) -> Schema:
        return {"type": "string", "pattern": self.spelled(), "examples": ["yes", "no"]}

    def spelled(self) -> str:
        """A pattern for the words, in any capitals, and for blank."""
        words = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in self.words)
        return f"^({'|'.join(words)})?$"

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        return _("Yes") if value else _("No")

    def sample(self, config: Config) -> Any:
        return True

    def widget(self, config: Config) -> forms.Widget:
        return forms.CheckboxInput()

    def operand_control(self, config: Config, world: World = NOWHERE) -> forms.Widget:
        return forms.Select(choices=[("", "—"), ("yes", _("Yes")), ("no", _("No"))])

    def to_form(self, value: Any, config: Config) -> Any:
        return bool(value)


class WholeNumber(Number):
    """A system number (an id) in a column of its own. Not offered to apps."""

    name = "whole"
    expected: ClassVar[StrPromise] = gettext_lazy("A whole number below 9,007,199,254,740,992 is expected here.")

    def schema(self, config: Config, format: Format) -> Schema:
        return {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}

    def operand(self, raw: Any, config: Config) -> Any:
        with suppress(FieldError):
            value = self.validate(raw, config)
            if value is None or (isinstance(value, int) and abs(value) < 2**53):
                return value
        raise FieldError("invalid", str(self.expected))


class RecordNumber(WholeNumber):
    """A record's identity: nine digits, zero-padded, as text."""

    name = "record"
    expected = gettext_lazy('The RecordID of a record is expected here, like "000000012".')

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        return record_id, ""

    def schema(self, config: Config, format: Format) -> Schema:
        return {"type": "string", "pattern": "^[0-9]{9,}$"}

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        return record_id(value)


def record_id(value: int) -> str:
    """A record's key as clients see it: "000227544"."""
    return f"{value:09d}"
