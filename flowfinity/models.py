"""What is kept: accounts and roles, the definitions of apps, and what was submitted.

Records and Submissions are written by `submissions.submit` alone. Definitions are changed inside `configuring()`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import orjson
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Lower
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from flowfinity import names
from flowfinity.folding import Folded, TextOf


class JSONField(models.JSONField):
    """JSON read by orjson: a third of the standard library's time, on the poll's hot path."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The decoded JSON."""
        if isinstance(value, str) and not isinstance(expression, KeyTransform):
            return orjson.loads(value)
        return super().from_db_value(value, expression, connection)


for kind in (TextOf, Folded):
    JSONField.register_lookup(kind)
models.CharField.register_lookup(Folded)


class Configuration(models.Model):
    """One row: a number that grows with every change of configuration and of a display name."""

    version = models.BigIntegerField(default=1)

    class Meta:
        verbose_name_plural = "configuration"

    def __str__(self) -> str:
        return f"version {self.version}"

    @classmethod
    def current(cls) -> int:
        """The version that definitions are read under: read it before them."""
        version: int = cls.objects.values_list("version", flat=True).get(pk=1)
        return version


@contextmanager
def configuring() -> Iterator[None]:
    """A transaction that changes the configuration, one at a time, and bumps its version.

    Everything that changes an app's definition, a role, a switch or a display name happens inside: what is cached
    elsewhere is proven by that version.
    """
    with transaction.atomic():
        Configuration.objects.filter(pk=1).update(version=F("version") + 1)
        yield


class PeopleManager(UserManager["User"]):
    """Makes accounts; a display name that is not given is the user name."""

    def _create_user(self, username: str, email: str | None, password: str | None, **extra: Any) -> User:
        extra["display_name"] = extra.get("display_name") or username
        return super()._create_user(username, email, password, **extra)  # type: ignore[misc, no-any-return]


class User(AbstractUser):
    """An account: of a person, who logs in to pages, or of an integration, which calls the API. Never both."""

    REGULAR = "regular"
    INTEGRATION = "integration"

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(_("display name"), max_length=150, help_text=_("What records and history show."))
    account_type = models.CharField(
        _("account type"),
        max_length=20,
        choices=[
            (REGULAR, _("Regular: a person, who logs in to pages")),
            (INTEGRATION, _("Integration: calls the API")),
        ],
        default=REGULAR,
        help_text=_("An integration account can never log in to a page, and a regular one never to the API."),
    )
    roles: models.ManyToManyField[Role, Any] = models.ManyToManyField(
        "Role",
        verbose_name=_("roles"),
        blank=True,
        related_name="members",
        help_text=_("What this account may see and do. None at first."),
    )
    # Of pages alone; what clients of the API see knows neither.
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, help_text=_("Empty: the site's."))
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Empty: the browser's."))

    objects: ClassVar[PeopleManager] = PeopleManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["username"]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_person(self) -> bool:
        """True for an account that may log in to pages."""
        return self.account_type == self.REGULAR

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = [word for word in str(self).split() if word[:1].isalnum()]
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"

    def get_full_name(self) -> str:
        """The display name."""
        return str(self)

    def get_short_name(self) -> str:
        """The display name."""
        return str(self)


def name_field() -> models.CharField[str, str]:
    """A name of the contract: proposed from the label, then fixed."""
    return models.CharField(
        max_length=names.LENGTH,
        validators=[RegexValidator(rf"^{names.PATTERN.pattern}\Z", lazy(names.fault, str)(""))],
        help_text=_("In URLs and JSON. Proposed from the label, fixed once saved."),
    )


class App(models.Model):
    """What a company defines without code: fields, operations, views."""

    name = name_field()
    label = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    # Fields by name that are gone, as they last were: records and their history still hold values of theirs, so that
    # one of the same name and of another type would not know how to read them.
    former = JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")
        ordering = ["label"]
        constraints = [models.UniqueConstraint(Lower("name"), name="app_name")]

    def __str__(self) -> str:
        return self.label


class Field(models.Model):
    """A field of an app. Its type is one class in `fields.py`."""

    app = models.ForeignKey(App, models.CASCADE, related_name="fields")
    name = name_field()
    label = models.CharField(max_length=150)
    type = models.CharField(max_length=30)
    config = JSONField(default=dict, blank=True, help_text=_("Settings of the type: choices, tones, currency."))
    required = models.BooleanField(default=False)
    section = models.CharField(max_length=150, blank=True, help_text=_("The heading it stands under in forms."))
    help = models.CharField(max_length=300, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint("app", Lower("name"), name="field_name")]

    def __str__(self) -> str:
        return self.label


