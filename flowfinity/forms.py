"""Forms made of field definitions. What a value may be is asked of its FieldType; what is required, `submit` knows.

A browser sends a whole form back. Which fields a person really changed is told by comparing what came back with what
the control was given: an edit sends those alone, so what the form cannot hold any more, such as a choice that is no
longer offered, survives an edit that does not touch it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.template.defaultfilters import filesizeformat
from django.utils.datastructures import MultiValueDict
from django.utils.html import escape
from django.utils.translation import gettext as _

from flowfinity import storage
from flowfinity.definitions import OperationDefinition
from flowfinity.fields import NOWHERE, FieldError, FieldType, Upload, World
from flowfinity.query import Column, Parameter

# As much of a file as is read: more than any field takes, so that its type can say so.
MOST_READ = 8 * 1024 * 1024


class FileBox(forms.FileInput):
    """A file to choose, beside the one that is there: a link to it, and a box that removes it.

    Answers with an Upload, "" to remove, or None when nothing was done. A browser forgets the file that was chosen when
    a form comes back, so a form that is shown again holds the one of `keep` by its token.
    """

    template_name = "flowfinity/parts/file.html"

    def __init__(self, type: FieldType, stored: Any, world: World) -> None:
        super().__init__(type.widget({}).attrs)
        self.type = type
        self.stored = stored
        self.world = world
        self.chosen: Mapping[str, Any] | None = None

    def value_from_datadict(self, data: Mapping[str, Any], files: Mapping[str, Any], name: str) -> Any:
        """The Upload, "" to remove what is there, None to leave it."""
        if (file := files.get(name)) is not None:
            file.seek(0)
            return Upload(file.name, file.read(MOST_READ))
        if data.get(f"{name}-remove"):
            return ""
        token = data.get(f"{name}-kept")
        return storage.kept(token) if token else None

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Mapping[str, Any], name: str) -> bool:
        """True when nothing was done."""
        return self.value_from_datadict(data, files, name) is None

    def keep(self, upload: Upload) -> None:
        """Stores an upload that is fit to be kept, for the form to hold while the rest of it is corrected."""
        self.chosen = storage.store(upload)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Django's, with the file that the field holds."""
        context: dict[str, Any] = super().get_context(name, None, attrs)
        if shown := self.chosen or self.stored:
            context["file"] = {
                "name": self.type.display(shown, {}),
                "size": filesizeformat(shown["Size"]),
                "url": self.type.url(shown, {}, self.world),
                "pictured": self.type.pictured,
                "removed": value == "",
                "token": storage.token_of(self.chosen) if self.chosen else "",
            }
        return context


class ValueBoundField(BoundField):
    """What a template asks beside Django's own: whether the control takes the full width, and its unit."""

    field: ValueField

    @property
    def data(self) -> Any:
        """What came from the control; None for one that was left alone, or that the form is not to read."""
        touched = getattr(self.form, "touched", None)
        return super().data if touched is None or self.name in touched else None

    @property
    def wide(self) -> bool:
        """True for a control that takes the full width."""
        return self.field.column.type.wide

    @property
    def unit(self) -> str:
        """What stands beside the control, such as "$"; "" for nothing."""
        return self.field.column.type.unit(self.field.column.config)


