"""A view's meaning as a frozen value: which records, in which order. Compiles to Q, and says itself in English.

The one way out of the house: a page, a poll, a hook is a Query applied to records, or to submissions, which have the
same columns. Pure but for `apply`. It fails closed: a filter that cannot be read raises, it never becomes "everything".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext, pgettext_lazy

from flowfinity import fields
from flowfinity.fields import FieldError, FieldType
from flowfinity.folding import Holds, sought

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MODEL = TypeVar("MODEL", bound=models.Model)
DEEPEST = 8
MOST_SORTS = 3
MOST_CONDITIONS = 200
# Records that answer are counted so far and no further.
MOST_COUNTED = 10_000


class QueryError(Exception):
    """A filter, sort or argument that cannot be read. `faults` holds (path in the document, sentence) pairs."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {sentence}" for path, sentence in faults))
        self.faults = list(faults)


@dataclass(frozen=True)
class Operator:
    """One way to compare. `words` stand between the field and the operand in a sentence."""

    words: StrPromise
    lookup: str
    operand: Literal["one", "many", "days", "none"] = "one"
    negated: bool = False


OPERATORS: Mapping[str, Operator] = {
    "is": Operator(pgettext_lazy("condition", "is"), "exact"),
    "is_not": Operator(pgettext_lazy("condition", "is not"), "exact", negated=True),
    "contains": Operator(pgettext_lazy("condition", "contains"), "contains"),
    "does_not_contain": Operator(pgettext_lazy("condition", "does not contain"), "contains", negated=True),
    "starts_with": Operator(pgettext_lazy("condition", "starts with"), "startswith"),
    "greater_than": Operator(pgettext_lazy("condition", "is greater than"), "gt"),
    "at_least": Operator(pgettext_lazy("condition", "is at least"), "gte"),
    "less_than": Operator(pgettext_lazy("condition", "is less than"), "lt"),
    "at_most": Operator(pgettext_lazy("condition", "is at most"), "lte"),
    "before": Operator(pgettext_lazy("condition", "is before"), "lt"),
    "after": Operator(pgettext_lazy("condition", "is after"), "gt"),
    "on_or_before": Operator(pgettext_lazy("condition", "is on or before"), "lte"),
    "on_or_after": Operator(pgettext_lazy("condition", "is on or after"), "gte"),
    "within_last_days": Operator(pgettext_lazy("condition", "is within the last"), "within", "days"),
    "is_any_of": Operator(pgettext_lazy("condition", "is any of"), "in", "many"),
    "is_none_of": Operator(pgettext_lazy("condition", "is none of"), "in", "many", negated=True),
    "includes": Operator(pgettext_lazy("condition", "includes"), "has_key"),
    "does_not_include": Operator(pgettext_lazy("condition", "does not include"), "has_key", negated=True),
    "is_blank": Operator(pgettext_lazy("condition", "is blank"), "isnull", "none"),
    "is_not_blank": Operator(pgettext_lazy("condition", "is not blank"), "isnull", "none", negated=True),
}


@dataclass(frozen=True)
class Column:
    """A field of an app, or a system field: what a view can show, filter and sort by."""

    name: str
    label: str
    type: FieldType
    config: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False
    section: str = ""
    help: str = ""
    system: bool = False
    # No two records share a value, so an order that names it needs no further key.
    unique: bool = False

    @property
    def heading(self) -> str:
        """The label as its reader sees it: the platform's own in their language, an app's as its admin wrote it."""
        return _(self.label) if self.system else self.label

    def path(self, paths: Mapping[str, str]) -> str:
        """Where the value stands; `paths` maps system names to a model's columns."""
        return paths[self.name] if self.system else f"values__{self.name}"


SYSTEM_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("RecordID", gettext_noop("Record ID"), fields.RecordNumber(), system=True, unique=True),
        Column("CreatedBy", gettext_noop("Created by"), fields.Author(), system=True),
        Column("CreatedOn", gettext_noop("Created on"), fields.Moment(), system=True),
        Column("LastModifiedBy", gettext_noop("Last modified by"), fields.Author(), system=True),
        Column("LastModifiedOn", gettext_noop("Last modified on"), fields.Moment(), system=True),
        Column("lastSubmissionID", gettext_noop("Last submission ID"), fields.WholeNumber(), system=True, unique=True),
    )
}


