"""Going back to an earlier version, and bringing back what was deleted: who may, what changes, what may have gone."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from flowfinity.models import App, Record, Submission, User, configuring
from tests.builders import do, person, values_of
from tests.test_workspace import LEAD, give, logged_in, photo, record_page, said, text_of, visit_page
from tests.test_workspace import app as app
from tests.test_workspace import client as client
from tests.test_workspace import files_apart as files_apart
from tests.test_workspace import sam as sam
from tests.test_workspace import visits as visits

pytestmark = pytest.mark.django_db

DELETED = "/apps/LeadRegistration/deleted/"


@pytest.fixture
def lead(app: App, sam: User) -> int:
    """A lead in its third version."""
    number = do(sam, app, "CaptureLead", **LEAD).record
    do(sam, app, "UpdateLead", number, Rating="Hot", TotalValue="500", Summary="They called.")
    do(sam, app, "UpdateLead", number, Rating="Cold")
    return number


def versions(number: int) -> list[int]:
    """The record's submissions, the first first."""
    return list(Submission.objects.filter(record=number).order_by("pk").values_list("pk", flat=True))


def restore_page(number: int, submission: int) -> str:
    return f"{record_page(number)}restore/{submission}/"


def restore(client: Client, page: Any) -> Any:
    """What follows when the page's button is pressed."""
    sent = {name: page.context[name] for name in ("expected", "transaction")}
    return client.post(page.request["PATH_INFO"], sent, follow=True)


def test_an_earlier_version_is_shown_and_restored_as_a_new_submission(client: Client, lead: int) -> None:
    first, second, _third = versions(lead)
    history = client.get(record_page(lead)).context["history"]
    assert [entry["restore_url"] for entry in history] == ["", restore_page(lead, second), restore_page(lead, first)]
    page = client.get(history[2]["restore_url"])
    assert [(one["label"], one["before"].text, one["after"].text) for one in page.context["changes"]] == [
        ("Total value", "$500", "$99"),
        ("Rating", "Cold", "Warm"),
        ("Summary", "They called.", ""),
    ]
    assert "As it was when Sam Lowry captured this lead" in text_of(page)
    assert values_of(lead)["Rating"] == "Cold"
    done = restore(client, page)
    assert said(done) == ["You restored this version."] and done.redirect_chain[-1][0] == record_page(lead)
    newest = Submission.objects.latest("pk")
    assert (newest.kind, newest.operation, newest.changed) == ("restored", "", ["Rating", "Summary", "TotalValue"])
    assert values_of(lead) == Submission.objects.get(pk=first).values
    assert done.context["history"][0]["words"] == "restored an earlier version"
    assert said(restore(client, page)) == ["You restored this version."] and len(versions(lead)) == 4
    same = client.get(restore_page(lead, first), follow=True)
    assert said(same) == ["This is how it stands now, so there is nothing to restore."]


def test_what_has_changed_meanwhile_is_not_restored_over_unseen(client: Client, app: App, lead: int) -> None:
    page = client.get(restore_page(lead, versions(lead)[0]))
    do(person("priya"), app, "UpdateLead", lead, Company="Other")
    again = restore(client, page)
    assert "Look again" in said(again)[0] and again.context["changes"][0]["label"] == "Company"
    assert values_of(lead)["Company"] == "Other"


def test_only_who_may_set_every_field_that_changes_restores(app: App, lead: int) -> None:
    with configuring():
        app.operations.create(name="Rate", label="Rate", kind="update", fields=["Rating"], position=9)
    first, second, _third = versions(lead)
    rater = person("rater")
    give(rater, app, ["ViewAllRecords"], ["Rate"])
    client = logged_in(rater)
    assert client.get(restore_page(lead, second)).status_code == 200
    assert client.get(restore_page(lead, first)).status_code == 404
    assert client.post(restore_page(lead, first), {"expected": 1, "transaction": "a" * 20}).status_code == 404
    urls = [entry["restore_url"] for entry in client.get(record_page(lead)).context["history"]]
    assert urls == ["", restore_page(lead, second), ""]
    reader = person("reader")
    give(reader, app, ["ViewAllRecords"])
    assert logged_in(reader).get(restore_page(lead, second)).status_code == 404
    writer = person("writer")
    give(writer, app, [], ["UpdateLead"])
    assert logged_in(writer).get(restore_page(lead, second)).status_code == 404


def test_a_submission_of_another_record_is_not_there(client: Client, app: App, sam: User, lead: int) -> None:
    other = do(sam, app, "CaptureLead", **LEAD).record
    assert client.get(restore_page(lead, versions(other)[0])).status_code == 404
    assert client.get(restore_page(lead, 2**70)).status_code == 404
    assert client.get(restore_page(lead, 1).replace("LeadRegistration", "Nothing")).status_code == 404


def test_a_field_that_has_become_required_keeps_what_it_says_today(client: Client, app: App, lead: int) -> None:
    with configuring():
        app.fields.filter(name="Summary").update(required=True)
    restore(client, client.get(restore_page(lead, versions(lead)[0])))
    assert values_of(lead) == {"Company": "ABC Inc", "LastName": "Smith", "Rating": "Warm"} | {
        "TotalValue": 99,
        "Summary": "They called.",
    }


