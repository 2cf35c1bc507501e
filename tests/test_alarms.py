"""Incidents about clients: opened once, mailed once, closed with a note; a mail that fails is not forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from flowfinity import clock
from integration import alarms
from integration.models import Incident
from tests import builders, rest
from tests.mailbox import Mailbox, receiving_mail

pytestmark = pytest.mark.django_db
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> rest.Site:
    site = rest.open_site()
    builders.person("ada", email="ada@example.com", is_staff=True, is_superuser=True)
    builders.person("gone", email="gone@example.com", is_staff=True, is_active=False)
    builders.person("priya", email="priya@example.com")
    monkeypatch.setattr(clock, "now", lambda: site.at)
    return site


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    refusing: list[str] = []
    with receiving_mail(lambda message: refusing[0] if refusing else "250 OK") as mailbox:
        mailbox.refusing = refusing  # type: ignore[attr-defined]
        with mail_to(mailbox.host, mailbox.port):
            yield mailbox


def mail_to(host: str, port: int) -> Any:
    return override_settings(
        SENDS_MAIL=True,
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST=host,
        EMAIL_PORT=port,
        EMAIL_USE_TLS=False,
        EMAIL_TIMEOUT=5,
        DEFAULT_FROM_EMAIL="flowfinity@example.com",
        PUBLIC_URL="https://records.example.com",
    )


def watch(site: rest.Site, minutes: int = 1, api: rest.Api | None = None) -> None:
    """So many minutes, with a look each; a client polls every two minutes if there is one."""
    for minute in range(minutes):
        site.at += MINUTE
        if api and minute % 2:
            api.zapier(query="client=crm")
        alarms.check(site.at)


def test_a_silence_is_one_incident_one_mail_and_one_note_when_it_is_over(site: rest.Site, mailbox: Mailbox) -> None:
    api = rest.Api()
    watch(site, 12, api)
    watch(site, 40)
    lead = site.lead()
    watch(site, 40)
    assert mailbox.subjects == ["[Flowfinity] No longer polls: restuser (crm), View all records"]
    (message,) = mailbox.messages
    assert (message["To"], message["From"]) == ("ada@example.com", "flowfinity@example.com")
    assert "it used to poll every 2 minutes" in mailbox.body()
    incident = Incident.objects.get()
    assert f"https://records.example.com/admin/integration/sync-health/{incident.poll_id}/" in mailbox.body()
    assert incident.told_on and not incident.closed_on
    watch(site, 12, api)
    assert mailbox.subjects[1:] == ["[Flowfinity] Over: No longer polls: restuser (crm), View all records"]
    assert "Meanwhile there were 1 submissions" in mailbox.body(), f"{lead} may have been swallowed"
    watch(site, 20, api)
    assert len(mailbox.messages) == 2 and Incident.objects.count() == 1


def test_each_admin_is_told_in_their_own_language(site: rest.Site, mailbox: Mailbox) -> None:
    builders.person("berta", email="berta@example.com", is_staff=True, language="de")
    watch(site, 12, rest.Api())
    watch(site, 40)
    told = dict(zip((message["To"] for message in mailbox.messages), mailbox.subjects, strict=True))
    assert told == {
        "ada@example.com": "[Flowfinity] No longer polls: restuser (crm), View all records",
        "berta@example.com": "[Flowfinity] Fragt nicht mehr ab: restuser (crm), View all records",
    }
    assert "alle 2 Minuten" in mailbox.body() and "it used to poll" not in mailbox.body()


def test_a_mail_that_fails_is_tried_again_until_it_arrives(site: rest.Site, mailbox: Mailbox) -> None:
    api = rest.Api()
    watch(site, 12, api)
    with mail_to("127.0.0.1", 1):
        watch(site, 20)
    assert Incident.objects.get().told_on is None
    mailbox.refusing.append("451 try later")  # type: ignore[attr-defined]
    watch(site, 3)
    assert Incident.objects.get().told_on is None
    watch(site, 4, api)
    assert Incident.objects.get().closed_on is not None
    mailbox.refusing.clear()  # type: ignore[attr-defined]
    watch(site, 6, api)
    assert [subject.split(":")[0] for subject in mailbox.subjects] == [
        "[Flowfinity] No longer polls",
        "[Flowfinity] Over",
    ], "what began and ended meanwhile is told in this order"


def test_without_mail_incidents_are_kept_all_the_same(site: rest.Site) -> None:
    assert not settings.SENDS_MAIL
    watch(site, 12, rest.Api())
    watch(site, 20)
    assert Incident.objects.get().kind == "silent"


def test_a_site_that_was_away_itself_accuses_nobody(site: rest.Site) -> None:
    api = rest.Api()
    watch(site, 12, api)
    site.at += 2 * DAY
    watch(site, 14)
    assert not Incident.objects.exists(), "nobody could poll"
    watch(site, 4)
    assert Incident.objects.get().kind == "silent"
    site.at += 2 * DAY
    watch(site, 2)
    assert Incident.objects.get().closed_on is None, "a restart is no poll"


def test_one_process_a_minute_looks_and_a_mail_that_is_claimed_is_sent_by_no_other(
    site: rest.Site, mailbox: Mailbox
) -> None:
    api = rest.Api()
    watch(site, 12, api)
    site.at += MINUTE
    assert alarms.takes_turn(site.at)
    assert not alarms.takes_turn(site.at)
    watch(site, 15)
    assert len(mailbox.messages) == 1
    Incident.objects.update(told_on=None, lease_until=site.at + MINUTE)
    alarms.tell(site.at)
    assert len(mailbox.messages) == 1
    alarms.tell(site.at + MINUTE)
    assert len(mailbox.messages) == 2, "who had claimed it is gone"


def test_each_thing_that_is_wrong_is_an_incident_of_its_own(site: rest.Site, mailbox: Mailbox) -> None:
    site.access(outages=False)
    api = rest.Api()
    watch(site, 12, api)
    site.lead()
    watch(site, 20)
    site.at += 6.5 * DAY
    watch(site)
    site.at += DAY
    watch(site)
    assert [(row.kind, row.closed_on is None) for row in Incident.objects.order_by("pk")] == [
        ("silent", True),
        ("leaving", False),
        ("left", True),
    ]
    subjects = [subject.split("] ")[1].split(": restuser")[0] for subject in mailbox.subjects]
    assert subjects == [
        "No longer polls",
        "Submissions are about to be lost",
        "Over: Submissions are about to be lost",
        "Submissions are lost to it",
    ]


def test_an_incident_is_read_in_the_readers_language_and_the_api_says_it_in_english(
    site: rest.Site, client: Client
) -> None:
    client.force_login(builders.person("berta", is_staff=True, language="de"))
    api = rest.Api()
    watch(site, 12, api)
    watch(site, 20)
    row = Incident.objects.get()
    pages = "/admin/integration/sync-health/", f"/admin/integration/sync-health/{row.poll_id}/"
    said = "bisher kam eine alle 2 Minuten"
    for page in pages:
        _, _, incidents = client.get(page).content.decode().partition('id="incidents"')
        assert said in incidents and "it used to poll" not in incidents and 'lang="en"' not in incidents
    told = api.get("/api/clients", Accept_Language="de").json()[0]["Alarms"]
    assert "it used to poll every 2 minutes" in told[0]["Sentence"]
    Incident.objects.update(figures={}, sentence="Kept before there were figures.")
    for page in pages:
        _, _, incidents = client.get(page).content.decode().partition('id="incidents"')
        assert '<span lang="en">Kept before there were figures.</span>' in incidents