@dataclass(frozen=True)
class Parameter:
    """A question that a view asks its reader; a condition that uses it is dropped when it is not answered."""

    name: str
    label: str
    type: FieldType
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """A column compared with an operand: a typed value, a number of days, or a parameter's place."""

    column: Column
    operator: str
    value: Any = None

    def q(self, paths: Mapping[str, str]) -> Q:
        """The rows that answer. "is not" includes blanks, on both databases. Raises QueryError while unanswered."""
        operator = OPERATORS[self.operator]
        path = self.column.path(paths)
        if isinstance(self.value, Parameter):
            raise QueryError([(self.column.name, _("the parameter %s has no argument") % self.value.name)])
        if operator.operand == "none":
            return Q((f"{path}__isnull", not operator.negated))
        if operator.operand == "days" and not isinstance(self.value, tuple):
            raise QueryError([(self.column.name, _("a number of days needs a time to count from"))])
        matching = self.column.type.condition(path, operator.lookup, self.value)
        return ~matching | Q((f"{path}__isnull", True)) if operator.negated else matching

    def describe(self) -> str:
        """The condition as a clause: "Rating is Hot"."""
        operator = OPERATORS[self.operator]
        clause = f"{self.column.heading} {operator.words}"
        if operator.operand == "none":
            return clause
        if isinstance(self.value, Parameter):
            return _("%(clause)s the parameter %(parameter)s") % {"clause": clause, "parameter": self.value.label}
        if operator.operand == "days":
            days = self.value if isinstance(self.value, int) else elapsed(*self.value)
            if days == 0 and isinstance(self.column.type, fields.Date):
                return " ".join([self.column.heading, pgettext("condition", "is today")])
            return ngettext("%(clause)s %(days)d day", "%(clause)s %(days)d days", days) % {
                "clause": clause,
                "days": days,
            }
        return f"{clause} {spoken(self.column, self.value)}"


def elapsed(first: Any, last: Any) -> int:
    """The days between two moments, whichever way a column keeps them: as times, or as text."""
    start, end = (dt.datetime.fromisoformat(str(moment)) for moment in (first, last))
    return (end - start).days


def spoken(column: Column, value: Any) -> str:
    """An operand in words."""
    if isinstance(value, tuple | list):
        words = [spoken(column, part) for part in value]
        return (
            words[0]
            if len(words) == 1
            else _("%(all)s or %(last)s") % {"all": ", ".join(words[:-1]), "last": words[-1]}
        )
    return value if isinstance(value, str) and not value.endswith("Z") else column.type.display(value, column.config)


@dataclass(frozen=True)
class Group:
    """Conditions joined by and ("all") or by or ("any"), which may be groups themselves. Never empty."""

    joined: Literal["all", "any"]
    parts: tuple[Condition | Group | Holding, ...]

    def q(self, paths: Mapping[str, str]) -> Q:
        """The rows that answer. Raises QueryError for an empty group, which would otherwise mean everything."""
        if not self.parts:
            raise QueryError([("", _("a group of conditions is empty"))])
        found = self.parts[0].q(paths)
        for part in self.parts[1:]:
            found = found & part.q(paths) if self.joined == "all" else found | part.q(paths)
        return found

    def describe(self) -> str:
        """The clauses, nested groups in brackets."""
        words = [f"({part.describe()})" if isinstance(part, Group) else part.describe() for part in self.parts]
        return (_(" and ") if self.joined == "all" else _(" or ")).join(words)


@dataclass(frozen=True)
class Holding:
    """A word, in any of its spellings, that any of several columns contains: all are looked through in one go.

    The columns hold texts, or numbers, which are looked through as `fields.plain` writes them. ß and ss are one.
    """

    columns: tuple[Column, ...]
    spellings: tuple[str, ...]

    def q(self, paths: Mapping[str, str]) -> Q:
        """The rows that answer: none where there is no column, or where the word is none that a text can hold."""
        if not self.columns or any("\x00" in word for word in self.spellings):
            return NOTHING
        return Q(Holds("values", [column.name for column in self.columns], [sought(word) for word in self.spellings]))

    def describe(self) -> str:
        """The condition as a clause, as one of its columns' would say it."""
        words = [Condition(column, "contains", self.spellings[0]).describe() for column in self.columns]
        return f"({_(' or ').join(words)})"


