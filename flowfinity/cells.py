"""A value as the text of one cell, in a file that people open in a spreadsheet, and back.

Pure. What `write` writes, `read` and the field type's `validate` make the same value of. `read` is generous to other
people's files, and never guesses: what it does not know it leaves as it is, for the field type to refuse. `refused`
says it to the person who has the file before him; the field type's own words are for who calls the API.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from flowfinity.fields import (
    Date,
    DateTime,
    FieldError,
    MultipleSelection,
    Number,
    SingleSelection,
    Text,
    YesNo,
    cut,
    shortened,
    stamp,
)
from flowfinity.query import Column

ORDERS = ("iso", "dmy", "mdy")
DECIMALS = (".", ",")
# 06/09/2020, 6.9.2020 14:30, 9-6-2020 2:30:05 PM
DAY = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,?[ T]+(\d{1,2}):(\d\d)(?::(\d\d))? ?([AaPp]\.?[Mm]\.?)?)?", re.ASCII
)
GROUPED = {
    ".": re.compile(r"-?\d{1,3}([, '’]\d{3})+(\.\d+)?", re.ASCII),
    ",": re.compile(r"-?\d{1,3}([. '’]\d{3})+(,\d+)?", re.ASCII),
}
DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)
ORDER_WORDS = {
    "iso": gettext_noop("year-month-day"),
    "dmy": gettext_noop("day/month/year"),
    "mdy": gettext_noop("month/day/year"),
}
# How much of a cell a sentence repeats.
LONGEST_QUOTE = 60
BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))


@dataclass(frozen=True)
class Reading:
    """How a file writes what people write differently: the order of day, month and year, and the decimal sign.

    Dates as 2020-09-06 and numbers as 1234.5 are read whatever it says.
    """

    dates: str = "iso"
    decimal: str = "."

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Reading:
        """The reading that a stored document means; what it does not know is left at its default."""
        dates, decimal = document.get("dates"), document.get("decimal")
        return cls(
            dates if dates in ORDERS else "iso",
            decimal if decimal in DECIMALS else ".",
        )

    def document(self) -> dict[str, str]:
        """What `load` takes."""
        return asdict(self)


def guessed(column: Column, texts: Iterable[str], reading: Reading) -> Reading:
    """The reading, corrected by what a column's texts can only mean: 31/12/2020 has no thirty-first month."""
    dates, decimal = reading.dates, reading.decimal
    for text in map(str.strip, texts):
        if isinstance(column.type, Date | DateTime) and (found := DAY.fullmatch(text)):
            first, second = int(found[1]), int(found[3])
            if first > 12 >= second or found[2] == ".":
                dates = "dmy"
            elif second > 12 >= first:
                dates = "mdy"
            elif dates == "iso":
                # Most of the world writes the day first; the preview shows what it is taken for.
                dates = "dmy"
        elif isinstance(column.type, Number):
            bare = without_unit(text, column)
            grouped = GROUPED[","].fullmatch(bare)
            if (DECIMAL_COMMA.fullmatch(bare) and not GROUPED["."].fullmatch(bare)) or (grouped and grouped[2]):
                decimal = ","
    return Reading(dates, decimal)


def write(column: Column, value: Any) -> str:
    """The stored value as a cell's text; "" for blank."""
    kind = column.type
    if isinstance(kind, YesNo):
        return "Yes" if value else "No"
    if value is None:
        return ""
    if isinstance(kind, MultipleSelection):
        return "; ".join(f'"{choice}"' if ";" in choice else choice for choice in kind.to_form(value, column.config))
    if isinstance(kind, DateTime):
        return in_site_offset(value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value))
    if kind.uploaded:
        return kind.display(value, column.config)
    if column.system and column.name == "RecordID":
        return kind.display(value, column.config)
    return str(kind.to_form(value, column.config))


def in_site_offset(moment: dt.datetime) -> str:
    """The moment in the site's zone with its offset: "2020-09-06 06:37:31+02:00"."""
    kept = dt.datetime.fromisoformat(stamp(moment))
    local = kept.astimezone(timezone.get_default_timezone())
    if (local.utcoffset() or dt.timedelta()) % dt.timedelta(minutes=1):
        # Before zones were agreed upon, noon was when the sun said so: no offset of hours and minutes says that.
        local = kept
    return local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")


def read(column: Column, text: str, reading: Reading) -> Any:
    """What a cell's text means, for the field type to validate; None for blank."""
    kind, bare = column.type, text.translate(BLANKS).strip()
    if not bare:
        return None
    if isinstance(kind, Text):
        return text
    if isinstance(kind, SingleSelection):
        return choice_of(bare, column)
    if isinstance(kind, MultipleSelection):
        return choices_of(bare, column)
    if isinstance(kind, Number):
        return number_of(bare, column, reading.decimal)
    if isinstance(kind, Date | DateTime):
        return day_of(bare, reading.dates)
    if isinstance(kind, YesNo):
        return {"y": "yes", "n": "no", "x": "yes"}.get(bare.lower(), bare)
    return bare


