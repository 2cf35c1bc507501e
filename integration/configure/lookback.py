"""The lookback period, and what widening it does: the window's start never moves back (contract, The poll, 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy, ngettext

from flowfinity.definitions import ViewDefinition
from flowfinity.models import Record
from flowfinity.submissions import milliseconds
from integration import zapier_mode
from integration.models import RestAccess, Surface

FORWARD = gettext_lazy(
    "Widening takes effect forward: the window starts where it started and grows. "
    "Records that were never shown do not fire."
)


@dataclass(frozen=True)
class Lookback:
    """How many days a window reaches back, but never behind its floor (ms since 1970)."""

    days: int
    floor_ms: int = 0

    def start(self, now: dt.datetime) -> dt.datetime:
        """The window's first moment."""
        return zapier_mode.window_start(now, self.days, self.floor_ms)


def ruling(surface: Surface, access: RestAccess | None) -> Lookback:
    """The lookback that rules a view: its own, else the site's."""
    own, floor = (access.lookback_days, access.floor_ms) if access else (None, None)
    return Lookback(*zapier_mode.ruling_lookback(own, floor, surface.lookback_days, surface.floor_ms))


def widened(now: dt.datetime, before: Lookback, after: Lookback) -> int:
    """The floor, in ms since 1970, without which the window would start earlier than before; 0 when it needs none."""
    stood = before.start(now)
    return milliseconds(stood) if after.start(now) < stood else 0


def older(views: Iterable[tuple[ViewDefinition, Lookback, Lookback]], now: dt.datetime) -> int:
    """How many records only a floor keeps out: each view comes with its lookback as it is, and without that floor."""
    hidden = Q()
    for view, held, free in views:
        first, start = free.start(now), held.start(now)
        if first < start:
            where = view.query.with_arguments({}, now).q(Record.PATHS)
            hidden |= where & Q(modified_on__gte=first, modified_on__lt=start)
    return Record.objects.filter(hidden, deleted=False).count() if hidden else 0


def window(now: dt.datetime, lookback: Lookback) -> dict[str, Any] | None:
    """Where a window starts that has been widened and is still growing; None for one of full width."""
    start = lookback.start(now)
    return {"start": start, "days": lookback.days} if Lookback(lookback.days).start(now) < start else None


def offer(form: Any, count: int) -> None:
    """Lets a form ask for the records that only the window's floor hides, or not when there are none."""
    if count:
        label = ngettext(
            "Also show the %(count)s older one: it fires as new in every Zap",
            "Also show the %(count)s older ones: they fire as new in every Zap",
            count,
        )
        form.fields["older"].label = label % {"count": number_format(count, force_grouping=True)}
    else:
        del form.fields["older"]
    for field in form.fields.values():
        if isinstance(field, forms.IntegerField):
            field.widget.attrs |= {"min": 1, "max": 365, "inputmode": "numeric"}
