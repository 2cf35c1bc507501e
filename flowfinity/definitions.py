"""An app's definition as frozen values, read once a configuration version and process.

What a poll, a form and `submit` work with: no rows, no lazy queries. The version is read before the rows, so what is
kept under a version is never older than it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import orjson
from django.utils import translation
from django.utils.translation import gettext as _

from flowfinity.fields import TYPES
from flowfinity.models import App, Configuration, View
from flowfinity.query import SYSTEM_COLUMNS, Column, Parameter, Query, QueryError, load_filter, load_order


class Unknown(LookupError):
    """No app, operation or view of that name."""


@dataclass(frozen=True)
class OperationDefinition:
    """What may be submitted: `kind` is create, update or delete; `fields` in the form's order."""

    id: int
    app: int
    name: str
    label: str
    kind: str
    done: str
    fields: tuple[Column, ...]


@dataclass(frozen=True)
class ViewDefinition:
    """Which records, which columns, in which order, and what it asks its reader."""

    id: int
    app: int
    name: str
    label: str
    description: str
    columns: tuple[Column, ...]
    query: Query
    parameters: Mapping[str, Parameter]
    # Of all that decides which records are shown and in which order: a cursor made under another one is void.
    digest: str

    @cached_property
    def stable(self) -> bool:
        """True when what is shown changes only by a submission or a change of configuration, not by time."""
        return self.query.stable and all(column.type.stable for column in self.columns)

    @cached_property
    def refers(self) -> bool:
        """True when a column's values refer to something outside the record."""
        return any(column.type.refers for column in self.columns)


DEFINITION = TypeVar("DEFINITION", OperationDefinition, ViewDefinition)


@dataclass(frozen=True)
class AppDefinition:
    """An app. Look-ups by name take no regard of case (contract, Names) and raise Unknown."""

    id: int
    version: int
    name: str
    label: str
    description: str
    fields: Mapping[str, Column]
    operations: tuple[OperationDefinition, ...]
    views: tuple[ViewDefinition, ...]
    broken: Mapping[int, QueryError]

    @property
    def columns(self) -> Mapping[str, Column]:
        """The app's fields and the system fields, by name."""
        return {**self.fields, **SYSTEM_COLUMNS}

    def operation(self, name: str | int) -> OperationDefinition:
        """The operation by name or key. Raises Unknown."""
        return one(self.operations, name)

    def view(self, name: str | int) -> ViewDefinition:
        """The view by name or key. Raises Unknown; raises QueryError for one whose filter cannot be read."""
        if isinstance(name, int) and name in self.broken:
            raise self.broken[name]
        return one(self.views, name)


def one(definitions: Iterable[DEFINITION], name: str | int) -> DEFINITION:
    """The definition of that key or name. Raises Unknown."""
    for definition in definitions:
        if definition.id == name or (isinstance(name, str) and definition.name.lower() == name.lower()):
            return definition
    raise Unknown(name)


def read_parameters(document: list[Mapping[str, Any]]) -> dict[str, Parameter]:
    """A view's parameters by name, from their stored form."""
    return {
        part["name"]: Parameter(
            part["name"],
            part["label"],
            TYPES[part["type"]],
            {key: value for key, value in part.items() if key not in {"name", "label", "type"}},
        )
        for part in document
    }


def read_view(row: View, columns: Mapping[str, Column]) -> ViewDefinition:
    """The view that a row means. Raises QueryError when its filter, sort or columns cannot be read."""
    parameters = read_parameters(row.parameters)
    unknown = [name for name in row.columns if name not in columns]
    if unknown:
        raise QueryError([("columns", _("%s is no field of this app") % name) for name in unknown])
    return ViewDefinition(
        row.pk,
        row.app_id,
        row.name,
        row.label,
        row.description,
        tuple(columns[name] for name in row.columns),
        Query(row.app_id, load_filter(row.filter, columns, parameters), load_order(row.sort, columns)),
        MappingProxyType(parameters),
        hashlib.sha256(orjson.dumps([row.columns, row.filter, row.sort, row.parameters])).hexdigest()[:16],
    )


def fault_of(row: View, app: AppDefinition) -> QueryError:
    """Why a broken view cannot be read, in the language of who asks: what `app` keeps is in English."""
    try:
        read_view(row, app.columns)
    except QueryError as error:
        return error
    return app.broken[row.pk]


def read_app(app: App, version: int) -> AppDefinition:
    """The definition that the app's rows mean now."""
    fields = {
        row.name: Column(row.name, row.label, TYPES[row.type], row.config, row.required, row.section, row.help)
        for row in app.fields.all()
    }
    columns = {**fields, **SYSTEM_COLUMNS}
    views, broken = [], {}
    for row in app.views.all():
        try:
            views.append(read_view(row, columns))
        except QueryError as error:
            broken[row.pk] = error
    return AppDefinition(
        app.pk,
        version,
        app.name,
        app.label,
        app.description,
        MappingProxyType(fields),
        tuple(
            OperationDefinition(
                row.pk, app.pk, row.name, row.label, row.kind, row.done, tuple(fields[name] for name in row.fields)
            )
            for row in app.operations.all()
        ),
        tuple(views),
        MappingProxyType(broken),
    )


_kept: dict[int, AppDefinition] = {}
_lock = threading.Lock()


def of(app: int | str, version: int | None = None) -> AppDefinition:
    """The app by key or name, as of a configuration version (the present one when none is given). Raises Unknown."""
    if version is None:
        version = Configuration.current()
    if isinstance(app, int) and (kept := _kept.get(app)) is not None and kept.version == version:
        return kept
    row = App.objects.prefetch_related("fields", "operations", "views")
    found = row.filter(pk=app) if isinstance(app, int) else row.filter(name__iexact=app)
    try:
        # Kept for all that ask, whatever language the first of them reads.
        with translation.override("en"):
            definition = read_app(found.get(), version)
    except App.DoesNotExist:
        raise Unknown(app) from None
    with _lock:
        _kept[definition.id] = definition
    return definition


def every() -> list[AppDefinition]:
    """All apps, by label."""
    version = Configuration.current()
    return [of(pk, version) for pk in App.objects.values_list("pk", flat=True)]