def choice_of(text: str, column: Column) -> str:
    """The choice that is meant, whatever its capitals; else the text."""
    known = column.config.get("choices", ())
    if text in known:
        return text
    folded = [choice for choice in known if choice.lower() == text.lower()]
    return folded[0] if len(folded) == 1 else text


def choices_of(text: str, column: Column) -> list[str]:
    """The choices, which stand between semicolons, in lines of their own, or, where all are known, between commas."""
    known = column.config.get("choices", ())
    whole = choice_of(text, column)
    if whole in known:
        return [whole]
    separated = next(csv.reader([" ; ".join(text.splitlines())], delimiter=";", skipinitialspace=True))
    parts = [choice_of(part.strip(), column) for part in separated if part.strip()]
    if len(parts) == 1 and parts[0] not in known and "," in text:
        listed = [choice_of(part.strip(), column) for part in text.split(",") if part.strip()]
        if all(part in known for part in listed):
            return listed
    return parts


def without_unit(text: str, column: Column) -> str:
    """The text of a number without its currency."""
    for unit in {column.type.unit(column.config), str(column.config.get("currency", ""))} - {""}:
        text = text.replace(unit, "")
    return text.translate(BLANKS).strip()


def number_of(text: str, column: Column, decimal: str) -> str:
    """The digits with a decimal point; a text that is no number as it is."""
    bare = without_unit(text, column)
    if GROUPED[decimal].fullmatch(bare):
        bare = re.sub(r"[ '’.]" if decimal == "," else r"[ '’,]", "", bare)
    elif decimal == "," and not DECIMAL_COMMA.fullmatch(bare):
        return bare
    return bare.replace(",", ".") if decimal == "," else bare


def day_of(text: str, order: str) -> str:
    """The day, with its time when there is one, in the order of ISO 8601; another text as it is."""
    found = DAY.fullmatch(text)
    if found is None or order == "iso":
        return text
    day, month = (found[1], found[3]) if order == "dmy" else (found[3], found[1])
    whole = f"{found[4]}-{int(month):02d}-{int(day):02d}"
    if found[5] is None:
        return whole
    hour = int(found[5])
    if found[8]:
        if not 1 <= hour <= 12:
            return text
        hour = hour % 12 + (12 if found[8][0] in "Pp" else 0)
    return f"{whole} {hour:02d}:{found[6]}:{found[7] or '00'}"


def refused(column: Column, text: str, reading: Reading) -> str:
    """Why the cell cannot be read, in a sentence for who wrote it; "" where the field type's own words say it."""
    kind, bare = column.type, text.translate(BLANKS).strip()
    quoted = cut(bare, LONGEST_QUOTE)
    if isinstance(kind, YesNo):
        return _("“%s” is neither Yes nor No.") % quoted
    if isinstance(kind, SingleSelection | MultipleSelection):
        return no_choice(column, bare)
    if isinstance(kind, Number):
        return no_number(column, bare, quoted, reading)
    if isinstance(kind, Date | DateTime):
        return no_day(column, bare, quoted, reading)
    return ""


def no_choice(column: Column, text: str) -> str:
    """That a cell names what is not among the choices, and which there are."""
    known = column.config.get("choices", ())
    named = [text] if isinstance(column.type, SingleSelection) else choices_of(text, column)
    wrong = cut(", ".join(part for part in named if part not in known), LONGEST_QUOTE)
    return _("“%(text)s” is none of the choices: %(choices)s.") % {"text": wrong, "choices": shortened(known)}


def no_number(column: Column, text: str, quoted: str, reading: Reading) -> str:
    """That a cell is no number; and, where it would be one read otherwise, how the file is read."""
    if Number.literal.fullmatch(number_of(text, column, reading.decimal)):
        return ""
    other = "." if reading.decimal == "," else ","
    if not Number.literal.fullmatch(number_of(text, column, other)):
        return _("“%s” is no number.") % quoted
    if other == ".":
        return _("“%s” is no number; this file is read with a decimal comma.") % quoted
    return _("“%s” is no number; this file is read with a decimal point.") % quoted


def no_day(column: Column, text: str, quoted: str, reading: Reading) -> str:
    """That a cell is no date, or no time, and how the column is read."""
    words = {"text": quoted, "order": _(ORDER_WORDS[reading.dates])}
    if isinstance(column.type, DateTime):
        return _("“%(text)s” is no date and time; this column is read as %(order)s.") % words
    try:
        DateTime().validate(day_of(text, reading.dates), {})
    except FieldError:
        return _("“%(text)s” is no date; this column is read as %(order)s.") % words
    return _("“%s” has a time of day; this field keeps a date alone.") % quoted
