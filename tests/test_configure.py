"""Our own pages of Configure: blueprints in and out, and what is open to other systems."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from flowfinity import blueprint, clock
from flowfinity.models import App, Configuration, Operation, Role, User, View, configuring
from integration.configure.examples import highlighted
from integration.configure.lookback import Lookback, widened
from integration.models import RestAccess, Surface
from integration.rest import refusals
from tests.builders import integration, make_app, person
from tests.rest import NOW, Api, Site, open_site

DAY = dt.timedelta(days=1)
REST = "/admin/integration/rest/"


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def site(db: None, at_noon: None) -> Site:
    return open_site()


@pytest.fixture
def configurer(site: Site, client: Client) -> Client:
    """A client of somebody who may configure, and is nothing else."""
    client.force_login(person("ada", is_staff=True))
    return client


def details(view: str = "ViewAllRecords") -> str:
    return reverse("configure-rest-view", args=[View.objects.get(name=view).pk])


def text(response: Any) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(body))


def save(client: Client, url: str, **data: Any) -> Any:
    """Posts what must be saved, and bump the version; the page that follows."""
    before = Configuration.current()
    response = client.post(url, data)
    assert response.status_code == 302, text(response)
    assert Configuration.current() > before
    return client.get(response.url)


# Blueprints


def upload(client: Client, content: bytes) -> Any:
    return client.post(reverse("configure-import"), {"document": SimpleUploadedFile("leads.json", content)})


def test_a_blueprint_goes_out_and_comes_back(configurer: Client, site: Site) -> None:
    response = configurer.get(reverse("configure-export", args=[site.app.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="LeadRegistration.json"'
    document = json.loads(response.content)
    assert document == blueprint.export_app(site.app)

    document["app"] |= {"name": "Second", "label": "Second"}
    looked_at = upload(configurer, json.dumps(document).encode())
    assert "adds 14 fields, adds 3 operations, adds 4 views" in text(looked_at)
    sent = {"text": looked_at.context["text"], "confirmed": "1"}
    response = configurer.post(reverse("configure-import"), sent)
    second = App.objects.get(name="Second")
    assert response.url == reverse("configure-app-publish", args=[second.pk])
    save(configurer, response.url, do="publish")
    assert blueprint.export_app(second) == document


def test_every_fault_of_a_blueprint_is_shown_with_its_place(configurer: Client) -> None:
    document = {
        "blueprint": 1,
        "app": {"name": "Broken", "label": "Broken"},
        "fields": [{"name": "A", "label": "A", "type": "colour"}, {"name": "B", "label": "B", "type": "single"}],
        "views": [{"name": "V", "label": "V", "columns": ["<b>"]}],
    }
    response = upload(configurer, json.dumps(document).encode())
    told = text(response)
    for place in ("fields[0].type", "fields[1]", "views[0].columns"):
        assert place in told
    assert "<code>views[0].columns</code>" in response.content.decode() and "'<b>' is no field" in told
    assert "3 things to put right" in told
    assert not App.objects.filter(name="Broken").exists()


@pytest.mark.parametrize(("content", "sentence"), [(b"{", "is not JSON"), (b"\xff", "is no text"), (b"", "empty")])
def test_a_file_that_is_no_json_is_refused_beside_its_input(configurer: Client, content: bytes, sentence: str) -> None:
    response = upload(configurer, content)
    assert sentence in response.context["form"].errors["document"][0]


def test_the_commands_do_the_same(db: None, tmp_path: Path) -> None:
    app = make_app({"Company": "text"}, "Leads")
    out = StringIO()
    call_command("export_blueprint", "leads", stdout=out)
    document = json.loads(out.getvalue())
    assert document == blueprint.export_app(app)
    with pytest.raises(CommandError, match="There is no app Nothing; there are: Leads"):
        call_command("export_blueprint", "Nothing")

    file = tmp_path / "other.json"
    document["app"] |= {"name": "Other", "label": "Other"}
    file.write_text(json.dumps(document))
    out = StringIO()
    call_command("import_blueprint", str(file), stdout=out)
    assert out.getvalue() == "Other is imported as Other.\n" and App.objects.filter(name="Other").exists()

    document["fields"] = [{"name": "id", "label": "", "type": "text"}]
    document["views"] = 5
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError) as refused:
        call_command("import_blueprint", str(file))
    assert refused.value.returncode == 1
    assert all(path in str(refused.value) for path in ("fields[0].name:", "fields[0].label:", "views:"))
    file.write_text("{")
    with pytest.raises(CommandError, match="is not JSON"):
        call_command("import_blueprint", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_blueprint", str(tmp_path / "missing.json"))


# Who may enter


def test_only_who_may_configure_enters(client: Client, site: Site) -> None:
    view, operation = View.objects.first(), Operation.objects.first()
    assert view and operation
    reads = [
        reverse("admin:index"),
        reverse("configure-import"),
        reverse("configure-export", args=[site.app.pk]),
        REST,
        reverse("configure-rest-view", args=[view.pk]),
        reverse("configure-rest-operation", args=[operation.pk]),
        reverse("configure-rest-feed", args=[site.app.pk]),
        reverse("configure-roles", args=[site.app.pk]),
    ]
    toggles = [
        reverse("configure-rest-feed-access", args=[site.app.pk]),
        reverse("configure-rest-view-access", args=[view.pk]),
        reverse("configure-rest-operation-access", args=[operation.pk]),
    ]
    for who in (None, site.sam, site.account, integration("root", is_staff=True, is_superuser=True)):
        if who:
            client.force_login(who)
        before = Configuration.current()
        for url in reads:
            assert client.get(url).status_code == 302, url
        for url in (*toggles, REST, reverse("configure-roles", args=[site.app.pk])):
            assert client.post(url, {"switches": "1", "before": f"views:{view.pk}:{site.role.pk}"}).status_code == 302
        assert Configuration.current() == before
    assert Surface.objects.get().query_enabled and RestAccess.objects.get(view=view).enabled
    assert site.role.views.filter(pk=view.pk).exists()
    client.force_login(person("ada", is_staff=True))
    for url in reads:
        assert client.get(url).status_code == 200, url
    for url in toggles:
        assert client.get(url).status_code == 405


def test_a_switch_needs_its_form(site: Site) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("ada", is_staff=True))
    assert client.post(REST, {"switches": "1"}).status_code == 403
    assert Surface.objects.get().query_enabled


@pytest.mark.parametrize(
    ("url_name", "label"),
    [
        ("admin:index", "Home"),
        ("configure-apps", "Apps"),
        ("configure-app-new", "Apps"),
        ("configure-import", "Import a blueprint"),
        ("admin:flowfinity_user_add", "Users"),
        ("configure-rest", "REST Integration"),
    ],
)
def test_the_menu_shows_where_one_is(configurer: Client, url_name: str, label: str) -> None:
    menu = configurer.get(reverse(url_name)).context["configure_menu"]
    assert [item["label"] for group in menu for item in group["items"] if item["current"]] == [label]


# Roles against what they may use


@pytest.fixture
def grids(site: Site) -> str:
    return reverse("configure-roles", args=[site.app.pk])


def boxes(client: Client, url: str) -> dict[str, str]:
    """The grid's boxes by what they say, each with its value, those that are ticked with a * in front."""
    page = client.get(url).content.decode()
    found = re.findall(r'name="grant" value="([\w:]+)" autocomplete="off"( checked)?><span[^>]*>([^<]+)</span>', page)
    assert sorted(re.findall(r'name="before" value="([\w:]+)"', page)) == sorted(v for v, on, _ in found if on)
    return {html.unescape(words): f"{'*' if on else ''}{value}" for value, on, words in found}


