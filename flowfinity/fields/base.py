"""What every field type is, and what it may know of the world outside a record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Format = Literal["flowfinity", "typed"]
FORMATS: tuple[Format, ...] = ("flowfinity", "typed")
Config = Mapping[str, Any]
Render = Callable[[Any], Any]
Schema = dict[str, Any]

BLANK_OPERATORS = ("is_blank", "is_not_blank")


class FieldError(Exception):
    """A value that a field refuses: `code` for programs, `message` (under 250 characters) says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Reference:
    """Something outside the record that a value names: a user by user name, an author by display name, or an app's
    record by key (None: any).
    """

    kind: Literal["user", "author", "record"]
    key: Any
    app: str = ""


def nowhere(*named: Any) -> str:
    """No URL."""
    return ""


@dataclass(frozen=True)
class World:
    """What values refer to, looked up for the rows at hand: display names, titles of records, URLs of files.

    A page adds where a record's own page is (app and key to URL, "" for one that the reader may not open), and what a
    form offers to choose from.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    deleted: Collection[int] = ()
    file_url: Callable[[Mapping[str, Any]], str] = nowhere
    record_url: Callable[[str, int], str] = nowhere
    offers: Mapping[Reference, Sequence[tuple[str, str]]] = field(default_factory=dict)


NOWHERE = World()


class FieldType:
    """What one type of field does. Every method is pure; `config` is the field's own settings (choices, currency)."""

    name: ClassVar[str]
    label: ClassVar[StrPromise | str]
    operators: ClassVar[tuple[str, ...]] = ()
    sortable: ClassVar[bool] = True
    numeric: ClassVar[bool] = False
    wide: ClassVar[bool] = False
    # The transform that makes a stored value comparable alike on both databases; see query.py.
    transform: ClassVar[str] = ""
    # Settings that a blueprint may give a field of this type.
    options: ClassVar[tuple[str, ...]] = ()
    # Absent means a value of its own (No), not blank; so "required" says nothing about it.
    never_blank: ClassVar[bool] = False
    # True where a renderer needs a World: a user's display name, a record's title, a file's URL.
    refers: ClassVar[bool] = False
    # True where a browser sends a file, which `validate` takes as an Upload.
    uploaded: ClassVar[bool] = False
    # True where what `url` leads to is a picture that a page may show.
    pictured: ClassVar[bool] = False
    # What a form says of a value that it offers no longer; "" where its words say so themselves.
    former: ClassVar[StrPromise | str] = gettext_lazy("no longer offered")
    # False where what is sent may change without a submission to the app: a signed URL, another record's title.
    stable: ClassVar[bool] = True

    def validate(self, raw: Any, config: Config) -> Any:
        """The JSON to store for a value in either wire format, or None for blank. Raises FieldError."""
        raise NotImplementedError

    def renderer(self, config: Config, format: Format, world: World = NOWHERE) -> tuple[Render, Any]:
        """A function from stored JSON to the wire, and what is sent for blank (contract, Records)."""
        return same, None

    def schema(self, config: Config, format: Format) -> Schema:
        """JSON Schema (2020-12) of what the renderer sends, blank and values of older settings included."""
        raise NotImplementedError

    def write_schema(self, config: Config) -> Schema:
        """JSON Schema of all that `validate` takes, in either format; null, for blank, goes without saying."""
        raise NotImplementedError

    def argument_schema(self, config: Config) -> Schema:
        """JSON Schema of an operand as it stands in a query string."""
        return {"type": "string"}

    def references(self, value: Any, config: Config) -> Iterable[Reference]:
        """What the stored value names outside its record, for `submit` to check and for a World to look up."""
        return ()

    def display(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """The stored value in words for a person; "" for blank."""
        return "" if value is None else str(value)

    def url(self, value: Any, config: Config, world: World = NOWHERE) -> str:
        """Where the words lead to on a page; "" for nowhere."""
        return ""

    def sample(self, config: Config) -> Any:
        """A believable stored value, for examples where there is no record yet."""
        raise NotImplementedError

    def faults(self, config: Config) -> list[str]:
        """What is wrong with a field's settings, in sentences."""
        return []

    def lacks(self, config: Config) -> str:
        """What a new field has still to be told, in a sentence; "" for nothing. A view's parameter can do without."""
        return ""

    def widget(self, config: Config) -> forms.Widget:
        """The form control, as the type alone can make it."""
        return forms.TextInput()

    def offered(self, config: Config) -> Reference | None:
        """Of what a form offers a choice, with None for its key; None for a type that is not chosen so."""
        return None

    def control(self, config: Config, world: World = NOWHERE) -> forms.Widget:
        """The form control: a choice of what the world offers, else `widget`."""
        what = self.offered(config)
        choices = world.offers.get(what) if what is not None else None
        return self.widget(config) if choices is None else forms.Select(choices=[("", "—"), *choices])

    def to_form(self, value: Any, config: Config) -> Any:
        """The stored value as the form control takes it."""
        return value

    def localized(self, value: Any, config: Config) -> Any:
        """What `to_form` says, as readers of the page's language write it; `from_form` reads it back."""
        return self.to_form(value, config)

    def from_form(self, raw: str, config: Config) -> str:
        """What a person typed, as `validate` takes it; what it cannot mean is left as it is."""
        return raw

    def unit(self, config: Config) -> str:
        """What stands beside the form control, such as "$"; "" for nothing."""
        return ""

    def operand_control(self, config: Config, world: World = NOWHERE) -> forms.Widget:
        """The form control for an operand, which can always be left blank."""
        return self.control(config, world)

    def operand(self, raw: Any, config: Config) -> Any:
        """A condition's operand, typed; None for blank. Raises FieldError."""
        return self.validate(raw, config)

    def condition(self, path: str, lookup: str, operand: Any) -> Q:
        """The rows whose value at `path` answers `lookup`."""
        if lookup == "within":
            return self.condition(path, "gte", operand[0]) & self.condition(path, "lte", operand[1])
        return Q((f"{self.comparable(path)}__{lookup}", operand))

    def comparable(self, path: str) -> str:
        """The path to compare and to sort by."""
        return f"{path}__{self.transform}" if self.transform else path

    def span(self, days: int, now: dt.datetime) -> tuple[Any, Any]:
        """First and last operand of "within the last `days` days", both included."""
        raise NotImplementedError


def same(value: Any) -> Any:
    """The value as it is."""
    return value


def closed(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """JSON Schema of an object with no other keys."""
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    needed = list(required)
    return {**schema, "required": needed} if needed else schema


def checked_text(raw: Any, longest: int) -> str | None:
    """Text that both databases can keep, or None for blank. Raises FieldError."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise FieldError("invalid", _("Text is expected here (a JSON string)."))
    if "\x00" in raw:
        raise FieldError("invalid", _("Remove the NUL character (U+0000): it cannot be stored."))
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise FieldError("invalid", _("Remove the unpaired surrogate: it is not valid Unicode text.")) from None
    if len(raw) > longest:
        raise FieldError(
            "too_long",
            _("Shorten this to %(longest)s characters; it has %(length)s.")
            % {"longest": f"{longest:,}", "length": f"{len(raw):,}"},
        )
    return raw if raw.strip() else None


def unwrapped(raw: Any) -> Any:
    """What a flowfinity selection holds; anything else as it is. Raises FieldError."""
    if isinstance(raw, dict):
        if [key.lower() for key in raw] != ["selection"]:
            raise FieldError("invalid", _('Send the choice itself, or {"Selection": …}.'))
        return next(iter(raw.values()))
    return raw
