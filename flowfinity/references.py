"""What values refer to outside their record: users, other records, files. Looked up in bulk, never one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flowfinity import definitions, storage
from flowfinity.definitions import AppDefinition
from flowfinity.fields import NOWHERE, Reference, World, cut, record_id
from flowfinity.models import Configuration, Record, User
from flowfinity.query import Column

MOST_OFFERED = 200
LONGEST_CHOICE = 100


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
    titles, deleted = titled(keys) if keys else ({}, set())
    return World(
        people=dict(User.objects.filter(username__in=names).values_list("username", "display_name")) if names else {},
        titles=titles,
        deleted=deleted,
        file_url=partial(storage.signed_url, base_url=base_url),
    )


def titled(keys: Iterable[int]) -> tuple[dict[int, str], set[int]]:
    """What records are called, and which of them are deleted, which their titles say as well."""
    version = Configuration.current()
    found, gone = {}, set()
    for pk, app, values, deleted in Record.objects.filter(pk__in=keys).values_list("pk", "app_id", "values", "deleted"):
        title = called(definitions.of(app, version), pk, values)
        found[pk] = f"{title} (deleted)" if deleted else title
        if deleted:
            gone.add(pk)
    return found, gone


def title_of(app: AppDefinition, values: Mapping[str, Any]) -> str:
    """The first of the app's fields that says something, in words; "" for none."""
    for column in app.fields.values():
        if values.get(column.name) is not None and not column.type.refers and not column.type.never_blank:
            return column.type.display(values[column.name], column.config)
    return ""


def called(app: AppDefinition, number: int, values: Mapping[str, Any]) -> str:
    """What a record is called: its title, else its number."""
    return title_of(app, values) or record_id(number)


def offers(columns: Iterable[Column], apps: Mapping[str, AppDefinition]) -> dict[Reference, list[tuple[str, str]]]:
    """What a form offers for these columns, by `FieldType.offered`: key and words, in the order of the words.

    `apps` are those of which the reader may see records, by name in lower case; of others nothing is offered. An app
    with more than `MOST_OFFERED` records is left out: its records are named by RecordID; and so are more authors than
    that, to be typed. One query for users, one for authors, and one for each app.
    """
    found: dict[Reference, list[tuple[str, str]]] = {}
    for what in {what for column in columns if (what := column.type.offered(column.config)) is not None}:
        if what.kind == "author":
            choices = authors()
        else:
            choices = active_people() if what.kind == "user" else records_of(apps.get(what.app))
        if len(choices) <= MOST_OFFERED or what.kind == "user":
            found[what] = told_apart(choices)
    return found


def active_people() -> list[tuple[str, str]]:
    """User names and display names of the people who may log in."""
    return list(User.objects.filter(is_active=True, account_type=User.REGULAR).values_list("username", "display_name"))


def authors() -> list[tuple[str, str]]:
    """Display names, each once, of all accounts, as far as `MOST_OFFERED` and one more."""
    names = (
        User.objects.exclude(display_name="").order_by("display_name").values_list("display_name", flat=True).distinct()
    )
    return [(name, name) for name in names[: MOST_OFFERED + 1]]


def records_of(app: AppDefinition | None) -> list[tuple[str, str]]:
    """An app's records as far as `MOST_OFFERED` and one more, by RecordID, with what they are called."""
    if app is None:
        return []
    newest = Record.objects.filter(app=app.id, deleted=False).order_by("-last_submission_id")
    return [
        (record_id(pk), shortened(title_of(app, values)))
        for pk, values in newest.values_list("pk", "values")[: MOST_OFFERED + 1]
    ]


def shortened(title: str) -> str:
    """A title on one line of a list."""
    return cut(" ".join(title.split()), LONGEST_CHOICE)


def told_apart(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The choices in the order of their words, those of the same words with their keys."""
    known = list(choices)
    times = Counter(words for _, words in known)
    named = [(key, words if words and times[words] == 1 else f"{words} ({key})".strip()) for key, words in known]
    return sorted(named, key=lambda choice: (choice[1].lower(), choice[0]))