def tick(client: Client, url: str, *words: str, off: tuple[str, ...] = ()) -> Any:
    """Ticks and unticks boxes as a browser would, and saves; the page that follows."""
    shown = boxes(client, url)
    before = [value[1:] for value in shown.values() if value[0] == "*"]
    after = {*before, *(shown[one].lstrip("*") for one in words)} - {shown[one].lstrip("*") for one in off}
    return save(client, url, before=before, grant=sorted(after))


def test_the_grids_have_a_box_for_each_role_and_each_part(configurer: Client, site: Site, grids: str) -> None:
    Role.objects.create(name="Sales")
    shown = boxes(configurer, grids)
    assert len(shown) == 2 * (4 + 1 + 3)
    ticked = {words for words, value in shown.items() if value[0] == "*"}
    assert len(ticked) == 7 and all(words.startswith(f"{site.role.name} may ") for words in ticked)
    assert {"Sales may see Hot leads", "Sales may run Update lead", "Sales may see Submissions feed"} <= shown.keys()
    told = text(configurer.get(grids))
    assert f"{site.role.name} 1 member" in told and "Sales no members" in told
    assert "What none of a member’s roles grants is absent from the pages, and 404 in the API." in told
    assert reverse("admin:flowfinity_role_add") in configurer.get(grids).content.decode()


