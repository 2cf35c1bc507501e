"""An app's definition as one JSON document (the article's transfer file): export, and import with every fault named.

An import merges: what the document names is made or changed, what it does not name is kept, and so are all records.
Publishing a draft replaces: what its document leaves out is removed, and the records are still kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flowfinity import names
from flowfinity.definitions import read_parameters
from flowfinity.fields import TYPES, FieldError, checked_text
from flowfinity.models import App, Field, Journal, Operation, View, configuring
from flowfinity.query import SYSTEM_COLUMNS, Column, Query, QueryError, load_filter, load_order, pointless

FORMAT = 1
STANDARD_VIEW = {"name": "ViewAllRecords", "label": "View all records"}
KINDS_OF_PARTS = ("fields", "operations", "views")
KINDS = ("create", "update", "delete")
# Texts that a part may have, and the characters that their columns hold.
TEXTS = {"description": 10_000, "section": 150, "help": 300, "done": 150}


class BlueprintError(Exception):
    """A document that cannot be imported. `faults` holds (path, sentence) pairs, all of them."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{path}: {sentence}" for path, sentence in faults))
        self.faults = faults


def export_app(app: App) -> dict[str, Any]:
    """The app as a document that `import_app` takes back."""
    return {
        "blueprint": FORMAT,
        "app": {"name": app.name, "label": app.label, "description": app.description},
        "fields": [field_part({**row.config, **columns_of_row(row, FIELD_KEYS)}) for row in app.fields.all()],
        "operations": [operation_part(columns_of_row(row, OPERATION_KEYS)) for row in app.operations.all()],
        "views": [view_part(columns_of_row(row, VIEW_KEYS)) for row in app.views.all()],
    }


def import_app(document: Any) -> App:
    """The app that the document describes, made or merged into the one of that name. Raises BlueprintError.

    A new app is born with the standard view ViewAllRecords, unless the document brings views of its own.
    """
    with configuring():
        existing = app_of(document)
        base = None if existing is None else export_app(existing)
        if faults := merge_faults(document, base, {} if existing is None else existing.former):
            raise BlueprintError(faults)
        return write(existing, merged(base, document))


def app_of(document: Any) -> App | None:
    """The app that a document is to be merged into; None when it names none that there is."""
    part = document.get("app") if isinstance(document, dict) else None
    name = part.get("name") if isinstance(part, dict) else None
    return None if names.fault(name) else App.objects.filter(name__iexact=name).first()


def replace_app(app: App, document: dict[str, Any]) -> App:
    """The app as the document has it: what the document leaves out is removed, records are kept. Raises BlueprintError.

    To be called inside `configuring()`.
    """
    if faults := replacement_faults(app, document):
        raise BlueprintError(faults)
    return write(app, whole(document))


def replacement_faults(app: App, document: Any) -> list[tuple[str, str]]:
    """What keeps the document from taking the place of the app's definition."""
    return list(shape_faults(document)) or list(whole_faults(document, export_app(app), app.former))


def write(app: App | None, document: Mapping[str, Any]) -> App:
    """Makes the app's rows what a whole and faultless document says."""
    part = document["app"]
    app = app or App(name=part["name"])
    app.label, app.description = part["label"], part["description"]
    app.former = former(app, document) if app.pk else {}
    app.save()
    Journal.objects.get_or_create(app=app)
    keep(app, Field, [field_row(part) for part in document["fields"]])
    keep(app, Operation, document["operations"])
    keep(app, View, document["views"])
    return app


