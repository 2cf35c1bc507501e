"""One choice of several, or some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Q
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
    same,
    unwrapped,
)


class SingleSelection(FieldType):
    name = "single"
    label = gettext_lazy("Single selection")
    operators = ("is", "is_not", "is_any_of", "is_none_of", *BLANK_OPERATORS)
    transform = "text"
    options = ("choices", "tones")

    def validate(self, raw: Any, config: Config) -> Any:
        value = unwrapped(raw)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise FieldError("invalid", _('Send one choice as text, or {"Selection": "…"}.'))
        if value not in config.get("choices", ()):
            raise FieldError("not_a_choice", _("Choose one of: %s.") % shortened(config.get("choices", ())))
        return value

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        if format == "flowfinity":
            return (lambda value: {"Selection": value}), {"Selection": None}
        return same, None

    def schema(self, config: Config, format: Format) -> Schema:
        # A record may hold a choice that is offered no longer, so the choices are examples, not an enum.
        choice = {"type": ["string", "null"], "examples": list(config.get("choices", ()))}
        return closed({"Selection": choice}, ["Selection"]) if format == "flowfinity" else choice

    def write_schema(self, config: Config) -> Schema:
        choices = list(config.get("choices", ()))
        return {
            "anyOf": [{"enum": [*choices, ""]}, closed({"Selection": {"enum": [*choices, "", None]}}, ["Selection"])]
        }

    def argument_schema(self, config: Config) -> Schema:
        return {"type": "string", "enum": [*config.get("choices", ()), ""]}

    def sample(self, config: Config) -> Any:
        return next(iter(config.get("choices", ())), None)

    def faults(self, config: Config) -> list[str]:
        return choice_faults(config)

    def widget(self, config: Config) -> forms.Widget:
        return forms.Select(choices=[("", "—"), *((choice, choice) for choice in config.get("choices", ()))])


class MultipleSelection(FieldType):
    name = "multiple"
    label = gettext_lazy("Multiple selection")
    operators = ("includes", "does_not_include", *BLANK_OPERATORS)
    sortable = False
    wide = True
    options = ("choices", "tones")

    def validate(self, raw: Any, config: Config) -> Any:
        """An object with a key a choice, so that "includes" is one lookup on both databases."""
        value = unwrapped(raw)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(choice, str) for choice in value):
            raise FieldError("invalid", _('Send a list of choices, or {"Selection": […]}.'))
        known = config.get("choices", ())
        if any(choice not in known for choice in value):
            raise FieldError("not_a_choice", _("Choose among: %s.") % shortened(known))
        return {choice: True for choice in known if choice in value} or None

    def operand(self, raw: Any, config: Config) -> Any:
        return SingleSelection().validate(raw, config)

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        return Q((f"{path}__{lookup}", operand))

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        place = {choice: index for index, choice in enumerate(config.get("choices", ()))}

        def ordered(value: Mapping[str, bool]) -> list[str]:
            return sorted(value, key=lambda choice: (place.get(choice, len(place)), choice))

        if format == "flowfinity":
            return (lambda value: {"Selection": ordered(value)}), {"Selection": []}
        return ordered, []

    def schema(self, config: Config, format: Format) -> Schema:
        chosen = {"type": "array", "items": {"type": "string", "examples": list(config.get("choices", ()))}}
        return closed({"Selection": chosen}, ["Selection"]) if format == "flowfinity" else chosen

    def write_schema(self, config: Config) -> Schema:
        items = {"enum": list(config.get("choices", ()))}
        chosen = {"type": ["array", "null"], "items": items}
        return {"anyOf": [{"type": "array", "items": items}, closed({"Selection": chosen}, ["Selection"])]}

    def argument_schema(self, config: Config) -> Schema:
        return SingleSelection().argument_schema(config)

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        return ", ".join(self.to_form(value, config))

    def sample(self, config: Config) -> Any:
        return dict.fromkeys(list(config.get("choices", ()))[:2], True) or None

    def faults(self, config: Config) -> list[str]:
        return choice_faults(config)

    def widget(self, config: Config) -> forms.Widget:
        return forms.CheckboxSelectMultiple(choices=[(choice, choice) for choice in config.get("choices", ())])

    def operand_control(self, config: Config, world: World = NOWHERE) -> forms.Widget:
        return SingleSelection().widget(config)

    def to_form(self, value: Any, config: Config) -> Any:
        return self.renderer(config, "typed")[0](value) if value else []


def shortened(choices: Sequence[str]) -> str:
    """The choices, as many as fit into an error message."""
    text = ", ".join(choices)
    return text if len(text) < 180 else text[:180].rsplit(", ", 1)[0] + ", …"


def choice_faults(config: Config) -> list[str]:
    """What is wrong with a selection's choices. JSON on both databases cannot be asked for a quote or a backslash."""
    choices = config.get("choices")
    if not isinstance(choices, list) or not choices:
        return [_("A selection needs a list of choices.")]
    if not all(isinstance(c, str) and c.strip() == c and 0 < len(c) <= 200 and c.isprintable() for c in choices):
        return [_("A choice is 1 to 200 printable characters without blanks at its ends.")]
    if any(mark in choice for choice in choices for mark in '"\\'):
        return [_("A choice cannot contain a double quote or a backslash.")]
    if len(set(choices)) < len(choices):
        return [_("A choice stands twice.")]
    tones = config.get("tones", {})
    if not isinstance(tones, dict) or not set(tones) <= set(choices):
        return [_("Tones name choices that are not there.")]
    if any(tone not in ("bad", "warn", "ok", "") for tone in tones.values()):
        return [_("A tone is bad, warn or ok.")]
    return []