def test_what_a_grid_takes_is_404_at_the_next_request(configurer: Client, site: Site, grids: str) -> None:
    api, role = Api(), site.role.name
    lead = {"Company": "A", "LastName": "B"}
    assert api.zapier().status_code == api.run("CaptureLead", lead).status_code == 200
    page = tick(configurer, grids, off=(f"{role} may see View all records", f"{role} may run Capture lead"))
    sentence = "may no longer use View all records and Capture lead."
    assert f"{role} {sentence}" in text(page)
    assert api.zapier().status_code == api.run("CaptureLead", lead).status_code == 404
    assert api.zapier("HotLeads").status_code == 200
    history = text(configurer.get(reverse("admin:flowfinity_role_history", args=[site.role.pk])))
    assert f"Lead Registration: {sentence}" in history, "who took it is kept, and of which app"
    page = tick(configurer, grids, f"{role} may see View all records", off=(f"{role} may see Hot leads",))
    assert f"{role} may now use View all records, and may no longer use Hot leads." in text(page)
    assert (api.zapier().status_code, api.zapier("HotLeads").status_code) == (200, 404)


def test_what_a_grid_takes_is_absent_from_the_pages(configurer: Client, site: Site, grids: str) -> None:
    url = f"/apps/{site.app.name}/views/HotLeads/"
    people = Role.objects.create(name="People")
    site.sam.roles.set([people])
    tick(configurer, grids, "People may see View all records", "People may see Hot leads")
    sam = Client()
    sam.force_login(site.sam)
    assert sam.get(url).status_code == 200
    tick(configurer, grids, off=("People may see Hot leads",))
    assert sam.get(url).status_code == 404
    assert "Hot leads" not in text(sam.get("/")) and "View all records" in text(sam.get("/"))


def test_a_grid_changes_only_what_was_changed_on_it(configurer: Client, site: Site, grids: str) -> None:
    shown = boxes(configurer, grids)
    before = [value[1:] for value in shown.values() if value[0] == "*"]
    hot = shown[f"{site.role.name} may see Hot leads"].lstrip("*")
    with configuring():  # Somebody else, meanwhile.
        site.role.views.remove(View.objects.get(name="ViewAllRecords"))
        later = Role.objects.create(name="Later")
        later.views.add(View.objects.get(name="HotLeads"))
        gone = Role.objects.create(name="Gone").pk
        Role.objects.filter(pk=gone).delete()
    stale = [f"{hot.rpartition(':')[0]}:{gone}", "views:999999:1", "fields:1:1", "views:x:1"]
    save(configurer, grids, before=before, grant=[*(value for value in before if value != hot), *stale])
    names = set(site.role.views.values_list("name", flat=True))
    assert names == {"SearchLeads", "Synchronize"}, "one was taken here, the other by somebody else"
    assert later.views.count() == 1 and site.role.operations.count() == 3


def test_a_grid_grants_nothing_of_another_app(configurer: Client, site: Site, grids: str) -> None:
    other = make_app({"A": "text"}, "Other")
    grants = [f"views:{other.views.get().pk}:{site.role.pk}", f"feeds:{other.pk}:{site.role.pk}"]
    page = save(configurer, grids, grant=grants)
    assert "Nothing was changed." in text(page)
    assert not site.role.views.filter(app=other).exists() and not site.role.feeds.exists()


def test_an_app_without_roles_says_what_to_do(configurer: Client, site: Site, grids: str) -> None:
    Role.objects.all().delete()
    assert "There is no role yet." in text(configurer.get(grids))
    assert configurer.get(reverse("configure-roles", args=[0])).status_code == 404


# Switches, and what is enabled