class Operation(models.Model):
    """What people and programs submit: creates, updates or deletes a record, and sets the fields it names."""

    KINDS = [("create", _("Create")), ("update", _("Update")), ("delete", _("Delete"))]

    app = models.ForeignKey(App, models.CASCADE, related_name="operations")
    name = name_field()
    label = models.CharField(max_length=150)
    kind = models.CharField(max_length=10, choices=KINDS)
    done = models.CharField(max_length=150, blank=True, help_text=_("For the history: “updated this lead”."))
    fields = JSONField(default=list, blank=True, help_text=_("Names of the fields it may set, in the form's order."))
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint("app", Lower("name"), name="operation_name")]

    def __str__(self) -> str:
        return f"{self.app.label}: {self.label}"


class View(models.Model):
    """Which records of an app, which columns, in which order. `definitions` reads it as a value."""

    app = models.ForeignKey(App, models.CASCADE, related_name="views")
    name = name_field()
    label = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    columns = JSONField(default=list, help_text=_("Names of fields, in the layout's order."))
    filter = JSONField(null=True, blank=True, help_text=_("Which records; empty for all. See docs/poll.md."))
    sort = JSONField(default=list, blank=True)
    parameters = JSONField(default=list, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint("app", Lower("name"), name="view_name")]

    def __str__(self) -> str:
        return f"{self.app.label}: {self.label}"


class Role(models.Model):
    """What its members may see and do: views, operations, and the submissions feeds of apps."""

    name = models.CharField(_("name"), max_length=150, unique=True)
    views = models.ManyToManyField(View, verbose_name=_("views"), blank=True, related_name="roles")
    operations = models.ManyToManyField(Operation, verbose_name=_("operations"), blank=True, related_name="roles")
    feeds = models.ManyToManyField(
        App,
        verbose_name=_("feeds"),
        blank=True,
        related_name="roles",
        help_text=_("Apps whose every submission it reads."),
    )

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Journal(models.Model):
    """An app's last submission: the lock that makes its numbers commit in ascending order, and a tag's freshness."""

    app = models.OneToOneField(App, models.CASCADE, primary_key=True, related_name="journal")
    last_submission_id = models.BigIntegerField(default=0)
    # Milliseconds, so that one SQL text reads it alike on both databases.
    last_submitted_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.app_id} at {self.last_submission_id}"

    @property
    def last_submitted_on(self) -> dt.datetime:
        """When, in UTC."""
        return dt.datetime.fromtimestamp(self.last_submitted_ms / 1000, dt.UTC)


class Record(models.Model):
    """The latest state of what was submitted. Written by `submit` alone."""

    PATHS: ClassVar[Mapping[str, str]] = {
        "RecordID": "pk",
        "CreatedBy": "created_by__display_name",
        "CreatedOn": "created_on",
        "LastModifiedBy": "modified_by__display_name",
        "LastModifiedOn": "modified_on",
        "lastSubmissionID": "last_submission_id",
    }

    app = models.ForeignKey(App, models.PROTECT, verbose_name=_("app"), related_name="records", db_index=False)
    values = JSONField(default=dict)
    deleted = models.BooleanField(_("deleted"), default=False)
    created_on = models.DateTimeField(_("created on"))
    created_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("created by"), related_name="+", db_index=False)
    modified_on = models.DateTimeField(_("modified on"))
    modified_by = models.ForeignKey(
        User, models.PROTECT, verbose_name=_("modified by"), related_name="+", db_index=False
    )
    first_submission_id = models.BigIntegerField(_("first submission id"))
    last_submission_id = models.BigIntegerField(_("last submission id"))
    last_operation = models.CharField(_("last operation"), max_length=names.LENGTH)

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        indexes = [
            # The Zapier window: time, then id, both descending, so that no engine sorts (contract, The poll, 3).
            models.Index("app", F("modified_on").desc(), F("last_submission_id").desc(), name="record_window"),
            # The sync view: lastSubmissionID after the last one seen (contract, The poll, 5).
            models.Index("app", "last_submission_id", name="record_sync"),
        ]

    def __str__(self) -> str:
        return f"{self.pk:09d}"