Filter = Condition | Group | Holding


@dataclass(frozen=True)
class Order:
    """A sort key. Blanks come last, but for one that was turned round."""

    column: Column
    descending: bool = False
    blanks_first: bool = False

    def turned(self) -> Order:
        """The same key from the other end."""
        return replace(self, descending=not self.descending, blanks_first=not self.blanks_first)

    def path(self, paths: Mapping[str, str]) -> str:
        """What is compared to sort."""
        return self.column.type.comparable(self.column.path(paths))

    def expressions(self, paths: Mapping[str, str]) -> OrderBy:
        """The sort key for both databases. A system column has no blanks, and must match its index."""
        path = F(self.path(paths))
        first = True if self.blanks_first and not self.column.system else None
        last = True if not self.blanks_first and not self.column.system else None
        turn = path.desc if self.descending else path.asc
        return turn(nulls_first=first, nulls_last=last)

    def beyond(self, paths: Mapping[str, str], value: Any) -> Q:
        """The rows that this key alone sorts after `value`."""
        if value is None:
            return ~self.level(paths, None) if self.blanks_first else NOTHING
        later = Q((f"{self.path(paths)}__{'lt' if self.descending else 'gt'}", value))
        return later if self.column.system or self.blanks_first else later | self.level(paths, None)

    def level(self, paths: Mapping[str, str], value: Any) -> Q:
        """The rows that this key alone does not tell from `value`."""
        if value is None:
            return Q((f"{self.column.path(paths)}__isnull", True))
        return Q((self.path(paths), value))


NOTHING = Q(pk__in=[])


@dataclass(frozen=True)
class Query:
    """Which records of an app (`where`; None is all of them), in which order."""

    app: int
    where: Filter | None = None
    order: tuple[Order, ...] = ()
    # The sort keys' values of the last row seen (`keys`), to go on behind it; None to start.
    after: tuple[Any, ...] | None = None

    def conditions(self) -> Iterator[Condition]:
        """Every condition, however deep."""
        return leaves(self.where)

    @property
    def stable(self) -> bool:
        """True when the rows change only by a submission, not by the passing of time."""
        return all(OPERATORS[condition.operator].operand != "days" for condition in self.conditions())

    def with_arguments(self, arguments: Mapping[str, Any], now: dt.datetime) -> Query:
        """The query with its parameters answered and its days counted from `now`.

        `arguments` maps parameter names to typed operands. A condition without an argument is dropped, and so is a
        group left empty (contract, The poll, 4). Raises QueryError when an argument does not suit its condition.
        """
        return replace(self, where=answered(self.where, arguments, now))

    def and_where(self, condition: Filter) -> Query:
        """The query narrowed by one more condition, or a group of them."""
        if self.where is None:
            return replace(self, where=condition)
        return replace(self, where=Group("all", (condition, self.where)))

    def q(self, paths: Mapping[str, str]) -> Q:
        """The query's rows, as Q. Raises QueryError while a parameter is unanswered."""
        found = Q(app_id=self.app)
        if self.where is not None:
            found &= self.where.q(paths)
        return found if self.after is None else found & self.behind(paths)

    def keys(self) -> tuple[Order, ...]:
        """The sort keys to the last one, which no two records share."""
        if any(order.column.unique for order in self.order):
            return self.order
        return (*self.order, Order(SYSTEM_COLUMNS["RecordID"]))

    def turned(self) -> Query:
        """The same rows from the other end: what lies before a place, the nearest first."""
        return replace(self, order=tuple(key.turned() for key in self.keys()))

    def behind(self, paths: Mapping[str, str]) -> Q:
        """The rows that come after the place `after`: keyset paging, never an offset (contract, The poll, 2)."""
        assert self.after is not None
        level, found = Q(), NOTHING
        for order, value in zip(self.keys(), self.after, strict=True):
            found |= level & order.beyond(paths, value)
            level &= order.level(paths, value)
        return found

    def apply(self, queryset: models.QuerySet[MODEL]) -> models.QuerySet[MODEL]:
        """The rows that answer, in order, of records or of submissions (`model.PATHS` says what is where)."""
        paths: Mapping[str, str] = queryset.model.PATHS  # type: ignore[attr-defined]
        return queryset.filter(self.q(paths), deleted=False).order_by(*(key.expressions(paths) for key in self.keys()))

    def first(self, rows: models.QuerySet[MODEL], most: int) -> tuple[list[Any], int]:
        """The keys of the first rows, in order, and how many rows answer: MOST_COUNTED + 1 of them at most.

        Conditions are asked of every row once: what answers them, as far as it is counted, is then sorted by its key.
        """
        answers = self.apply(rows)
        counted = answers.order_by().values_list("pk", flat=True)[: MOST_COUNTED + 1]
        if self.where is None:
            total = counted.count()
        else:
            total = len(matching := list(counted))
            if total <= MOST_COUNTED:
                answers = rows.filter(pk__in=matching).order_by(*answers.query.order_by)
        return list(answers.values_list("pk", flat=True)[:most]), total

    def describe(self) -> str:
        """What the view shows, as a sentence."""
        which = _("All records") if self.where is None else _("Records where %s") % self.where.describe()
        keys = [
            _("%s, descending") % key.column.heading if key.descending else key.column.heading for key in self.order
        ]
        if not keys:
            return f"{which}."
        return _("%(which)s, sorted by %(keys)s.") % {"which": which, "keys": _(", then ").join(keys)}


