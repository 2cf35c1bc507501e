"""Field types, one class each: what a value may be, how it is stored as JSON, and how it looks in both wire formats.

Pure: no database, no clock. Stored values obey rules that keep SQLite and PostgreSQL alike: one JSON type per field
type, and a blank value is an absent key, so `validate` answers None for it and never stores null.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db.models import Q
from django.utils import timezone

Format = Literal["flowfinity", "typed"]
FORMATS: tuple[Format, ...] = ("flowfinity", "typed")
Config = Mapping[str, Any]
Render = Callable[[Any], Any]

BLANK_OPERATORS = ("is_blank", "is_not_blank")


class FieldError(Exception):
    """A value that a field refuses: `code` for programs, `message` (under 250 characters) says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FieldType:
    """What one type of field does. Every method is pure; `config` is the field's own settings (choices, currency)."""

    name: ClassVar[str]
    label: ClassVar[str]
    operators: ClassVar[tuple[str, ...]] = ()
    sortable: ClassVar[bool] = True
    numeric: ClassVar[bool] = False
    wide: ClassVar[bool] = False
    # The transform that makes a stored value comparable alike on both databases; see query.py.
    transform: ClassVar[str] = ""
    # Settings that a blueprint may give a field of this type.
    options: ClassVar[tuple[str, ...]] = ()
    # Absent means a value of its own (No), not blank; so "required" says nothing about it.
    never_blank: ClassVar[bool] = False
    # False where what is sent may change without a submission to the app: a signed URL, another record's title.
    stable: ClassVar[bool] = True

    def validate(self, raw: Any, config: Config) -> Any:
        """The JSON to store for a value in either wire format, or None for blank. Raises FieldError."""
        raise NotImplementedError

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        """A function from stored JSON to the wire, and what is sent for blank (contract, Records)."""
        return same, None

    def display(self, value: Any, config: Config) -> str:
        """The stored value in words for a person; "" for blank."""
        return "" if value is None else str(value)

    def sample(self, config: Config) -> Any:
        """A believable stored value, for examples where there is no record yet."""
        raise NotImplementedError

    def faults(self, config: Config) -> list[str]:
        """What is wrong with a field's settings, in sentences."""
        return []

    def widget(self, config: Config) -> forms.Widget:
        """The form control."""
        return forms.TextInput()

    def to_form(self, value: Any, config: Config) -> Any:
        """The stored value as the form control takes it."""
        return value

    def unit(self, config: Config) -> str:
        """What stands beside the form control, such as "$"; "" for nothing."""
        return ""

    def operand_widget(self, config: Config) -> forms.Widget:
        """The form control for an operand, which can always be left blank."""
        return self.widget(config)

    def operand(self, raw: Any, config: Config) -> Any:
        """A condition's operand, typed; None for blank. Raises FieldError."""
        return self.validate(raw, config)

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        """The rows whose value at `path` answers `lookup`."""
        if lookup == "within":
            return self.condition(path, "gte", operand[0]) & self.condition(path, "lte", operand[1])
        return Q((f"{self.comparable(path)}__{lookup}", operand))

    def comparable(self, path: str) -> str:
        """The path to compare and to sort by."""
        return f"{path}__{self.transform}" if self.transform else path

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        """First and last operand of "within the last `days` days", both included."""
        raise NotImplementedError


def same(value: Any) -> Any:
    """The value as it is."""
    return value


