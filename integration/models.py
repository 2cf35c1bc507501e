"""What is open to other systems: the site's switches, and the views, operations and feeds that are enabled."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from flowfinity.models import App, JSONField, Operation, Submission, User, View

DAYS = [MinValueValidator(1), MaxValueValidator(365)]


class Surface(models.Model):
    """One row: the site's switches, off by default as a security measure (the article, step 1), and the lookback."""

    query_enabled = models.BooleanField("Query()", default=False, help_text=_("Outsiders may read enabled views."))
    execute_enabled = models.BooleanField(
        "Execute()", default=False, help_text=_("Outsiders may run enabled operations.")
    )
    lookback_days = models.PositiveIntegerField(_("lookback period in days"), default=7, validators=DAYS)
    # Where Zapier's window started when the lookback was last widened, in ms: it never moves back (contract, poll, 3).
    floor_ms = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = _("surface")

    def __str__(self) -> str:
        return "REST surface"


class RestAccess(models.Model):
    """A view, an operation, or an app's submissions feed, opened to REST."""

    FORMATS: ClassVar = [
        ("flowfinity", _("Flowfinity: as the article's product sends values")),
        ("typed", _("Typed: JSON numbers, true and false, times with an offset")),
    ]

    view = models.OneToOneField(View, models.CASCADE, null=True, blank=True, related_name="rest")
    operation = models.OneToOneField(Operation, models.CASCADE, null=True, blank=True, related_name="rest")
    feed_of = models.OneToOneField(App, models.CASCADE, null=True, blank=True, related_name="rest_feed")
    enabled = models.BooleanField(default=True)
    format = models.CharField(max_length=20, choices=FORMATS, default="flowfinity")
    lookback_days = models.PositiveIntegerField(
        _("lookback period in days"), null=True, blank=True, validators=DAYS, help_text=_("Empty: the site's.")
    )
    floor_ms = models.BigIntegerField(default=0, editable=False)
    outages = models.BooleanField(
        _("catch up after outages"),
        default=True,
        help_text=_("A client that was away for long is shown, for 24 hours, what it missed."),
    )

    class Meta:
        verbose_name = _("REST access")
        verbose_name_plural = _("REST access")
        constraints = [
            models.CheckConstraint(
                name="access_to_one",
                condition=models.Q(view__isnull=False, operation__isnull=True, feed_of__isnull=True)
                | models.Q(view__isnull=True, operation__isnull=False, feed_of__isnull=True)
                | models.Q(view__isnull=True, operation__isnull=True, feed_of__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.view or self.operation or self.feed_of)


class Refusal(models.Model):
    """Calls that were refused, and the true reason, for the admin alone: the client gets one 404 for all."""

    account = models.CharField(_("account"), max_length=150)
    method = models.CharField(_("method"), max_length=10)
    path = models.CharField(_("path"), max_length=300)
    status = models.PositiveSmallIntegerField(_("status"))
    code = models.CharField(_("code"), max_length=40)
    reason = models.CharField(_("reason"), max_length=250)
    times = models.PositiveIntegerField(_("times"), default=1)
    first_on = models.DateTimeField(_("first on"))
    last_on = models.DateTimeField(_("last on"))

    class Meta:
        verbose_name = _("refused call")
        verbose_name_plural = _("refused calls")
        ordering = ["-last_on"]
        indexes = [models.Index("last_on", name="refusal_last_on")]
        constraints = [
            models.UniqueConstraint("account", "method", "path", "status", "code", "reason", name="refusal_once")
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.method} {self.path}"


def new_secret() -> str:
    """A signing secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def new_key() -> str:
    """A subscription's id: nobody can guess another's."""
    return secrets.token_hex(12)


class Subscription(models.Model):
    """A place in an app's submissions, and the URL that what comes after it is sent to (contract, REST hooks)."""

    ACTIVE, PAUSED, REMOVED = "active", "paused", "removed"
    STATES: ClassVar = [(ACTIVE, _("Active")), (PAUSED, _("Paused")), (REMOVED, _("Removed"))]

    key = models.CharField(max_length=24, unique=True, default=new_key)
    account = models.ForeignKey(User, models.CASCADE, related_name="subscriptions")
    view = models.ForeignKey(View, models.CASCADE, related_name="subscriptions")
    target_url = models.URLField(max_length=2_000)
    format = models.CharField(max_length=20, choices=RestAccess.FORMATS, default="typed")
    secret = models.CharField(max_length=100, default=new_secret)
    # What URLs in an item start with where PUBLIC_URL is not set: the address that the subscriber knew.
    base_url = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    reason = models.CharField(max_length=250, blank=True, help_text=_("Why it is paused or removed."))
    # The reason in pieces, [[sentence, figures], …]: the API says it in English, a page in its reader's language.
    sentences = models.JSONField(default=list)
    # The last submission that was looked at: what comes after it in the feed is still to be looked at.
    place = models.BigIntegerField()
    created_on = models.DateTimeField()
    # Since when every attempt has failed; empty while they succeed.
    failing_since = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    # Nothing is sent before: where two have failed, all of the queue waits, so that a dead target costs one probe.
    next_on = models.DateTimeField()
    # An admin has removed it, and the target is still to be told.
    goodbye = models.BooleanField(default=False)
    # Whose turn it is: until then, no other worker takes it up.
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [models.Index("state", "next_on", name="subscription_due")]

    def __str__(self) -> str:
        return f"{self.view} → {self.target_url}"


class Delivery(models.Model):
    """One submission owed to one subscription: written with the move of its place, kept whatever becomes of it."""

    DUE, DELIVERED, FAILED = "due", "delivered", "failed"
    STATES: ClassVar = [(DUE, _("Due")), (DELIVERED, _("Delivered")), (FAILED, _("Failed"))]

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    submission = models.ForeignKey(Submission, models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=STATES, default=DUE)
    # Since it became due: what is sent again begins anew.
    attempts = models.PositiveIntegerField(default=0)
    created_on = models.DateTimeField()
    first_on = models.DateTimeField(null=True, blank=True)
    delivered_on = models.DateTimeField(null=True, blank=True)
    # When it is tried again after it has failed; empty: with the next of its subscription's turns.
    next_on = models.DateTimeField(null=True, blank=True)
    # It failed while another arrived: no sign that the target is away, so it waits by itself.
    alone = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [models.UniqueConstraint("subscription", "submission", name="delivery_once")]
        indexes = [models.Index("subscription", "state", "submission", name="delivery_due")]

    def __str__(self) -> str:
        return self.webhook_id

    @property
    def webhook_id(self) -> str:
        """The same at every attempt: what a receiver knows a repeat by."""
        return f"msg_{self.subscription_id}_{self.submission_id}"


class Attempt(models.Model):
    """One try at a delivery: what was sent, what came back, how long it took."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    on = models.DateTimeField()
    ms = models.PositiveIntegerField()
    # 0 where no answer came: `error` then says why.
    status = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=250, blank=True)
    request_headers = JSONField(default=dict)
    request_body = models.TextField(blank=True)
    answer_headers = JSONField(default=dict)
    answer_body = models.TextField(blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["on", "pk"]

    def __str__(self) -> str:
        return f"{self.status or self.error}"


class Poll(models.Model):
    """What one client has been shown of one view: a client is an account, and the text it names itself by.

    `newest` and `seen` are submission numbers: the greatest that the client was shown, and the one up to which it is
    up to date: the app's last one by then or, of a sync view that has more pages, the page's. A row is written when
    something new was shown, else at most once a minute.
    """

    account = models.ForeignKey(User, models.CASCADE, related_name="polls")
    view = models.ForeignKey(View, models.CASCADE, related_name="polls")
    client = models.CharField(max_length=64, blank=True)
    mode = models.CharField(max_length=10)
    first_on = models.DateTimeField()
    # In ms since 1970, so that the state query reads it alike on both databases; and so are the next three.
    last_ms = models.BigIntegerField()
    window_ms = models.BigIntegerField(default=0)
    # After an outage: where the window starts instead, and until when (contract, The poll, 3).
    outage_window_ms = models.BigIntegerField(default=0)
    outage_until_ms = models.BigIntegerField(default=0)
    newest = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    count = models.PositiveIntegerField(default=0)
    bytes = models.PositiveIntegerField(default=0)
    ms = models.PositiveIntegerField(default=0)
    cut = models.BooleanField(default=False)
    # The last 50 polls, newest last: [when in ms, count, bytes, ms, newest, seen].
    recent = JSONField(default=list)
    # What it may have missed, newest last: `poll_log.Gap`, each as a list.
    gaps = JSONField(default=list)

    class Meta:
        verbose_name = _("polling client")
        verbose_name_plural = _("polling clients")
        constraints = [models.UniqueConstraint("account", "view", "client", name="poll_client")]

    def __str__(self) -> str:
        return f"{self.account}{f' ({self.client})' if self.client else ''} → {self.view}"

    @property
    def last_on(self) -> dt.datetime:
        """When it last polled, in UTC."""
        return dt.datetime.fromtimestamp(self.last_ms / 1000, dt.UTC)


class PollHour(models.Model):
    """A client's polls of one hour."""

    poll = models.ForeignKey(Poll, models.CASCADE, related_name="hours")
    hour_ms = models.BigIntegerField()
    polls = models.PositiveIntegerField(default=0)
    shown = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("hour of polls")
        verbose_name_plural = _("hours of polls")
        constraints = [models.UniqueConstraint("poll", "hour_ms", name="poll_hour")]

    def __str__(self) -> str:
        return ngettext("%(count)d poll", "%(count)d polls", self.polls) % {"count": self.polls}


class Incident(models.Model):
    """Something about a client that an admin should know: opened once, told once, closed when it is over."""

    poll = models.ForeignKey(Poll, models.CASCADE, related_name="incidents")
    # One of `incidents.ALARMS`.
    kind = models.CharField(max_length=20)
    # What its sentence is made of (`incidents.SENTENCES`): each reader is told in a language of his own.
    figures = models.JSONField(default=dict)
    # Of one that was opened before figures were kept.
    sentence = models.CharField(max_length=500, blank=True)
    opened_on = models.DateTimeField()
    closed_on = models.DateTimeField(null=True, blank=True)
    # When admins were told by mail that it began, and that it is over.
    told_on = models.DateTimeField(null=True, blank=True)
    closing_told_on = models.DateTimeField(null=True, blank=True)
    # Somebody is telling it: until then, no other process does.
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        constraints = [
            models.UniqueConstraint(
                "poll", "kind", condition=models.Q(closed_on__isnull=True), name="incident_open_once"
            )
        ]
        indexes = [models.Index("closed_on", name="incident_closed_on")]

    def __str__(self) -> str:
        return f"{self.kind} since {self.opened_on}"


class Watch(models.Model):
    """One row: when clients were last looked after, and since when without a pause (`alarms.check`)."""

    on = models.DateTimeField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"since {self.since}"