def leaves(part: Filter | None) -> Iterator[Condition]:
    """The conditions of a filter."""
    if isinstance(part, Group):
        for inner in part.parts:
            yield from leaves(inner)
    elif isinstance(part, Condition):
        yield part


def answered(part: Filter | None, arguments: Mapping[str, Any], now: dt.datetime) -> Filter | None:
    """The filter without parameters and relative days, or None when nothing of it is left."""
    if part is None or isinstance(part, Holding):
        return part
    if isinstance(part, Group):
        parts = tuple(kept for inner in part.parts if (kept := answered(inner, arguments, now)) is not None)
        return replace(part, parts=parts) if parts else None
    value = part.value
    if isinstance(value, Parameter):
        value = arguments.get(value.name)
        if value is None:
            return None
        try:
            value = operand(part.column, part.operator, value)
        except FieldError as error:
            raise QueryError([(part.value.name, error.message)]) from None
        if value is None:
            return None
    if OPERATORS[part.operator].operand == "days" and isinstance(value, int):
        value = part.column.type.span(value, now)
    return replace(part, value=value)


def operand(column: Column, operator: str, raw: Any) -> Any:
    """The typed operand that `operator` takes for the column; None for blank. Raises FieldError."""
    kind = OPERATORS[operator].operand
    if kind == "days":
        days = fields.Number().validate(raw, {})
        if days is not None and not (isinstance(days, int) and 0 <= days <= 36_500):
            raise FieldError("invalid", _("A whole number of days from 0 to 36,500 is expected here."))
        return days
    if kind == "many":
        if not isinstance(raw, list) or not raw:
            raise FieldError("invalid", _("Send a list with at least one choice."))
        operands = [column.type.operand(one, column.config) for one in raw]
        if None in operands:
            raise FieldError("invalid", _("Leave the empty choice out; is_blank finds blanks."))
        return operands
    return column.type.operand(raw, column.config)


def pointless(condition: Condition) -> str:
    """Why a condition should not be written, in a sentence; "" for one that may. Where it stands already, it stays."""
    days = OPERATORS[condition.operator].operand == "days" and condition.value == 0
    # Of a date, the last 0 days are today.
    if days and not isinstance(condition.column.type, fields.Date):
        return _("Nothing lies within the last 0 days: give 1 day or more.")
    return ""


def load_filter(document: Any, columns: Mapping[str, Column], parameters: Mapping[str, Parameter]) -> Filter | None:
    """The filter that a stored JSON document means; None only for null. Raises QueryError with every fault.

    `{"all": […]}` and `{"any": […]}` join; a leaf is `{"field", "operator", "value" or "parameter"}`.
    """
    if document is None:
        return None
    faults: list[tuple[str, str]] = []
    found = read(document, columns, parameters, "filter", 1, faults)
    if found is not None and len([*leaves(found)]) > MOST_CONDITIONS:
        faults.append(("filter", _("a filter holds at most %d conditions") % MOST_CONDITIONS))
    if faults or found is None:
        raise QueryError(faults)
    return found