def test_the_checklist_shows_what_is_missing(db: None, at_noon: None, client: Client) -> None:
    client.force_login(person("ada", is_staff=True))
    Surface.objects.filter(pk=1).update(query_enabled=False, execute_enabled=False)
    app = make_app({"Company": "text"}, "Leads")

    def done() -> list[bool]:
        return [check["done"] for check in client.get(REST).context["checks"]]

    assert done() == [False] * 4
    user, role = integration(), Role.objects.create(name="Integration")
    user.roles.add(role)
    assert done()[0] is False, "a role that grants nothing is as good as none"
    role.views.add(app.views.get())
    assert done() == [True, False, False, False]
    save(client, REST, switches="1", query_enabled="on")
    assert done()[1] is False
    save(client, REST, switches="1", query_enabled="on", execute_enabled="on")
    assert done() == [True, True, False, False]
    save(client, reverse("configure-rest-view-access", args=[app.views.get().pk]), enabled="on")
    operation = app.operations.get(name="Make")
    save(client, reverse("configure-rest-operation-access", args=[operation.pk]), enabled="on")
    assert done() == [True] * 4
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert done() == [False, True, True, True]


def test_of_many_apps_each_is_folded_under_what_is_enabled(configurer: Client, site: Site) -> None:
    def opened() -> list[str]:
        page = configurer.get(where).content.decode()
        return re.findall(r'<details class="app" id="app-(\d+)" open>', page)

    where, document = REST, blueprint.export_app(site.app)
    assert opened() == [str(site.app.pk)], "one app stands open"
    for name in ("Second", "Third", "Fourth"):
        blueprint.import_app({**document, "app": {"name": name, "label": name}})
    assert opened() == []
    page = text(configurer.get(REST))
    assert "Fourth Nothing is enabled" in page and "Find an app, a view or an operation" in page
    view = App.objects.get(name="Fourth").views.first()
    assert view is not None
    where = configurer.post(reverse("configure-rest-view-access", args=[view.pk]), {"enabled": "on"}).url
    assert opened() == [str(view.app.pk)], "what was just switched stays in sight"
    assert "Fourth Enabled: 1 of 4 views" in text(configurer.get(REST))
    roles = reverse("configure-roles", args=[view.app.pk])
    assert f'<a class="chip warn" href="{roles}">No account may use it' in configurer.get(REST).content.decode()


def test_a_switch_bites_at_the_next_request(configurer: Client, site: Site) -> None:
    api = Api()
    assert api.zapier().status_code == 200
    page = save(configurer, REST, switches="1", execute_enabled="on")
    assert "Query() is off, Execute() is on." in text(page) and "every poll is refused" in text(page)
    assert api.zapier().status_code == 403
    save(configurer, REST, switches="1", query_enabled="on")
    assert api.zapier().status_code == 200
    thrown = configurer.post(REST, {"switches": "1", "query_enabled": "on"})
    assert thrown["Location"] == f"{REST}#switches", "a reader goes on where the switch was"
    assert api.run("CaptureLead", {"Company": "A", "LastName": "B"}).status_code == 403


def test_disabling_keeps_how_a_view_answers(configurer: Client, site: Site) -> None:
    save(configurer, details(), format="typed", lookback_days="30")
    url = f"{details()}access/"
    page = save(configurer, url, details="1")
    assert "This view is not enabled." in text(page)
    assert Api().zapier().status_code == 404
    save(configurer, url, enabled="on")
    access = RestAccess.objects.get(view__name="ViewAllRecords")
    assert (access.enabled, access.format, access.lookback_days) == (True, "typed", 30)
    assert Api().zapier().status_code == 200


def test_the_settings_of_a_view_that_was_never_enabled_do_not_enable_it(configurer: Client, site: Site) -> None:
    RestAccess.objects.all().delete()
    save(configurer, details(), format="typed", lookback_days="")
    access = RestAccess.objects.get()
    assert (access.enabled, access.format, access.lookback_days) == (False, "typed", None)


@pytest.mark.parametrize("value", ["0", "366", "", "seven"])
def test_a_lookback_is_1_to_365_days(configurer: Client, value: str) -> None:
    response = configurer.post(REST, {"lookback_days": value})
    assert response.status_code == 200 and response.context["lookback"].errors["lookback_days"]
    assert Surface.objects.get().lookback_days == 7


