"""An app's definition as one JSON document (the article's transfer file): export, and import with every fault named.

An import merges: what the document names is made or changed, what it does not name is kept, and so are all records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowfinity import names
from flowfinity.definitions import read_parameters
from flowfinity.fields import TYPES, FieldError, checked_text
from flowfinity.models import App, Field, Journal, Operation, View, configuring
from flowfinity.query import SYSTEM_COLUMNS, Column, QueryError, load_filter, load_order

FORMAT = 1
STANDARD_VIEW = {"name": "ViewAllRecords", "label": "View all records"}
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
        "fields": [
            {
                "name": row.name,
                "label": row.label,
                "type": row.type,
                "required": row.required,
                "section": row.section,
                "help": row.help,
                **row.config,
            }
            for row in app.fields.all()
        ],
        "operations": [
            {"name": row.name, "label": row.label, "kind": row.kind, "done": row.done, "fields": row.fields}
            for row in app.operations.all()
        ],
        "views": [
            {
                "name": row.name,
                "label": row.label,
                "description": row.description,
                "columns": row.columns,
                "filter": row.filter,
                "sort": row.sort,
                "parameters": row.parameters,
            }
            for row in app.views.all()
        ],
    }


def import_app(document: Any) -> App:
    """The app that the document describes, made or merged into the one of that name. Raises BlueprintError.

    A new app is born with the standard view ViewAllRecords, unless the document brings views of its own.
    """
    faults = list(shape_faults(document))
    if faults:
        raise BlueprintError(faults)
    part = document["app"]
    with configuring():
        existing = App.objects.filter(name__iexact=part["name"]).first()
        faults = list(content_faults(document, existing))
        if faults:
            raise BlueprintError(faults)
        app = existing or App(name=part["name"])
        app.label, app.description = part["label"], part.get("description", "")
        app.save()
        Journal.objects.get_or_create(app=app)
        keep(app, Field, document.get("fields", []), field_row)
        keep(app, Operation, document.get("operations", []), operation_row)
        views = document.get("views", [])
        if not views and not app.views.exists():
            views = [standard_view(app)]
        keep(app, View, views, view_row)
    return app


def standard_view(app: App) -> dict[str, Any]:
    """The view that every new app is born with: all fields of all records."""
    return {**STANDARD_VIEW, "columns": [row.name for row in app.fields.all()]}


def keep(app: App, model: type[Any], parts: list[Mapping[str, Any]], row: Any) -> None:
    """Makes or changes the app's rows of a model, one a part, in the document's order."""
    for position, part in enumerate(parts):
        model.objects.update_or_create(
            app=app, name__iexact=part["name"], defaults={**row(part), "position": position},
            create_defaults={**row(part), "app": app, "name": part["name"], "position": position},
        )  # fmt: skip


def field_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """A field's columns."""
    config = {key: part[key] for key in TYPES[part["type"]].options if key in part}
    return {
        "label": part["label"],
        "type": part["type"],
        "required": part.get("required", False),
        "section": part.get("section", ""),
        "help": part.get("help", ""),
        "config": config,
    }


def operation_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """An operation's columns."""
    return {
        "label": part["label"],
        "kind": part["kind"],
        "done": part.get("done", ""),
        "fields": part.get("fields", []),
    }


def view_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """A view's columns."""
    return {
        "label": part["label"],
        "description": part.get("description", ""),
        "columns": part["columns"],
        "filter": part.get("filter"),
        "sort": part.get("sort", []),
        "parameters": part.get("parameters", []),
    }


def shape_faults(document: Any) -> Iterator[tuple[str, str]]:
    """What keeps the document from being read at all."""
    if not isinstance(document, dict):
        yield "", "a blueprint is a JSON object"
        return
    if document.get("blueprint") != FORMAT:
        yield "blueprint", f"this site reads blueprints of format {FORMAT}"
    app = document.get("app")
    if not isinstance(app, dict):
        yield "app", "an object with name and label is missing"
    else:
        yield from labelled("app", app, set())
    for kind in ("fields", "operations", "views"):
        parts = document.get(kind, [])
        if not isinstance(parts, list):
            yield kind, "a list is expected here"
            continue
        taken: set[str] = set()
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                yield from labelled(f"{kind}[{index}]", part, taken)
            else:
                yield f"{kind}[{index}]", "an object is expected here"


