"""Where something is."""

from __future__ import annotations

import re
from typing import Any

from django import forms
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
    closed,
)
from flowfinity.fields.numbers import Number, plain

KEYS = ("Latitude", "Longitude", "Accuracy")
BOUNDS = {"Latitude": 90, "Longitude": 180}


class Location(FieldType):
    """A place on earth, in degrees, with its accuracy in metres where it is known."""

    name = "location"
    label = gettext_lazy("Location")
    operators = BLANK_OPERATORS
    sortable = False
    written = re.compile(r"\s*(-?[0-9.]+)\s*[,;]\s*(-?[0-9.]+)\s*(?:[,;]\s*([0-9.]+)\s*)?", re.ASCII)

    def validate(self, raw: Any, config: Config) -> Any:
        """An object of numbers; text "49.28, -123.12" will do."""
        if raw is None or raw == "":
            return None
        if isinstance(raw, str) and (match := self.written.fullmatch(raw)):
            raw = dict(zip(KEYS, match.groups(), strict=True))
        names = {key.lower(): key for key in KEYS}
        if not isinstance(raw, dict) or not {str(key).lower() for key in raw} <= set(names):
            raise FieldError(
                "invalid",
                _('A place is expected here: "49.2827, -123.1207", or {"Latitude", "Longitude", "Accuracy"}.'),
            )
        found = {names[key.lower()]: Number().validate(value, {}) for key, value in raw.items()}
        found = {key: found[key] for key in KEYS if found.get(key) is not None}
        if not found:
            return None
        for key, bound in BOUNDS.items():
            if key not in found or not -bound <= found[key] <= bound:
                raise FieldError(
                    "invalid",
                    _("%(key)s is expected in degrees, from -%(bound)s to %(bound)s.") % {"key": key, "bound": bound},
                )
        if found.get("Accuracy", 0) < 0:
            raise FieldError("invalid", _("Accuracy is expected in metres, from 0 up."))
        return found

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """The numbers, as text in the flowfinity format."""
        number = plain if format == "flowfinity" else lambda value: value

        def render(value: Any) -> Any:
            return {key: None if key not in value else number(value[key]) for key in KEYS}

        return render, dict.fromkeys(KEYS)

    def schema(self, config: Config, format: Format) -> Schema:
        """All keys, null in a blank place."""
        return closed({key: Number().schema({}, format) for key in KEYS}, KEYS)

    def write_schema(self, config: Config) -> Schema:
        """The object, its numbers as numbers or text; or text of two or three numbers."""
        number = Number().write_schema({})
        number = {**number, "type": [*number["type"], "null"]}
        degrees = {key: {**number, "minimum": -bound, "maximum": bound} for key, bound in BOUNDS.items()}
        return {
            "anyOf": [
                closed({**degrees, "Accuracy": {**number, "minimum": 0}}),
                {"type": "string", "pattern": f"^({self.written.pattern})?$"},
            ]
        }

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """Latitude and longitude."""
        return "" if value is None else f"{plain(value['Latitude'])}, {plain(value['Longitude'])}"

    def sample(self, config: Config) -> Any:
        """A place."""
        return {"Latitude": 49.2827, "Longitude": -123.1207, "Accuracy": 12}

    def widget(self, config: Config) -> forms.Widget:
        """Latitude and longitude as text."""
        return forms.TextInput(
            attrs={"placeholder": "49.2827, -123.1207", "autocomplete": "off", "data-position": True}
        )

    def to_form(self, value: Any, config: Config) -> Any:
        """Latitude, longitude and accuracy as text."""
        return "" if value is None else ", ".join(plain(value[key]) for key in KEYS if key in value)