# The lookback: widening takes effect forward


def ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("before", "after", "floor"),
    [
        (Lookback(7), Lookback(30), ms(NOW - 7 * DAY)),
        (Lookback(7), Lookback(7), 0),
        (Lookback(7), Lookback(1), 0),
        # Still growing towards 30 when it is widened again: the floor that holds stays.
        (Lookback(30, ms(NOW - 9 * DAY)), Lookback(60, ms(NOW - 9 * DAY)), 0),
        # An older floor that holds nothing any more.
        (Lookback(7, ms(NOW - 9 * DAY)), Lookback(30, ms(NOW - 9 * DAY)), ms(NOW - 7 * DAY)),
        # Fewer days, yet an earlier start, since the floor of the site does not bind an override.
        (Lookback(30, ms(NOW - 1 * DAY)), Lookback(7), ms(NOW - 1 * DAY)),
    ],
)
def test_widening_holds_the_start_of_the_window(before: Lookback, after: Lookback, floor: int) -> None:
    assert widened(NOW, before, after) == floor


lookbacks = st.builds(Lookback, st.integers(1, 365), st.integers(0, ms(NOW)))


@given(lookbacks, lookbacks)
def test_a_window_never_starts_earlier_by_a_change(before: Lookback, after: Lookback) -> None:
    kept = Lookback(after.days, max(after.floor_ms, widened(NOW, before, after)))
    assert kept.start(NOW) == max(after.start(NOW), before.start(NOW))


def shown() -> list[str]:
    """The companies that Zapier gets, newest first."""
    return [item["Company"] for item in json.loads(Api().zapier().content)]


def ages(site: Site, *days: int) -> None:
    for age in sorted(days, reverse=True):
        site.lead(age * DAY, Company=f"{age} days")


def test_narrowing_bites_at_once_and_widening_forward(configurer: Client, site: Site) -> None:
    ages(site, 0, 5, 10, 20)
    assert shown() == ["0 days", "5 days"]
    save(configurer, REST, lookback_days="1")
    assert shown() == ["0 days"]
    page = save(configurer, REST, lookback_days="15")
    assert shown() == ["0 days"]
    assert "the window still starts on 23 Nov 2026, 12:00" in text(page)
    # 5 and 10 days old, each counted once, whatever the number of views that show it.
    assert "Also show the 2 older ones: they fire as new in every Zap" in text(page)
    page = save(configurer, REST, lookback_days="15", older="on")
    assert shown() == ["0 days", "5 days", "10 days"]
    assert "Also show" not in text(page) and "still starts" not in text(page)


def test_an_override_is_held_as_well_and_so_is_its_end(configurer: Client, site: Site) -> None:
    ages(site, 0, 5, 10, 20)
    save(configurer, details(), format="flowfinity", lookback_days="15")
    assert shown() == ["0 days", "5 days"]
    assert "Also show the 1 older one: it fires as new" in text(configurer.get(details()))
    save(configurer, details(), format="flowfinity", lookback_days="15", older="on")
    assert shown() == ["0 days", "5 days", "10 days"]
    save(configurer, details(), format="flowfinity", lookback_days="1")
    assert shown() == ["0 days"]
    save(configurer, details(), format="flowfinity", lookback_days="")
    assert shown() == ["0 days"], "the site's 7 days reach further back, so they take effect forward"
    save(configurer, REST, lookback_days="30")
    save(configurer, REST, lookback_days="30", older="on")
    assert shown() == ["0 days"], "the view's own floor still holds"
    save(configurer, details(), format="flowfinity", lookback_days="", older="on")
    assert shown() == ["0 days", "5 days", "10 days", "20 days"]


def test_a_site_wide_floor_does_not_fall_by_an_override_of_fewer_days(configurer: Client, site: Site) -> None:
    ages(site, 0, 5)
    save(configurer, REST, lookback_days="1")
    save(configurer, REST, lookback_days="30")
    save(configurer, details(), format="flowfinity", lookback_days="7")
    assert shown() == ["0 days"]


# Details: what to copy


