"""The app editor: fields, operations, views and their order go into a draft; publishing says what it does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from flowfinity import definitions, drafts
from flowfinity.blueprint import export_app, import_app
from flowfinity.configure import field_editor
from flowfinity.configure.blueprints import begin
from flowfinity.fields import TYPES
from flowfinity.models import App, Configuration, Draft, Journal, Record, Role, User
from integration.models import Poll, RestAccess
from tests import builders
from tests.test_drafts import DOCUMENT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import Server


@pytest.fixture
def app(db: None) -> App:
    return builders.make(DOCUMENT)


def post(client: Client, name: str, /, *args: Any, **data: Any) -> Any:
    """Posts a form of the editor that must be taken, without touching what is published."""
    before = Configuration.current()
    response = client.post(reverse(name, args=args), data)
    assert response.status_code == 302, errors(response)
    assert Configuration.current() == before, "a draft's edit bumps no version, so that no poll is made anew"
    return response


def errors(response: Any) -> dict[str, list[str]]:
    return {name: list(found) for name, found in response.context["form"].errors.items()}


def refused(client: Client, name: str, /, *args: Any, **data: Any) -> dict[str, list[str]]:
    response = client.post(reverse(name, args=args), data)
    assert response.status_code == 200
    return errors(response)


def text(response: Any) -> str:
    """What a page says, in one line."""
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("&amp;", "&").split())


def names(app: App, kind: str) -> list[str]:
    return [part["name"] for part in drafts.document(app)[kind]]


def part(app: App, kind: str, name: str) -> drafts.Document:
    found = drafts.find(drafts.document(app)[kind], name)
    assert found is not None
    return found


FIELD = {"type": "text", "operations": ["Capture"], "views": ["ViewAllRecords"]}


def test_a_new_app_has_a_view_and_three_operations_that_take_its_fields_up(admin_client: Client) -> None:
    definitions._kept.clear()
    response = admin_client.post(reverse("configure-app-new"), {"label": "Site visits"})
    app = App.objects.get()
    assert response.url == reverse("configure-field-new", args=[app.pk])
    assert (app.name, Journal.objects.get().app) == ("SiteVisits", app)
    for label, type in (("Customer", "text"), ("Visited on", "date")):
        form = admin_client.get(response.url).context["form"]
        data = {"operations": form["operations"].value(), "views": form["views"].value()}
        # A new field is set by what sets all fields, and shown where all fields are.
        post(admin_client, "configure-field-new", app.pk, label=label, type=type, **data, another="1")
    assert admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"}).status_code == 302
    definition = definitions.of(app.pk)
    assert [column.name for column in definition.view("ViewAllRecords").columns] == ["Customer", "VisitedOn"]
    assert {one.kind: [column.name for column in one.fields] for one in definition.operations} == {
        "create": ["Customer", "VisitedOn"],
        "update": ["Customer", "VisitedOn"],
        "delete": [],
    }


@pytest.mark.parametrize(
    ("label", "name", "sentence"),
    [
        ("Заявки", "", "No name can be made from this label"),
        ("More", "leads", "starts with a capital letter"),
        ("More", "LEADS", "is taken already"),
        ("Leads", "", "is taken already"),
    ],
)
def test_a_name_that_cannot_be_is_asked_for(
    admin_client: Client, app: App, label: str, name: str, sentence: str
) -> None:
    found = refused(admin_client, "configure-app-new", label=label, name=name)
    assert list(found) == ["name"] and sentence in found["name"][0]


def test_every_page_of_an_app_opens_and_changes_nothing(admin_client: Client, app: App) -> None:
    before = Configuration.current()
    for name, *args in (
        ("configure-apps",), ("configure-app-new",), ("configure-import",), ("configure-app", app.pk),
        ("configure-field-new", app.pk), ("configure-field", app.pk, "Rating"), ("configure-app-operations", app.pk),
        ("configure-operation-new", app.pk), ("configure-operation", app.pk, "Update"),
        ("configure-app-views", app.pk), ("configure-view-new", app.pk), ("configure-roles", app.pk),
        ("configure-app-settings", app.pk), ("configure-app-delete", app.pk), ("configure-app-publish", app.pk),
        ("configure-remove", app.pk, "fields", "Rating"), ("configure-remove", app.pk, "views", "Hot"),
    ):  # fmt: skip
        page = admin_client.get(reverse(name, args=args))
        assert page.status_code == 200, name
        current = [one["label"] for group in page.context["configure_menu"] for one in group["items"] if one["current"]]
        assert current == ["Import a blueprint" if name == "configure-import" else "Apps"], name
    assert Configuration.current() == before and not Draft.objects.exists()
    for args in ([0], [app.pk, "Gone"]):
        url = reverse("configure-field" if len(args) == 2 else "configure-app", args=args)
        assert admin_client.get(url).status_code == 404
    assert admin_client.get(reverse("configure-remove", args=[app.pk, "rows", "x"])).status_code == 404


def test_only_who_may_configure_enters(client: Client, app: App) -> None:
    client.force_login(builders.person())
    for name in ("configure-apps", "configure-import"):
        assert client.get(reverse(name)).status_code == 302
    assert client.post(reverse("configure-field-new", args=[app.pk]), {"label": "X", **FIELD}).status_code == 302
    assert not Draft.objects.exists()


# Fields


def test_a_field_is_added_changed_and_removed(admin_client: Client, app: App) -> None:
    post(admin_client, "configure-field-new", app.pk, label="E-mail", help="Of work.", **{**FIELD, "type": "email"})
    assert part(app, "fields", "EMail") == {
        "name": "EMail", "label": "E-mail", "type": "email", "required": False, "section": "", "help": "Of work.",
    }  # fmt: skip
    assert part(app, "operations", "Capture")["fields"][-1] == "EMail"
    assert "EMail" not in part(app, "operations", "Update")["fields"]
    # What nobody uses yet may still be called otherwise, and is then called so wherever it is used.
    data = {**FIELD, "type": "email", "label": "Mail", "name": "Mail", "required": "on"}
    post(admin_client, "configure-field", app.pk, "EMail", **data)
    assert names(app, "fields") == ["Company", "Rating", "Budget", "Mail"]
    assert part(app, "views", "ViewAllRecords")["columns"][-1] == "Mail"
    assert "never published" in text(admin_client.get(reverse("configure-remove", args=[app.pk, "fields", "Mail"])))
    post(admin_client, "configure-remove", app.pk, "fields", "Mail")
    # Back to what is published: there is no draft any more.
    assert not Draft.objects.exists()


def test_settings_belong_to_the_type(admin_client: Client, app: App) -> None:
    data = {**FIELD, "label": "Heat", "type": "single", "choices": "Hot\r\n\r\n  Cold \r\n", "currency": "EUR"}
    post(admin_client, "configure-field-new", app.pk, **data, **{"tone:Hot": "bad", "tone:Cold": "", "tone:x": "ok"})
    heat = part(app, "fields", "Heat")
    assert (heat["choices"], heat["tones"], "currency" in heat) == (["Hot", "Cold"], {"Hot": "bad"}, False)
    post(admin_client, "configure-field-new", app.pk, **{**data, "label": "Price", "type": "currency"})
    assert part(app, "fields", "Price")["currency"] == "EUR"
    post(admin_client, "configure-field-new", app.pk, **{**data, "label": "Other", "type": "link", "app": "Leads"})
    assert part(app, "fields", "Other")["app"] == "Leads"


def test_every_setting_of_every_type_has_a_control() -> None:
    controls = {*field_editor.FieldForm.base_fields, "tones"}
    assert {option for type in TYPES.values() for option in type.options} <= controls
    assert {name for _, group in field_editor.type_choices() for name, _ in group} == set(TYPES)


@pytest.mark.parametrize(
    ("data", "input", "sentence"),
    [
        ({"label": "id", "name": "RecordID"}, "name", "the platform uses itself"),
        ({"label": "Rating"}, "name", "is taken already"),
        ({"label": "Rank", "type": "single"}, "choices", "A selection needs a list of choices."),
        ({"label": "Rank", "type": "single", "choices": "a\na"}, "choices", "A choice stands twice."),
        ({"label": "Price", "type": "currency", "currency": "eu"}, "currency", "three capital letters"),
        ({"label": "Price", "type": "currency", "currency": "dollars"}, "currency", "three capital letters"),
        ({"label": "Price", "type": "currency"}, "currency", "in which currency the amounts are"),
        ({"label": "Other", "type": "link"}, "app", "names an app"),
        ({"label": "What", "type": "whole"}, "type", "valid choice"),
    ],
)
def test_what_is_wrong_with_a_field_stands_beside_its_input(
    admin_client: Client, app: App, data: dict[str, str], input: str, sentence: str
) -> None:
    found = refused(admin_client, "configure-field-new", app.pk, **{**FIELD, **data})
    assert list(found) == [input] and sentence in found[input][0]


def test_a_new_field_is_offered_the_currency_that_is_usual_here(admin_client: Client, db: None) -> None:
    other = builders.make({"blueprint": 1, "app": {"name": "Other", "label": "Other"}})

    def offered() -> str:
        page = admin_client.get(reverse("configure-field-new", args=[other.pk]))
        return str(page.context["form"]["currency"].value())

    assert offered() == ""
    builders.make(DOCUMENT)
    assert offered() == "USD", "the site's"
    data = {**FIELD, "operations": [], "label": "Price", "type": "currency", "currency": "chf"}
    post(admin_client, "configure-field-new", other.pk, **data)
    assert offered() == "CHF", "the app's own"


def test_an_amount_that_was_published_without_a_currency_keeps_nobody_from_publishing(
    admin_client: Client, app: App
) -> None:
    app.fields.create(name="Price", label="Price", type="currency", position=9)
    assert import_app(export_app(app)) == app
    post(admin_client, "configure-remove", app.pk, "views", "Hot")
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert not app.views.filter(name="Hot").exists()
    found = refused(admin_client, "configure-field", app.pk, "Price", **FIELD | {"label": "Price", "type": "currency"})
    assert "in which currency" in found["currency"][0]


def test_a_published_field_keeps_its_name_and_its_type(admin_client: Client, app: App) -> None:
    data = {**FIELD, "label": "Temperature", "name": "Heat", "type": "text", "choices": "Hot\nWarm"}
    post(admin_client, "configure-field", app.pk, "Rating", **data)
    rating = part(app, "fields", "Rating")
    assert (rating["label"], rating["type"], rating["choices"]) == ("Temperature", "single", ["Hot", "Warm"])


def test_removing_a_field_says_what_that_means(admin_client: Client, app: App, admin_user: User) -> None:
    for company in ("ABC Inc", "Twelve"):
        builders.do(admin_user, app, "Capture", Company=company, Rating="Hot")
    page = text(admin_client.get(reverse("configure-remove", args=[app.pk, "fields", "Rating"])))
    assert "2 records hold a value of it. The values stay with the records and in their history" in page
    assert "operations no longer set it: Capture, Update." in page
    assert "views no longer show it: View all records." in page
    assert "have to be changed before you can publish: Hot leads." in page
    post(admin_client, "configure-remove", app.pk, "fields", "Rating")

    page = text(admin_client.get(reverse("configure-app-publish", args=[app.pk])))
    assert "1 thing is still to be put right" in page and "views[0].filter.field" in page
    assert (
        reverse("configure-app-view", args=[app.pk, "Hot"])
        in admin_client.get(reverse("configure-app-publish", args=[app.pk])).content.decode()
    )
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert "Rating" in definitions.of(app.pk).fields, "nothing is published while anything is wrong"
    post(admin_client, "configure-remove", app.pk, "views", "Hot")
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert "Rating" not in definitions.of(app.pk).fields
    assert [record.values["Rating"] for record in Record.objects.all()] == ["Hot", "Hot"]
    history = admin_client.get(reverse("record", args=["Leads", Record.objects.first().pk]))  # type: ignore[union-attr]
    assert history.status_code == 200


# Operations, views, order


def test_an_operation_sets_the_fields_that_are_ticked_in_their_order(admin_client: Client, app: App) -> None:
    data = {"label": "Qualify", "kind": "update", "done": "qualified this lead", "order": ["Budget", "Rating"]}
    post(admin_client, "configure-operation-new", app.pk, **data, sets=["Budget", "Rating"])
    assert part(app, "operations", "Qualify") == {
        "name": "Qualify", "label": "Qualify", "kind": "update", "done": "qualified this lead",
        "fields": ["Budget", "Rating"],
    }  # fmt: skip
    # Without a script, the buttons that move send the form, and nothing is saved yet.
    moved = {**data, "order": ["Budget", "Rating", "Company"], "sets": ["Budget", "Rating"], "move": "Rating up"}
    form = admin_client.post(reverse("configure-operation", args=[app.pk, "Qualify"]), moved).context["form"]
    assert [(row["part"]["name"], row["chosen"]) for row in form.rows()] == [
        ("Rating", True), ("Budget", True), ("Company", False),
    ]  # fmt: skip
    for ticked, chosen in (("all", [True, True, True]), ("none", [False, False, False])):
        unlabelled = {**moved, "label": "", "move": "", "tick": ticked}
        form = admin_client.post(reverse("configure-operation", args=[app.pk, "Qualify"]), unlabelled).context["form"]
        assert [row["chosen"] for row in form.rows()] == chosen and not form.errors
    assert part(app, "operations", "Qualify")["fields"] == ["Budget", "Rating"]
    post(admin_client, "configure-operation", app.pk, "Qualify", **{**data, "kind": "delete"}, sets=["Rating"])
    assert part(app, "operations", "Qualify")["fields"] == [], "what deletes sets nothing"


def test_a_view_is_added_and_opens_in_its_editor(admin_client: Client, app: App) -> None:
    response = post(admin_client, "configure-view-new", app.pk, label="Cold leads")
    assert response.url == reverse("configure-app-view", args=[app.pk, "ColdLeads"])
    assert part(app, "views", "ColdLeads")["columns"] == ["Company", "Rating", "Budget"]
    assert "taken already" in refused(admin_client, "configure-view-new", app.pk, label="Hot")["name"][0]
    page = text(admin_client.get(reverse("configure-app-views", args=[app.pk])))
    assert "Cold leads not published" in page and "Records where Rating is Hot." in page


@pytest.mark.parametrize(
    ("order", "move", "expected"),
    [
        (["Budget", "Company", "Rating"], "", ["Budget", "Company", "Rating"]),
        (["Company", "Rating", "Budget"], "Budget up", ["Company", "Budget", "Rating"]),
        (["Company", "Rating", "Budget"], "Company down", ["Rating", "Company", "Budget"]),
        (["Company", "Rating", "Budget"], "Company up", ["Company", "Rating", "Budget"]),
        (["Company", "Rating", "Budget"], "Gone up", ["Company", "Rating", "Budget"]),
        # What somebody else has added meanwhile stays, at the end.
        (["Budget", "Gone"], "", ["Budget", "Company", "Rating"]),
    ],
)
def test_parts_are_ordered_by_buttons_and_by_dragging(
    admin_client: Client, app: App, order: list[str], move: str, expected: list[str]
) -> None:
    post(admin_client, "configure-order", app.pk, "fields", order=order, **({"move": move} if move else {}))
    assert names(app, "fields") == expected
    assert list(definitions.of(app.pk).fields) == ["Company", "Rating", "Budget"]


# Settings, deletion


def test_an_app_is_called_otherwise_once_that_is_published(admin_client: Client, app: App) -> None:
    post(admin_client, "configure-app-settings", app.pk, label="Prospects", description="Who may buy.")
    assert App.objects.get().label == "Leads"
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert (App.objects.get().label, App.objects.get().name) == ("Prospects", "Leads")


def test_an_app_goes_unless_something_was_submitted_to_it(admin_client: Client, app: App, admin_user: User) -> None:
    builders.do(admin_user, app, "Capture", Company="ABC Inc")
    admin_client.post(reverse("configure-app-delete", args=[app.pk]))
    assert App.objects.exists()
    other = import_app({**DOCUMENT, "app": {"name": "Others", "label": "Others"}})
    before = Configuration.current()
    admin_client.post(reverse("configure-app-delete", args=[other.pk]))
    assert App.objects.get() == app and Configuration.current() > before


# Publishing


def test_publishing_says_what_changes_whom_it_touches_and_who_polled(
    admin_client: Client, app: App, admin_user: User
) -> None:
    zapier, role = builders.integration(), Role.objects.create(name="Sales")
    role.operations.set(app.operations.all())
    for view in app.views.all():
        RestAccess.objects.create(view=view)
        Poll.objects.create(account=zapier, view=view, mode="zapier", first_on="2026-01-01T00:00Z", last_ms=1)
    RestAccess.objects.create(operation=app.operations.get(name="Update"))
    url = reverse("configure-app-publish", args=[app.pk])
    assert "There is nothing to publish" in text(admin_client.get(url))

    post(admin_client, "configure-remove", app.pk, "operations", "Update")
    post(admin_client, "configure-remove", app.pk, "views", "Hot")
    page = text(admin_client.get(url))
    for said in (
        "Publishing makes 2 changes", "Removes the operation Update", "These roles lose it: Sales.",
        "Hot leads is polled for the last time", "restuser polled it last on", "Update is gone",
    ):  # fmt: skip
        assert said in page, said
    assert "View all records answers differently" not in page
    assert "2 changes are not published yet" in text(admin_client.get(reverse("configure-app", args=[app.pk])))

    admin_client.post(url, {"do": "publish", "seen": admin_client.get(url).context["seen"]})
    assert [view.name for view in app.views.all()] == ["ViewAllRecords"]
    assert RestAccess.objects.count() == 1 and Poll.objects.count() == 1
    assert "admin" in text(admin_client.get(url)) and "Removes the view Hot leads" in text(admin_client.get(url))


def test_what_follows_from_one_edit_stands_below_it(admin_client: Client, app: App) -> None:
    url = reverse("configure-app-publish", args=[app.pk])
    post(
        admin_client, "configure-field-new", app.pk, **FIELD | {"label": "Source", "operations": ["Capture", "Update"]}
    )
    page = text(admin_client.get(url))
    assert "Publishing makes 1 change " in page
    assert "Adds the field Source (text) Set by Capture, Update. Shown in View all records." in page
    assert "1 change is not published yet" in text(admin_client.get(reverse("configure-app", args=[app.pk])))
    post(admin_client, "configure-remove", app.pk, "fields", "Budget")
    page = text(admin_client.get(url))
    assert "Publishing makes 2 changes " in page
    assert (
        "Removes the field Budget These operations no longer set it: Capture, Update. "
        "These views no longer show it: View all records. No record holds a value of it." in page
    )


def test_a_draft_that_was_overtaken_says_what_it_would_undo(admin_client: Client, app: App) -> None:
    url = reverse("configure-app-publish", args=[app.pk])
    post(admin_client, "configure-remove", app.pk, "views", "Hot")
    seen = admin_client.get(url).context["seen"]
    import_app({**DOCUMENT, "fields": [{"name": "Source", "label": "Source", "type": "text"}]})
    response = admin_client.post(url, {"do": "publish", "seen": seen}, follow=True)
    assert "Nothing is published yet: this has changed while you were looking." in text(response)
    assert "Adds the field Source (text)" in text(response) and "Removes the field Source" in text(response)
    assert app.views.count() == 2
    admin_client.post(url, {"do": "publish", "seen": response.context["seen"]})
    assert app.views.count() == 1 and not app.fields.filter(name="Source").exists()


def test_a_draft_is_discarded(admin_client: Client, app: App) -> None:
    post(admin_client, "configure-remove", app.pk, "views", "Hot")
    post(admin_client, "configure-app-publish", app.pk, do="discard")
    assert drafts.document(app) == export_app(app)


def test_a_file_that_is_discarded_before_it_was_published_leaves_no_empty_app(
    admin_client: Client, admin_user: User, app: App
) -> None:
    def imported() -> str:
        begin({**DOCUMENT, "app": {"name": "Other", "label": "Other leads"}}, admin_user)
        return reverse("configure-app-publish", args=[App.objects.get(name="Other").pk])

    url = imported()
    page = text(admin_client.get(url))
    assert "Discard the draft and the app" in page
    response = admin_client.post(url, {"do": "discard"}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("configure-apps")
    assert "Other leads is gone as well: nothing of it was ever published." in text(response)
    assert list(App.objects.all()) == [app]

    url = imported()
    admin_client.post(url, {"do": "publish"})
    other = App.objects.get(name="Other")
    post(admin_client, "configure-remove", other.pk, "views", "Hot")
    assert "Discard the draft and the app" not in text(admin_client.get(url))
    post(admin_client, "configure-app-publish", other.pk, do="discard")
    assert export_app(other) == drafts.document(other) and other.views.count() == 2


# Blueprints


def upload(client: Client, document: Any) -> Any:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post(reverse("configure-import"), {"document": SimpleUploadedFile("app.json", content)})


def test_a_file_is_looked_at_then_put_into_a_draft(admin_client: Client, app: App, admin_user: User) -> None:
    builders.do(admin_user, app, "Capture", Company="ABC Inc")
    document = {
        **DOCUMENT,
        "fields": [
            {**DOCUMENT["fields"][0], "label": "Firm"},
            {"name": "Source", "label": "Source", "type": "text"},
            {"name": "Since", "label": "Since", "type": "date"},
        ],
        "operations": [],
        "views": [],
    }
    before = export_app(app)
    page = upload(admin_client, document)
    assert "This file adds 2 fields, changes the label of 1 field, keeps 1 record." in text(page)
    assert export_app(app) == before and not Draft.objects.exists(), "looking changes nothing"
    response = admin_client.post(reverse("configure-import"), {"text": page.context["text"], "confirmed": "1"})
    assert response.url == reverse("configure-app-publish", args=[app.pk])
    assert export_app(app) == before
    assert names(app, "fields") == ["Company", "Source", "Since", "Rating", "Budget"]
    # Another file goes into the same draft.
    again = upload(admin_client, {**document, "fields": [{"name": "More", "label": "More", "type": "text"}]})
    assert "has begun a draft of this app" in text(again) and "adds 1 field, keeps 1 record" in text(again)
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert list(definitions.of(app.pk).fields) == ["Company", "Source", "Since", "Rating", "Budget"]


def test_a_file_of_a_new_app_is_a_draft_until_it_is_published(admin_client: Client, db: None) -> None:
    page = upload(admin_client, DOCUMENT)
    assert "A new app: Leads" in text(page) and "adds 3 fields, adds 2 operations, adds 2 views" in text(page)
    assert not App.objects.exists()
    admin_client.post(reverse("configure-import"), {"text": page.context["text"], "confirmed": "1"})
    app = App.objects.get()
    assert not app.fields.exists() and len(names(app, "views")) == 2
    admin_client.post(reverse("configure-app-publish", args=[app.pk]), {"do": "publish"})
    assert export_app(app) == drafts.blueprint.whole(DOCUMENT)
    assert json.loads(admin_client.get(reverse("configure-export", args=[app.pk])).content) == export_app(app)


def test_a_bad_file_shows_every_fault_with_its_path(admin_client: Client, app: App) -> None:
    document = {**DOCUMENT, "fields": [{**DOCUMENT["fields"][0], "type": "?"}], "operations": [{"name": "x"}]}
    page = text(upload(admin_client, document))
    # Those of structure and those of meaning.
    assert "Nothing is imported: 4 things to put right" in page
    assert all(f"operations[0].{part}" in page for part in ("name", "label", "kind"))
    assert "fields[0].type" in page
    for content, said in ((b"{", "This file is not JSON"), (b"\xff\xfe\x00", "This file is no text"), (b"", "empty")):
        assert said in text(upload(admin_client, content))
    assert not Draft.objects.exists()


# In a browser


@pytest.fixture
def pages(server: Server, browser: Browser) -> Any:
    from tests.test_configure_browser import DESK, signed_in

    complaints: list[str] = []
    page = signed_in(server, browser, complaints, DESK)
    yield page
    assert page.evaluate("window.violations") == []
    page.context.close()
    assert complaints == []


def labels(page: Any) -> list[str]:
    return [one.strip() for one in page.locator("ol.parts .part a").all_inner_texts()]


def test_fields_are_ordered_by_keyboard_and_by_dragging(pages: Any) -> None:
    page = pages
    page.goto("/admin/apps/")
    page.get_by_role("link", name="Lead Registration").press("Enter")
    page.get_by_role("heading", name="Fields").wait_for()
    before = labels(page)
    down = page.get_by_role("button", name=f"Move {before[0]} down")
    down.focus()
    for place in (1, 2):
        with page.expect_response(lambda answer: "/order/" in answer.url):
            page.keyboard.press("Enter")
        page.get_by_text(f"{before[0]}: {place + 1} / {len(before)}").wait_for(state="attached")
        assert labels(page)[place] == before[0]
    # The focus stays, so that the next press moves the same field; what is kept is the same after a reload.
    assert page.evaluate("document.activeElement.value").endswith(" down")
    page.get_by_text("change is not published yet").wait_for()
    page.reload()
    assert labels(page)[:3] == [before[1], before[2], before[0]]

    grip = page.locator("#Company .grip").bounding_box()
    top = page.locator("ol.parts > li").first.bounding_box()
    page.mouse.move(grip["x"] + 6, grip["y"] + 12)
    page.mouse.down()
    page.mouse.move(grip["x"] + 6, top["y"] + 8, steps=8)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.mouse.up()
    assert labels(page) == before
    page.get_by_text("not published yet").wait_for(state="detached")


def test_a_field_is_made_without_a_mouse_and_its_settings_follow_its_type(pages: Any) -> None:
    page = pages
    page.goto("/admin/apps/")
    page.get_by_role("link", name="Lead Registration").press("Enter")
    page.get_by_role("link", name="Add a field").press("Enter")
    page.get_by_label("Label").wait_for()
    page.keyboard.type("Weather")
    assert not page.get_by_label("Choices, one a line").is_visible()
    page.get_by_label("Type").focus()
    page.keyboard.type("Single")
    page.get_by_label("Choices, one a line").press_sequentially("Sun\nRain")
    page.get_by_label("Rain").select_option("amber")
    page.get_by_role("button", name="Add the field").press("Enter")
    page.get_by_text("Weather is in the draft.").wait_for()
    page.get_by_role("link", name="Review and publish").press("Enter")
    page.get_by_text("Adds the field Weather (single selection)").wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Discard the draft").press("Enter")
    page.get_by_text("The draft is discarded.").wait_for()


def test_all_fields_of_an_operation_are_ticked_or_none(pages: Any) -> None:
    page = pages
    page.goto("/admin/apps/1/operations/new/")
    page.get_by_text("14 of 14 fields").wait_for()
    page.get_by_role("button", name="None", exact=True).press("Enter")
    page.get_by_text("0 of 14 fields").wait_for()
    page.get_by_role("checkbox", name="Company").check()
    page.get_by_text("1 of 14 fields").wait_for()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_text("14 of 14 fields").wait_for()
    assert page.locator("input[name=sets]:not(:checked)").count() == 0 and page.url.endswith("/new/")


# docs/configure.md shows this walk.
VISIT = (
    ("Customer", "Text"),
    ("Visited on", "Date"),
    ("Outcome", "Single selection"),
    ("Order value", "Currency"),
    ("Follow up", "Yes/no"),
    ("Notes", "Multi-line text"),
)


def test_an_app_of_six_fields_is_polled_after_forty_clicks_at_most(pages: Any, server: Server) -> None:
    import requests

    page, clicks = pages, 0

    def click(role: str, name: str) -> None:
        nonlocal clicks
        clicks += 1
        page.get_by_role(role, name=name, exact=True).first.click()

    page.goto("/admin/")
    click("link", "Apps")
    click("link", "New app")
    page.get_by_label("Label").fill("Store visits")
    click("button", "Make the app")
    for label, type in VISIT:
        page.get_by_label("Label").fill(label)
        if type != "Text":
            clicks += 2  # One opens the list, one chooses.
            page.get_by_label("Type").select_option(type)
        if type == "Single selection":
            clicks += 1
            page.get_by_label("Choices, one a line").fill("Sold\nUndecided\nLost")
        click("button", "Add the field" if label == VISIT[-1][0] else "Add it, then another")
        page.get_by_text(f"{label} is in the draft.").wait_for()
    click("link", "Review and publish")
    click("button", "Publish")
    page.get_by_text("Store visits is published.").wait_for()
    page.get_by_label("Parts of Store visits").get_by_role("link", name="Roles").click()
    clicks += 2
    page.get_by_label("Integration may see View all records").check()
    click("button", "Save")
    page.get_by_text("Integration may now use").wait_for()
    click("link", "REST Integration")
    clicks += 1
    switch = page.get_by_role("region", name="Views of Store visits").get_by_role("switch", name="View all records")
    with page.expect_navigation():
        switch.click()

    url = f"{server.url}/api/apps/StoreVisits/views/ViewAllRecords"
    answer = requests.get(url, auth=("restuser", server.password), headers={"User-Agent": "Zapier"}, timeout=30)
    assert (answer.status_code, answer.json()) == (200, [])
    assert clicks <= 40, clicks
    print(f"{clicks} clicks")

    page.goto("/admin/apps/")
    for role, name in (("link", "Store visits"), ("link", "Settings"), ("link", "Delete the app")):
        page.get_by_role(role, name=name, exact=True).first.click()
    page.get_by_role("button", name="Delete Store visits").click()
    page.get_by_text("Store visits is deleted.").wait_for()
