"""How values, records and moments are shown to a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest

from flowfinity import clock, references
from flowfinity.definitions import AppDefinition
from flowfinity.fields import World, cut, record_id
from flowfinity.models import Record
from flowfinity.query import LONGEST_CELL, Column
from flowfinity.workspace import context

LONGEST_CHANGE = 1_000


def world_of(
    request: HttpRequest,
    columns: Iterable[Column] = (),
    rows: Iterable[Mapping[str, Any]] = (),
    offered: Iterable[Column] = (),
) -> World:
    """What the columns' values in these rows refer to, and what a form of the `offered` columns offers."""
    site = context.of(request)
    return replace(
        references.world(columns, rows, ""),
        record_url=site.record_url,
        offers=references.offers(offered, site.readable),
    )


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


def title(app: AppDefinition, found: Record) -> str:
    """What a record is called: the first of its app's fields that says something, else its number."""
    return cut(references.title_of(app, found.values), LONGEST_CELL) or record_id(found.pk)


def ago(moment: dt.datetime) -> str:
    """How long ago, in one unit: "3 days ago"."""
    return clock.ago(clock.now() - moment)


def sentence(words: str) -> str:
    """The words with a capital."""
    return words[:1].upper() + words[1:]