class Submission(models.Model):
    """One event: who submitted what, when, and how the record was afterwards. Frozen."""

    CREATED, UPDATED, DELETED, RESTORED, RESENT = "created", "updated", "deleted", "restored", "resent"
    PATHS: ClassVar[Mapping[str, str]] = {
        "RecordID": "record_id",
        "CreatedBy": "record__created_by__display_name",
        "CreatedOn": "record__created_on",
        "LastModifiedBy": "by__display_name",
        "LastModifiedOn": "on",
        "lastSubmissionID": "pk",
    }

    id = models.BigIntegerField(primary_key=True)
    app = models.ForeignKey(App, models.PROTECT, verbose_name=_("app"), related_name="submissions", db_index=False)
    record = models.ForeignKey(Record, models.PROTECT, verbose_name=_("record"), related_name="submissions")
    KINDS: ClassVar = [
        (CREATED, _("created")), (UPDATED, _("updated")), (DELETED, _("deleted")), (RESTORED, _("restored")),
        (RESENT, _("resent")),
    ]  # fmt: skip
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS)
    # The operation's name; empty for restored and resent, which have none.
    operation = models.CharField(_("operation"), max_length=names.LENGTH, blank=True)
    # The record's last real operation by then: what a frozen item shows as LastOperation.
    last_operation = models.CharField(max_length=names.LENGTH)
    values = JSONField(default=dict)
    changed = JSONField(default=list)
    deleted = models.BooleanField(default=False)
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), related_name="+", db_index=False)
    on = models.DateTimeField(_("on"))

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        # The feed: an app's submissions after a place.
        indexes = [models.Index("app", "id", name="submission_feed")]

    def __str__(self) -> str:
        return f"{self.pk} {self.get_kind_display()}"


class Transaction(models.Model):
    """A call that succeeded under its account's own id: what makes it safe to send again."""

    account = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    external_id = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    results = JSONField()
    on = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("account", "external_id", name="transaction_once")]

    def __str__(self) -> str:
        return self.external_id


class Draft(models.Model):
    """An app's next definition, as a blueprint that is not published yet: at most one an app."""

    app = models.OneToOneField(App, models.CASCADE, related_name="draft")
    document = JSONField(default=dict)
    # The published definition that the draft was begun from: what has changed since is said before publishing.
    origin = JSONField(default=dict)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    on = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft of {self.app}"


class Job(models.Model):
    """Many submissions to one app, made in the background: an import, or a catch-up. Its rows are the work."""

    IMPORT, CATCH_UP = "import", "catch_up"
    KINDS: ClassVar = [(IMPORT, _("Import")), (CATCH_UP, _("Catch-up"))]
    # Prepared: uploaded, and not started yet.
    PREPARED, RUNNING, PAUSED, DONE, STOPPED = "prepared", "running", "paused", "done", "stopped"
    STATES: ClassVar = [
        (PREPARED, _("Prepared")), (RUNNING, _("Running")), (PAUSED, _("Paused")), (DONE, _("Done")),
        (STOPPED, _("Stopped")),
    ]  # fmt: skip

    app = models.ForeignKey(App, models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=KINDS)
    title = models.CharField(max_length=250)
    # The operation's name; empty for a catch-up, whose rows are `resent`.
    operation = models.CharField(max_length=names.LENGTH, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=10, choices=STATES, default=RUNNING)
    # At most so many rows in any 15 minutes; 0 for as fast as it goes.
    pace = models.PositiveIntegerField(default=0)
    # What the rows were read from: the file's name, its columns and what they were mapped to.
    source = JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    created_on = models.DateTimeField()
    finished_on = models.DateTimeField(null=True, blank=True)
    # Nothing is done before: how a paced job waits.
    next_on = models.DateTimeField()
    # Whose turn it is: until then, no other worker takes it up.
    lease_until = models.DateTimeField(null=True, blank=True)
    # Why it was paused or stopped by itself.
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        indexes = [models.Index("state", "next_on", name="job_due")]

    def __str__(self) -> str:
        return self.heading

    @property
    def heading(self) -> str:
        """What it is called: an import by its file, a catch-up in the reader's language."""
        if self.kind != self.CATCH_UP:
            return self.title
        words = ngettext(
            "Catch-up of %(count)d record of %(app)s", "Catch-up of %(count)d records of %(app)s", self.total
        )
        return words % {"count": self.total, "app": self.app.label}


class JobRow(models.Model):
    """One submission that a job is to make. Its transaction's id is its own, so that no row is ever done twice."""

    WAITING, DONE, UNCHANGED, FAILED = "waiting", "done", "unchanged", "failed"
    STATES: ClassVar = [
        (WAITING, _("Waiting")), (DONE, _("Done")), (UNCHANGED, _("Unchanged")), (FAILED, _("Failed")),
    ]  # fmt: skip

    job = models.ForeignKey(Job, models.CASCADE, related_name="rows", db_index=False)
    # As in the file, its heading being 1.
    number = models.PositiveIntegerField()
    values = JSONField(default=dict)
    record = models.BigIntegerField(null=True, blank=True)
    submission = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=STATES, default=WAITING)
    # [[field, sentence], …] of a row that failed.
    faults = JSONField(default=list)
    done_on = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("job", "number", name="job_row_once")]
        indexes = [
            models.Index("job", "state", "number", name="job_row_due"),
            models.Index("job", "done_on", name="job_row_pace"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}.{self.number}"
