"""Looks after the clients once a minute: what is wrong with one opens an incident, and admins are told by mail.

An incident is opened once, told once, closed when it is over, and that is told, too. Any number of processes may call
`check`: one of them a minute does the work, and a mail is claimed before it is sent. A mail that cannot be sent stays
to be told, and is tried again.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from smtplib import SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from flowfinity.models import User
from integration import incidents, sync_health
from integration.incidents import Alarm
from integration.models import Incident, Poll, Watch
from integration.sync_health import Health

log = logging.getLogger(__name__)
# One process a minute looks after the clients, whoever calls first.
PAUSE = dt.timedelta(seconds=55)
# Nobody has watched for so long: the site itself was away, and silence counts from now on.
AWAY = dt.timedelta(minutes=10)
LEASE = dt.timedelta(minutes=5)
# What could not be told for so long is old news.
TELLABLE = dt.timedelta(days=7)


def check(now: dt.datetime) -> None:
    """Opens, closes and tells what is due; nothing when somebody has within the last minute."""
    if takes_turn(now):
        look(now)
        tell(now)


def due(now: dt.datetime) -> list[int]:
    """Something to do, unless somebody has looked within the last minute: for a worker that asks all the time."""
    return [] if Watch.objects.filter(on__gt=now - PAUSE, on__lte=now + AWAY).exists() else [1]


def takes_turn(now: dt.datetime) -> bool:
    """Whether it is this process's turn; keeps since when somebody has watched without a pause."""
    Watch.objects.get_or_create(pk=1, defaults={"on": now - AWAY * 2, "since": now})
    turn = Watch.objects.filter(pk=1).filter(Q(on__lte=now - PAUSE) | Q(on__gt=now + AWAY))
    before = Watch.objects.get(pk=1)
    since = before.since if before.on - AWAY < now < before.on + AWAY else now
    return bool(turn.filter(on=before.on).update(on=now, since=since))


def look(now: dt.datetime) -> None:
    """Opens an incident for each thing that is newly wrong, and closes those that are over."""
    world = sync_health.world(now)
    open_rows = {(row.poll_id, row.kind): row for row in Incident.objects.filter(closed_on=None)}
    for one in sync_health.healths(Poll.objects.all(), world):
        found = {alarm.kind: alarm for alarm in one.alarms}
        for kind, alarm in found.items():
            if (one.poll.pk, kind) not in open_rows:
                open_incident(one.poll, alarm, now)
        for (poll, kind), row in open_rows.items():
            if poll == one.poll.pk and kind not in found and is_over(one, row):
                Incident.objects.filter(pk=row.pk, closed_on=None).update(closed_on=now)


def is_over(one: Health, row: Incident) -> bool:
    """Whether what is no longer found is over: a silence ends with a poll, not with a restart of the site."""
    return row.kind != "silent" or one.poll.last_on > row.opened_on


def open_incident(poll: Poll, alarm: Alarm, now: dt.datetime) -> None:
    """Opens it, unless another process just has, or the client is gone."""
    try:
        with transaction.atomic():
            Incident.objects.create(poll=poll, kind=alarm.kind, figures=alarm.figures, opened_on=now)
    except IntegrityError:
        log.info("an incident was open already, or its client is gone")


def admins() -> dict[str, list[str]]:
    """The addresses of those who may configure the site, by their language."""
    people = User.objects.filter(Q(is_staff=True) | Q(is_superuser=True), is_active=True).exclude(email="")
    found: dict[str, list[str]] = {}
    for email, language in people.order_by("pk").values_list("email", "language"):
        found.setdefault(language or settings.LANGUAGE_CODE, []).append(email)
    return found


def untold(now: dt.datetime) -> Iterable[Incident]:
    """What has not been told: that an incident began, or that one is over whose beginning was told."""
    begun = Q(told_on=None, opened_on__gt=now - TELLABLE)
    over = Q(closing_told_on=None, closed_on__isnull=False, told_on__isnull=False)
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    rows = Incident.objects.filter(begun | over).filter(free).order_by("opened_on", "pk")
    return rows.select_related("poll__account", "poll__view__app", "poll__view__rest")