def checked_text(raw: Any, longest: int) -> str | None:
    """Text that both databases can keep, or None for blank. Raises FieldError."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise FieldError("invalid", "Send text (a JSON string).")
    if "\x00" in raw:
        raise FieldError("invalid", "Remove the NUL character (U+0000): it cannot be stored.")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise FieldError("invalid", "Remove the unpaired surrogate: it is not valid Unicode text.") from None
    if len(raw) > longest:
        raise FieldError("too_long", f"Shorten this to {longest:,} characters; it has {len(raw):,}.")
    return raw if raw.strip() else None


def unwrapped(raw: Any) -> Any:
    """What a flowfinity selection holds; anything else as it is. Raises FieldError."""
    if isinstance(raw, dict):
        if [key.lower() for key in raw] != ["selection"]:
            raise FieldError("invalid", 'Send the choice itself, or {"Selection": …}.')
        return next(iter(raw.values()))
    return raw


class Text(FieldType):
    name = "text"
    label = "Text"
    operators = ("is", "is_not", "contains", "does_not_contain", "starts_with", *BLANK_OPERATORS)
    transform = "folded"
    longest: ClassVar[int] = 1_000
    example: ClassVar[str] = "Example"

    def validate(self, raw: Any, config: Config) -> Any:
        return checked_text(raw, self.longest)

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        return same, ""

    def sample(self, config: Config) -> Any:
        return self.example

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"maxlength": str(self.longest)})

    def operand(self, raw: Any, config: Config) -> Any:
        text = checked_text(raw, self.longest)
        return None if text is None else text.lower()


class MultilineText(Text):
    name = "multiline"
    label = "Multi-line text"
    longest = 100_000
    wide = True
    # A page's place holds the sort values of its last row: a chapter of text does not fit into a URL.
    sortable = False
    example = "Example text. It may have several lines."

    def widget(self, config: Config) -> forms.Widget:
        return forms.Textarea(attrs={"rows": 4})

    def operand_widget(self, config: Config) -> forms.Widget:
        return forms.TextInput()


class Phone(Text):
    name = "phone"
    label = "Phone"
    longest = 100
    example = "555-7777"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})


class Email(Text):
    name = "email"
    label = "E-mail"
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
                    "invalid", "Write a full e-mail address, like ada@example.com. Is something missing?"
                ) from None
        return text

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "email", "autocomplete": "off"})


class Url(Text):
    name = "url"
    label = "URL"
    longest = 2_000
    example = "https://www.example.com/"
    check = URLValidator(schemes=["http", "https"])

    def validate(self, raw: Any, config: Config) -> Any:
        text = super().validate(raw, config)
        if text is not None:
            try:
                self.check(text)
            except ValidationError:
                raise FieldError("invalid", "Write a whole web address, starting with https:// or http://.") from None
        return text

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "url", "placeholder": "https://"})


class Number(FieldType):
    name = "number"
    label = "Number"
    operators = ("is", "is_not", "greater_than", "at_least", "less_than", "at_most", *BLANK_OPERATORS)
    numeric = True
    digits: ClassVar[int] = 15
    literal = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")

    def validate(self, raw: Any, config: Config) -> Any:
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        if isinstance(raw, str) and len(raw) < 400 and self.literal.fullmatch(raw.strip()):
            raw = Decimal(raw.strip())
        if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
            raise FieldError("invalid", "Send a number, like 25 or 99.5, without separators or a unit.")
        # Through repr, so that a float is the digits that its sender saw.
        exact = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
        if not exact.is_finite():
            raise FieldError("invalid", "Send a finite number.")
        if len("".join(map(str, exact.as_tuple().digits)).strip("0")) > self.digits:
            raise FieldError("invalid", f"Send at most {self.digits} significant digits.")
        value = float(exact)
        if abs(value) == float("inf") or (exact and abs(value) < 1e-300):
            raise FieldError("invalid", "This number is too large or too small to be kept.")
        # A whole number is stored with its own digits as far as JSON is read back as a whole number (64 bits): as a
        # float it would come back from PostgreSQL as another value, and an edit that changes nothing would change it.
        return int(exact) if value.is_integer() and abs(value) < 2**63 else value

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        return (plain if format == "flowfinity" else same), None

    def display(self, value: Any, config: Config) -> str:
        if value is None:
            return ""
        whole, point, rest = plain(abs(value)).partition(".")
        return f"{'-' if value < 0 else ''}{int(whole):,}{point}{rest}"

    def sample(self, config: Config) -> Any:
        return 25

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_form(self, value: Any, config: Config) -> Any:
        return None if value is None else plain(value)


def plain(value: int | float) -> str:
    """The number's digits without exponent or trailing zeros: "25", "0.5"."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Currency(Number):
    name = "currency"
    label = "Currency"
    options = ("currency",)
    symbols: ClassVar[Mapping[str, str]] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$"}

    def display(self, value: Any, config: Config) -> str:
        number = super().display(value, config)
        unit = self.unit(config)
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
        return ["A currency is three capital letters, like USD."]


class YesNo(FieldType):
    name = "yesno"
    label = "Yes/no"
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
        raise FieldError("invalid", 'Send true or false (or {"Selection": ["Yes"]} or {"Selection": []}).')

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        return Q((path, True)) if operand else Q((f"{path}__isnull", True))

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        if format == "flowfinity":
            return (lambda value: {"Selection": ["Yes"]}), {"Selection": []}
        return same, False

    def display(self, value: Any, config: Config) -> str:
        return "Yes" if value else "No"

    def sample(self, config: Config) -> Any:
        return True

    def widget(self, config: Config) -> forms.Widget:
        return forms.CheckboxInput()

    def operand_widget(self, config: Config) -> forms.Widget:
        return forms.Select(choices=[("", "—"), ("yes", "Yes"), ("no", "No")])

    def to_form(self, value: Any, config: Config) -> Any:
        return bool(value)


