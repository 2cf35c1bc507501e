"""What can be wrong with a client, and how it is said: kinds, their figures, a sentence of these, and what to do.

An incident keeps the kind and the figures, so that each reader is told in a language of his own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from flowfinity.submissions import moment
from integration import poll_log
from integration.models import Incident

# What can be wrong with a client, the worst first: what it is called.
ALARMS: Mapping[str, Promise] = {
    "silent": gettext_lazy("No longer polls"),
    "left": gettext_lazy("Submissions are lost to it"),
    "leaving": gettext_lazy("Submissions are about to be lost"),
    "burst": gettext_lazy("Zapier holds 100 or more"),
    "large": gettext_lazy("Its answers are near 5 MB"),
    "slow": gettext_lazy("Its answers are slow"),
    "hidden": gettext_lazy("Older records wait behind the window"),
}
# Those that are no loss yet.
WARNINGS = frozenset({"large", "slow", "hidden"})
# What an admin can do about each.
ADVICE: Mapping[str, Promise] = {
    "silent": gettext_lazy(
        "Look in Zapier whether the Zap is on and its connection works; here, whether the account, its role, the view"
        " and Query() are. If the network was away, nothing is lost as long as catching up after outages is on."
    ),
    "left": gettext_lazy(
        "No poll will bring them. Catch-up submits them again as they stand now, and they fire. A longer lookback keeps"
        " it from happening again."
    ),
    "leaving": gettext_lazy(
        "Let it poll within a day, make the lookback of the view longer, or turn on catching up after outages."
    ),
    "burst": gettext_lazy(
        "Tell the Zap’s owner: Zapier mails a link to let held records through. Pacing an import or a catch-up avoids"
        " it: at most 80 records in 15 minutes."
    ),
    "large": gettext_lazy(
        "Make the lookback of the view shorter, let it show fewer records or fewer columns, or use a REST hook."
    ),
    "slow": gettext_lazy("Make the lookback of the view shorter, or let it show fewer records or fewer columns."),
    "hidden": gettext_lazy(
        "Nothing needs to be done: the window grows by itself. The box “Also show the older ones” in the view’s details"
        " lets them fire at once."
    ),
}


@dataclass(frozen=True)
class Counted:
    """A number of submissions; `more` when it was not counted to the end."""

    number: int = 0
    more: bool = False

    def __str__(self) -> str:
        return f"{number_format(self.number, force_grouping=True)}{'+' if self.more else ''}"

    def __bool__(self) -> bool:
        return self.number > 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.number + other.number, self.more or other.more)


@dataclass(frozen=True)
class Alarm:
    """Something that an admin should know: one of `ALARMS`, and the figures that its sentence is made of."""

    kind: str
    figures: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """It in a sentence, in the reader's language."""
        return SENTENCES[self.kind](self.figures)

    @property
    def label(self) -> str:
        """What it is called."""
        return str(ALARMS[self.kind])

    @property
    def advice(self) -> str:
        """What an admin can do about it."""
        return str(ADVICE[self.kind])

    @property
    def tone(self) -> str:
        """How bad it is."""
        return "warn" if self.kind in WARNINGS else "bad"


def silent_words(figures: Mapping[str, Any]) -> str:
    """Since when it is silent, and what is known of the reason."""
    words = _("No poll for %(time)s; it used to poll %(interval)s.") % {
        "time": lasting(figures["quiet_ms"]),
        "interval": every(figures["interval_ms"]),
    }
    if "reason" not in figures:
        return words
    told = {"status": figures["status"], "reason": _(figures["reason"])}
    # Kept with an incident, this is read when calls work again: so it says when it was. Old ones have not kept that.
    if "refused_ms" in figures:
        refused = _("Its last call by then was refused on %(on)s (%(status)s): %(reason)s")
        told["on"] = date_format(timezone.localtime(moment(figures["refused_ms"])), "SHORT_DATETIME_FORMAT")
    else:
        refused = _("Its last call by then was refused (%(status)s): %(reason)s")
    return f"{words} {refused % told}"


def left_words(figures: Mapping[str, Any]) -> str:
    """That submissions are lost, and how."""
    if figures["cut"]:
        words = ngettext(
            "%(count)s submission was cut off an answer of 5 MB: no poll will show it.",
            "%(count)s submissions were cut off an answer of 5 MB: no poll will show them.",
            figures["number"],
        )
    else:
        words = ngettext(
            "%(count)s submission left its window before it was shown: no poll will show it.",
            "%(count)s submissions left its window before they were shown: no poll will show them.",
            figures["number"],
        )
    return words % {"count": count_of(figures)}


def leaving_words(figures: Mapping[str, Any]) -> str:
    """That submissions are about to be lost."""
    words = ngettext(
        "%(count)s submission that it was not shown leaves its window within a day.",
        "%(count)s submissions that it was not shown leave its window within a day.",
        figures["number"],
    )
    return words % {"count": count_of(figures)}


def burst_words(figures: Mapping[str, Any]) -> str:
    """That Zapier holds what it is shown, or will."""
    if figures["held"]:
        words = _(
            "Its last poll showed %(count)s new ids at once: Zapier has held them, and asks the Zap’s owner by mail."
        )
    else:
        words = _("%(count)s new ids wait for one poll: Zapier holds 100 or more until the Zap’s owner agrees.")
    return words % {"count": count_of(figures)}


def large_words(figures: Mapping[str, Any]) -> str:
    """That an answer is cut off, or nearly."""
    if figures["cut"]:
        return _("Its last answer reached 5 MB: the oldest records were cut off.")
    words = _("Its last answer had %(size)s MB: at 5 MB the oldest records are cut off.")
    return words % {"size": number_format(figures["bytes"] / 1_000_000, 1)}


def slow_words(figures: Mapping[str, Any]) -> str:
    """How long it waits."""
    return _("An answer took %(seconds)s seconds: Zapier gives up after 30.") % {"seconds": figures["ms"] // 1000}


def hidden_words(figures: Mapping[str, Any]) -> str:
    """How much waits behind the window."""
    words = ngettext(
        "The lookback was widened: %(count)s older record would fire if it were shown.",
        "The lookback was widened: %(count)s older records would fire if they were shown.",
        figures["number"],
    )
    return words % {"count": count_of(figures)}


def count_of(figures: Mapping[str, Any]) -> Counted:
    """The number among figures that were kept."""
    return Counted(figures["number"], figures["more"])


# By kind the figures in a sentence: they are kept with an incident, and said in the language of whoever reads it.
SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "silent": silent_words,
    "left": left_words,
    "leaving": leaving_words,
    "burst": burst_words,
    "large": large_words,
    "slow": slow_words,
    "hidden": hidden_words,
}


def sentence_of(row: Incident) -> str:
    """What is wrong, as it was when it began, in the reader's language; as it was kept where no figures were."""
    return row.sentence or Alarm(row.kind, row.figures).sentence


def lasting(ms: int) -> str:
    """So long, in words: "2 days"."""
    start = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    return timesince(start, start + dt.timedelta(milliseconds=ms), depth=1).replace("\xa0", " ")


def every(interval_ms: int | None) -> str:
    """How often, in words: "every 5 minutes"."""
    if interval_ms is None:
        return _("once")
    minutes = max(round(interval_ms / poll_log.MINUTE_MS), 1)
    if minutes < 120:
        return ngettext("every minute", "every %(count)d minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("every hour", "every %(count)d hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("every day", "every %(count)d days", days) % {"count": days}
