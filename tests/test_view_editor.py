"""The page of a view in Configure, without a script: what its form does, and what of it is kept."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from flowfinity import blueprint, clock, drafts, references
from flowfinity.configure import filter_builder, view_editor
from flowfinity.models import App, Draft, User
from flowfinity.query import OPERATORS, Column
from tests import every_type
from tests.builders import do, make, make_app, make_leads, person
from tests.rest import NOW
from tests.test_query import many
from tests.test_workspace import ALL_RECORDS, plans


class Form(HTMLParser):
    """What a browser sends of the page's form, but for its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.data = QueryDict(mutable=True)
        self.inside = False
        self.select: tuple[str, list[tuple[str, bool]]] | None = None
        self.area: tuple[str, list[str]] | None = None
        self.ids: list[str] = []
        self.feed(page)
        assert len(set(self.ids)) == len(self.ids), "an id stands twice"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = told.get("id") == "view-form"
        if "id" in told:
            self.ids.append(told["id"])
        if not self.inside:
            return
        if tag == "input" and (told.get("type") != "checkbox" or "checked" in told):
            self.data.appendlist(told["name"], told.get("value", ""))
        if tag == "select":
            self.select = (told["name"], [])
        if tag == "option" and self.select:
            self.select[1].append((told.get("value", ""), "selected" in told))
        if tag == "textarea":
            self.area = (told["name"], [])

    def handle_data(self, data: str) -> None:
        if self.area:
            self.area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select:
            name, options = self.select
            chosen = [value for value, selected in options if selected] or [options[0][0]]
            self.data.appendlist(name, chosen[-1])
            self.select = None
        if tag == "textarea" and self.area:
            self.data.appendlist(self.area[0], "".join(self.area[1]).removeprefix("\n"))
            self.area = None


def words(response: Any) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(script|style|svg).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(body))


class Editor:
    """A person at the page of a view, whose browser runs no script."""

    def __init__(self, client: Client, app: App, view: str) -> None:
        self.client, self.app = client, app
        self.url = reverse("configure-app-view", args=[app.pk, view])
        self.show(client.get(self.url))

    def show(self, response: Any) -> None:
        assert response.status_code == 200
        self.page, self.words = response, words(response)
        self.form = Form(response.content.decode()).data

    def press(self, do: str, **changes: Any) -> Editor:
        """Changes controls and presses a button."""
        for name, value in changes.items():
            key = name.replace("_", "-")
            self.form.setlist(key, value if isinstance(value, list) else [value])
        self.form["do"] = do
        response = self.client.post(self.url, self.form.urlencode(), content_type="application/x-www-form-urlencoded")
        if response.status_code == 302:
            assert response["Location"] == self.url
            response = self.client.get(self.url)
        self.show(response)
        return self

    @property
    def view(self) -> dict[str, Any]:
        """The view as the draft has it."""
        found = drafts.find(drafts.document(self.app)["views"], self.url.rstrip("/").rpartition("/")[2])
        assert found is not None
        return found

    def sentence(self) -> str:
        found = re.search(r'id="sentence"[^>]*>(.*?)</p>', self.page.content.decode(), re.DOTALL)
        assert found
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[1]))).strip()


