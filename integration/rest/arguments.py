"""The query string as typed arguments: a view's parameters by django-filter, and the poll's own.

A view's parameters become a FilterSet whose filters clean by the field type itself; the filtering is Query's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from flowfinity.definitions import ViewDefinition
from flowfinity.fields import FORMATS, FieldError, Format
from flowfinity.models import Record
from flowfinity.query import Parameter, Query, QueryError
from integration.rest.errors import invalid_parameter

MODES = ("zapier", "plain")
MOST_RECORDS = 10_000
LONGEST_CLIENT = 64
OWN = ("mode", "values", "limit", "cursor", "client")


class ArgumentField(forms.Field):
    """A parameter's value, cleaned by its field type; None when empty."""

    widget = forms.TextInput

    def __init__(self, parameter: Parameter, **extra: Any) -> None:
        super().__init__(**{**extra, "required": False})
        self.parameter = parameter

    def clean(self, value: Any) -> Any:
        """The typed operand. Raises ValidationError."""
        if value is None or value == "":
            return None
        try:
            return self.parameter.type.operand(value, self.parameter.config)
        except FieldError as error:
            raise ValidationError(error.message) from None


class ArgumentFilter(django_filters.Filter):
    """A parameter of a view, as a filter of django-filter."""

    field_class: type[forms.Field] = ArgumentField


_made: dict[int, tuple[int, type[django_filters.FilterSet]]] = {}


def filter_set(view: ViewDefinition, version: int) -> type[django_filters.FilterSet]:
    """The FilterSet of a view's parameters, made once a definition version; its keys are in lower case."""
    kept = _made.get(view.id)
    if kept is None or kept[0] != version:
        filters: dict[str, Any] = {
            p.name.lower(): ArgumentFilter(label=p.label, parameter=p)  # type: ignore[no-untyped-call]
            for p in view.parameters.values()
        }
        kept = _made[view.id] = version, type("Arguments", (django_filters.FilterSet,), filters)
    return kept[1]


@dataclass(frozen=True)
class Asked:
    """What a query string asks of a view."""

    mode: str | None
    values: Format | None
    limit: int | None
    cursor: str | None
    client: str
    arguments: Mapping[str, Any]
    # What was given of what is known, as it was written: for a link to the next page.
    given: Mapping[str, str]


def read(data: QueryDict, view: ViewDefinition, version: int) -> Asked:
    """The query string, typed. Raises Refusal (400); names that are no parameter are ignored, their values unread."""
    given: dict[str, str] = {}
    known = {*OWN, *(name.lower() for name in view.parameters)}
    for name, values in data.lists():
        key = name.lower()
        if key in known:
            if key in given or len(values) > 1:
                raise invalid_parameter(key, "is given twice; give it once.")
            given[key] = str(values[0])
    return Asked(
        choice(given, "mode", MODES),
        choice(given, "values", FORMATS),
        whole(given, "limit", 1, MOST_RECORDS),
        given.get("cursor"),
        client(given),
        arguments(given, view, version) if view.parameters else {},
        given,
    )


def arguments(given: Mapping[str, str], view: ViewDefinition, version: int) -> dict[str, Any]:
    """The view's arguments by parameter name; None for one that is absent or empty. Raises Refusal (400)."""
    form = filter_set(view, version)(data=given, queryset=Record.objects.none()).form
    for name in view.parameters:
        if errors := form.errors.get(name.lower()):
            raise invalid_parameter(name, str(errors[0]))
    return {name: form.cleaned_data[name.lower()] for name in view.parameters}


def choice(given: Mapping[str, str], name: str, choices: tuple[Any, ...]) -> Any:
    """One of the choices, or None when it is not given. Raises Refusal (400)."""
    if name not in given:
        return None
    if given[name] not in choices:
        raise invalid_parameter(name, f"is {' or '.join(choices)}.")
    return given[name]


def whole(given: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """A whole number within its bounds, or None when it is not given. Raises Refusal (400)."""
    value = given.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 17 and least <= int(value) <= most):
        raise invalid_parameter(name, f"is a whole number from {least:,} to {most:,}.")
    return int(value)


def client(given: Mapping[str, str]) -> str:
    """The poller's name for itself, "" by default. Raises Refusal (400)."""
    value = given.get("client", "")
    if len(value) > LONGEST_CLIENT or not (value.isprintable() or not value):
        raise invalid_parameter("client", f"is text of at most {LONGEST_CLIENT} printable characters.")
    return value


def answered(query: Query, arguments: Mapping[str, Any], now: dt.datetime) -> Query:
    """The query with these arguments. Raises Refusal (400) for one that does not suit its condition."""
    try:
        return query.with_arguments(arguments, now)
    except QueryError as error:
        raise invalid_parameter(*error.faults[0]) from None