def keep(app: App, model: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Makes the app's rows of a model the given ones, in their order; those that stay keep their keys."""
    kept = []
    for position, row in enumerate(rows):
        values = {key: value for key, value in row.items() if key != "name"}
        found, _made = model.objects.update_or_create(
            app=app, name__iexact=row["name"], defaults={**values, "position": position},
            create_defaults={**row, "app": app, "position": position},
        )  # fmt: skip
        kept.append(found.pk)
    model.objects.filter(app=app).exclude(pk__in=kept).delete()


def former(app: App, document: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by name that the app has no longer but records or their history may hold: each as it last was."""
    named = {part["name"] for part in document["fields"]}
    return {
        name: part
        for name, part in {**app.former, **{one["name"]: one for one in export_app(app)["fields"]}}.items()
        if name not in named
    }


# Parts: what each has, filled in


FIELD_KEYS = ("name", "label", "type", "required", "section", "help")
OPERATION_KEYS = ("name", "label", "kind", "done", "fields")
VIEW_KEYS = ("name", "label", "description", "columns", "filter", "sort", "parameters")


def columns_of_row(row: Any, keys: Iterable[str]) -> dict[str, Any]:
    """The row's columns that are a part's keys."""
    return {key: getattr(row, key) for key in keys}


def field_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A field with every key: what is left out is as if nobody had said anything."""
    blank: dict[str, Any] = {"required": False, "section": "", "help": ""}
    own = {key: part[key] if key in part else blank[key] for key in FIELD_KEYS}
    return {**own, **{key: value for key, value in part.items() if key not in own}}


def operation_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """An operation with every key."""
    return {**dict.fromkeys(OPERATION_KEYS), "done": "", "fields": [], **part}


def view_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A view with every key."""
    return {**dict.fromkeys(VIEW_KEYS), "description": "", "columns": [], "sort": [], "parameters": [], **part}


def field_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """A field's columns: the settings of its type in one."""
    return {
        **{key: part[key] for key in FIELD_KEYS},
        "config": {key: value for key, value in part.items() if key not in FIELD_KEYS},
    }


def standard_view(fields: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The view that every new app is born with: all fields of all records."""
    return {**STANDARD_VIEW, "columns": [part["name"] for part in fields]}


def whole(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every key that an export has."""
    return {
        "blueprint": FORMAT,
        "app": {"description": "", **document["app"]},
        "fields": [field_part(part) for part in document.get("fields", [])],
        "operations": [operation_part(part) for part in document.get("operations", [])],
        "views": [view_part(part) for part in document.get("views", [])],
    }


def merged(base: Mapping[str, Any] | None, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document merged into an app's own (`base`): what it names takes the place of its namesake or is added.

    Pure, and made for documents without faults of shape. Without a base, and without views, the standard view is added.
    """
    found = whole(document)
    if base is None:
        found["views"] = found["views"] or [view_part(standard_view(found["fields"]))]
        return found
    for kind in KINDS_OF_PARTS:
        found[kind] = merged_parts(base[kind], found[kind])
    found["app"]["name"] = base["app"]["name"]
    return found


def merged_parts(kept: Sequence[dict[str, Any]], named: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts in one order: those that are named stand in the order in which they are named, the others where they were.

    A name is fixed, so a namesake keeps its capitals.
    """
    names = {part["name"].lower(): part["name"] for part in kept}
    parts = [{**part, "name": names.get(part["name"].lower(), part["name"])} for part in named]
    known = iter([part for part in parts if part["name"].lower() in names])
    given = {part["name"].lower() for part in parts}
    found = [next(known) if part["name"].lower() in given else part for part in kept]
    place = 0 if given & names.keys() else len(found)
    for part in parts:
        if part["name"].lower() in names:
            place = found.index(part) + 1
        else:
            found.insert(place, part)
            place += 1
    return found


def columns_of(document: Mapping[str, Any]) -> dict[str, Column]:
    """What a document's views can show, by name: its fields in their order, then the system's.

    A field whose type is unknown is left out.
    """
    own = {
        part["name"]: Column(
            part["name"],
            part["label"],
            TYPES[part["type"]],
            settings_of(part),
            part.get("required", False),
            part.get("section", ""),
            part.get("help", ""),
        )
        for part in document.get("fields", [])
        if isinstance(part.get("type"), str) and part["type"] in TYPES
    }
    return {**own, **SYSTEM_COLUMNS}


def settings_of(part: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a field's type. Choices that are no texts are a fault of their own, and offered to nobody."""
    found = {key: value for key, value in part.items() if key not in FIELD_KEYS}
    if "choices" in found:
        choices = found["choices"] if isinstance(found["choices"], list) else []
        found["choices"] = [choice for choice in choices if isinstance(choice, str)]
    return found


def query_of(view: Mapping[str, Any], columns: Mapping[str, Column], app: int = 0) -> Query:
    """What a document's view means, for the app of that key. Raises QueryError while it cannot be read."""
    faults = [(where, sentence) for where, sentence in view_faults("", view, columns)]
    if faults:
        raise QueryError([(where.lstrip("."), sentence) for where, sentence in faults])
    parameters = read_parameters(view.get("parameters", []))
    return Query(app, load_filter(view.get("filter"), columns, parameters), load_order(view.get("sort", []), columns))


# Faults


def merge_faults(document: Any, base: Mapping[str, Any] | None, former: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All that keeps the document from being merged into `base`, where `former` fields have left values."""
    found = list(shape_faults(document))
    return [*found, *readable_faults(document, base, former)] if found else list(content_faults(document, base, former))


def readable_faults(
    document: Any, base: Mapping[str, Any] | None, former: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What else is wrong with the parts of a misshapen document that can be read, so that it is put right in one go."""
    if not isinstance(document, dict) or document.get("blueprint", FORMAT) != FORMAT:
        return
    found = {kind: readable_parts(document.get(kind, [])) for kind in KINDS_OF_PARTS}
    kept = {} if base is None else columns_of(base)
    yield from all_field_faults(found["fields"], kept, former)
    # What operations and views refer to may be just what cannot be read.
    app = document.get("app")
    named = isinstance(app, dict) and isinstance(app.get("name"), str) and isinstance(document.get("fields", []), list)
    if named and all(part.get("name") for part in found["fields"]):
        yield from use_faults(found, {**kept, **columns_of(found)}, base)


def readable_parts(parts: Any) -> list[dict[str, Any]]:
    """The parts, each in its place: one that is no object is empty, and names and labels are texts."""
    return [
        {**part, **{key: part[key] if isinstance(part.get(key), str) else "" for key in ("name", "label")}}
        if isinstance(part, dict)
        else {}
        for part in (parts if isinstance(parts, list) else [])
    ]


def shape_faults(document: Any) -> Iterator[tuple[str, str]]:
    """What keeps the document from being read at all."""
    if not isinstance(document, dict):
        yield "", _("a blueprint is a JSON object")
        return
    if document.get("blueprint") != FORMAT:
        yield "blueprint", _("this site reads blueprints of format %d") % FORMAT
    if extra := sorted(set(document) - {"$schema", "blueprint", "app", *KINDS_OF_PARTS}):
        words = ngettext(
            "%(part)s takes no %(keys)s: correct the spelling, or leave it out",
            "%(part)s takes no %(keys)s: correct the spelling, or leave them out",
            len(extra),
        )
        yield "", words % {"part": _("a blueprint"), "keys": quoted(extra)}
    app = document.get("app")
    if not isinstance(app, dict):
        yield "app", _("an object with name and label is missing")
    else:
        yield from labelled("app", app, set())
        yield from unknown("app", app, _("an app"), "description")
    for kind in KINDS_OF_PARTS:
        parts = document.get(kind, [])
        if not isinstance(parts, list):
            yield kind, _("a list is expected here")
            continue
        taken: set[str] = set()
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                yield from labelled(f"{kind}[{index}]", part, taken)
            else:
                yield f"{kind}[{index}]", _("an object is expected here")


def labelled(
    path: str, part: Mapping[str, Any], taken: set[str], reserved: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """What is wrong with a part's name and label; adds the name to `taken`."""
    if sentence := names.fault(part.get("name"), reserved):
        yield f"{path}.name", sentence
    elif part["name"].lower() in taken:
        yield f"{path}.name", _("%s stands twice (capitals make no difference)") % part["name"]
    else:
        taken.add(part["name"].lower())
    label = part.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > 150 or not label.isprintable():
        yield f"{path}.label", _("a label of 1 to 150 printable characters is missing")
    for key, longest in TEXTS.items():
        if sentence := text_fault(part.get(key, ""), longest):
            yield f"{path}.{key}", sentence


def text_fault(text: Any, longest: int) -> str:
    """What keeps a text from its column in one sentence, or ""."""
    if not isinstance(text, str):
        return _("text is expected here")
    try:
        checked_text(text, longest)
    except FieldError as error:
        return error.message
    return ""


def content_faults(
    document: Mapping[str, Any], base: Mapping[str, Any] | None, former: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with fields, operations and views that can be read, and are to be merged into `base`.

    `former` are fields that are gone, and have left values.
    """
    kept = {} if base is None else columns_of(base)
    columns = {**kept, **columns_of(document)}
    faults = list(all_field_faults(document.get("fields", []), kept, former))
    yield from faults
    yield from use_faults(document, columns, base)
    if base is not None and not faults:
        named = {part["name"].lower() for part in document.get("views", [])}
        for view in base["views"]:
            if view["name"].lower() not in named and not list(view_faults("", view, kept)):
                yield from stranded(view, columns)


def whole_faults(
    document: Mapping[str, Any], base: Mapping[str, Any], former: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with a document that is to take the place of `base`, where `former` fields have left values."""
    yield from all_field_faults(document["fields"], columns_of(base), former)
    yield from use_faults(document, columns_of(document), base)


def all_field_faults(
    fields: Sequence[Mapping[str, Any]], kept: Mapping[str, Column], former: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the fields, given those that there are and those that are gone."""
    own = {name.lower(): column for name, column in kept.items() if not column.system}
    for index, part in present(fields):
        path, gone = f"fields[{index}]", former.get(part["name"])
        yield from field_faults(path, part, own.get(part["name"].lower()))
        if gone and gone["type"] != part.get("type"):
            words = _("%(name)s was a field of type %(type)s once, and there may be values of it; take that type again")
            yield f"{path}.type", words % {"name": part["name"], "type": gone["type"]}


def present(parts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The parts with their places, but those that could not be read."""
    return ((index, part) for index, part in enumerate(parts) if part)


def use_faults(
    document: Mapping[str, Any], columns: Mapping[str, Column], base: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """What is wrong with operations and views, given what there is to be used by them, and what they were in `base`."""
    stood = {view["name"].lower(): view["filter"] for view in (base or {}).get("views", [])}
    own = {name: column for name, column in columns.items() if not column.system}
    for index, part in present(document.get("operations", [])):
        yield from unknown(f"operations[{index}]", part, _("an operation"), "kind", "done", "fields")
        yield from operation_faults(f"operations[{index}]", part, own)
    for index, part in present(document.get("views", [])):
        path = f"views[{index}]"
        yield from unknown(path, part, _("a view"), "description", "columns", "filter", "sort", "parameters")
        faults = list(view_faults(path, part, columns))
        yield from faults
        if not faults and part.get("filter") != stood.get(part["name"].lower()):
            for condition in query_of(part, columns).conditions():
                if sentence := pointless(condition):
                    yield f"{path}.filter", sentence


def stranded(view: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What a merge would break in a view that it keeps: by taking away a choice that its filter asks for, say."""
    for path, sentence in view_faults("kept", view, columns):
        yield f"fields (for the kept view {view['name']})", f"{path.removeprefix('kept.')}: {sentence}"


def field_faults(path: str, part: Mapping[str, Any], kept: Column | None) -> Iterator[tuple[str, str]]:
    """What is wrong with a field."""
    if part["name"].lower() in names.NO_FIELD:
        words = _("%s is a name that the platform uses itself; choose another.")
        yield f"{path}.name", words % part["name"]
    name = part.get("type")
    type = TYPES.get(name) if isinstance(name, str) else None
    if type is None:
        yield (
            f"{path}.type",
            _("%(name)r is no type of field; there are: %(types)s")
            % {
                "name": name,
                "types": ", ".join(TYPES),
            },
        )
        return
    if kept is not None and kept.type is not type:
        words = _("%(label)s is of type %(type)s and holds values; its type cannot change")
        yield f"{path}.type", words % {"label": kept.label, "type": kept.type.name}
    if kept is not None and kept.name != part["name"]:
        yield f"{path}.name", _("the field is called %s; a name is fixed") % kept.name
    if not isinstance(part.get("required", False), bool):
        yield f"{path}.required", _("true or false is expected here")
    yield from unknown(path, part, _("a %s field") % type.name, "type", "required", "section", "help", *type.options)
    for sentence in type.faults(part):
        yield path, sentence
    # A field that was published without it, when nobody asked, may stay so.
    if (kept is None or not kept.type.lacks(kept.config)) and (sentence := type.lacks(part)):
        yield path, sentence


def unknown(path: str, part: Mapping[str, Any], what: str, *keys: str) -> Iterator[tuple[str, str]]:
    """The keys that the part has beyond its name, its label and `keys`: a misspelled one would be lost in silence."""
    if extra := sorted(set(part) - {"name", "label", *keys}):
        words = ngettext(
            "%(part)s takes no %(keys)s: correct the spelling, or leave it out",
            "%(part)s takes no %(keys)s: correct the spelling, or leave them out",
            len(extra),
        )
        yield path, words % {"part": what, "keys": quoted(extra)}


def quoted(keys: Iterable[str]) -> str:
    """The keys in quotation marks, in a row."""
    return ", ".join(_("“%s”") % key for key in keys)


def operation_faults(path: str, part: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What is wrong with an operation."""
    if part.get("kind") not in KINDS:
        yield f"{path}.kind", _("an operation's kind is one of %s") % ", ".join(KINDS)
    settable = part.get("fields", [])
    if not isinstance(settable, list) or not all(isinstance(name, str) for name in settable):
        yield f"{path}.fields", _("a list of names is expected here")
        return
    for name in settable:
        if name not in columns:
            yield f"{path}.fields", _("%r is no field of this app") % name
    if len(set(settable)) < len(settable):
        yield f"{path}.fields", _("a field stands twice")
    if part.get("kind") == "delete" and settable:
        yield f"{path}.fields", _("a delete operation sets no fields")


def view_faults(path: str, part: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What is wrong with a view."""
    shown = part.get("columns")
    if not isinstance(shown, list) or not all(isinstance(name, str) for name in shown):
        yield f"{path}.columns", _("a list of names is expected here")
    elif not shown and len(columns) > len(SYSTEM_COLUMNS):
        yield f"{path}.columns", _("at least one name is expected here")
    else:
        for name in shown:
            if name not in columns:
                yield f"{path}.columns", _("%r is no field of this app") % name
        if len(set(shown)) < len(shown):
            yield f"{path}.columns", _("a column stands twice")
    faults = list(parameter_faults(f"{path}.parameters", part.get("parameters", [])))
    yield from faults
    if faults:
        return
    parameters = read_parameters(part.get("parameters", []))
    try:
        load_filter(part.get("filter"), columns, parameters)
    except QueryError as error:
        yield from ((f"{path}.{where}", sentence) for where, sentence in error.faults)
    try:
        load_order(part.get("sort", []), columns)
    except QueryError as error:
        yield from ((f"{path}.{where}", sentence) for where, sentence in error.faults)


def parameter_faults(path: str, parameters: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a view's parameters."""
    if not isinstance(parameters, list):
        yield path, _("a list is expected here")
        return
    taken: set[str] = set()
    for index, part in enumerate(parameters):
        where = f"{path}[{index}]"
        if not isinstance(part, dict):
            yield where, _("an object is expected here")
            continue
        yield from labelled(where, part, taken, names.NO_PARAMETER)
        name = part.get("type")
        type = TYPES.get(name) if isinstance(name, str) else None
        if type is None:
            yield (
                f"{where}.type",
                _("%(name)r is no type of parameter; there are: %(types)s")
                % {
                    "name": name,
                    "types": ", ".join(TYPES),
                },
            )
            continue
        yield from unknown(where, part, _("a %s parameter") % type.name, "type", *type.options)
        for sentence in type.faults(part):
            yield where, sentence
