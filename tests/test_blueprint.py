"""Blueprints: what goes out comes in again, and what cannot come in is told in full."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flowfinity import definitions, names
from flowfinity.blueprint import BlueprintError, export_app, import_app, merged_parts
from flowfinity.configure import blueprint_schema
from flowfinity.definitions import Unknown
from flowfinity.fields import TYPES
from flowfinity.models import App, Configuration, Field, Journal, Operation, Record, View, configuring
from flowfinity.query import SYSTEM_COLUMNS, QueryError
from tests import builders, every_type

SMALL: dict[str, Any] = {
    "blueprint": 1,
    "app": {"name": "Things", "label": "Things"},
    "fields": [
        {"name": "Name", "label": "Name", "type": "text", "required": True, "section": "One", "help": "What it is."},
        {"name": "Rating", "label": "Rating", "type": "single", "choices": ["Hot", "Cold"], "tones": {"Hot": "bad"}},
        {"name": "Price", "label": "Price", "type": "currency", "currency": "EUR"},
    ],
    "operations": [
        {"name": "Make", "label": "Make", "kind": "create", "done": "made this", "fields": ["Name", "Rating"]},
        {"name": "Remove", "label": "Remove", "kind": "delete"},
    ],
    "views": [
        {
            "name": "All",
            "label": "All of them",
            "columns": ["Name", "RecordID"],
            "filter": {"field": "Name", "operator": "contains", "parameter": "Asked"},
            "sort": [{"field": "Name", "direction": "ascending"}],
            "parameters": [{"name": "Asked", "label": "Asked", "type": "text"}],
        }
    ],
}


def small(**changes: Any) -> dict[str, Any]:
    """The small blueprint with its parts replaced."""
    return {**copy.deepcopy(SMALL), **changes}


def described() -> dict[str, Any]:
    return json.loads(builders.LEADS.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def faults_of(document: Any) -> list[str]:
    """The paths of the faults for which a document is refused, nothing of it written."""
    before = [
        list(model.objects.order_by("pk").values()) for model in (App, Field, Operation, View, Configuration, Journal)
    ]
    with pytest.raises(BlueprintError) as refused:
        import_app(document)
    assert before == [
        list(model.objects.order_by("pk").values()) for model in (App, Field, Operation, View, Configuration, Journal)
    ]
    assert all(sentence for _, sentence in refused.value.faults)
    assert str(refused.value)
    return [path for path, _ in refused.value.faults]


@pytest.mark.django_db
@pytest.mark.parametrize("document", [SMALL, described()], ids=["small", "leads"])
def test_what_goes_out_comes_in_again(document: dict[str, Any]) -> None:
    first = export_app(builders.make(document))
    assert json.loads(json.dumps(first)) == first
    app = App.objects.get()
    kept = [list(model.objects.order_by("pk").values()) for model in (App, Field, Operation, View)]
    assert import_app(first) == app
    assert [list(model.objects.order_by("pk").values()) for model in (App, Field, Operation, View)] == kept
    app.delete()
    assert export_app(import_app(json.loads(json.dumps(first)))) == first


@pytest.mark.django_db
def test_an_app_is_as_its_blueprint_says() -> None:
    builders.make(SMALL)
    app = definitions.of("things")
    assert [(c.name, c.type.name, c.required, c.section, c.help) for c in app.fields.values()] == [
        ("Name", "text", True, "One", "What it is."),
        ("Rating", "single", False, "", ""),
        ("Price", "currency", False, "", ""),
    ]
    assert app.fields["Rating"].config == {"choices": ["Hot", "Cold"], "tones": {"Hot": "bad"}}
    assert app.fields["Price"].config == {"currency": "EUR"}
    assert [(o.name, o.kind, [c.name for c in o.fields]) for o in app.operations] == [
        ("Make", "create", ["Name", "Rating"]),
        ("Remove", "delete", []),
    ]
    (view,) = app.views
    assert [column.name for column in view.columns] == ["Name", "RecordID"]
    assert view.query.describe() == "Records where Name contains the parameter Asked, sorted by Name."
    assert Journal.objects.get().last_submission_id == 0


@pytest.mark.django_db
@pytest.mark.parametrize("views", [None, []])
def test_a_new_app_is_born_with_a_view_of_everything(views: Any) -> None:
    document = small()
    del document["views"]
    if views is not None:
        document["views"] = views
    app = builders.make(document)
    assert [(view.name, view.label, view.columns) for view in app.views.all()] == [
        ("ViewAllRecords", "View all records", ["Name", "Rating", "Price"])
    ]
    assert definitions.of(app.pk).view("viewallrecords").query.describe() == "All records."
    # It is born with it, not given it again.
    import_app(document)
    assert app.views.count() == 1


@pytest.mark.django_db
def test_the_least_of_a_blueprint_is_a_name() -> None:
    app = builders.make({"blueprint": 1, "app": {"name": "Empty", "label": "Empty"}})
    assert definitions.of(app.pk).fields == {}


@pytest.mark.django_db
def test_an_import_merges_and_keeps_records() -> None:
    app = builders.make(SMALL)
    made = builders.do(builders.person(), app, "Make", Name="a", Rating="Cold")
    version = Configuration.current()
    same = import_app(
        {
            "blueprint": 1,
            "app": {"name": "Things", "label": "Better things", "description": "New."},
            "fields": [
                {"name": "Extra", "label": "Extra", "type": "number"},
                {"name": "Rating", "label": "How hot", "type": "single", "choices": ["Hot"]},
            ],
            "operations": [{"name": "Change", "label": "Change", "kind": "update", "fields": ["Extra", "Name"]}],
            "views": [{"name": "Few", "label": "Few", "columns": ["Extra", "Name"]}],
        }
    )
    assert (same.pk, same.label, same.description) == (app.pk, "Better things", "New.")
    assert Configuration.current() == version + 1
    definition = definitions.of(app.pk)
    assert set(definition.fields) == {"Name", "Rating", "Price", "Extra"}
    assert definition.fields["Rating"].label == "How hot"
    assert definition.fields["Rating"].config == {"choices": ["Hot"]}
    assert definition.fields["Name"].required
    assert {operation.name for operation in definition.operations} == {"Make", "Remove", "Change"}
    assert {view.name for view in definition.views} == {"All", "Few"}
    assert Record.objects.get(pk=made.record).values == {"Name": "a", "Rating": "Cold"}
    assert Journal.objects.get().last_submission_id == made.submission


@pytest.mark.django_db
def test_an_app_an_operation_and_a_view_are_found_in_any_case() -> None:
    app = builders.make(SMALL)
    document = small(
        app={"name": "THINGS", "label": "Things"},
        operations=[{"name": "MAKE", "label": "Make it", "kind": "create", "fields": ["Name"]}],
        views=[{"name": "ALL", "label": "All", "columns": ["Name"]}],
    )
    assert import_app(document) == app
    # Names are fixed.
    assert App.objects.get().name == "Things"
    assert {operation.name for operation in app.operations.all()} == {"Make", "Remove"}
    assert [view.name for view in app.views.all()] == ["All"]


@pytest.mark.django_db
def test_names_are_unique_without_regard_to_case_in_the_database_itself() -> None:
    app = builders.make(SMALL)
    for make in (
        lambda: App.objects.create(name="THINGS", label="x"),
        lambda: Field.objects.create(app=app, name="NAME", label="x", type="text"),
        lambda: Operation.objects.create(app=app, name="MAKE", label="x", kind="create"),
        lambda: View.objects.create(app=app, name="ALL", label="x"),
    ):
        with pytest.raises(IntegrityError), configuring():
            make()


# Faults


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "paths"),
    [
        *[(document, [""]) for document in (None, [], "x", 5, [SMALL])],
        ({}, ["blueprint", "app"]),
        *[(small(blueprint=version), ["blueprint"]) for version in (None, 0, 2, "1", [1])],
        *[(small(app=app), ["app"]) for app in (None, [], "Things")],
        (small(app={}), ["app.name", "app.label"]),
        (small(fields={}, operations="x", views=None), ["fields", "operations", "views"]),
        (small(fields=[5], operations=[None], views=["x"]), ["fields[0]", "operations[0]", "views[0]"]),
    ],
)
def test_what_is_no_blueprint_is_told(document: Any, paths: list[str]) -> None:
    assert faults_of(document) == paths


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["app", "fields", "operations", "views"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("name", value) for value in (None, "", "small", "A b", "A__b", "2", "A" * 64, "Ä", 5, ["A"], {})),
        *(("label", value) for value in (None, "", "  ", "x" * 151, "a\nb", "a\x00", "\ud800", 5, ["A"])),
        *(("description", value) for value in (5, ["x"], None, "a\x00b", "\ud800")),
    ],
)
def test_names_and_labels_are_checked_everywhere(part: str, key: str, value: Any) -> None:
    document = small()
    target, path = (document["app"], "app") if part == "app" else (document[part][0], f"{part}[0]")
    target[key] = value
    assert f"{path}.{key}" in faults_of(document)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("part", "key", "longest"), [("fields", "section", 150), ("fields", "help", 300), ("operations", "done", 150)]
)
def test_texts_fit_their_columns(part: str, key: str, longest: int) -> None:
    document = small()
    document[part][0][key] = "é" * (longest + 1)
    assert faults_of(document) == [f"{part}[0].{key}"]
    document[part][0][key] = "é" * longest
    assert export_app(builders.make(document))[part][0][key] == "é" * longest


def changed(part: str, place: int = 0, **changes: Any) -> dict[str, Any]:
    """The small blueprint with keys of one of its parts replaced."""
    document = small()
    document[part][place].update(changes)
    return document


NAME = {"name": "Name", "label": "Name", "type": "text"}
LEAF = {"field": "Name", "operator": "is", "value": "a"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "paths"),
    [
        # Names.
        (small(fields=[NAME, {**NAME, "name": "NAME"}], operations=[], views=[]), ["fields[1].name"]),
        *[
            (small(fields=[{**NAME, "name": name}], operations=[], views=[]), ["fields[0].name"])
            for name in (
                "RecordID",
                "Recordid",
                "Id",
                "ISNEW",
                "LastOperation",
                "Operations",
                "OnBehalfOf",
                "CreatedOn",
                "ExternalTransactionId",
                "LastSubmissionID",
            )
        ],
        # Fields.
        *[
            ({**changed("fields", type=type), "operations": [], "views": []}, ["fields[0].type"])
            for type in (None, "", "Text", "record", "whole", 5, ["text"])
        ],
        *[(changed("fields", required=value), ["fields[0].required"]) for value in (None, 1, "yes")],
        (changed("fields", choices=["a"], currency="USD"), ["fields[0]"]),
        (changed("fields", 1, choices=[]), ["fields[1]"]),
        (changed("fields", 1, tones={"Hot": ["bad"]}), ["fields[1]"]),
        (changed("fields", 2, currency="euro"), ["fields[2]"]),
        (changed("fields", 2, currency=""), ["fields[2]"]),
        # Operations.
        *[
            (changed("operations", kind=kind), ["operations[0].kind"])
            for kind in (None, "", "Create", "upsert", 5, ["create"])
        ],
        *[
            (changed("operations", fields=value), ["operations[0].fields"])
            for value in (None, "Name", {}, [5], [["Name"]])
        ],
        *[
            (changed("operations", fields=[name]), ["operations[0].fields"])
            for name in ("Gone", "name", "RecordID", "")
        ],
        (changed("operations", fields=["Name", "Name"]), ["operations[0].fields"]),
        (changed("operations", 1, fields=["Name"]), ["operations[1].fields"]),
        (changed("operations", price=5), ["operations[0]"]),
        # Views.
        *[(changed("views", columns=value), ["views[0].columns"]) for value in (None, [], "Name", {}, [5], [["Name"]])],
        *[(changed("views", columns=[name]), ["views[0].columns"]) for name in ("Gone", "name", "recordid", "id")],
        (changed("views", columns=["Name", "Name"]), ["views[0].columns"]),
        *[(changed("views", filter=value), ["views[0].filter"]) for value in (5, [], "Name", [LEAF], False, 0, "")],
        (changed("views", filter={}), ["views[0].filter.field"]),
        (changed("views", filter={"all": []}), ["views[0].filter.all"]),
        (changed("views", filter={"any": [LEAF, {**LEAF, "field": "Gone"}]}), ["views[0].filter.any[1].field"]),
        (changed("views", filter={**LEAF, "value": "a\x00"}), ["views[0].filter.value"]),
        (changed("views", filter={"field": "Rating", "operator": "is", "value": "Warm"}), ["views[0].filter.value"]),
        (changed("views", sort=None), ["views[0].sort"]),
        (changed("views", sort=[{"field": "Gone", "direction": "ascending"}]), ["views[0].sort[0].field"]),
        (
            changed("views", columns=["Gone"], filter=5, sort=5),
            ["views[0].columns", "views[0].filter", "views[0].sort"],
        ),
        (changed("views", rows=5), ["views[0]"]),
        # Parameters.
        *[(changed("views", parameters=value), ["views[0].parameters"]) for value in (None, {}, "Asked")],
        (changed("views", parameters=[5]), ["views[0].parameters[0]"]),
        (changed("views", parameters=[{}]), [f"views[0].parameters[0].{key}" for key in ("name", "label", "type")]),
        *[
            (
                changed("views", parameters=[{"name": name, "label": "x", "type": "text"}]),
                ["views[0].parameters[0].name"],
            )
            for name in ("Mode", "LIMIT", "Client", "asked", "A b")
        ],
        (changed("views", parameters=[NAME, {**NAME, "name": "NAME"}]), ["views[0].parameters[1].name"]),
        (changed("views", parameters=[{**NAME, "type": "record"}]), ["views[0].parameters[0].type"]),
        (changed("views", parameters=[{**NAME, "type": "single"}]), ["views[0].parameters[0]"]),
        (changed("views", parameters=[{**NAME, "required": True}]), ["views[0].parameters[0]"]),
        (changed("views", parameters=[{**NAME, "x\x00": "\ud800"}]), ["views[0].parameters[0]"]),
        (changed("views", parameters=[]), ["views[0].filter.parameter"]),
        # Everything at once.
        (
            {
                **changed("fields", type="?"),
                "operations": [{"name": "Do", "label": "Do", "kind": "?", "fields": ["Gone"]}],
                "views": [{"name": "See", "label": "See", "columns": ["Gone"], "parameters": [5]}],
            },
            [
                *("fields[0].type", "operations[0].kind", "operations[0].fields", "views[0].columns"),
                "views[0].parameters[0]",
            ],
        ),
    ],
)
def test_every_fault_of_a_part_is_told_by_its_path(document: Any, paths: list[str]) -> None:
    assert faults_of(document) == paths


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "paths"),
    [
        # Of shape and of meaning, and in the parts after one that cannot be read.
        (
            small(fields=[{**NAME, "label": ""}, {**NAME, "name": "Hue", "type": "colour"}], operations=5, views=[]),
            ["fields[0].label", "operations", "fields[1].type"],
        ),
        (
            small(fields=[5, {"label": "Hue", "type": "colour"}, {**NAME, "required": "yes"}], operations=[], views=[]),
            ["fields[0]", "fields[1].name", "fields[1].type", "fields[2].required"],
        ),
        (
            small(
                operations=[None, {"name": "Do", "kind": "?", "fields": ["Name", "Gone"]}],
                views=["x", {"name": "see", "label": "See", "columns": ["Gone"]}],
            ),
            [
                *("operations[0]", "operations[1].label", "views[0]", "views[1].name"),
                *("operations[1].kind", "operations[1].fields", "views[1].columns"),
            ],
        ),
        # What is called wrongly is there all the same.
        (
            small(
                fields=[{**NAME, "name": "the name"}],
                operations=[{"name": "Do", "label": "Do", "kind": "create", "fields": ["the name"]}],
                views=[],
            ),
            ["fields[0].name"],
        ),
        # What may be meant by a part that cannot be read, or be in an app that is not named, is not said to be missing.
        (small(fields=[5]), ["fields[0]"]),
        (small(fields="Name"), ["fields"]),
        (small(app={"label": "X"}, fields=[{**NAME, "type": "?"}]), ["app.name", "fields[0].type"]),
        # Of another format nothing is known.
        (changed("fields", type="?") | {"blueprint": 2}, ["blueprint"]),
    ],
)
def test_faults_of_shape_and_of_meaning_are_told_in_one_go(document: Any, paths: list[str]) -> None:
    assert faults_of(document) == paths


@pytest.mark.django_db
def test_a_misshapen_file_is_held_against_the_app_that_it_names() -> None:
    builders.make(SMALL)
    document = {
        "blueprint": 1,
        "app": {"name": SMALL["app"]["name"].upper(), "label": ""},
        "fields": [{**NAME, "type": "number"}],
        "operations": [{"name": "Do", "label": "Do", "kind": "create", "fields": ["Rating", "Gone"]}],
    }
    assert faults_of(document) == ["app.label", "fields[0].type", "operations[0].fields"]


@pytest.mark.django_db
def test_a_key_that_is_not_known_is_told_as_what_it_is_a_slip() -> None:
    for document, fault in (
        (
            small(colour="red", size=5),
            ("", "a blueprint takes no “colour”, “size”: correct the spelling, or leave them out"),
        ),
        (
            changed("fields", typ="text"),
            ("fields[0]", "a text field takes no “typ”: correct the spelling, or leave it out"),
        ),
    ):
        with pytest.raises(BlueprintError) as refused:
            import_app(document)
        assert refused.value.faults == [fault]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ([{**NAME, "type": "number"}], ["fields[0].type"]),
        ([{**NAME, "name": "NAME"}], ["fields[0].name"]),
        ([{"name": "Rating", "label": "Rating", "type": "multiple", "choices": ["Hot"]}], ["fields[0].type"]),
    ],
)
def test_what_holds_values_keeps_its_name_and_type(fields: Any, paths: list[str]) -> None:
    builders.make(SMALL)
    assert faults_of({"blueprint": 1, "app": SMALL["app"], "fields": fields}) == paths


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_blueprint_is_imported_or_told(data: st.DataObject) -> None:
    """Any value in any place: never another error, never half an import."""
    document = small()
    places: list[tuple[Any, Any]] = []

    def walk(part: Any) -> None:
        for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
            places.append((part, key))
            if isinstance(value, dict | list):
                walk(value)

    walk(document)
    target, key = data.draw(st.sampled_from(range(len(places))).map(places.__getitem__))
    target[key] = data.draw(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*TYPES, "Name", {}, []])
        | st.lists(st.text() | st.integers() | st.just({"a": []}), max_size=2)
        | st.dictionaries(st.sampled_from(["name", "all", "Hot", "x"]), st.lists(st.text()) | st.text(), max_size=2)
    )  # fmt: skip
    definitions._kept.clear()
    try:
        app = import_app(document)
    except BlueprintError as error:
        assert error.faults
    else:
        again = definitions.of(app.pk)
        assert again.broken == {}
        assert export_app(app)
        app.delete()


# JSON Schema


SCHEMA = Draft202012Validator(blueprint_schema.schema())


def said_by_schema(document: Any) -> list[str]:
    """What the schema has against a document."""
    return [error.message for error in SCHEMA.iter_errors(document)]


@pytest.mark.parametrize("document", [SMALL, described(), every_type.blueprint()], ids=["small", "leads", "every type"])
@pytest.mark.django_db
def test_the_schema_takes_what_comes_and_what_goes(document: dict[str, Any]) -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    assert said_by_schema(document) == []
    assert said_by_schema(export_app(builders.make(document))) == []


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, small(blueprint=2), small(app=None), small(app={}), small(fields={}), small(views=None),
        small(fields=[5], operations=[None], views=["x"]), small(more=1), small(app={**SMALL["app"], "colour": 1}),
        *(changed(part, name=name) for part in ("fields", "views") for name in (None, "", "A b", "2", "A" * 64, "Ä")),
        *(changed("operations", label=label) for label in (None, "", "  ", "x" * 151, "a\nb", "\ud800", 5)),
        *(changed("fields", name=name) for name in ("RecordID", "id", "Id", "LASTOPERATION", "createdon")),
        changed("fields", type="?"), changed("fields", required=1), changed("fields", choices=["a"]),
        changed("fields", help="x" * 301), changed("fields", 1, choices=[]), changed("fields", 1, tones={"Hot": 5}),
        changed("fields", 1, choices=['a"b']), changed("fields", 2, currency="euro"),
        changed("operations", kind="upsert"), changed("operations", fields=["Name", "Name"]),
        changed("operations", 1, fields=["Name"]), changed("operations", price=5),
        changed("views", columns=None), changed("views", columns=[5]), changed("views", rows=5),
        changed("views", filter={}), changed("views", filter={"all": []}), changed("views", filter=[LEAF]),
        changed("views", filter={**LEAF, "operator": "?"}), changed("views", filter={**LEAF, "value": None}),
        changed("views", filter={**LEAF, "more": 1}), changed("views", sort=[{"field": "Name"}]),
        changed("views", sort=[{"field": "Name", "direction": "up"}]), changed("views", parameters=[{}]),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_the_schema_refuses_what_an_import_refuses_for_its_shape(document: Any) -> None:
    assert said_by_schema(document)
    assert faults_of(document)


@pytest.mark.django_db
def test_the_schema_that_is_served_is_the_one_in_the_docs(admin_client: Client) -> None:
    served = admin_client.get(reverse("configure-blueprint-schema"))
    assert served["Content-Type"] == "application/json"
    kept = Path(__file__).parent.parent / "docs" / "blueprint.schema.json"
    if os.environ.get("UPDATE_SCHEMA") == "1":
        kept.write_text(served.content.decode() + "\n", encoding="utf-8")
    assert served.json() == json.loads(kept.read_text(encoding="utf-8")), (
        "if that is meant, run once with UPDATE_SCHEMA=1"
    )


# A lossless round trip


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs", "Cf", "Co", "Cn")), min_size=1, max_size=20
)
PROPER = st.from_regex(r"[A-Z][A-Za-z0-9]{0,12}", fullmatch=True).filter(
    lambda name: name.lower() not in names.NO_FIELD
)
SETTINGS: dict[str, Any] = {
    "choices": st.lists(TEXTS.filter(lambda text: not set(text) & set('"\\')), min_size=1, max_size=4, unique=True),
    "currency": st.sampled_from(["CHF", "USD", "EUR"]),
    "app": PROPER,
}


@st.composite
def blueprints(draw: st.DrawFn) -> dict[str, Any]:
    """Any app: fields of all types, operations and views that use them."""

    def some(strategy: st.SearchStrategy[Any]) -> list[Any]:
        unique = st.lists(PROPER, max_size=4, unique_by=str.lower)
        return [{"name": name, "label": draw(TEXTS), **draw(strategy)} for name in draw(unique)]

    def field(type: str) -> st.SearchStrategy[Any]:
        options = [key for key in TYPES[type].options if key in SETTINGS]
        rest = {"type": st.just(type), "required": st.booleans(), "section": TEXTS, "help": TEXTS}
        return st.fixed_dictionaries({**rest, **{key: SETTINGS[key] for key in options}})

    fields = some(st.sampled_from(list(TYPES)).flatmap(field))
    own = [part["name"] for part in fields]
    every = [*own, *SYSTEM_COLUMNS]

    def subset(of: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
        return st.permutations(of).flatmap(
            lambda order: st.integers(min(least, len(order)), len(order)).map(lambda count: list(order[:count]))
        )

    blank = [
        {"field": part["name"], "operator": "is_blank"}
        for part in fields
        if "is_blank" in TYPES[part["type"]].operators
    ]
    filter = st.none() | (
        st.lists(st.sampled_from(blank), min_size=1).map(lambda all: {"any": all}) if blank else st.none()
    )
    operation = st.fixed_dictionaries(
        {"kind": st.sampled_from(["create", "update"]), "done": TEXTS, "fields": subset(own)}
    )
    view = st.fixed_dictionaries({"columns": subset(every, 1), "filter": filter, "description": TEXTS})
    return {
        "blueprint": 1,
        "app": {"name": "Anything", "label": draw(TEXTS), "description": draw(TEXTS)},
        "fields": fields,
        "operations": some(operation),
        "views": some(view),
    }


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=blueprints())
def test_whatever_goes_out_comes_in_again(document: dict[str, Any]) -> None:
    definitions._kept.clear()
    app = import_app(document)
    first = export_app(app)
    for kind in ("fields", "operations"):
        assert [part["name"] for part in first[kind]] == [part["name"] for part in document[kind]]
    assert said_by_schema(first) == []
    assert export_app(import_app(json.loads(json.dumps(first)))) == first
    app.delete()
    again = import_app(first)
    assert export_app(again) == first
    again.delete()


@pytest.mark.parametrize(
    ("kept", "named", "expected"),
    [
        ("abc", "", "abc"),
        ("abc", "d", "abcd"),
        ("abc", "ca", "cba"),
        ("abc", "ad", "adbc"),
        ("abc", "dc", "dabc"),
        ("abc", "dcba", "dcba"),
    ],
)
def test_a_merge_keeps_what_is_not_named_in_its_place(kept: str, named: str, expected: str) -> None:
    parts = [[{"name": letter.upper()} for letter in word] for word in (kept, named)]
    assert "".join(part["name"] for part in merged_parts(*parts)).lower() == expected


# Definitions


@pytest.mark.django_db
def test_definitions_are_found_by_key_and_by_name_in_any_case() -> None:
    row = builders.make(SMALL)
    app = definitions.of(row.pk)
    assert definitions.of("tHINGS") == app
    assert app.operation("MAKE") == app.operation(app.operations[0].id)
    assert app.view("aLL") == app.view(app.views[0].id)
    for look in (
        lambda: definitions.of("Gone"),
        lambda: definitions.of(0),
        lambda: app.view("Make"),
        lambda: app.operation(0),
    ):
        with pytest.raises(Unknown):
            look()


@pytest.mark.django_db
def test_a_definition_is_read_once_a_version() -> None:
    row = builders.make(SMALL)
    first = definitions.of(row.pk)
    assert definitions.of(row.pk) is first
    with configuring():
        Field.objects.filter(name="Name").update(label="Its name")
    assert definitions.of(row.pk).fields["Name"].label == "Its name"
    assert first.fields["Name"].label == "Name"


@pytest.mark.django_db
def test_a_view_that_cannot_be_read_never_becomes_everything() -> None:
    row = builders.make(SMALL)
    with configuring():
        View.objects.update(filter={"field": "Name", "operator": "?", "value": "a"})
    app = definitions.of(row.pk)
    (key,) = app.broken
    assert app.views == ()
    with pytest.raises(QueryError):
        app.view(key)
    with pytest.raises((Unknown, QueryError)):
        app.view("All")


@pytest.mark.django_db
def test_a_view_of_the_last_0_days_is_not_imported_but_one_that_is_there_stays() -> None:
    day = {"name": "Day", "label": "Day", "type": "date"}

    def view(field: str) -> dict[str, Any]:
        recent = {"any": [{"field": field, "operator": "within_last_days", "value": 0}]}
        return {"name": "Recent", "label": "Recent", "columns": ["Name"], "filter": recent}

    row = builders.make(small(fields=[NAME, day], operations=[], views=[view("Day")]))
    faults = [("views[0].filter", "Nothing lies within the last 0 days: give 1 day or more.")]
    with pytest.raises(BlueprintError) as refused:
        import_app(small(fields=[NAME, day], operations=[], views=[view("CreatedOn")]))
    assert refused.value.faults == faults
    with configuring():
        View.objects.filter(name="Recent").update(filter=view("CreatedOn")["filter"])
    import_app(small(fields=[NAME, day], operations=[], views=[]))
    # Its own export comes back, and another of its views can be published.
    import_app(export_app(App.objects.get(pk=row.pk)))
    recent = definitions.of(row.pk).view("Recent").query
    assert recent.describe() == "Records where Created on is within the last 0 days."


@pytest.mark.django_db
def test_a_merge_that_would_break_a_kept_view_is_refused() -> None:
    choices = {"name": "Rating", "label": "Rating", "type": "single", "choices": ["Hot", "Cold"]}
    hot = {"field": "Rating", "operator": "is", "value": "Hot"}
    view = {"name": "Hot", "label": "Hot", "columns": ["Rating"], "filter": hot}
    app = {"blueprint": 1, "app": {"name": "Leads", "label": "Leads"}}
    import_app({**app, "fields": [choices], "views": [view]})
    with pytest.raises(BlueprintError, match="kept view Hot"):
        import_app({**app, "fields": [{**choices, "choices": ["Warm"]}]})


@pytest.mark.django_db
@pytest.mark.parametrize("choices", [None, "Hot", ["Hot", 7], [None], {}])
def test_choices_that_are_no_texts_are_a_fault_and_no_error_where_a_filter_asks_for_one(choices: Any) -> None:
    rating = {"name": "Rating", "label": "Rating", "type": "single", "choices": choices}
    asking = {"field": "Rating", "operator": "is", "value": "Cold"}
    view = {"name": "All", "label": "All", "columns": ["Rating"], "filter": asking}
    with pytest.raises(BlueprintError) as refused:
        import_app(small(fields=[NAME, rating], operations=[], views=[view]))
    assert "fields[1]" in dict(refused.value.faults)
