"""Field types, one class each: what a value may be, how it is stored as JSON, and how it looks in both wire formats.

Pure: no database, no clock. Stored values obey rules that keep SQLite and PostgreSQL alike: one JSON type per field
type, and a blank value is an absent key, so `validate` answers None for it and never stores null.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowfinity.fields.base import (
    BLANK_OPERATORS,
    FORMATS,
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
from flowfinity.fields.choices import MultipleSelection, SingleSelection, shortened
from flowfinity.fields.files import Attachment, KeptFile, Picture, Signature, Upload
from flowfinity.fields.links import Author, Person, RecordLink
from flowfinity.fields.numbers import Currency, Number, RecordNumber, WholeNumber, YesNo, plain, record_id
from flowfinity.fields.places import Location
from flowfinity.fields.texts import Email, MultilineText, Phone, Text, Url, cut
from flowfinity.fields.times import Date, DateTime, Moment, in_site_zone, site_time, stamp

__all__ = [
    "BLANK_OPERATORS", "FORMATS", "NOWHERE", "TYPES", "Attachment", "Author", "Config", "Currency", "Date", "DateTime",
    "Email", "FieldError", "FieldType", "Format", "KeptFile", "Location", "Moment", "MultilineText",
    "MultipleSelection", "Number", "Person", "Phone", "Picture", "RecordLink", "RecordNumber", "Reference", "Render",
    "Schema", "Signature", "SingleSelection", "Text", "Upload", "Url", "WholeNumber", "World", "YesNo", "checked_text",
    "closed", "cut", "in_site_zone", "plain", "record_id", "shortened", "site_time", "stamp",
]  # fmt: skip

TYPES: Mapping[str, FieldType] = {
    type.name: type
    for type in (
        Text(), MultilineText(), Phone(), Email(), Url(), Number(), Currency(), YesNo(), Date(), DateTime(),
        SingleSelection(), MultipleSelection(), Location(), Picture(), Signature(), Attachment(), Person(),
        RecordLink(),
    )
}  # fmt: skip