def read(
    part: Any,
    columns: Mapping[str, Column],
    parameters: Mapping[str, Parameter],
    path: str,
    depth: int,
    faults: list[tuple[str, str]],
) -> Filter | None:
    """A part of a stored filter, or None after noting what is wrong with it."""
    if not isinstance(part, dict) or depth > DEEPEST:
        faults.append((path, _("write a condition or a group here, at most %d deep") % DEEPEST))
        return None
    for joined in ("all", "any"):
        if set(part) == {joined}:
            inner = part[joined]
            if not isinstance(inner, list) or not inner:
                faults.append((f"{path}.{joined}", _("a group needs a list with at least one condition")))
                return None
            parts = [
                read(one, columns, parameters, f"{path}.{joined}[{index}]", depth + 1, faults)
                for index, one in enumerate(inner)
            ]
            return Group(joined, tuple(one for one in parts if one is not None))
    return read_condition(part, columns, parameters, path, faults)


def read_condition(
    part: Mapping[str, Any],
    columns: Mapping[str, Column],
    parameters: Mapping[str, Parameter],
    path: str,
    faults: list[tuple[str, str]],
) -> Condition | None:
    """A stored condition, or None after noting what is wrong with it."""
    column = columns.get(part.get("field", "")) if isinstance(part.get("field"), str) else None
    name = part.get("operator")
    if column is None:
        faults.append((f"{path}.field", _("%r is no field of this app") % (part.get("field"),)))
        return None
    if not isinstance(name, str) or name not in OPERATORS or name not in column.type.operators:
        offered = ", ".join(column.type.operators)
        faults.append(
            (
                f"{path}.operator",
                _("%(field)s is compared by: %(offered)s; not by %(name)r")
                % {"field": column.label, "offered": offered, "name": name},
            )
        )
        return None
    takes = OPERATORS[name].operand
    allowed = {"field", "operator"} if takes == "none" else {"field", "operator", "value"}
    if takes in {"one", "days"} and "parameter" in part:
        allowed = {"field", "operator", "parameter"}
    if set(part) != allowed:
        faults.append(
            (
                path,
                _("a condition with %(name)s has exactly the keys %(keys)s")
                % {"name": name, "keys": ", ".join(sorted(allowed))},
            )
        )
        return None
    if "parameter" in part:
        parameter = parameters.get(part["parameter"]) if isinstance(part["parameter"], str) else None
        if parameter is None:
            faults.append((f"{path}.parameter", _("%r is no parameter of this view") % (part["parameter"],)))
            return None
        return Condition(column, name, parameter)
    if takes == "none":
        return Condition(column, name)
    try:
        value = operand(column, name, part["value"])
    except FieldError as error:
        faults.append((f"{path}.value", error.message))
        return None
    if value is None:
        faults.append((f"{path}.value", _("an unfinished condition does not count: give a value, or use is_blank")))
        return None
    return Condition(column, name, value)


def load_order(document: Any, columns: Mapping[str, Column]) -> tuple[Order, ...]:
    """The sort that a stored list of `{"field", "direction"}` means. Raises QueryError with every fault."""
    faults: list[tuple[str, str]] = []
    found: list[Order] = []
    if not isinstance(document, list) or len(document) > MOST_SORTS:
        raise QueryError([("sort", _("a sort is a list of at most %d keys") % MOST_SORTS)])
    for index, part in enumerate(document):
        path = f"sort[{index}]"
        if not isinstance(part, dict) or set(part) != {"field", "direction"}:
            faults.append((path, _("a sort key has exactly field and direction")))
            continue
        column = columns.get(part["field"]) if isinstance(part["field"], str) else None
        if column is None or not column.type.sortable:
            faults.append((f"{path}.field", _("%r is no field that can be sorted by") % (part["field"],)))
        elif part["direction"] not in ("ascending", "descending"):
            faults.append((f"{path}.direction", _("a direction is ascending or descending")))
        elif any(order.column.name == column.name for order in found):
            faults.append((f"{path}.field", _("%s stands twice") % column.label))
        else:
            found.append(Order(column, part["direction"] == "descending"))
    if faults:
        raise QueryError(faults)
    return tuple(found)
