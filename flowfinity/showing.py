"""How values, records and moments are shown to a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import ngettext

from flowfinity import clock, query, references
from flowfinity.definitions import AppDefinition
from flowfinity.fields import World, cut
from flowfinity.models import Record
from flowfinity.query import Column

LONGEST_CELL = 200
LONGEST_CHANGE = 1_000


@dataclass(frozen=True)
class Shown:
    """A field's value on a page: its words, where they lead to, and whether that is a picture."""

    text: str
    url: str = ""
    pictured: bool = False


def shown(column: Column, values: Mapping[str, Any], world: World) -> Shown:
    """A field's value as a page shows it."""
    value = values.get(column.name)
    return Shown(
        column.type.display(value, column.config, world),
        column.type.url(value, column.config, world),
        column.type.pictured,
    )


def in_words(column: Column, values: Mapping[str, Any], world: World) -> str:
    """A field's value in words."""
    return shown(column, values, world).text


def cell(column: Column, values: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The value as a table's cell. A choice looks like one where the field gives its choices a meaning (a tone)."""
    found = shown(column, values, world)
    tones = column.config.get("tones") or {}
    marked = bool(tones) and found.text in column.config.get("choices", ())
    return {
        "label": column.heading,
        "text": cut(found.text, LONGEST_CELL),
        "url": found.url,
        "numeric": column.type.numeric,
        "kind": "choice" if marked else "",
        "tone": tones.get(found.text, ""),
    }


def title(app: AppDefinition, found: Record) -> str:
    """What a record is called: the first of its app's fields that says something, else its number."""
    return cut(references.called(app, found.pk, found.values), LONGEST_CELL)


def count_words(count: int) -> str:
    """A number of records as its reader writes it; beyond `query.MOST_COUNTED`, that and a plus."""
    words = number_format(min(count, query.MOST_COUNTED), force_grouping=True)
    return f"{words}+" if count > query.MOST_COUNTED else words


def counted(count: int) -> str:
    """How many records there are, in words."""
    return ngettext("%s record", "%s records", count) % count_words(count)


def ago(moment: dt.datetime) -> str:
    """How long ago, in one unit: "3 days ago"."""
    return clock.ago(clock.now() - moment)


def sentence(words: str) -> str:
    """The words with a capital."""
    return words[:1].upper() + words[1:]