def test_a_field_that_is_gone_stays_as_it_is(client: Client, app: App, lead: int) -> None:
    with configuring():
        app.operations.update(fields=["Company", "Rating"])
        app.views.update(columns=["Company"], filter=None, parameters=[], sort=[])
        app.fields.exclude(name__in=["Company", "Rating"]).delete()
    page = client.get(restore_page(lead, versions(lead)[0]))
    assert [one["label"] for one in page.context["changes"]] == ["Rating"]
    restore(client, page)
    assert (values_of(lead)["Rating"], values_of(lead)["TotalValue"]) == ("Warm", 500)


def test_files_and_people_that_have_gone_are_restored_as_they_were(client: Client, visits: App, sam: User) -> None:
    person("kim", display_name="Kim Larsen")
    site = do(sam, App.objects.get(name="Sites"), "Make", Name="Head office").record
    sent = {
        "Title": "Door",
        "Owner": "kim",
        "Site": f"{site:09d}",
        "Photo": photo(),
        "transaction": secrets.token_hex(),
    }
    client.post("/apps/Visits/operations/Make/", sent)
    visit = Record.objects.get(app=visits)
    before = visit.values
    do(sam, visits, "Change", visit.pk, Owner=None, Site=None, Photo=None)
    User.objects.filter(username="kim").update(is_active=False)
    do(sam, App.objects.get(name="Sites"), "Remove", site)
    default_storage.delete(before["Photo"]["Key"])
    page = client.get(f"{visit_page(visit.pk)}restore/{versions(visit.pk)[0]}/")
    assert {one["label"]: one["after"].text for one in page.context["changes"]} == {
        **{"Owner": "Kim Larsen", "Photo": "door.png", "Site": "Head office (deleted)"}
    }
    done = restore(client, page)
    assert said(done) == ["You restored this version."] and values_of(visit.pk) == before
    assert client.get(visit_page(visit.pk)).status_code == 200


def test_a_deleted_record_is_found_and_brought_back(client: Client, app: App, lead: int) -> None:
    assert "Nothing is deleted here." in text_of(client.get(DELETED))
    before = values_of(lead)
    do(person("priya", display_name="Priya Shah"), app, "DeleteLead", lead)
    assert DELETED in client.get("/apps/LeadRegistration/views/ViewAllRecords/").content.decode()
    [gone] = client.get(DELETED).context["records"]
    assert (gone["title"], gone["who"], gone["number"]) == ("ABC Inc", "Priya Shah", f"{lead:09d}")
    page = client.get(gone["url"])
    assert "As it was when Priya Shah deleted" in text_of(page) and page.context["changes"] == []
    done = restore(client, page)
    assert said(done) == ["You brought this back."] and done.redirect_chain[-1][0] == record_page(lead)
    assert values_of(lead) == before and not Record.objects.get(pk=lead).deleted
    assert done.context["history"][0]["words"] == "brought this back"
    assert client.get(DELETED).context["records"] == []
    restore(client, page)
    assert len(versions(lead)) == 5, "a second click brings nothing back twice"


def test_only_who_may_delete_finds_what_is_deleted(app: App, sam: User, lead: int) -> None:
    do(sam, app, "DeleteLead", lead)
    last = versions(lead)[-1]
    editor = person("editor")
    give(editor, app, ["ViewAllRecords"], ["UpdateLead"])
    client = logged_in(editor)
    assert client.get(DELETED).status_code == 404 and client.get(restore_page(lead, last)).status_code == 404
    assert DELETED not in client.get("/apps/LeadRegistration/views/ViewAllRecords/").content.decode()
    keeper = person("keeper")
    give(keeper, app, ["ViewAllRecords"], ["DeleteLead"])
    client = logged_in(keeper)
    # Brought back as it was, and as nothing else.
    assert client.get(restore_page(lead, versions(lead)[0])).status_code == 404
    page = client.get(restore_page(lead, last))
    assert said(restore(client, page)) == ["You brought this back."]
    assert restore(client, page).status_code == 200


def test_the_page_of_a_deleted_record_leads_to_the_way_back_for_who_may_go_it(
    client: Client, app: App, lead: int
) -> None:
    do(person("priya", display_name="Priya Shah"), app, "DeleteLead", lead)
    page = client.get(record_page(lead), follow=True)
    assert page.redirect_chain == [(restore_page(lead, versions(lead)[-1]), 302)]
    assert "Bring it back" in text_of(page) and "As it was when Priya Shah deleted this lead, just now" in text_of(page)
    assert client.get(record_page(lead + 1)).status_code == 404
    editor, blind = person("editor"), person("blind")
    give(editor, app, ["ViewAllRecords"], ["UpdateLead"])
    give(blind, app, [], ["DeleteLead"])
    assert [logged_in(one).get(record_page(lead)).status_code for one in (editor, blind)] == [404, 404]


def test_deleted_records_are_paged(client: Client, app: App, sam: User) -> None:
    made = [do(sam, app, "CaptureLead", **{**LEAD, "Company": f"c{number:02d}"}).record for number in range(52)]
    for number in made:
        do(sam, app, "DeleteLead", number)
    first = client.get(DELETED)
    assert [one["title"] for one in first.context["records"]][::49] == ["c51", "c02"]
    second = client.get(first.context["next_url"])
    assert [one["title"] for one in second.context["records"]] == ["c01", "c00"] and not second.context["next_url"]
    assert client.get(f"{DELETED}?before=x").status_code == 200
    assert client.get(f"{DELETED}?before={9**40}").status_code == 200