def labelled(
    path: str, part: Mapping[str, Any], taken: set[str], reserved: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """What is wrong with a part's name and label; adds the name to `taken`."""
    if sentence := names.fault(part.get("name"), reserved):
        yield f"{path}.name", sentence
    elif part["name"].lower() in taken:
        yield f"{path}.name", f"{part['name']} stands twice (capitals make no difference)"
    else:
        taken.add(part["name"].lower())
    label = part.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > 150 or not label.isprintable():
        yield f"{path}.label", "a label of 1 to 150 printable characters is missing"
    for key, longest in TEXTS.items():
        if sentence := text_fault(part.get(key, ""), longest):
            yield f"{path}.{key}", sentence


def text_fault(text: Any, longest: int) -> str:
    """What keeps a text from its column in one sentence, or ""."""
    if not isinstance(text, str):
        return "text is expected here"
    try:
        checked_text(text, longest)
    except FieldError as error:
        return error.message
    return ""


def content_faults(document: Mapping[str, Any], existing: App | None) -> Iterator[tuple[str, str]]:
    """What is wrong with fields, operations and views that can be read."""
    columns: dict[str, Column] = {}
    if existing is not None:
        for row in existing.fields.all():
            columns[row.name] = Column(row.name, row.label, TYPES[row.type], row.config)
    kept = {name.lower(): column for name, column in columns.items()}
    faults: list[tuple[str, str]] = []
    for index, part in enumerate(document.get("fields", [])):
        path = f"fields[{index}]"
        faults += field_faults(path, part, kept.get(part["name"].lower()))
        type = TYPES.get(part["type"]) if isinstance(part.get("type"), str) else None
        if type is not None:
            columns[part["name"]] = Column(part["name"], part["label"], type, part)
    yield from faults
    for index, part in enumerate(document.get("operations", [])):
        yield from unknown(f"operations[{index}]", part, "an operation", "kind", "done", "fields")
        yield from operation_faults(f"operations[{index}]", part, columns)
    for index, part in enumerate(document.get("views", [])):
        yield from unknown(f"views[{index}]", part, "a view", "description", "columns", "filter", "sort", "parameters")
        yield from view_faults(f"views[{index}]", part, {**columns, **SYSTEM_COLUMNS})
    if existing is not None and not faults:
        named = {part["name"].lower() for part in document.get("views", [])}
        for view in existing.views.all():
            if view.name.lower() not in named:
                yield from stranded(view, {**columns, **SYSTEM_COLUMNS})


def stranded(row: View, columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What a merge would break in a view that it keeps: by taking away a choice that its filter asks for, say."""
    part = {"columns": row.columns, "filter": row.filter, "sort": row.sort, "parameters": row.parameters}
    for path, sentence in view_faults("kept", part, columns):
        yield f"fields (for the kept view {row.name})", f"{path.removeprefix('kept.')}: {sentence}"


def field_faults(path: str, part: Mapping[str, Any], kept: Column | None) -> Iterator[tuple[str, str]]:
    """What is wrong with a field."""
    if part["name"].lower() in names.NO_FIELD:
        yield f"{path}.name", f"{part['name']} is a name that the platform uses itself; choose another."
    name = part.get("type")
    type = TYPES.get(name) if isinstance(name, str) else None
    if type is None:
        yield f"{path}.type", f"{name!r} is no type of field; there are: {', '.join(TYPES)}"
        return
    if kept is not None and kept.type is not type:
        yield f"{path}.type", f"{kept.label} is of type {kept.type.name} and holds values; its type cannot change"
    if kept is not None and kept.name != part["name"]:
        yield f"{path}.name", f"the field is called {kept.name}; a name is fixed"
    if not isinstance(part.get("required", False), bool):
        yield f"{path}.required", "true or false is expected here"
    yield from unknown(path, part, f"a {type.name} field", "type", "required", "section", "help", *type.options)
    for sentence in type.faults(part):
        yield path, sentence


def unknown(path: str, part: Mapping[str, Any], what: str, *keys: str) -> Iterator[tuple[str, str]]:
    """The keys that the part has beyond its name, its label and `keys`: a misspelled one would be lost in silence."""
    if extra := set(part) - {"name", "label", *keys}:
        yield path, f"{what} has no {', '.join(sorted(extra))}"


def operation_faults(path: str, part: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What is wrong with an operation."""
    if part.get("kind") not in KINDS:
        yield f"{path}.kind", f"an operation's kind is one of {', '.join(KINDS)}"
    settable = part.get("fields", [])
    if not isinstance(settable, list) or not all(isinstance(name, str) for name in settable):
        yield f"{path}.fields", "a list of names is expected here"
        return
    for name in settable:
        if name not in columns:
            yield f"{path}.fields", f"{name!r} is no field of this app"
    if len(set(settable)) < len(settable):
        yield f"{path}.fields", "a field stands twice"
    if part.get("kind") == "delete" and settable:
        yield f"{path}.fields", "a delete operation sets no fields"


def view_faults(path: str, part: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """What is wrong with a view."""
    shown = part.get("columns")
    if not isinstance(shown, list) or not all(isinstance(name, str) for name in shown):
        yield f"{path}.columns", "a list of names is expected here"
    elif not shown and len(columns) > len(SYSTEM_COLUMNS):
        yield f"{path}.columns", "at least one name is expected here"
    else:
        for name in shown:
            if name not in columns:
                yield f"{path}.columns", f"{name!r} is no field of this app"
        if len(set(shown)) < len(shown):
            yield f"{path}.columns", "a column stands twice"
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
        yield path, "a list is expected here"
        return
    taken: set[str] = set()
    for index, part in enumerate(parameters):
        where = f"{path}[{index}]"
        if not isinstance(part, dict):
            yield where, "an object is expected here"
            continue
        yield from labelled(where, part, taken, names.NO_PARAMETER)
        name = part.get("type")
        type = TYPES.get(name) if isinstance(name, str) else None
        if type is None:
            yield f"{where}.type", f"{name!r} is no type of parameter; there are: {', '.join(TYPES)}"
            continue
        yield from unknown(where, part, f"a {type.name} parameter", "type", *type.options)
        for sentence in type.faults(part):
            yield where, sentence
