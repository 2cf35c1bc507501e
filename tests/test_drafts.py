"""Drafts: edited without anybody noticing, told in plain words, published as a whole or not at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flowfinity import clock, definitions, drafts
from flowfinity.blueprint import BlueprintError, export_app, import_app
from flowfinity.models import App, Configuration, Draft, Record, Role, User
from tests import builders

pytestmark = pytest.mark.django_db

DOCUMENT: dict[str, Any] = {
    "blueprint": 1,
    "app": {"name": "Leads", "label": "Leads"},
    "fields": [
        {"name": "Company", "label": "Company", "type": "text", "required": True},
        {"name": "Rating", "label": "Rating", "type": "single", "choices": ["Hot", "Cold"]},
        {"name": "Budget", "label": "Budget", "type": "currency", "currency": "USD"},
    ],
    "operations": [
        {"name": "Capture", "label": "Capture", "kind": "create", "fields": ["Company", "Rating", "Budget"]},
        {"name": "Update", "label": "Update", "kind": "update", "fields": ["Company", "Rating", "Budget"]},
    ],
    "views": [
        {
            "name": "Hot",
            "label": "Hot leads",
            "columns": ["Company"],
            "filter": {"field": "Rating", "operator": "is", "value": "Hot"},
        },
        {"name": "ViewAllRecords", "label": "View all records", "columns": ["Company", "Rating", "Budget"]},
    ],
}


@pytest.fixture
def app() -> App:
    return builders.make(DOCUMENT)


@pytest.fixture
def ada() -> User:
    return builders.person()


def edit(app: App, by: User) -> Any:
    return drafts.editing(app, by, clock.now())


def publish(app: App, by: User) -> App:
    return drafts.publish(app, by, clock.now())


def part(document: drafts.Document, kind: str, name: str) -> drafts.Document:
    found = drafts.find(document[kind], name)
    assert found is not None
    return found


def sentences(change: Any) -> list[str]:
    """What is said of a change of the document."""
    old = drafts.blueprint.whole(DOCUMENT)
    new = copy.deepcopy(old)
    change(new)
    return [one.sentence for one in drafts.changes(old, new)]


def test_an_edit_makes_a_draft_and_nobody_notices(app: App, ada: User) -> None:
    version, before = Configuration.current(), export_app(app)
    with edit(app, ada) as document:
        part(document, "fields", "Company")["label"] = "Firm"
    assert (Configuration.current(), export_app(app)) == (version, before)
    assert part(drafts.document(app), "fields", "Company")["label"] == "Firm"
    assert definitions.of(app.pk).fields["Company"].label == "Company"
    draft = Draft.objects.get()
    assert (draft.by, draft.origin) == (ada, before)


def test_an_edit_that_is_undone_leaves_no_draft(app: App, ada: User) -> None:
    for label in ("Firm", "Company"):
        with edit(app, ada) as document:
            part(document, "fields", "Company")["label"] = label
    assert not Draft.objects.exists()


def test_an_edit_that_fails_changes_nothing(app: App, ada: User) -> None:
    with pytest.raises(ZeroDivisionError), edit(app, ada) as document:
        document["fields"].clear()
        raise ZeroDivisionError
    assert drafts.document(app) == export_app(app)


def test_a_draft_is_discarded(app: App, ada: User) -> None:
    with edit(app, ada) as document:
        document["views"].clear()
    drafts.discard(app)
    assert drafts.document(app) == export_app(app)


def test_an_app_that_was_published_stays_when_a_draft_is_discarded_whoever_is_gone(app: App, ada: User) -> None:
    designer = builders.person("designer")
    with edit(app, designer) as document:
        for kind in ("fields", "operations", "views"):
            document[kind].clear()
    publish(app, designer)
    with edit(app, ada) as document:
        document["app"]["label"] = "Prospects"
    designer.delete()
    assert not drafts.discard(App.objects.get())
    assert drafts.document(App.objects.get())["app"]["label"] == "Leads"


def test_publishing_makes_the_app_what_the_draft_says(app: App, ada: User) -> None:
    made = builders.do(ada, app, "Capture", Company="ABC Inc", Rating="Hot", Budget=5)
    role = Role.objects.create(name="Sales")
    role.views.set(app.views.all())
    role.operations.set(app.operations.all())
    kept = {view.name: view.pk for view in app.views.all()}
    version = Configuration.current()
    with edit(app, ada) as document:
        document["app"]["label"] = "Better leads"
        drafts.remove_field(document, "Budget")
        document["fields"].append({"name": "Source", "label": "Source", "type": "text"})
        document["operations"] = [part(document, "operations", "Capture")]
        document["views"] = [part(document, "views", "ViewAllRecords")]
        wanted = copy.deepcopy(document)
    assert publish(app, ada) == app
    assert Configuration.current() > version
    assert not Draft.objects.exists()
    definition = definitions.of(app.pk)
    assert (definition.label, list(definition.fields)) == ("Better leads", ["Company", "Rating", "Source"])
    assert export_app(App.objects.get()) == drafts.blueprint.whole(wanted)
    assert app.views.get().pk == kept["ViewAllRecords"], "what stays keeps its key, and so its roles and its polls"
    assert [list(role.views.all()), list(role.operations.all())] == [list(app.views.all()), list(app.operations.all())]
    assert Record.objects.get(pk=made.record).values == {"Company": "ABC Inc", "Rating": "Hot", "Budget": 5}


def test_without_a_draft_nothing_is_published(app: App, ada: User) -> None:
    before = export_app(app)
    assert publish(app, ada) == app
    assert export_app(app) == before


def test_a_draft_keeps_faults_and_publishing_names_all_of_them(app: App, ada: User) -> None:
    with edit(app, ada) as document:
        drafts.remove_field(document, "Rating")
        document["operations"][0]["fields"].append("Gone")
    before = export_app(app)
    with pytest.raises(BlueprintError) as refused:
        publish(app, ada)
    assert [path for path, _ in refused.value.faults] == ["operations[0].fields", "views[0].filter.field"]
    assert export_app(app) == before and Draft.objects.exists()


def test_nobody_publishes_what_he_has_not_seen(app: App, ada: User) -> None:
    with edit(app, ada) as document:
        document["app"]["label"] = "More"
    seen = drafts.digest(export_app(app), drafts.document(app))
    with edit(app, ada) as document:
        document["views"].clear()
    with pytest.raises(drafts.Unseen):
        drafts.publish(app, ada, clock.now(), seen)
    drafts.publish(app, ada, clock.now(), drafts.digest(export_app(app), drafts.document(app)))
    assert not app.views.exists()


def test_a_field_that_held_values_comes_back_with_them_and_as_nothing_else(app: App, ada: User) -> None:
    record = builders.do(ada, app, "Capture", Company="ABC Inc", Budget=5).record
    budget = part(export_app(app), "fields", "Budget")
    with edit(app, ada) as document:
        drafts.remove_field(document, "Budget")
    publish(app, ada)
    builders.do(ada, app, "Update", record, Company="ABC")
    with edit(App.objects.get(), ada) as document:
        document["fields"].append({"name": "Budget", "label": "Budget", "type": "text"})
    with pytest.raises(BlueprintError, match="was a field of type currency once"):
        publish(App.objects.get(), ada)
    with pytest.raises(BlueprintError, match="was a field of type currency once"):
        import_app({**DOCUMENT, "fields": [{**DOCUMENT["fields"][0], "name": "Budget"}], "operations": [], "views": []})
    with edit(App.objects.get(), ada) as document:
        document["fields"][-1] = budget
    publish(App.objects.get(), ada)
    assert builders.values_of(record) == {"Company": "ABC", "Budget": 5}
    assert definitions.of(app.pk).fields["Budget"].type.name == "currency"
    assert App.objects.get().former == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: None, []),
        (lambda d: d["app"].update(label="Prospects"), ["renames the app to Prospects"]),
        (
            lambda d: d["fields"].append({"name": "Age", "label": "Age", "type": "number"}),
            ["adds the field Age (number)"],
        ),
        (lambda d: part(d, "fields", "Company").update(label="Firm"), ["changes the label of Company to Firm"]),
        (lambda d: part(d, "fields", "Company").update(required=False), ["makes Company optional"]),
        (
            lambda d: part(d, "fields", "Rating").update(choices=["Hot", "Warm"]),
            ["adds the choice Warm to Rating", "no longer offers the choice Cold of Rating"],
        ),
        (
            lambda d: part(d, "fields", "Budget").update(currency="EUR"),
            ["changes the currency of Budget to EUR"],
        ),
        (lambda d: d["fields"].reverse(), ["changes the order of the fields"]),
        (lambda d: d["operations"].pop(), ["removes the operation Update"]),
        (
            lambda d: d["operations"].append(
                {"name": "Close", "label": "Close", "kind": "update", "fields": ["Rating", "Budget"]}
            ),
            ["adds the operation Close (updates a record), which sets Rating, Budget"],
        ),
        (
            lambda d: d["operations"].append({"name": "Remove", "label": "Remove", "kind": "delete"}),
            ["adds the operation Remove (deletes a record)"],
        ),
        (
            lambda d: part(d, "operations", "Update")["fields"].remove("Budget"),
            ["Update no longer sets Budget"],
        ),
        (lambda d: d["views"].pop(0), ["removes the view Hot leads"]),
        (
            lambda d: part(d, "views", "Hot").update(filter={"field": "Rating", "operator": "is_blank"}),
            [
                "changes which records Hot leads shows, from “Records where Rating is Hot” to "
                "“Records where Rating is blank”"
            ],
        ),
        (
            lambda d: part(d, "views", "Hot").update(filter={"field": "Rating", "operator": "is", "value": ""}),
            ["changes which records Hot leads shows, from “Records where Rating is Hot” to “which is not finished”"],
        ),
        (lambda d: part(d, "views", "Hot")["columns"].append("Budget"), ["shows Budget in Hot leads"]),
        (
            lambda d: drafts.remove_field(d, "Budget"),
            [
                "removes the field Budget",
                "Capture no longer sets Budget",
                "Update no longer sets Budget",
                "no longer shows Budget in View all records",
            ],
        ),
    ],
)
def test_a_change_is_told_in_plain_words(change: Any, said: list[str]) -> None:
    assert sentences(change) == said


def test_what_follows_from_a_field_names_it_as_its_cause() -> None:
    old = drafts.blueprint.whole(copy.deepcopy(DOCUMENT))
    part(old, "views", "Hot")["sort"] = [{"field": "Budget", "direction": "ascending"}]
    part(old, "operations", "Update")["fields"].remove("Company")
    new = copy.deepcopy(old)
    drafts.remove_field(new, "Budget")
    new["fields"].append({"name": "Age", "label": "Age", "type": "number"})
    part(new, "operations", "Update")["fields"] += ["Age", "Company"]
    part(new, "views", "Hot")["columns"].append("Age")
    assert [(one.sentence, one.cause) for one in drafts.changes(old, new)] == [
        ("removes the field Budget", ""),
        ("adds the field Age (number)", ""),
        ("Capture no longer sets Budget", "Budget"),
        ("lets Update set Company", ""),
        ("lets Update set Age", "Age"),
        ("Update no longer sets Budget", "Budget"),
        ("shows Age in Hot leads", "Age"),
        ("no longer sorts Hot leads by Budget", "Budget"),
        ("no longer shows Budget in View all records", "Budget"),
    ]
    assert drafts.touched_views(old, new, drafts.changes(old, new)) == {"Hot", "ViewAllRecords"}


def test_of_many_fields_that_an_operation_sets_the_first_are_named() -> None:
    def change(document: drafts.Document) -> None:
        names = [f"F{number}" for number in range(10)]
        document["fields"] += [{"name": name, "label": name.lower(), "type": "text"} for name in names]
        document["operations"].append({"name": "Fill", "label": "Fill", "kind": "update", "fields": names})

    assert sentences(change)[-1] == (
        "adds the operation Fill (updates a record), which sets f0, f1, f2, f3, f4, f5, f6, f7 and 2 more"
    )


def test_changes_are_counted(app: App) -> None:
    old = export_app(app)
    new = copy.deepcopy(old)
    new["fields"] += [{"name": name, "label": name, "type": "text"} for name in ("One", "Two")]
    part(new, "fields", "Company")["label"] = "Firm"
    part(new, "fields", "Budget").update(label="Money", currency="EUR")
    assert drafts.summary(drafts.changes(old, new)) == "adds 2 fields, changes 1 field, changes the label of 1 field"


def test_what_clients_notice_of_a_change_is_known() -> None:
    old = drafts.blueprint.whole(DOCUMENT)
    new = copy.deepcopy(old)
    part(new, "fields", "Company")["label"] = "Firm"
    assert drafts.touched_views(old, new, drafts.changes(old, new)) == set()
    part(new, "fields", "Rating")["choices"] = ["Hot"]
    assert drafts.touched_views(old, new, drafts.changes(old, new)) == {"Hot", "ViewAllRecords"}
    assert drafts.touched_operations(old, new, drafts.changes(old, new)) == {"Capture", "Update"}


def test_a_field_that_is_renamed_is_renamed_wherever_it_is_used() -> None:
    new = drafts.blueprint.whole(copy.deepcopy(DOCUMENT))
    drafts.rename_field(new, "Rating", "Heat")
    assert part(new, "views", "Hot")["filter"]["field"] == "Heat"
    assert part(new, "views", "ViewAllRecords")["columns"] == ["Company", "Heat", "Budget"]
    assert part(new, "operations", "Capture")["fields"] == ["Company", "Heat", "Budget"]
    assert "Heat" in drafts.blueprint.columns_of(new)
