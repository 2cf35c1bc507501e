"""Lists and plain forms of Configure: accounts, roles, look-ups. Apps have an editor of their own (test_editor)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flowfinity import definitions
from flowfinity.admin import ConfigurationAdmin, LookUpAdmin
from flowfinity.models import App, Configuration, Record, Role, Submission, User, configuring
from flowfinity.submissions import Call, submit
from tests.builders import make

pytestmark = pytest.mark.django_db

DOCUMENT = {
    "blueprint": 1,
    "app": {"name": "Leads", "label": "Leads"},
    "fields": [
        {"name": "Company", "label": "Company", "type": "text", "required": True},
        {"name": "Rating", "label": "Rating", "type": "single", "choices": ["Hot", "Cold"]},
        {"name": "Spare", "label": "Spare", "type": "text"},
    ],
    "operations": [{"name": "Capture", "label": "Capture", "kind": "create", "fields": ["Company", "Rating"]}],
    "views": [
        {
            "name": "Hot",
            "label": "Hot leads",
            "columns": ["Company"],
            "filter": {"field": "Rating", "operator": "is", "value": "Hot"},
        },
        {"name": "ViewAllRecords", "label": "View all records", "columns": ["Company", "Rating"]},
    ],
}
LISTS = ["user", "role", "record", "submission"]


@pytest.fixture
def app() -> App:
    return make(DOCUMENT)


@pytest.fixture
def record(app: App, admin_user: User) -> int:
    call = Call(definitions.of(app.pk).operation("Capture"), {"Company": "ABC Inc", "Rating": "Hot"})
    return submit([call], by=admin_user).results[0].record


def send(client: Client, page: str, /, *args: Any, **data: Any) -> Any:
    """Posts a form of the admin that must be saved, and bump the version."""
    before = Configuration.current()
    response = client.post(reverse(f"admin:flowfinity_{page}", args=args), data)
    assert response.status_code == 302, faults(response)
    assert Configuration.current() > before
    return response


def refused(client: Client, page: str, /, *args: Any, **data: Any) -> dict[str, list[str]]:
    """Posts a form of the admin that must not be saved: its errors by input."""
    response = client.post(reverse(f"admin:flowfinity_{page}", args=args), data)
    assert response.status_code == 200
    return faults(response)


def faults(response: Any) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}


def said(response: Any) -> str:
    """The messages that the next page shows."""
    return " ".join(str(message) for message in response.wsgi_request._messages)


def test_whatever_can_be_changed_is_changed_inside_configuring() -> None:
    writable = [one for one in admin.site._registry.values() if not isinstance(one, LookUpAdmin)]
    assert writable and all(isinstance(one, ConfigurationAdmin) for one in writable)
    for model in (Record, Submission):
        assert isinstance(admin.site._registry[model], LookUpAdmin)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_and_page_opens(admin_client: Client, app: App, record: int, name: str) -> None:
    Role.objects.create(name="Sales")
    url = reverse(f"admin:flowfinity_{name}_changelist")
    row: Any = {"user": User, "role": Role, "record": Record, "submission": Submission}[name]
    pk = row.objects.first().pk
    for page in (url, f"{url}?q=1", reverse(f"admin:flowfinity_{name}_change", args=[pk])):
        before = Configuration.current()
        response = admin_client.get(page)
        assert response.status_code == 200
        assert Configuration.current() == before, "looking changes nothing"
        current = [
            item["label"] for group in response.context["configure_menu"] for item in group["items"] if item["current"]
        ]
        assert len(current) == 1


# People


def test_an_integration_account_has_no_roles_at_first(admin_client: Client, app: App) -> None:
    told = admin_client.get(reverse("admin:flowfinity_user_add")).content.decode()
    assert "an integration user gets 404" in told and "Your password" not in told
    password = {"password1": "wrong horse battery", "password2": "wrong horse battery"}
    response = send(admin_client, "user_add", username="restuser", account_type="integration", **password)
    user = User.objects.get(username="restuser")
    assert (user.display_name, user.is_person, user.is_active) == ("restuser", False, True)
    assert user.check_password("wrong horse battery") and not user.roles.exists()
    assert response.url == reverse("admin:flowfinity_user_change", args=[user.pk])
    page = admin_client.get(response.url).content.decode()
    assert "has no roles as yet, so it gets 404" in page and "May configure" not in page

    role = Role.objects.create(name="Integration")
    data = {"username": "restuser", "display_name": "Zapier", "is_active": "on"}
    send(admin_client, "user_change", user.pk, **data, roles=[role.pk], account_type="regular", is_staff="on")
    user.refresh_from_db()
    assert list(user.roles.all()) == [role] and user.display_name == "Zapier"
    assert not user.is_person and not user.is_staff, "neither can be changed by a form that does not show it"
    del data["is_active"]
    send(admin_client, "user_change", user.pk, **data)
    user.refresh_from_db()
    assert not user.is_active


def test_a_person_is_added_on_one_page(admin_client: Client, app: App) -> None:
    role = Role.objects.create(name="Integration")
    page = admin_client.get(reverse("admin:flowfinity_user_add")).content.decode()
    assert "Integration (nothing)" in page and "Integration user (REST only)" in page, "a role is no account type"
    data = {"username": "priya", "display_name": "Priya Nair", "email": "priya@example.com", "account_type": "regular"}
    response = send(
        admin_client, "user_add", **data, roles=[role.pk], password1="new horse battery", password2="new horse battery"
    )
    assert response.url == reverse("admin:flowfinity_user_changelist") and "no roles" not in said(response)
    user = User.objects.get(username="priya")
    assert (user.display_name, user.email, list(user.roles.all())) == ("Priya Nair", "priya@example.com", [role])
    listed = admin_client.get(response.url, {"account_type": "integration"}).content.decode()
    assert "priya" not in listed
    errors = refused(admin_client, "user_add", **data | {"username": "p2"}, password1="12345678", password2="12345678")
    assert list(errors) == ["password2"] and not any("Your" in one for one in errors["password2"])


def test_a_password_is_changed_inside_configuring(admin_client: Client) -> None:
    user = User.objects.create_user("sam")
    before = Configuration.current()
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    new = {"password1": "new horse battery", "password2": "new horse battery", "usable_password": "true"}
    assert admin_client.post(url, new).status_code == 302
    user.refresh_from_db()
    assert user.check_password("new horse battery") and Configuration.current() > before


def test_pages_of_an_account_speak_our_words(admin_client: Client) -> None:
    user = User.objects.create_user("sam", password="wrong horse battery")
    page = admin_client.get(reverse("admin:flowfinity_user_change", args=[user.pk])).content.decode()
    for words in ("What the account signs in with", "Where the link goes", "Any role goes with either account type"):
        assert words in page
    page += admin_client.get(reverse("admin:auth_user_password_change", args=[user.pk])).content.decode()
    assert "Without a password nobody can sign in with this account" in page
    for words in ("150 characters or fewer", "Raw passwords", "Designates", "Single Sign-On", "LDAP"):
        assert words not in page, "that is said by Django"


def test_nobody_locks_himself_out(admin_client: Client, admin_user: User) -> None:
    data = {"username": "admin", "display_name": "Ada"}
    errors = refused(admin_client, "user_change", admin_user.pk, **data)
    assert set(errors) == {"is_active", "is_staff"}
    response = admin_client.post(reverse("admin:flowfinity_user_delete", args=[admin_user.pk]), {"post": "yes"})
    assert response.status_code == 403
    send(admin_client, "user_change", admin_user.pk, **data, is_active="on", is_staff="on")


def test_a_role_grants_views_operations_and_feeds(admin_client: Client, app: App) -> None:
    view, operation = app.views.get(name="Hot"), app.operations.get()
    send(admin_client, "role_add", name="Sales", views=[view.pk], operations=[operation.pk], feeds=[app.pk])
    role = Role.objects.get()
    assert [list(role.views.all()), list(role.operations.all()), list(role.feeds.all())] == [[view], [operation], [app]]
    send(admin_client, "role_change", role.pk, name="Sales")
    assert not role.views.exists()
    send(admin_client, "role_delete", role.pk, post="yes")


def test_what_a_role_grants_is_ticked_app_by_app(admin_client: Client, app: App) -> None:
    make({**DOCUMENT, "app": {"name": "Other", "label": "Another app"}})
    role = Role.objects.create(name="Sales")
    role.views.add(app.views.get(name="Hot"))
    role.feeds.add(app)
    user = User.objects.create_user("restuser", account_type=User.INTEGRATION)
    user.roles.add(role)
    page = admin_client.get(reverse("admin:flowfinity_role_change", args=[role.pk])).content.decode()
    groups = re.findall(r'<legend><span class="unseen">(\w+) of </span>([\w ]+)</legend>', page)
    assert groups == [(kind, label) for kind in ("Views", "Operations") for label in ("Another app", "Leads")]
    assert page.count(" checked") == 2
    for url in (reverse("configure-roles", args=[app.pk]), reverse("admin:flowfinity_user_change", args=[user.pk])):
        assert url in page
    form = admin_client.get(reverse("admin:flowfinity_user_change", args=[user.pk])).content.decode()
    assert "Sales (1 view, 1 feed)" in form
    for one in (page, form):
        assert "SelectFilter2" not in one and "<select multiple" not in one, "Django's chooser wants inline styles"
    assert (
        reverse("configure-roles", args=[app.pk])
        in admin_client.get(reverse("admin:flowfinity_role_changelist")).content.decode()
    )
    told = admin_client.get(reverse("admin:flowfinity_role_delete", args=[role.pk])).content.decode()
    assert "Sales, which grants 1 view, 1 feed to 1 member" in told and "relationship" not in told


def test_the_list_of_users_says_what_each_account_is(admin_client: Client) -> None:
    User.objects.create_user("old", account_type=User.INTEGRATION, is_active=False)
    page = admin_client.get(reverse("admin:flowfinity_user_changelist")).content.decode()
    for words in (
        "Integration user (REST only), not active",
        "no role",
        "Regular user, may configure",
        "sees everything",
    ):
        assert words in page


def test_a_record_is_looked_up_in_words(admin_client: Client, app: App, record: int) -> None:
    listed = admin_client.get(reverse("admin:flowfinity_record_changelist"), {"q": f"{record:09d}"}).content.decode()
    assert "ABC Inc" in listed
    page = admin_client.get(reverse("admin:flowfinity_record_change", args=[record])).content.decode()
    assert '<th scope="row">Rating</th><td>Hot</td>' in page and "{" not in page.split("<table class=")[1]
    assert f'href="{reverse("record", args=["Leads", record])}"' in page
    submission = Submission.objects.get().pk
    page = admin_client.get(reverse("admin:flowfinity_submission_change", args=[submission])).content.decode()
    assert "Company, Rating" in page and '<th scope="row">Company</th><td>ABC Inc</td>' in page


def found(client: Client, name: str, words: str) -> set[int]:
    """The rows that a list shows of a search."""
    response = client.get(reverse(f"admin:flowfinity_{name}_changelist"), {"q": words})
    return {row.pk for row in response.context["cl"].result_list}


def test_records_and_submissions_are_found_by_number_or_app(admin_client: Client, app: App, record: int) -> None:
    other = make({**DOCUMENT, "app": {"name": "Visits", "label": "Field visits"}})
    call = Call(definitions.of(other.pk).operation("Capture"), {"Company": "Other"})
    result = submit([call], by=User.objects.get()).results[0]
    first = Submission.objects.get(app=app).pk
    for words in (str(record), f" {record:09d} ", "lead"):
        assert found(admin_client, "record", words) == {record}
    for words in ("field VISITS", "Visits"):
        assert found(admin_client, "record", words) == {result.record}
        assert found(admin_client, "submission", words) == {result.submission}
    assert first in found(admin_client, "submission", str(first)) and first in found(
        admin_client, "submission", str(record)
    )
    for words in ("ABC Inc", "9" * 18, "9" * 5000, "-1"):
        assert found(admin_client, "record", words) == found(admin_client, "submission", words) == set()
    for name, help in (("record", "By what it holds"), ("submission", "not by people or operations")):
        assert help in admin_client.get(reverse(f"admin:flowfinity_{name}_changelist")).content.decode()


def test_a_number_is_looked_up_by_its_index(admin_client: Client, app: App, record: int) -> None:
    for name in ("record", "submission"):
        with CaptureQueriesContext(connection) as captured:
            assert found(admin_client, name, str(record))
        compared = f'"flowfinity_{name}"."id" = {record}'
        rows = [query["sql"] for query in captured if f'FROM "flowfinity_{name}"' in query["sql"]]
        assert rows and all(compared in sql for sql in rows), "a number that is compared as text has no index"


def test_lists_say_what_people_call_an_operation(admin_client: Client, app: App, record: int, admin_user: User) -> None:
    app.operations.update(label="Capture a lead")
    with configuring():
        app.operations.create(name="DropIt", label="Drop the lead", kind="delete")
    submit([Call(definitions.of(app.pk).operation("DropIt"), {}, record=record)], by=admin_user)

    def listed(name: str) -> str:
        return admin_client.get(reverse(f"admin:flowfinity_{name}_changelist")).content.decode()

    assert "Drop the lead" in listed("record") and "ABC Inc (deleted)" in listed("record")
    assert "Drop the lead" in listed("submission") and "Capture a lead" in listed("submission")
    assert "DropIt" not in listed("record") + listed("submission")
    with configuring():
        app.operations.get(name="DropIt").delete()
    assert "DropIt" in listed("record"), "of one that is gone, the name is all that is kept"


# Who may enter, and what nobody may do


@pytest.mark.parametrize("name", ["record", "submission"])
def test_nothing_here_writes_records(admin_client: Client, record: int, name: str) -> None:
    pk = record if name == "record" else Submission.objects.get().pk
    pages = {
        reverse(f"admin:flowfinity_{name}_add"): {},
        reverse(f"admin:flowfinity_{name}_change", args=[pk]): {"deleted": "on"},
        reverse(f"admin:flowfinity_{name}_delete", args=[pk]): {"post": "yes"},
    }
    for page, data in pages.items():
        assert admin_client.post(page, data).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    admin_client.post(reverse(f"admin:flowfinity_{name}_changelist"), chosen)
    assert Record.objects.filter(deleted=False).count() == Submission.objects.count() == 1


@pytest.mark.parametrize("name", LISTS)
def test_only_who_may_configure_enters(client: Client, app: App, name: str) -> None:
    url = reverse(f"admin:flowfinity_{name}_changelist")
    assert client.get(url).status_code == 302
    client.force_login(User.objects.create_user("sam", password="x"))
    assert client.get(url).status_code == 302
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    assert client.get(url).status_code == 200, "may configure: all of it"


def test_an_integration_account_cannot_enter_whatever_it_is_made(client: Client) -> None:
    user = User.objects.create_user(
        "restuser", password="x", account_type=User.INTEGRATION, is_staff=True, is_superuser=True
    )
    assert not client.login(username="restuser", password="x")
    client.force_login(user)
    assert client.get(reverse("admin:index")).status_code == 302