@pytest.fixture
def ada(db: None, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return person("ada", is_staff=True)


@pytest.fixture
def leads(ada: User, client: Client) -> App:
    app = make_leads()
    client.force_login(ada)
    for number, rating in enumerate(["Hot", "Warm", "Hot", "Cold", "Hot"], 1):
        do(ada, app, "CaptureLead", Company=f"Company {number}", LastName="Lee", Rating=rating, TotalValue=number * 100)
    return app


def test_a_filter_is_built_in_words_and_saved_in_the_draft(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "ViewAllRecords")
    assert editor.sentence() == "5 records: All records, sorted by Company, then Last name."
    editor.press("add g0")
    assert "Choose a field." in editor.words and editor.sentence().startswith("5 records: All records")
    assert "No condition is finished yet, so for now these are all records." in editor.words
    editor.press("refresh", c1_field="Rating")
    assert "Choose a value." in editor.words and "1 condition is not finished" in editor.words
    editor.press("refresh", c1_value="Hot")
    assert editor.sentence() == "3 records: Records where Rating is Hot, sorted by Company, then Last name."
    assert "Company 5" in editor.words and "Company 2" not in editor.words and "Not saved yet" in editor.words
    editor.press("add g0").press("refresh", c2_field="FirstContact").press("refresh", c2_operator="within_last_days")
    assert editor.sentence().startswith(
        "0 records: Records where Rating is Hot and First contact is within the last 30 days"
    )
    assert not Draft.objects.exists()
    editor.press("refresh", g0_joined="any")
    assert editor.sentence().startswith("3 records: Records where Rating is Hot or First contact is within the last")
    editor.press("save")
    assert "View all records is saved in the draft." in editor.words and "Everything here is saved." in editor.words
    assert editor.view["filter"] == {
        "any": [
            {"field": "Rating", "operator": "is", "value": "Hot"},
            {"field": "FirstContact", "operator": "within_last_days", "value": 30},
        ]
    }
    assert leads.views.get(name="ViewAllRecords").filter is None, "nothing is published"


def test_groups_are_made_and_undone(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "HotLeads").press("group c1", c1_value="Hot")
    editor.press("refresh", c3_field="TotalValue").press("refresh", c3_operator="at_least", c3_value="400")
    editor.press("add g0").press("refresh", c4_field="Company").press(
        "refresh", c4_operator="contains", c4_value="ny 5"
    )
    assert editor.sentence().startswith(
        "1 record: Records where (Rating is Hot or Total value is at least $400) and Company contains ny 5"
    )
    editor.press("ungroup g2")
    assert "Rating is Hot and Total value is at least $400 and Company contains ny 5" in editor.sentence()
    assert "0 records" in editor.press("remove c4", c3_value="900").sentence()
    assert "No record matches now." in editor.words
    assert "2 records" not in editor.press("remove c3").sentence()


def test_an_unfinished_condition_counts_for_nothing_and_is_not_saved(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "HotLeads").press("add g0", g0_joined="any")
    editor.press("refresh", c2_field="Company").press("save", c2_operator="contains", c2_value="  ")
    assert "Nothing is saved yet. 1 condition is not finished: finish or remove it." in editor.words
    assert editor.sentence().startswith("3 records: Records where Rating is Hot, sorted")
    assert not Draft.objects.exists()
    editor.press("save", c2_value="Company")
    assert editor.view["filter"]["any"][1] == {"field": "Company", "operator": "contains", "value": "Company"}


def test_what_is_looked_at_and_saved_unchanged_leaves_no_draft(client: Client, leads: App) -> None:
    before = blueprint.export_app(leads)
    for view in ("ViewAllRecords", "SearchLeads", "HotLeads", "Synchronize"):
        editor = Editor(client, leads, view)
        assert "Everything here is saved." in editor.words
        editor.press("refresh").press("save")
    assert not Draft.objects.exists() and drafts.document(leads) == before


VALUES = {
    "text": "Ab c", "number": 5, "choice": "Red", "date": "2020-02-01", "time": "2020-02-01T10:00:00.000Z",
    "yesno": False, "user": "ada", "link": 1,
}  # fmt: skip


def condition(column: Column, operator: str) -> dict[str, Any]:
    """A condition of that operator."""
    part: dict[str, Any] = {"field": column.name, "operator": operator}
    takes = OPERATORS[operator].operand
    if takes == "none":
        return part
    value = VALUES[filter_builder.kin(column.type)]
    return {**part, "value": {"one": value, "many": [value], "days": 7}[takes]}


def test_every_operator_of_every_type_goes_through_the_page_unchanged(client: Client, ada: User) -> None:
    document = every_type.blueprint()
    every = [
        condition(column, operator)
        for column in blueprint.columns_of(document).values()
        for operator in column.type.operators
    ]
    chunks = [every[start : start + 50] for start in range(0, len(every), 50)]
    document["views"] = [
        {"name": f"View{n}", "label": "View", "columns": ["TextField"], "filter": {"any": chunk}}
        for n, chunk in enumerate(chunks)
    ]
    app = make(document)
    client.force_login(ada)
    for n in range(len(chunks)):
        editor = Editor(client, app, f"View{n}")
        assert "Everything here is saved." in editor.words and "not finished" not in editor.words
        editor.press("refresh").press("save")
    assert not Draft.objects.exists() and len(every) > 100


def test_who_made_a_record_is_chosen_by_the_name_that_records_show(client: Client, leads: App) -> None:
    person("sam", display_name="Sam Lowry", is_active=False)
    person("zap", display_name="Zapier", account_type=User.INTEGRATION)

    def choices() -> list[str]:
        control = re.search(r'<select name="c2-value".*?</select>', editor.page.content.decode(), re.DOTALL)
        return re.findall(r"<option[^>]*>([^<]*)<", html.unescape(control[0])) if control else []

    editor = Editor(client, leads, "HotLeads").press("add g0").press("refresh", c2_field="CreatedBy")
    assert choices() == ["Choose …", "ada", "Sam Lowry", "Zapier"] and "Choose or type a name." in editor.words
    editor.press("save", c2_value="Sam Lowry")
    assert editor.view["filter"]["all"][1] == {"field": "CreatedBy", "operator": "is", "value": "Sam Lowry"}
    assert editor.press("refresh", c2_operator="contains").form["c2-value"] == "Sam Lowry" and not choices()
    editor.press("refresh", c2_value="SAM LOWRY").press("refresh", c2_operator="is_not")
    assert editor.form["c2-value"] == "Sam Lowry", "as it is compared, without regard to case"
    editor.press("refresh", c2_operator="contains", c2_value="low").press("refresh", c2_operator="is")
    assert choices()[-1] == "low (nobody’s display name)" and editor.form["c2-value"] == "low"


def test_of_too_many_names_one_is_typed(client: Client, leads: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MOST_OFFERED", 2)
    for name in ("sam", "kim"):
        person(name)
    editor = Editor(client, leads, "HotLeads").press("add g0").press("refresh", c2_field="CreatedBy")
    assert '<input type="text" name="c2-value"' in editor.page.content.decode()
    assert "1 condition" not in editor.press("refresh", c2_value="kim").words


def test_a_condition_asks_the_reader(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "HotLeads").press("ask c1")
    assert editor.form.getlist("question") == ["p1"] and editor.form["c1-ask"] == "p1"
    assert editor.sentence().startswith("5 records: Records where Rating is the parameter Rating, sorted")
    assert "This is what a reader sees who answers none of the parameters." in editor.words
    editor.press("save", p1_label="How warm")
    assert editor.view["parameters"] == [
        {"name": "HowWarm", "label": "How warm", "type": "single", "choices": ["Hot", "Warm", "Cold"]}
    ]
    assert editor.view["filter"] == {"all": [{"field": "Rating", "operator": "is", "parameter": "HowWarm"}]}
    editor.press("save", p1_name="Warmth")
    assert editor.view["parameters"][0]["name"] == "Warmth", "a name is fixed when it is published"
    editor.press("question-remove p1")
    assert "Choose what the reader is asked, or give a value." in editor.words
    editor.press("answer c1").press("save", c1_value="Cold")
    assert editor.view["filter"] == {"all": [{"field": "Rating", "operator": "is", "value": "Cold"}]}


def test_a_published_parameter_keeps_its_name_and_what_the_page_does_not_show(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "SearchLeads").press("save", p2_label="Warmth", p2_name="Other")
    assert editor.view["parameters"][1] == {
        "name": "Rating", "label": "Warmth", "type": "single", "choices": ["Hot", "Warm", "Cold"],
    }  # fmt: skip
    editor.press("question-add").press("save", p6_label="")
    assert "Give the parameter a label" in editor.words and "Finish the parameters that are marked" in editor.words
    editor.press("save", p6_label="Mode", p6_type="text")
    assert "Mode is a name that the platform uses itself" in editor.words
    editor.press("save", p6_label="Mode", p6_name="Way")
    assert editor.view["parameters"][5] == {"name": "Way", "label": "Mode", "type": "text"}


def test_columns_are_picked_and_moved(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "HotLeads")
    assert "Industry" not in editor.form.getlist("column")
    editor.press("column-add Industry").press("column-remove Summary").press("column-up FirstName")
    for _time in range(2):
        editor.press("column-down Company")
    assert editor.form.getlist("column")[:4] == ["FirstName", "LastName", "EmailAddress", "Company"]
    editor.press("column-add Nothing").press("save")
    columns = editor.view["columns"]
    assert columns[-1] == "Industry" and "Summary" not in columns and columns[3] == "Company"
    headings = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', editor.page.content.decode())
    assert headings[:4] == ["First name", "Last name", "E-mail address", "Company"]
    editor.press("save", column=[])
    assert "Choose at least one column." in editor.words


def test_the_preview_is_sorted_as_the_view_will_be(client: Client, leads: App) -> None:
    editor = Editor(client, leads, "HotLeads")
    assert editor.form.getlist("sort") == ["TotalValue", "Company", ""]
    editor.press("refresh", sort=["TotalValue", "", ""], direction=["ascending", "ascending", "ascending"])
    assert editor.words.index("Company 1") < editor.words.index("Company 5")
    assert "sorted by Total value." in editor.sentence()
    editor.press("save", sort=["TotalValue", "TotalValue"], direction=["ascending", "descending"])
    assert "Sort by each field once." in editor.words
    editor.press("save", sort=["Company", "RecordID"], direction=["descending", "ascending"])
    assert editor.view["sort"] == [
        {"field": "Company", "direction": "descending"},
        {"field": "RecordID", "direction": "ascending"},
    ]


DEEP = {"all": [{"any": [{"all": [{"any": [{"field": "Rating", "operator": "is", "value": "Hot"}]}]}]}]}


def test_a_filter_that_cannot_be_drawn_is_shown_in_words_and_kept(client: Client, leads: App, ada: User) -> None:
    with drafts.editing(leads, ada, NOW) as document:
        document["views"][2]["filter"] = DEEP
    editor = Editor(client, leads, "HotLeads")
    assert "Records where (((Rating is Hot)))" in editor.words and "kept as it is" in editor.words
    assert editor.sentence().startswith("3 records")
    editor.press("save", label="Hot ones")
    assert editor.view["filter"] == DEEP and editor.view["label"] == "Hot ones"
    editor.press("filter-new").press("save")
    assert editor.view["filter"] is None


def test_a_filter_that_cannot_be_read_is_mended_or_kept(client: Client, leads: App, ada: User) -> None:
    with drafts.editing(leads, ada, NOW) as document:
        document["fields"] = [part for part in document["fields"] if part["name"] != "Rating"]
        document["views"][0]["filter"] = {"all": []}
    editor = Editor(client, leads, "HotLeads")
    assert "Rating is no field of this app any more" in editor.words
    editor.press("save")
    assert (
        "1 condition is not finished" in editor.words
        and "Rating is no field of this app any more: take" in editor.words
    )
    editor = Editor(client, leads, "ViewAllRecords").press("save", label="All", column=["Company"])
    assert "cannot be read" in editor.words and editor.view["filter"] == {"all": []}


def test_two_people_at_one_view_overwrite_each_other_only_on_purpose(client: Client, leads: App) -> None:
    mine, theirs = Editor(client, leads, "HotLeads"), Editor(client, leads, "HotLeads")
    theirs.press("save", label="Theirs")
    mine.press("save", label="Mine")
    assert "Somebody has changed this view meanwhile." in mine.words and mine.view["label"] == "Theirs"
    mine.press("save")
    assert mine.view["label"] == "Mine"


def test_htmx_gets_the_form_alone_but_the_back_button_the_whole_page(client: Client, leads: App) -> None:
    url = reverse("configure-app-view", args=[leads.pk, "HotLeads"])
    whole = client.get(url)
    form = client.get(url, headers={"HX-Request": "true"})
    back = client.get(url, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert form.content.strip().startswith(b"<form") and b"<html" in whole.content and b"<html" in back.content
    assert all("HX-Request" in response["Vary"] for response in (whole, form, back))


def test_who_may_not_configure_is_sent_away_and_what_is_not_there_is_404(client: Client, leads: App) -> None:
    url = reverse("configure-app-view", args=[leads.pk, "HotLeads"])
    assert client.get(url.replace("HotLeads", "Nothing")).status_code == 404
    assert client.post(url, {"part": "c1 g9"}).status_code == 400
    client.force_login(person("sam"))
    assert client.get(url).status_code == 302 and client.post(url, {"do": "save"}).status_code == 302
    assert not Draft.objects.exists()


def test_the_preview_stops_at_its_ceiling(leads: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_editor, "MOST_ROWS", 2)
    monkeypatch.setattr("flowfinity.query.MOST_COUNTED", 3)
    found = view_editor.preview(leads, None, (), (), NOW)
    assert (found.count, len(found.rows)) == ("3+ records", 2)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_preview_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app({"Name": "text"})
    monkeypatch.setattr(view_editor, "PREVIEW_SECONDS", 1)
    monkeypatch.setattr(view_editor, "MOST_ROWS", 1)

    monkeypatch.setattr("flowfinity.query.Query.with_arguments", lambda self, *_: self)
    monkeypatch.setattr(
        "flowfinity.query.Query.apply", lambda self, rows: rows.extra(where=["pg_sleep(5) IS NOT NULL"])
    )
    do(person("eve"), app, "Make", Name="x")
    found = view_editor.preview(app, None, (), (), NOW)
    assert found.slow and found.count == ""


@pytest.mark.django_db
def test_a_preview_is_one_pass_over_the_records_and_a_sort_of_keys() -> None:
    app, boss = many(), person("boss", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(boss)
    url = reverse("configure-app-view", args=[app.pk, "HotLeads"])
    for word, keys, passes in (
        ("number 1", ("Company", "LastName"), 1),
        ("ny 1999", ("Company", "LastName"), 1),
        ("ny 1999", (), 1),
        # So many that they are not counted are looked for again.
        ("company", ("LastName", "TotalValue"), 2),
        (None, ("Company", "LastName"), 2),
    ):
        with drafts.editing(app, boss, NOW) as document:
            part = next(part for part in document["views"] if part["name"] == "HotLeads")
            part["filter"] = word and {"field": "Company", "operator": "contains", "value": word}
            part["sort"] = [{"field": name, "direction": "ascending"} for name in keys]
        *finding, reading = plans(client, url)
        assert sum(bool(ALL_RECORDS.search(plan)) for plan in (*finding, reading)) == passes, (word, keys, finding)
        for plan in finding:
            assert not any(way in plan for way in ("Nested Loop", "SubPlan", "CORRELATED")), (word, keys, plan)