def tell(now: dt.datetime) -> None:
    """Mails what has not been told, one mail each and language. What cannot be sent is left for the next time."""
    if not settings.SENDS_MAIL or not (waiting := list(untold(now))) or not (to := admins()):
        return
    try:
        with get_connection() as connection:
            for row in waiting:
                send(row, to, connection, now)
    except (OSError, SMTPServerDisconnected) as error:
        log.warning("alarms wait to be mailed: %s", type(error).__name__)


def send(row: Incident, to: Mapping[str, list[str]], connection: Any, now: dt.datetime) -> None:
    """Claims what is to be told and mails it. Raises OSError or SMTPServerDisconnected when no mail gets away."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    claim = Incident.objects.filter(free, pk=row.pk, told_on=row.told_on, closing_told_on=row.closing_told_on)
    if not claim.update(lease_until=now + LEASE):
        return
    begins = row.told_on is None
    told: Mapping[str, Any] = {}
    try:
        for language, addresses in to.items():
            with translation.override(language):
                subject, body = begun(row) if begins else ended(row, now)
            EmailMessage(subject, body, to=addresses, connection=connection).send()
        told = {"told_on": now} if begins else {"closing_told_on": now}
    except SMTPResponseException as error:
        log.warning("an alarm was not taken by the mail server: %s", error.smtp_code)
    except SMTPRecipientsRefused:
        log.warning("an alarm was not taken by the mail server for any admin")
    finally:
        Incident.objects.filter(pk=row.pk).update(lease_until=None, **told)


def begun(row: Incident) -> tuple[str, str]:
    """The mail that says that an incident began: its subject and its text."""
    label = str(incidents.ALARMS[row.kind])
    lines = [incidents.sentence_of(row), *facts(row), _("It began on %s.") % in_zone(row.opened_on)]
    return subject_of(label, row), "\n".join([*lines, "", *advice(row.kind), *where(row)])


def ended(row: Incident, now: dt.datetime) -> tuple[str, str]:
    """The mail that says that an incident is over."""
    label = _("Over: %s") % incidents.ALARMS[row.kind]
    assert row.closed_on is not None
    sentence = incidents.sentence_of(row)
    lines = [_("This is over: %s") % sentence, *facts(row), _("It ended on %s.") % in_zone(row.closed_on)]
    if row.kind == "silent":
        lines += ["", *after_silence(row.poll, now)]
    return subject_of(label, row), "\n".join([*lines, "", *where(row)])


def subject_of(label: str, row: Incident) -> str:
    """A subject that says it on a phone."""
    poll = row.poll
    who = f"{poll.account.username} ({poll.client})" if poll.client else poll.account.username
    return " ".join(f"[{settings.SITE_NAME}] {label}: {who}, {poll.view.label}".split())


def facts(row: Incident) -> list[str]:
    """Whom it is about."""
    poll = row.poll
    lines = [
        "",
        _("Account: %s") % poll.account.username,
        _("View: %(view)s of %(app)s") % {"view": poll.view.label, "app": poll.view.app.label},
    ]
    if poll.client:
        lines.append(_("Client: %s") % poll.client)
    return [*lines, _("Last poll: %s") % in_zone(poll.last_on)]


def advice(kind: str) -> list[str]:
    """What to do."""
    return [str(incidents.ADVICE[kind]), ""]


def after_silence(poll: Poll, now: dt.datetime) -> list[str]:
    """What a recovery must not hide: a Zap that was switched off has swallowed what it was shown on its return."""
    doubtful = Health(poll, sync_health.world(now)).doubtful
    if not doubtful:
        return []
    words = _(
        "Meanwhile there were %s submissions. Was the network away, it has got them now. Was the Zap switched off, it"
        " will never act on them: Sync health lists them, and Catch-up sends them again."
    )
    return [words % doubtful]


def where(row: Incident) -> list[str]:
    """The page that shows more, where the site knows its own address."""
    try:
        path = reverse("configure-sync-health-client", args=[row.poll_id])
    except NoReverseMatch:
        return []
    return [f"{settings.PUBLIC_URL}{path}"] if settings.PUBLIC_URL else [_("More: Configure > Sync health.")]


def in_zone(moment: dt.datetime) -> str:
    """A time as the site's people write it."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