class ValueField(forms.Field):
    """A field of an app in a form: cleans to the JSON to store, None for blank."""

    bound_field_class = ValueBoundField

    def __init__(self, column: Column, stored: Any = None, world: World = NOWHERE) -> None:
        self.column = column
        self.stored = stored
        self.world = world
        super().__init__(
            required=column.required and not column.type.never_blank,
            label=column.label,
            # Django takes a help text for HTML.
            help_text=escape(column.help),
            initial=column.type.localized(stored, column.config),
            widget=self.control(),
        )
        self.keep_choices()

    def control(self) -> forms.Widget:
        """The form control."""
        if self.column.type.uploaded:
            return FileBox(self.column.type, self.stored, self.world)
        return self.column.type.control(self.column.config, self.world)

    def read(self, raw: Any) -> Any:
        """What came from the control, typed. Raises FieldError."""
        return self.column.type.validate(self.settled(raw), self.column.config)

    def keep_choices(self) -> None:
        """Lets the control show what is stored, though it may be offered no longer."""
        if isinstance(self.widget, forms.widgets.ChoiceWidget) and self.initial:
            offered = {value for value, _ in self.widget.choices}
            if isinstance(self.initial, list):
                kept = {value: value for value in self.initial}
            else:
                kept = {self.initial: self.column.type.display(self.stored, self.column.config, self.world)}
            former = f" ({self.column.type.former})" if self.column.type.former else ""
            gone = [(value, f"{words}{former}") for value, words in kept.items() if value not in offered]
            self.widget.choices = [*self.widget.choices, *gone]

    def settled(self, raw: Any) -> Any:
        """The text of a control in one form, however a browser changes line ends and blanks on the way."""
        if not isinstance(raw, str):
            return raw
        lines = raw.replace("\r\n", "\n").replace("\r", "\n")
        if isinstance(self.widget, forms.Textarea):
            return lines
        return self.column.type.from_form(lines.replace("\n", "").strip(), self.column.config)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the control shows: a control that was not sent, what it was given."""
        return initial if data is None else data

    def has_changed(self, initial: Any, data: Any) -> bool:
        """True when the control holds something else than it was given; a control that was not sent does not."""
        if data is None or self.settled(initial) == self.settled(data):
            return False
        try:
            return bool(self.read(initial) != self.read(data))
        except FieldError:
            return True

    def clean(self, value: Any) -> Any:
        """The value typed, or the stored one when the control was left as it was. Raises ValidationError."""
        if not self.has_changed(self.initial, value):
            return self.stored
        try:
            return self.read(value)
        except FieldError as error:
            raise ValidationError(error.message, code=error.code) from None


class ArgumentField(ValueField):
    """A view's question to its reader: cleans to an operand, None while it is not answered."""

    def __init__(self, parameter: Parameter, world: World = NOWHERE) -> None:
        super().__init__(Column(parameter.name, parameter.label, parameter.type, parameter.config), world=world)
        # What a control shows for blank, such as an unticked box, is no answer.
        self.initial = None

    def control(self) -> forms.Widget:
        widget = self.column.type.operand_control(self.column.config, self.world)
        if isinstance(widget, forms.Select):
            widget.choices = [("", _("Any")), *(choice for choice in widget.choices if choice[0])]
        return widget

    def read(self, raw: Any) -> Any:
        return self.column.type.operand(self.settled(raw), self.column.config)


@dataclass(frozen=True)
class Section:
    """Fields under one heading."""

    label: str
    fields: list[BoundField]


class OperationForm(forms.Form):
    """What an operation sets, over the values that are stored; `sent` is what to submit.

    Where `touched` is given, only the controls of these fields are read; the others show what is stored.
    """

    def __init__(
        self,
        operation: OperationDefinition,
        stored: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
        world: World = NOWHERE,
        touched: Collection[str] | None = None,
    ) -> None:
        super().__init__(data, files, label_suffix="")
        self.operation = operation
        self.stored = stored
        self.touched = touched
        for column in operation.fields:
            self.fields[column.name] = ValueField(column, stored.get(column.name), world)

    @property
    def sections(self) -> list[Section]:
        """The fields under their headings, both in the form's order."""
        grouped: dict[str, list[BoundField]] = {}
        for column in self.operation.fields:
            grouped.setdefault(column.section, []).append(self[column.name])
        return [Section(label, fields) for label, fields in grouped.items()]

    @property
    def sent(self) -> dict[str, Any]:
        """What came from the controls that were changed, for `submit` to check and to keep."""
        return {name: self.settled(name) for name in self.changed_data}

    @property
    def changes(self) -> dict[str, Any]:
        """The values of the changed fields, typed; without those that are wrong."""
        self.is_valid()
        return {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}

    def settled(self, name: str) -> Any:
        """What came from a control, in one form."""
        field = self.fields[name]
        assert isinstance(field, ValueField)
        return field.settled(self[name].data)

    def over(self, stored: Mapping[str, Any], world: World = NOWHERE) -> OperationForm:
        """The same changes over newer values: what was not changed here shows what is stored now."""
        return OperationForm(self.operation, stored, self.data, self.files, world, self.changed_data)

    def keep_files(self) -> None:
        """Lets a form that is shown again hold the files that were chosen, as far as they can be taken."""
        for name, value in self.changes.items():
            widget = self.fields[name].widget
            if isinstance(value, Upload) and isinstance(widget, FileBox):
                widget.keep(value)


class ParameterForm(forms.Form):
    """A view's parameters, from the query string."""

    def __init__(self, parameters: Mapping[str, Parameter], data: Mapping[str, Any], world: World = NOWHERE) -> None:
        super().__init__(data, label_suffix="")
        for parameter in parameters.values():
            self.fields[parameter.name] = ArgumentField(parameter, world)

    @property
    def arguments(self) -> dict[str, Any]:
        """The typed operands that were given, for `Query.with_arguments`."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}
