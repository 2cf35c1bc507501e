"""Pages in another language than English: complete, for the reader who asks for it, and never what the API says."""

from __future__ import annotations

import datetime as dt
import html.parser
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from django.utils import translation

from flowfinity import clock
from flowfinity.models import Record, User, View, configuring
from integration.models import RestAccess
from tests import builders, rest
from tests.rest import Api, Site

opened, site, api = rest.opened, rest.site, rest.api

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]


def load_messages() -> Any:
    """What `make messages` runs, as a module: a package `locale` would stand before the standard library's."""
    spec = importlib.util.spec_from_file_location("messages", Path(settings.BASE_DIR) / "locale" / "messages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


messages = load_messages()


# The catalogues


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_no_guess_is_left(language: str) -> None:
    catalogue = messages.read(language)
    left = [one.id for one in catalogue if one.id and not all(messages.filled(one.string))]
    guessed = [one.id for one in catalogue if one.id and one.fuzzy]
    assert not left and not guessed, "translate these in locale/, then run make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_exactly_what_the_sources_mark(language: str) -> None:
    known = {(one.context, str(one.id)) for one in messages.read(language) if one.id}
    marked = {(one.context, str(one.id)) for one in messages.collected() if one.id}
    assert not marked - known, "run make messages"
    assert not known - marked, "run make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_has_the_same_places_in_every_language(language: str) -> None:
    faults = [(one.id, [str(error) for error in one.check()]) for one in messages.read(language) if one.id]
    assert [fault for fault in faults if fault[1]] == []
    for one in messages.read(language):
        sources, translated = messages.filled(one.id), messages.filled(one.string)
        for text in translated if one.id else ():
            assert places(text) in [places(source) for source in sources], text


def places(text: str) -> list[str]:
    """What is filled in, and the markup: the same in every language, in any order."""
    return sorted(re.findall(r"%\(\w+\)[sdr]|%[sdr]|</?[a-z][^>]*>", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_django_reads_is_what_a_translator_edits(language: str) -> None:
    path = messages.place(language)
    assert path.with_suffix(".mo").read_bytes() == messages.compiled(messages.read(language)), "run make messages"


# Who reads what


@pytest.fixture
def admin(site: Site, client: Client) -> Client:
    """A client of somebody who may do everything."""
    boss = builders.person("boss", display_name="Berta", is_staff=True, is_superuser=True)
    client.force_login(boss)
    return client


def test_a_page_speaks_the_browsers_language_or_ones_own(admin: Client) -> None:
    german, english = admin.get("/", headers=GERMAN), admin.get("/", headers={"accept-language": "fr"})
    for page, language, said in ((german, "de", "Ihre Apps"), (english, "en", "Your apps")):
        assert f'<html lang="{language}"' in page.text and said in page.text
        assert page["Content-Language"] == language and "Accept-Language" in page["Vary"]

    User.objects.filter(username="boss").update(language="de")
    assert "Ihre Apps" in admin.get("/", headers={"accept-language": "en"}).text
    User.objects.filter(username="boss").update(language="en")
    assert "Your apps" in admin.get("/", headers=GERMAN).text


def test_who_has_not_signed_in_and_who_is_lost_are_told_in_their_language(admin: Client, client: Client) -> None:
    stranger = Client()
    assert "Anmelden" in stranger.get(reverse("login"), headers=GERMAN).text
    lost = admin.get("/nowhere/", headers=GERMAN)
    assert lost.status_code == 404 and "Eine solche Seite gibt es nicht" in lost.text


@pytest.mark.parametrize("path", ["/api", "/api/apps", "/api/schema", "/api/apps/Nothing/views/Nothing", "/healthz"])
def test_the_api_answers_the_same_whatever_language_is_asked_for(
    admin: Client, site: Site, api: Api, path: str
) -> None:
    site.lead(Rating="Hot")
    english = api.get(path)
    rest.forget()
    # In the same thread, as on a site: a German page before, and whatever it makes this process keep.
    for page in ("/", reverse("configure-rest"), reverse("configure-api-docs")):
        assert admin.get(page, headers=GERMAN)["Content-Language"] == "de"
    german = api.get(path, Accept_Language="de")
    assert (german.status_code, german.content) == (english.status_code, english.content)
    assert "Content-Language" not in german


def test_the_history_says_in_german_who_has_done_what_and_how_long_ago(admin: Client, site: Site) -> None:
    record = site.lead(dt.timedelta(minutes=2)).record
    site.do("UpdateLead", record, dt.timedelta(minutes=1), Rating="Hot")
    with configuring():
        site.app.operations.filter(name="UpdateLead").update(done="")
    page = admin.get(reverse("record", args=[site.app.name, record]), headers=GERMAN)
    assert page.context["history"][0]["words"] == "hat „Update lead“ gewählt"


@pytest.mark.parametrize(
    ("passed", "english", "german"),
    [
        (dt.timedelta(seconds=59), "just now", "gerade eben"),
        (dt.timedelta(minutes=1), "1 minute ago", "vor 1 Minute"),
        (dt.timedelta(minutes=59), "59 minutes ago", "vor 59 Minuten"),
        (dt.timedelta(hours=23), "23 hours ago", "vor 23 Stunden"),
        (dt.timedelta(days=2), "2 days ago", "vor 2 Tagen"),
        (dt.timedelta(days=29), "4 weeks ago", "vor 4 Wochen"),
        (dt.timedelta(days=60), "2 months ago", "vor 2 Monaten"),
        (dt.timedelta(days=365), "1 year ago", "vor 1 Jahr"),
    ],
)
def test_how_long_ago_is_said_as_each_language_says_it(passed: dt.timedelta, english: str, german: str) -> None:
    assert clock.ago(passed) == english
    with translation.override("de"):
        assert clock.ago(passed) == german


def test_a_refusal_and_a_broken_view_are_told_to_clients_in_english(admin: Client, site: Site, api: Api) -> None:
    refused = {"EmployeeCount": "many", "Company": ""}
    english = api.run("CaptureLead", refused, Accept_Language="de")
    assert "A number is expected here" in english.text
    view = View.objects.get(app=site.app, name="HotLeads")
    View.objects.filter(pk=view.pk).update(filter={"field": "Nothing", "operator": "is", "value": 1})
    rest.forget()
    page = admin.get(reverse("configure-rest"), headers=GERMAN).text
    assert "&#x27;Nothing&#x27; ist kein Feld dieser App" in page, "an admin is told in their language"
    with pytest.raises(Exception, match="'Nothing' is no field of this app"):
        builders.definitions.of(site.app.pk).view(view.pk)


def test_what_a_page_shows_of_the_api_is_what_the_api_says(admin: Client, site: Site) -> None:
    page = reverse("configure-rest-view", args=[View.objects.get(name="ViewAllRecords").pk])
    record = site.lead().record
    site.do("UpdateLead", record, dt.timedelta(seconds=-1), Rating="Hot")
    shown = [re.findall(r"<pre.*?</pre>", admin.get(page, headers=one).text, re.DOTALL) for one in (GERMAN, {})]
    assert shown[0] == shown[1] != []
    connector = [admin.get(reverse("configure-zapier-download"), headers=one).content for one in (GERMAN, {})]
    assert connector[0] == connector[1]


@pytest.mark.parametrize(
    ("typed", "kept"), [("1234,5", 1234.5), ("1.234,56", 1234.56), ("1.235", 1235), ("0,25", 0.25), ("0.5", 0.5)]
)
def test_a_number_is_read_as_a_german_writes_it(admin: Client, site: Site, typed: str, kept: float) -> None:
    url = reverse("operation", args=["LeadRegistration", "CaptureLead"])
    form = admin.get(url, headers=GERMAN).context
    sent = {"Company": "Acme", "LastName": "Smith", "TotalValue": typed, "transaction": form["transaction"]}
    assert admin.post(url, sent, headers=GERMAN).status_code == 302
    assert Record.objects.latest("pk").values["TotalValue"] == kept


def test_numbers_and_dates_are_written_as_their_reader_writes_them(admin: Client, site: Site) -> None:
    record = site.lead(TotalValue="1234.5", FirstContact="2020-09-06").record
    url = reverse("record", args=["LeadRegistration", record])
    assert 'value="1234,5"' in admin.get(url, headers=GERMAN).text
    assert 'value="1234.5"' in admin.get(url).text
    view = reverse("view", args=["LeadRegistration", "ViewAllRecords"])
    german, english = admin.get(view, headers=GERMAN).text, admin.get(view).text
    assert "1.234,5" in german and "6. Sep 2020" in german
    assert "1,234.5" in english and "6 Sep 2020" in english
    exported = [b"".join(admin.get(f"{view}export.csv", headers=one)) for one in (GERMAN, {})]
    assert exported[0] == exported[1] and b"1234.5" in exported[0], "a file is for programs"


# Every page


class Words(html.parser.HTMLParser):
    """What a page says in its own language, and where it leads."""

    # Not the page's words: what is copied, what is written, and what says itself that it is in another language.
    SILENT = {"code", "pre", "script", "style", "textarea"}
    VOID = {"br", "hr", "img", "input", "link", "meta", "wbr", "rect", "path", "line", "circle"}

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.open: list[tuple[str, bool]] = []

    @property
    def silent(self) -> bool:
        """Whether what comes is not counted."""
        return any(silent for _tag, silent in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "download" not in given:
            self.links.append(given.get("href", ""))
        if not self.silent:
            told = [given[name] for name in ("aria-label", "title", "placeholder", "alt") if name in given]
            if tag == "input" and given.get("type") in {"submit", "button"}:
                told.append(given.get("value", ""))
            self.texts += told
        if tag not in self.VOID:
            self.open.append((tag, tag in self.SILENT or given.get("lang") == "en"))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.texts.append(re.sub(r"\s+", " ", data.strip()))


def read(page: Any) -> Words:
    words = Words()
    words.feed(page.text)
    return words


def crawled(client: Client, starts: list[str], **options: Any) -> Iterator[tuple[str, Any]]:
    """Each page that links lead to, with its address: at most two of one kind."""
    waiting, seen, kinds = list(starts), set(starts), {}
    while waiting:
        url = waiting.pop(0)
        page = client.get(url, **options)
        if page.status_code in {301, 302}:
            target = urljoin(url, page["Location"])
            waiting += [target] if target not in seen else []
            seen.add(target)
            continue
        yield url, page
        if not page.get("Content-Type", "").startswith("text/html"):
            continue
        for link in read(page).links:
            target = urljoin(url, link.partition("#")[0])
            path = urlsplit(target).path
            elsewhere = path.startswith(("/api", "/static", "/files", "/logout")) or "/export" in path
            if urlsplit(target).netloc or elsewhere or target in seen:
                continue
            try:
                kind = (resolve(path).view_name, "?" in target)
            except Resolver404:
                kind = (path, False)
            if kinds.get(kind, 0) < 2:
                kinds[kind] = kinds.get(kind, 0) + 1
                seen.add(target)
                waiting.append(target)


def english_only() -> set[str]:
    """Pieces of texts, of more than twelve letters, that German says otherwise."""
    found = set()
    for one in messages.read("de"):
        for source, translated in zip(messages.filled(one.id), messages.filled(one.string), strict=False):
            for piece in re.split(r"%\(\w+\)[sdr]|%[sdr]|<[^>]*>|\n", source):
                piece = piece.strip()
                if len(piece) > 12 and " " in piece and piece not in translated:
                    found.add(piece)
    return found


def named_by_admins() -> str:
    """What the demo's admin happens to say as the platform does, "E-mail address" say."""
    return builders.LEADS.read_text("utf-8")


def test_no_page_says_in_english_what_it_can_say_in_german(admin: Client, site: Site, api: Api) -> None:
    for ago in range(3):
        record = site.lead(dt.timedelta(hours=ago + 1), Company=f"Firma {ago}", TotalValue="1234.5").record
        site.do("UpdateLead", record, dt.timedelta(minutes=ago), Rating="Hot")
    RestAccess.objects.update_or_create(feed_of=site.app, defaults={"enabled": True})
    assert api.zapier().status_code == 200
    api.poll("Nothing")
    named = named_by_admins()
    pieces = [piece for piece in english_only() if piece not in named]
    wrong, visited = [], []
    for url, page in crawled(admin, ["/", reverse("admin:index")], headers=GERMAN):
        visited.append(url)
        assert page.status_code == 200, (url, page.status_code)
        if not page.get("Content-Type", "").startswith("text/html"):
            continue
        assert page["Content-Language"] == "de" and '<html lang="de"' in page.text, url
        said = "\n".join(read(page).texts)
        wrong += [(url, piece) for piece in pieces if piece in said]
    assert wrong == []
    assert len(visited) > 40, "the crawl has lost its way"
