"""What is open to other systems: the site's switches, and the views, operations and feeds that are enabled."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from flowfinity.models import App, Operation, View

DAYS = [MinValueValidator(1), MaxValueValidator(365)]
DAY_MS = 86_400_000


class Surface(models.Model):
    """One row: the site's switches, off by default as a security measure (the article, step 1), and the lookback."""

    query_enabled = models.BooleanField("Query()", default=False, help_text="Outsiders may read enabled views.")
    execute_enabled = models.BooleanField("Execute()", default=False, help_text="Outsiders may run enabled operations.")
    lookback_days = models.PositiveIntegerField("lookback period in days", default=7, validators=DAYS)
    # Where Zapier's window started when the lookback was last widened, in ms: it never moves back (contract, poll, 3).
    floor_ms = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = "surface"

    def __str__(self) -> str:
        return "REST surface"


class RestAccess(models.Model):
    """A view, an operation, or an app's submissions feed, opened to REST."""

    FORMATS: ClassVar = [
        ("flowfinity", "Flowfinity: as the article's product sends values"),
        ("typed", "Typed: JSON numbers, true and false, times with an offset"),
    ]

    view = models.OneToOneField(View, models.CASCADE, null=True, blank=True, related_name="rest")
    operation = models.OneToOneField(Operation, models.CASCADE, null=True, blank=True, related_name="rest")
    feed_of = models.OneToOneField(App, models.CASCADE, null=True, blank=True, related_name="rest_feed")
    enabled = models.BooleanField(default=True)
    format = models.CharField(max_length=20, choices=FORMATS, default="flowfinity")
    lookback_days = models.PositiveIntegerField(
        "lookback period in days", null=True, blank=True, validators=DAYS, help_text="Empty: the site's."
    )
    floor_ms = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "REST access"
        verbose_name_plural = "REST access"
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

    account = models.CharField(max_length=150)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40)
    reason = models.CharField(max_length=250)
    times = models.PositiveIntegerField(default=1)
    first_on = models.DateTimeField()
    last_on = models.DateTimeField()

    class Meta:
        ordering = ["-last_on"]
        indexes = [models.Index("last_on", name="refusal_last_on")]
        constraints = [
            models.UniqueConstraint("account", "method", "path", "status", "code", "reason", name="refusal_once")
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.method} {self.path}"
