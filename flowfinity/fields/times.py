"""Dates and times: kept in UTC to the millisecond, as text whose order is the order of time."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
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
    same,
)


class Date(FieldType):
    name = "date"
    label = gettext_lazy("Date")
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
        raise FieldError("invalid", _("A date that exists is expected here, like 2020-09-06, without a time of day."))

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        return ((lambda value: f"{value}T00:00:00.000") if format == "flowfinity" else same), None

    def schema(self, config: Config, format: Format) -> Schema:
        if format == "flowfinity":
            return {"type": ["string", "null"], "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00\.000$"}
        return {"type": ["string", "null"], "format": "date"}

    def write_schema(self, config: Config) -> Schema:
        return {"type": "string", "pattern": whole_or_blank(self.written)}

    def argument_schema(self, config: Config) -> Schema:
        return self.write_schema(config)

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        if value is None:
            return ""
        return date_format(dt.date.fromisoformat(value), "DATE_FORMAT")

    def sample(self, config: Config) -> Any:
        return "2020-09-06"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "date"})

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        today = now.astimezone(timezone.get_default_timezone()).date()
        return dt.date.fromordinal(max(today.toordinal() - days, 1)).isoformat(), today.isoformat()


class DateTime(FieldType):
    name = "datetime"
    label = gettext_lazy("Date and time")
    operators: ClassVar[tuple[str, ...]] = Date.operators
    transform = "text"
    written = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)

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
        raise FieldError(
            "invalid",
            _("A time that exists is expected here, like 2020-09-06T04:37:31Z or with an offset like +02:00."),
        )

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        return (site_time if format == "flowfinity" else same), None

    def schema(self, config: Config, format: Format) -> Schema:
        if format == "flowfinity":
            return {"type": ["string", "null"], "pattern": r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{3}$"}
        return {"type": ["string", "null"], "format": "date-time"}

    def write_schema(self, config: Config) -> Schema:
        return {"type": "string", "pattern": whole_or_blank(self.written)}

    def argument_schema(self, config: Config) -> Schema:
        return self.write_schema(config)

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        if value is None:
            return ""
        moment = dt.datetime.fromisoformat(value).astimezone(timezone.get_current_timezone())
        return date_format(moment, "DATETIME_FORMAT")

    def sample(self, config: Config) -> Any:
        return "2020-09-06T04:37:31.120Z"

    def widget(self, config: Config) -> forms.Widget:
        return forms.TextInput(attrs={"type": "datetime-local", "step": "any"})

    def to_form(self, value: Any, config: Config) -> Any:
        """The moment in the zone of who fills the form in."""
        return None if value is None else local_time(value, timezone.get_current_timezone())

    def from_form(self, raw: str, config: Config) -> str:
        """The moment in UTC, where the person's zone is not the site's, in which `validate` would take it to be."""
        zone = timezone.get_current_timezone()
        if not self.written.fullmatch(raw) or str(zone) == str(timezone.get_default_timezone()):
            return raw
        try:
            moment = dt.datetime.fromisoformat(raw.upper())
            return raw if moment.tzinfo else stamp(in_zone(moment, zone))
        except (ValueError, OverflowError):
            # An hour that the zone skips must not become one of the site's: this is refused.
            return f"{raw} {zone}"

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        return stamp(now - dt.timedelta(days=days)), stamp(now)


def whole_or_blank(written: re.Pattern[str]) -> str:
    """The pattern, or nothing at all, as JSON Schema has it: not every reader of it takes \\d for 0-9 alone."""
    return "^(" + written.pattern.replace(r"\d", "[0-9]") + ")?$"


def in_site_zone(moment: dt.datetime) -> dt.datetime:
    """A zone-less time in the site's zone. Raises ValueError for a skipped one."""
    return in_zone(moment, timezone.get_default_timezone())


def in_zone(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """A zone-less time in a zone: the first of an hour that occurs twice. Raises ValueError for a skipped one."""
    aware = moment.replace(tzinfo=zone, fold=0)
    if aware.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError("this hour is skipped")
    return aware


def stamp(moment: dt.datetime) -> str:
    """The moment as it is stored: UTC to the millisecond, of fixed width, so that text order is time order."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def site_time(value: str) -> str:
    """A stored moment in the site's zone, without saying so, as the article's product sends it."""
    return local_time(value, timezone.get_default_timezone())


def local_time(value: str, zone: dt.tzinfo) -> str:
    """A stored moment in a zone, without saying so."""
    if str(zone) == "UTC":
        return value[:-1]
    moment = dt.datetime.fromisoformat(value).astimezone(zone)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


class Moment(DateTime):
    """A system time, kept in a column of its own, so compared as a time and not as text. Not offered to apps."""

    name = "moment"
    transform = ""
    operators = ("before", "after", "on_or_before", "on_or_after", "within_last_days")

    def schema(self, config: Config, format: Format) -> Schema:
        return {**super().schema(config, format), "type": "string"}

    def operand(self, raw: Any, config: Config) -> Any:
        text = self.validate(raw, config)
        return None if text is None else dt.datetime.fromisoformat(text)

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        return now - dt.timedelta(days=days), now

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        render, blank = super().renderer(config, format)
        return (lambda moment: render(stamp(moment))), blank

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        return super().display(None if value is None else stamp(value), config)