def test_a_view_shows_what_to_copy(configurer: Client, site: Site, settings: Any) -> None:
    site.lead(Company="<script>alert(1)</script>")
    page = configurer.get(details("SearchLeads"))
    told = text(page)
    url = "http://testserver/api/apps/LeadRegistration/views/SearchLeads"
    assert f"curl -u restuser -A Zapier '{url}'" in told
    for part in ("?MinimumValue=", "Minimum value", "Number", "Records where Company contains", "Integration", '"id"'):
        assert part in told
    assert "<script>alert" not in page.content.decode()
    settings.PUBLIC_URL = "https://leads.example.com"
    assert f"{settings.PUBLIC_URL}/api/apps/LeadRegistration/views/SearchLeads" in text(
        configurer.get(details("SearchLeads"))
    )
    assert "https://leads.example.com/api Copy" in text(configurer.get(REST))


def test_the_reasons_of_a_refusal_are_told(configurer: Client, site: Site) -> None:
    assert configurer.get(details()).context["refusals"] == []
    site.surface(query_enabled=False)
    site.access(enabled=False)
    site.role.views.clear()
    reasons = configurer.get(details()).context["refusals"]
    assert [reason.split()[0] for reason in reasons] == ["Query()", "This", "No"]


def test_a_refused_call_is_shown_with_its_true_reason(configurer: Client, site: Site) -> None:
    site.access(enabled=False)
    assert Api().zapier().status_code == 404
    told = text(configurer.get(reverse("admin:integration_refusal_changelist")))
    assert "The view ViewAllRecords of LeadRegistration is not enabled for REST." in told


def test_refused_calls_stand_on_the_page_and_beside_what_was_called(configurer: Client, site: Site) -> None:
    assert "None so far." in text(configurer.get(REST))
    for _ in range(3):
        assert Api(password="wrong").zapier().status_code == 401
    assert Api().zapier("Nothing").status_code == 404
    told = text(configurer.get(REST))
    wrong = "24 Nov, 12:00 restuser GET /api/apps/LeadRegistration/views/ViewAllRecords 401 The password is wrong. 3"
    assert wrong in told and "404 The app LeadRegistration has no view Nothing. 1" in told
    assert reverse("admin:integration_refusal_changelist") in configurer.get(REST).content.decode()
    beside = text(configurer.get(details()))
    assert wrong in beside and "has no view Nothing" not in beside
    assert "Refused calls Last on" not in text(configurer.get(details("HotLeads")))


def test_the_page_of_refused_calls_stays_short(configurer: Client, site: Site) -> None:
    for number in range(12):
        Api().zapier(f"Nothing{number}")
    assert len(configurer.get(REST).context["refused"]) == 10


def test_who_may_use_a_view_is_told_account_by_account(configurer: Client, site: Site) -> None:
    integration("bare")
    integration("idle").roles.add(Role.objects.create(name="Empty"))
    told = text(configurer.get(details()))
    assert f"restuser Yes by its role {site.role.name}" in told
    assert "bare No it has no role" in told and "idle No not by its role Empty" in told
    User.objects.filter(pk=site.account.pk).update(is_active=False)
    assert f"restuser Not active by its role {site.role.name}" in text(configurer.get(details()))


# The submissions feed


@pytest.fixture
def feed(site: Site) -> str:
    return reverse("configure-rest-feed", args=[site.app.pk])


def test_the_feed_is_enabled_with_its_own_switch_and_its_own_grant(configurer: Client, site: Site, feed: str) -> None:
    api, url = Api(), "/api/apps/LeadRegistration/submissions"
    site.lead()
    assert "Every submission as it was made, deletions too" in text(configurer.get(REST))
    reasons = configurer.get(feed).context["refusals"]
    assert [reason.split()[0] for reason in reasons] == ["This", "No"]
    page = save(configurer, f"{feed}access/", enabled="on", details="1")
    assert page.request["PATH_INFO"] == feed
    assert api.get(url).status_code == 404
    tick(configurer, reverse("configure-roles", args=[site.app.pk]), f"{site.role.name} may see Submissions feed")
    assert api.get(url).status_code == 200
    assert configurer.get(feed).context["refusals"] == []
    save(configurer, f"{feed}access/")
    assert api.get(url).status_code == 404
    assert "The submissions feed of LeadRegistration is not enabled for REST." in text(configurer.get(feed))


