"""A person's own account: the first page, settings, the zone that times are in, and a forgotten password."""

from __future__ import annotations

import re
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings
from django.utils import timezone

from flowfinity import environment
from flowfinity.models import App, Configuration, Record, Submission, User
from tests.builders import do, integration, make_app, person, values_of
from tests.test_workspace import LEAD, as_sent, give, record_page, said, text_of
from tests.test_workspace import app as app
from tests.test_workspace import client as client
from tests.test_workspace import sam as sam

pytestmark = pytest.mark.django_db

SETTINGS = {"display_name": "Sam Lowry", "time_zone": "", "language": "", "theme": ""}


# Home


def test_home_shows_the_apps_with_how_many_records_each_view_has(client: Client, app: App, sam: User) -> None:
    for rating in ("Hot", "Hot", "Cold"):
        do(sam, app, "CaptureLead", **{**LEAD, "Rating": rating})
    [shown] = client.get("/").context["apps"]
    assert {view["label"]: view["count"] for view in shown["views"]} == {
        **{"View all records": 3, "Search leads": 3, "Hot leads": 2, "Synchronize": 3}
    }


def test_an_app_with_many_records_is_not_counted(
    client: Client, app: App, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowfinity.workspace.home.MOST_COUNTED", 1)
    for _ in range(2):
        do(sam, app, "CaptureLead", **LEAD)
    assert {view["count"] for view in client.get("/").context["apps"][0]["views"]} == {None}


def test_home_shows_what_a_person_did_last(client: Client, app: App, sam: User) -> None:
    do(person("priya"), app, "CaptureLead", **{**LEAD, "Company": "Not mine"})
    assert client.get("/").context["latest"] == []
    for company in ("First", "Second"):
        client.post(
            "/apps/LeadRegistration/operations/CaptureLead/", {**LEAD, "Company": company, "transaction": company * 5}
        )
    first = Record.objects.get(values__Company="First").pk
    client.post(record_page(first), as_sent(client.get(record_page(first)), Rating="Hot"))
    assert [(one["title"], one["words"], one["url"]) for one in client.get("/").context["latest"]] == [
        ("First", "updated this lead", record_page(first)),
        ("Second", "captured this lead", record_page(Record.objects.get(values__Company="Second").pk)),
    ]
    sam.roles.clear()
    assert client.get("/").context["latest"] == []


# Settings


def test_settings_are_kept_and_a_new_name_is_seen_everywhere(client: Client, app: App, sam: User) -> None:
    number = do(sam, app, "CaptureLead", **LEAD).record
    version = Configuration.current()
    page = client.get("/settings/")
    assert "Europe/Berlin" in page.content.decode() and "The site’s (UTC)" in page.content.decode()
    assert "Tokyo (UTC+09:00)" in page.content.decode() and "Kolkata (UTC+05:30)" in page.content.decode()
    page = client.post("/settings/", {**SETTINGS, "time_zone": "Asia/Tokyo", "theme": "dark"}, follow=True)
    assert said(page) == ["Your settings are saved."] and 'data-theme="dark"' in page.content.decode()
    assert Configuration.current() == version
    client.post("/settings/", {**SETTINGS, "display_name": "Samuel"})
    assert Configuration.current() > version, "who polls a view must be sent the new name"
    assert client.get(record_page(number)).context["history"][0]["name"] == "Samuel"
    assert "theme" not in client.cookies or not client.cookies["theme"].value


@pytest.mark.parametrize(
    "wrong", [{"display_name": " "}, {"time_zone": "Mars/Olympus"}, {"language": "xx"}, {"theme": "x"}]
)
def test_settings_that_cannot_be_are_refused(client: Client, sam: User, wrong: dict[str, str]) -> None:
    page = client.post("/settings/", {**SETTINGS, **wrong})
    assert list(page.context["form"].errors) == list(wrong)
    sam.refresh_from_db()
    assert (sam.display_name, sam.time_zone, sam.language) == ("Sam Lowry", "", "")


def test_a_page_speaks_the_persons_language_and_nothing_of_it_stays(client: Client, sam: User) -> None:
    german = {"Accept-Language": "de"}
    assert '<html lang="de">' in Client().get("/login/", headers=german).content.decode()
    User.objects.filter(pk=sam.pk).update(language="en")
    assert '<html lang="en">' in client.get("/", headers=german).content.decode()
    User.objects.filter(pk=sam.pk).update(language="de")
    assert '<html lang="de">' in client.get("/").content.decode()
    assert '<html lang="en">' in Client().get("/login/").content.decode()


# Times


@pytest.fixture
def visit(sam: User) -> int:
    """A record with a time of day, of an app that Sam may use."""
    columns = {"name": "All", "label": "All", "columns": ["Title", "At", "CreatedOn"]}
    app = make_app({"Title": "text", "At": "datetime"}, "Visits", [columns])
    give(sam, app, ["All"], ["Make", "Change"])
    return do(sam, app, "Make", Title="One", At="2026-07-01T12:00:00Z").record


@override_settings(TIME_ZONE="Europe/Berlin")
def test_times_are_shown_and_typed_in_the_persons_zone(client: Client, sam: User, visit: int) -> None:
    address = f"/apps/Visits/records/{visit:09d}/"
    assert client.get("/apps/Visits/views/All/").context["rows"][0]["cells"][1]["text"] == "1 Jul 2026, 14:00"
    User.objects.filter(pk=sam.pk).update(time_zone="Asia/Tokyo")
    assert client.get("/apps/Visits/views/All/").context["rows"][0]["cells"][1]["text"] == "1 Jul 2026, 21:00"
    page = client.get(address)
    created = Submission.objects.get().on.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{created:%H:%M}" in text_of(page)
    assert page.context["form"]["At"].value() == "2026-07-01T21:00:00.000"
    assert said(client.post(address, as_sent(page), follow=True)) == ["Nothing was changed, so nothing was saved."]
    client.post(address, as_sent(page, At="2026-07-02T08:30"))
    assert values_of(visit)["At"] == "2026-07-01T23:30:00.000Z"
    assert timezone.get_current_timezone_name() == "Europe/Berlin"


def test_an_hour_that_the_persons_zone_skips_is_refused(client: Client, sam: User, visit: int) -> None:
    User.objects.filter(pk=sam.pk).update(time_zone="Europe/Berlin")
    address = f"/apps/Visits/records/{visit:09d}/"
    page = client.post(address, as_sent(client.get(address), At="2026-03-29T02:30"))
    assert "A time that exists" in page.context["form"].errors["At"][0]
    assert values_of(visit)["At"] == "2026-07-01T12:00:00.000Z"


def test_a_zone_that_is_no_longer_known_is_the_sites(client: Client, sam: User, visit: int) -> None:
    User.objects.filter(pk=sam.pk).update(time_zone="Mars/Olympus")
    assert client.get("/apps/Visits/views/All/").context["rows"][0]["cells"][1]["text"] == "1 Jul 2026, 12:00"


# A forgotten password


@pytest.fixture
def sending() -> Any:
    cache.clear()
    with override_settings(SENDS_MAIL=True):
        yield


def asked_for(email: str, expected: int = 1) -> Any:
    """The page that follows, once as many messages are sent."""
    page = Client().post("/password/reset/", {"email": email})
    assert len(sent(expected)) == expected
    return page


def sent(expected: int) -> list[Any]:
    """The messages, once there are as many: a thread sends them."""
    end = time.monotonic() + 30
    while len(mail.outbox) < expected and time.monotonic() < end:
        time.sleep(0.02)
    return mail.outbox


def test_a_forgotten_password_is_set_by_a_link_that_works_once(sam: User, sending: None) -> None:
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    assert "/password/reset/" in Client().get("/login/").content.decode()
    assert "is on its way" in text_of(asked_for("SAM@example.com"))
    [message] = mail.outbox
    assert message.to == ["sam@example.com"] and message.subject == f"A new password for {settings.SITE_NAME}"
    [link] = re.findall(r"http://testserver(/password/reset/\S+)", str(message.body))
    client = Client()
    page = client.get(link, follow=True)
    new = {"new_password1": "a longer secret 42", "new_password2": "a longer secret 42"}
    wrong = client.post(page.redirect_chain[-1][0], {**new, "new_password2": "other"})
    assert "new_password2" in wrong.context["form"].errors
    done = client.post(page.redirect_chain[-1][0], new, follow=True)
    assert said(done) == ["Your password is changed. Sign in with it."] and done.redirect_chain[-1][0] == "/login/"
    assert client.post("/login/", {"username": "sam", "password": "a longer secret 42"})["Location"] == "/"
    assert "This link works no longer" in text_of(Client().get(link, follow=True))


def test_the_answer_does_not_say_who_has_an_account(sam: User, sending: None) -> None:
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    integration("restuser", email="rest@example.com")
    person("gone", email="gone@example.com", is_active=False)
    answers = {
        re.sub(r"[\w.]+@example.com|nonce-\S+", "", text_of(asked_for(f"{name}@example.com", 0)))
        for name in ("rest", "gone", "nobody")
    }
    answers.add(re.sub(r"[\w.]+@example.com", "", text_of(asked_for("sam@example.com", 1))))
    assert len(answers) == 1
    asked_for("sam@example.com", 1)  # Not a second one at once.


def test_a_link_is_void_for_an_account_that_no_page_lets_in(sam: User, sending: None) -> None:
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    asked_for("sam@example.com")
    [link] = re.findall(r"http://testserver(/password/reset/\S+)", str(mail.outbox[0].body))
    User.objects.filter(pk=sam.pk).update(account_type=User.INTEGRATION)
    assert "This link works no longer" in text_of(Client().get(link, follow=True))


@override_settings(PUBLIC_URL="https://records.example.com", ALLOWED_HOSTS=["*"])
def test_the_link_leads_to_the_site_and_not_to_the_host_that_was_named(sam: User, sending: None) -> None:
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    Client().post("/password/reset/", {"email": "sam@example.com"}, headers={"Host": "evil.example"})
    assert "https://records.example.com/password/reset/" in str(sent(1)[0].body)
    assert "evil" not in str(mail.outbox[0].body)


def test_a_site_that_sends_no_mail_says_so(sam: User) -> None:
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    page = Client().get("/password/reset/")
    assert "ask whoever gave you your account" in text_of(page) and "manage.py changepassword" in text_of(page)
    assert "This site sends no mail" in text_of(page) and "form" not in re.findall(
        r"<(\w+) class=.card", page.content.decode()
    )
    assert "This site sends no mail" in text_of(Client().post("/password/reset/", {"email": "sam@example.com"}))
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtp://ada:s%40crt@mail.example.com:2525", ("mail.example.com", 2525, "ada", "s@crt", True, False)),
        ("smtps://mail.example.com", ("mail.example.com", 465, "", "", False, True)),
        ("smtp://localhost:25?starttls=no", ("localhost", 25, "", "", False, False)),
    ],
)
def test_how_mail_is_sent_is_one_address(monkeypatch: pytest.MonkeyPatch, url: str, found: tuple[Any, ...]) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    monkeypatch.setenv("EMAIL_FROM", "site@example.com")
    read = environment.mail()
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(read[f"EMAIL_{name}"] for name in names) == found and read["DEFAULT_FROM_EMAIL"] == "site@example.com"


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        *(
            ("mail.example.com", "a@b.c"),
            ("smtp://", "a@b.c"),
            ("smtp://h:x", "a@b.c"),
            ("smtp://h?starttls=1", "a@b.c"),
        ),
        *(("smtp://mail.example.com", ""), ("console:", "nobody")),
    ],
)
def test_mail_settings_that_cannot_be_read_stop_the_site(
    monkeypatch: pytest.MonkeyPatch, url: str, sender: str
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    monkeypatch.setenv("EMAIL_FROM", sender)
    with pytest.raises(ImproperlyConfigured):
        environment.mail()


# Forms that a script sends


def test_a_form_that_a_script_sends_is_told_where_to_go(client: Client, sam: User) -> None:
    sent = {**LEAD, "transaction": "a" * 20}
    by_script = {"X-Form": "fetch"}
    address = "/apps/LeadRegistration/operations/CaptureLead/"
    made = client.post(address, sent, headers=by_script)
    number = Record.objects.get().pk
    assert (made.status_code, made["Location"]) == (204, record_page(number))
    assert said(client.get(made["Location"])) == ["You captured this lead."]
    assert client.post(address, sent, headers=by_script).status_code == 204 and Record.objects.count() == 1
    assert client.post(address, {**sent, "transaction": "b" * 20, "Company": ""}, headers=by_script).status_code == 200
    client.logout()
    away = client.post(address, sent, headers=by_script)
    assert (away.status_code, away["Location"]) == (401, f"/login/?next={address}")
