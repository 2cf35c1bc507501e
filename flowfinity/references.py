"""What values refer to outside their record: users, other records, files. Looked up in bulk, never one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flowfinity import definitions, storage
from flowfinity.fields import NOWHERE, Reference, World
from flowfinity.models import Record, User
from flowfinity.query import Column


def missing(references: Iterable[Reference]) -> set[Reference]:
    """Those that are not there (any more): at most one query for users and one for records."""
    asked = set(references)
    names = {one.key for one in asked if one.kind == "user"}
    keys = {one.key for one in asked if one.kind == "record"}
    users = (
        set(User.objects.filter(username__in=names, is_active=True).values_list("username", flat=True)) if names else ()
    )
    records: dict[int, str] = {}
    if keys:
        records = dict(Record.objects.filter(pk__in=keys, deleted=False).values_list("pk", "app__name"))
    return {
        one
        for one in asked
        if (one.kind == "user" and one.key not in users)
        or (one.kind == "record" and records.get(one.key, "").lower() != one.app.lower())
    }


def world(columns: Iterable[Column], rows: Iterable[Mapping[str, Any]], base_url: str) -> World:
    """What the stored values in `rows` refer to, for their renderers. URLs of files start with `base_url`."""
    referring = [column for column in columns if column.type.refers]
    if not referring:
        return NOWHERE
    found = {
        reference
        for values in rows
        for column in referring
        if (value := values.get(column.name)) is not None
        for reference in column.type.references(value, column.config)
    }
    names = {one.key for one in found if one.kind == "user"}
    keys = {one.key for one in found if one.kind == "record"}
    return World(
        people=dict(User.objects.filter(username__in=names).values_list("username", "display_name")) if names else {},
        titles=titles(keys) if keys else {},
        file_url=partial(storage.signed_url, base_url=base_url),
    )


def titles(keys: Iterable[int]) -> dict[int, str]:
    """What records are called: by the first field of their app that says something; a deleted one says so."""
    found = {}
    for pk, app, values, deleted in Record.objects.filter(pk__in=keys).values_list("pk", "app_id", "values", "deleted"):
        title = title_of(definitions.of(app), values) or f"{pk:09d}"
        found[pk] = f"{title} (deleted)" if deleted else title
    return found


def title_of(app: definitions.AppDefinition, values: Mapping[str, Any]) -> str:
    """The first of the app's fields that is not blank, in words."""
    for column in app.fields.values():
        if values.get(column.name) is not None and not column.type.refers:
            return column.type.display(values[column.name], column.config)
    return ""