def test_the_feed_shows_what_to_copy_and_its_newest_item(configurer: Client, site: Site, feed: str) -> None:
    def sample() -> Any:
        shown = re.search(r"<pre[^>]*>(.*?)</pre>", configurer.get(feed).content.decode(), re.DOTALL)
        assert shown
        return json.loads(html.unescape(re.sub("<[^>]+>", "", shown[1])))

    [made_up] = sample()
    site.lead(DAY, Company="Older")
    site.lead(Company="<b>Newest</b>")
    site.role.feeds.add(site.app)
    save(configurer, f"{feed}access/", enabled="on")
    assert sample() == json.loads(Api().get("/api/apps/LeadRegistration/submissions").content)[-1:]
    [item] = sample()
    assert item["Record"]["Company"] == "<b>Newest</b>" and list(item) == list(made_up)
    assert item["Record"].keys() == made_up["Record"].keys()
    told = text(configurer.get(feed))
    assert "curl -u restuser 'http://testserver/api/apps/LeadRegistration/submissions?after=0&limit=10'" in told
    assert "It is for audits, data warehouses" in told and f"restuser Yes by its role {site.role.name}" in told


def test_a_page_that_is_none_leads_back_to_where_it_was_looked_for(
    configurer: Client, site: Site, client: Client
) -> None:
    def told(path: str) -> str:
        response = configurer.get(path)
        assert response.status_code in {403, 404}
        return str(response.content.decode())

    pages = ("/admin/nothing/", reverse("configure-app", args=[999_999]), reverse("admin:flowfinity_record_add"))
    for path in pages:
        assert 'href="/admin/">Go to Configure' in told(path) and "Go to your apps" in told(path)
    assert "Go to Configure" not in told("/nothing/"), "there nobody was configuring"
    client.force_login(site.sam)
    answer = client.get("/admin/nothing/", follow=True)
    assert "Go to Configure" not in answer.content.decode()


def test_one_page_to_sign_in_on(client: Client, db: None) -> None:
    response = client.get(REST, follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('login')}?next={REST}"
    person("ada", is_staff=True)
    data = {"username": "ada", "password": "secret", "next": REST}
    assert client.post(response.request["PATH_INFO"], data).url == REST


def test_a_view_that_cannot_be_read_says_so(configurer: Client, site: Site) -> None:
    View.objects.filter(name="HotLeads").update(filter={"field": "Gone", "operator": "is", "value": "x"})
    Configuration.objects.update(version=Configuration.current() + 1)
    assert "cannot be read, so it answers nobody" in text(configurer.get(REST))
    assert "cannot be read, so it answers nobody" in text(configurer.get(details("HotLeads")))
    assert "This view is not finished." in text(configurer.get(reverse("configure-app-views", args=[site.app.pk])))


@pytest.mark.parametrize("name", ["CaptureLead", "UpdateLead", "DeleteLead"])
def test_the_payload_of_an_operation_is_taken_as_it_stands(configurer: Client, site: Site, name: str) -> None:
    record = site.lead().record
    operation = Operation.objects.get(name=name)
    page = configurer.get(reverse("configure-rest-operation", args=[operation.pk]))
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", page.content.decode(), re.DOTALL)
    assert shown
    body = json.loads(html.unescape(re.sub("<[^>]+>", "", shown[1])))
    assert set(body) == {"RecordID", "ExternalTransactionId", *operation.fields}
    answer = Api().run(name, body)
    assert answer.status_code == 200, answer.content
    assert (json.loads(answer.content)["RecordID"] == f"{record:09d}") is (name != "CaptureLead")
    assert (
        f"-d '{json.dumps(body, ensure_ascii=False)}' 'http://testserver/api/apps/LeadRegistration/operations/{name}'"
        in (html.unescape(page.content.decode()))
    )


@pytest.mark.parametrize("document", [[], {"a": 'b"\\<&>'}, [{"k:": [1, -2.5e3, None, True, "x: 1"]}], "é"])
def test_highlighting_changes_no_character(document: Any) -> None:
    shown = highlighted(document)
    plain = html.unescape(re.sub(r"</?span[^>]*>", "", shown))
    assert plain == json.dumps(document, ensure_ascii=False, indent=2)
    assert "<" not in re.sub(r"</?span[^>]*>", "", shown)