class Date(FieldType):
    name = "date"
    label = "Date"
    operators = ("is", "before", "after", "on_or_before", "on_or_after", "within_last_days", *BLANK_OPERATORS)
    transform = "text"
    written = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0{1,9})?)?)?", re.ASCII)

    def validate(self, raw: Any, config: Config) -> Any:
        if raw is None or raw == "":
            return None
        match = self.written.fullmatch(raw) if isinstance(raw, str) else None
        try:
            return dt.date.fromisoformat(match[1]).isoformat() if match else self.refuse()
        except ValueError:
            return self.refuse()

    def refuse(self) -> Any:
        raise FieldError("invalid", "Send a date that exists, like 2020-09-06, without a time of day or an offset.")

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        return ((lambda value: f"{value}T00:00:00.000") if format == "flowfinity" else same), None

    def display(self, value: Any, config: Config) -> str:
        if value is None:
            return ""
        day = dt.date.fromisoformat(value)
        return f"{day.day} {day:%b} {day.year}"

    def sample(self, config: Config) -> Any:
        return "2020-09-06"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "date"})

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        today = now.astimezone(timezone.get_default_timezone()).date()
        return dt.date.fromordinal(max(today.toordinal() - days, 1)).isoformat(), today.isoformat()


class DateTime(FieldType):
    name = "datetime"
    label = "Date and time"
    operators: ClassVar[tuple[str, ...]] = Date.operators
    transform = "text"
    written = re.compile(
        r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
    )

    def validate(self, raw: Any, config: Config) -> Any:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, str) or not self.written.fullmatch(raw):
            self.refuse()
        try:
            moment = dt.datetime.fromisoformat(raw.upper())
            if moment.tzinfo is None:
                moment = in_site_zone(moment)
            stored = stamp(moment)
            # Of the first and the last year not every moment can be shown in every zone.
            return stored if "0002" <= stored[:4] <= "9998" else self.refuse()
        except (ValueError, OverflowError):
            return self.refuse()

    def refuse(self) -> Any:
        raise FieldError("invalid", "Send a time that exists, like 2020-09-06T04:37:31Z or with an offset like +02:00.")

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        return (site_time if format == "flowfinity" else same), None

    def display(self, value: Any, config: Config) -> str:
        if value is None:
            return ""
        moment = dt.datetime.fromisoformat(value).astimezone(timezone.get_current_timezone())
        return f"{moment.day} {moment:%b} {moment.year}, {moment:%H:%M}"

    def sample(self, config: Config) -> Any:
        return "2020-09-06T04:37:31.120Z"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "datetime-local", "step": "any"})

    def to_form(self, value: Any, config: Config) -> Any:
        return None if value is None else site_time(value)

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        return stamp(now - dt.timedelta(days=days)), stamp(now)


def in_site_zone(moment: dt.datetime) -> dt.datetime:
    """A zone-less time in the site's zone: the first of an hour that occurs twice. Raises ValueError for a skipped."""
    zone = timezone.get_default_timezone()
    aware = moment.replace(tzinfo=zone, fold=0)
    if aware.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError("this hour is skipped")
    return aware