# What Zapier would get now


def test_the_preview_is_what_zapier_gets_and_counts_as_no_poll(configurer: Client, site: Site) -> None:
    ages(site, 0, 1, 2, 3, 10)
    answer = Api().zapier()
    before = Configuration.current()
    response = configurer.get(details(), {"account": site.account.pk})
    assert Configuration.current() == before
    got = response.context["preview"]
    assert got.body == answer.content and got.count == 4
    newest = json.loads(answer.content)[0]["id"]
    told = text(response)
    assert f"4 records {len(answer.content) / 1024:.1f}\xa0KB of JSON {newest} newest id" in told.replace(
        " KB", "\xa0KB"
    )
    assert "And 1 more." in told and "3 days" not in told.partition("newest id")[2]


def test_the_page_says_at_once_what_zapier_would_get(configurer: Client, site: Site) -> None:
    ages(site, 0, 1, 2, 10)
    told = text(configurer.get(details())).replace("\xa0", " ")
    assert f"Zapier would get 3 records now, {len(Api().zapier().content) / 1024:.1f} KB." in told
    assert "newest id" not in told
    site.role.views.clear()
    assert "Zapier would get 0" not in text(configurer.get(details()))
    assert "preview" not in configurer.get(details()).context


def test_the_preview_tells_why_an_account_would_be_refused(configurer: Client, site: Site) -> None:
    stranger = integration("stranger")
    told = text(configurer.get(details(), {"account": stranger.pk}))
    assert "stranger would be refused: None of the account's roles grants this view." in told
    assert "would be refused" not in text(configurer.get(details(), {"account": site.sam.pk})), (
        "a person cannot be chosen"
    )


def test_the_preview_of_nothing_says_so(configurer: Client, site: Site) -> None:
    assert "no Zap would fire" in text(configurer.get(details(), {"account": site.account.pk}))


def test_the_reason_of_a_refused_call_is_read_in_the_readers_language(configurer: Client, site: Site) -> None:
    answered = Api(password="wrong").poll(Accept_Language="de")
    assert answered.json()["error"]["message"].startswith("Log in with HTTP Basic")
    site.access(enabled=False)
    assert Api().zapier().status_code == 404
    german = configurer.get(REST, headers={"Accept-Language": "de"}).content.decode()
    assert "<span>Das Passwort ist falsch.</span>" in german
    closed = "Die Ansicht ViewAllRecords von LeadRegistration ist nicht für REST freigegeben."
    assert f"<span>{closed}</span>" in german


@pytest.mark.parametrize(
    ("sent", "german"),
    [
        ({"Rating": "Purple", "Company": "A", "LastName": "B"}, "Rating: Wählen Sie eines von: "),
        (
            {"LastName": "B", "Rating": "Hot", "EmailAddress": "nobody"},
            "EmailAddress: Schreiben Sie eine vollständige E-Mail-Adresse, zum Beispiel ada@example.com. Fehlt etwas? "
            "Company: Company ist erforderlich: Geben Sie einen Wert an.",
        ),
        (
            {"Company": "A", "LastName": "B", "Colour": "red"},
            "Colour: Ein Feld Colour gibt es hier nicht; /fields der Ansicht zählt die Felder auf.",
        ),
    ],
)
def test_the_faults_of_a_refused_call_are_read_in_the_readers_language_and_answered_in_english(
    configurer: Client, site: Site, sent: dict[str, str], german: str
) -> None:
    answer = Api().run("CaptureLead", sent)
    assert answer.status_code == 422
    shown = html.unescape(configurer.get(REST, headers={"Accept-Language": "de"}).content.decode())
    assert f"<span>{german}" in shown and answer.json()["error"]["message"] not in shown
    shown = html.unescape(configurer.get(REST, headers={"Accept-Language": "en"}).content.decode())
    assert answer.json()["error"]["message"] in shown


@pytest.mark.parametrize("reason", ["", "Nothing known.", "Rating: Nothing known.", "Rating: Choose one of: A. B: c."])
def test_a_reason_of_words_that_are_not_known_is_told_as_it_is(reason: str) -> None:
    with translation.override("de"):
        assert refusals.told(reason) == reason