def stamp(moment: dt.datetime) -> str:
    """The moment as it is stored: UTC to the millisecond, of fixed width, so that text order is time order."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def site_time(value: str) -> str:
    """A stored moment in the site's zone, without saying so, as the article's product sends it."""
    zone = timezone.get_default_timezone()
    if str(zone) == "UTC":
        return value[:-1]
    moment = dt.datetime.fromisoformat(value).astimezone(zone)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


class SingleSelection(FieldType):
    name = "single"
    label = "Single selection"
    operators = ("is", "is_not", "is_any_of", "is_none_of", *BLANK_OPERATORS)
    transform = "text"
    options = ("choices", "tones")

    def validate(self, raw: Any, config: Config) -> Any:
        value = unwrapped(raw)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise FieldError("invalid", 'Send one choice as text, or {"Selection": "…"}.')
        if value not in config.get("choices", ()):
            raise FieldError("not_a_choice", f"Choose one of: {shortened(config.get('choices', ()))}.")
        return value

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        if format == "flowfinity":
            return (lambda value: {"Selection": value}), {"Selection": None}
        return same, None

    def sample(self, config: Config) -> Any:
        return next(iter(config.get("choices", ())), None)

    def faults(self, config: Config) -> list[str]:
        return choice_faults(config)

    def widget(self, config: Config) -> forms.Widget:
        return forms.Select(choices=[("", "—"), *((choice, choice) for choice in config.get("choices", ()))])


class MultipleSelection(FieldType):
    name = "multiple"
    label = "Multiple selection"
    operators = ("includes", "does_not_include", *BLANK_OPERATORS)
    sortable = False
    wide = True
    options = ("choices", "tones")

    def validate(self, raw: Any, config: Config) -> Any:
        """An object with a key a choice, so that "includes" is one lookup on both databases."""
        value = unwrapped(raw)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(choice, str) for choice in value):
            raise FieldError("invalid", 'Send a list of choices, or {"Selection": […]}.')
        known = config.get("choices", ())
        if any(choice not in known for choice in value):
            raise FieldError("not_a_choice", f"Choose among: {shortened(known)}.")
        return {choice: True for choice in known if choice in value} or None

    def operand(self, raw: Any, config: Config) -> Any:
        return SingleSelection().validate(raw, config)

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        return Q((f"{path}__{lookup}", operand))

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        place = {choice: index for index, choice in enumerate(config.get("choices", ()))}

        def ordered(value: Mapping[str, bool]) -> list[str]:
            return sorted(value, key=lambda choice: (place.get(choice, len(place)), choice))

        if format == "flowfinity":
            return (lambda value: {"Selection": ordered(value)}), {"Selection": []}
        return ordered, []

    def display(self, value: Any, config: Config) -> str:
        return ", ".join(self.to_form(value, config))

    def sample(self, config: Config) -> Any:
        return dict.fromkeys(list(config.get("choices", ()))[:2], True) or None

    def faults(self, config: Config) -> list[str]:
        return choice_faults(config)

    def widget(self, config: Config) -> forms.Widget:
        return forms.CheckboxSelectMultiple(choices=[(choice, choice) for choice in config.get("choices", ())])

    def operand_widget(self, config: Config) -> forms.Widget:
        return SingleSelection().widget(config)

    def to_form(self, value: Any, config: Config) -> Any:
        return self.renderer(config, "typed")[0](value) if value else []


def shortened(choices: Sequence[str]) -> str:
    """The choices, as many as fit into an error message."""
    text = ", ".join(choices)
    return text if len(text) < 180 else text[:180].rsplit(", ", 1)[0] + ", …"


def choice_faults(config: Config) -> list[str]:
    """What is wrong with a selection's choices. JSON on both databases cannot be asked for a quote or a backslash."""
    choices = config.get("choices")
    if not isinstance(choices, list) or not choices:
        return ["A selection needs a list of choices."]
    if not all(isinstance(c, str) and c.strip() == c and 0 < len(c) <= 200 and c.isprintable() for c in choices):
        return ["A choice is 1 to 200 printable characters without blanks at its ends."]
    if any(mark in choice for choice in choices for mark in '"\\'):
        return ["A choice cannot contain a double quote or a backslash."]
    if len(set(choices)) < len(choices):
        return ["A choice stands twice."]
    tones = config.get("tones", {})
    if not isinstance(tones, dict) or not set(tones) <= set(choices):
        return ["Tones name choices that are not there."]
    if any(tone not in ("bad", "warn", "ok", "") for tone in tones.values()):
        return ["A tone is bad, warn or ok."]
    return []


class WholeNumber(Number):
    """A system number (an id) in a column of its own. Not offered to apps."""

    name = "whole"

    def operand(self, raw: Any, config: Config) -> Any:
        value = self.validate(raw, config)
        if value is not None and (isinstance(value, float) or abs(value) >= 2**53):
            raise FieldError("invalid", "Send a whole number below 9,007,199,254,740,992.")
        return value


class RecordNumber(WholeNumber):
    """A record's identity: nine digits, zero-padded, as text."""

    name = "record"

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        return record_id, ""

    def display(self, value: Any, config: Config) -> str:
        return record_id(value)


def record_id(value: int) -> str:
    """A record's key as clients see it: "000227544"."""
    return f"{value:09d}"


class Moment(DateTime):
    """A system time, kept in a column of its own, so compared as a time and not as text. Not offered to apps."""

    name = "moment"
    transform = ""
    operators = ("before", "after", "on_or_before", "on_or_after", "within_last_days")

    def operand(self, raw: Any, config: Config) -> Any:
        text = self.validate(raw, config)
        return None if text is None else dt.datetime.fromisoformat(text)

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        return now - dt.timedelta(days=days), now

    def renderer(self, config: Config, format: Format) -> tuple[Render, Any]:
        render, blank = super().renderer(config, format)
        return (lambda moment: render(stamp(moment))), blank

    def display(self, value: Any, config: Config) -> str:
        return super().display(None if value is None else stamp(value), config)


TYPES: Mapping[str, FieldType] = {
    type.name: type
    for type in (
        Text(), MultilineText(), Phone(), Email(), Url(), Number(), Currency(), YesNo(), Date(), DateTime(),
        SingleSelection(), MultipleSelection(),
    )
}  # fmt: skip
