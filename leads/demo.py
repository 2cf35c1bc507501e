"""What happens in the demo: some 200 leads captured, edited and now and then deleted over 30 days.

Pure and deterministic: the same `end` gives the same events, and another `end` the same leads at other times.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from leads.prospects import COMPANIES, NEEDS, NEXT_STEPS, NOTES, OPENINGS, REGIONS, Company

Values: TypeAlias = dict[str, str | int | bool]

LEADS = 200
PERIOD = dt.timedelta(days=30)

# People of the demo by user name, with how much of the work is theirs.
AUTHORS = {"sam": 58, "priya": 36, "admin": 6}

# How many leads see that many edits after they were captured, and how many are deleted in the end.
EDITS = {0: 118, 1: 48, 2: 25, 3: 9}
DELETED = 5

_SEED = "Lead Registration"
_DAY = dt.timedelta(days=1)
_LAST_DAY_AT_LEAST = 6
_PROBABILITIES = ("0-20%", "20-50%", "50-80%", "80-100%")
_RATINGS = ("Cold", "Warm", "Hot")
# What Unicode does not take apart into a letter and its accent.
_PLAIN = str.maketrans({"ø": "o", "ß": "ss", "ł": "l", "þ": "th", "æ": "ae", "đ": "d", "&": " ", "'": ""})


@dataclass(frozen=True, slots=True)
class Event:
    """One submission of the demo: `by` (a user name) runs `operation` on the lead of that number at that moment.

    Leads are numbered from 0 in the order of their capture; `values` are the fields that the operation sets.
    """

    at: dt.datetime
    by: str
    operation: str
    lead: int
    values: Values


def events(end: dt.datetime) -> Iterator[Event]:
    """The demo's events in the 30 days before `end` (aware), oldest first; each one changes its lead."""
    rng = Random(f"{_SEED}, the order of events")
    profiles = _profiles()
    owners = rng.choices(list(AUTHORS), weights=list(AUTHORS.values()), k=LEADS)
    steps = _steps(rng)
    deleted = set(rng.sample(range(LEADS // 2), DELETED))
    for number in deleted:
        steps[number] += 1
    moments = _moments(end, LEADS + sum(steps))

    leads: list[Values] = []
    words: list[Random] = []
    seen: list[dt.datetime] = []
    for position, at in enumerate(moments):
        waiting = [number for number in range(len(leads)) if steps[number]]
        # A lead rests for some days before the next edit, as long as there is another one to work on.
        rested = [number for number in waiting if at - seen[number] > 2.5 * _DAY]
        captures_left = LEADS - len(leads)
        if captures_left and (not rested or rng.random() < captures_left / (len(moments) - position)):
            words.append(Random(f"{_SEED}, lead {len(leads)}"))
            leads.append(_captured(profiles[len(leads)], at, words[-1]))
            seen.append(at)
            number = len(leads) - 1
            yield Event(at, owners[number], "CaptureLead", number, dict(leads[number]))
            continue
        number = rng.choice(rested or waiting)
        steps[number] -= 1
        seen[number] = at
        if number in deleted and not steps[number]:
            yield Event(at, owners[number], "DeleteLead", number, {})
            continue
        by = owners[number] if rng.random() < 0.7 else rng.choice(["sam", "priya"])
        changes = _changes(leads[number], profiles[number], at, words[number])
        leads[number].update(changes)
        yield Event(at, by, "UpdateLead", number, changes)


def _steps(rng: Random) -> list[int]:
    """How many edits each lead sees, by number: the earlier it was captured, the more."""
    steps = [edits for edits, leads in EDITS.items() for _ in range(leads)]
    return sorted(steps, key=lambda edits: rng.uniform(0, 4) - edits)


def _moments(end: dt.datetime, count: int) -> list[dt.datetime]:
    """So many moments in the 30 days before `end`, ascending, mostly in working hours and on working days."""
    rng = Random(f"{_SEED}, the clock")
    start = end - PERIOD
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight + number * _DAY for number in range(PERIOD.days + 1)]
    weights = [1.0 if day.weekday() < 5 else 0.12 for day in days]

    def working_hour(day: dt.datetime) -> dt.datetime:
        return day + dt.timedelta(milliseconds=int(rng.triangular(7.5, 19.5, 10.5) * 3_600_000))

    moments: list[dt.datetime] = []
    while len(moments) < count:
        # Whatever day it is when the demo is loaded, a poll with a lookback of one day has something to show.
        recent = len(moments) < _LAST_DAY_AT_LEAST
        at = working_hour(rng.choice(days[-2:]) if recent else rng.choices(days, weights)[0])
        if (end - _DAY if recent else start) <= at < end:
            moments.append(at)
    return sorted(moments)


def _profiles() -> list[Values]:
    """Who the leads are, by number: every company once, then second contacts at some of them."""
    rng = Random(f"{_SEED}, people")
    companies = [(industry, company) for industry, group in COMPANIES.items() for company in group]
    rng.shuffle(companies)
    prospects = companies + rng.sample(companies, LEADS - len(companies))
    offices = {company: _telephone(REGIONS[company.region].business_phone, rng) for _, company in companies}
    names: set[tuple[str, str]] = set()
    profiles: list[Values] = []
    while len(profiles) < LEADS:
        industry, company = prospects[len(profiles)]
        region = REGIONS[company.region]
        first, last = rng.choice(region.first_names), rng.choice(region.last_names)
        if (first, last) in names:
            continue
        names.add((first, last))
        profiles.append(
            {
                "Company": company.name,
                "FirstName": first,
                "LastName": last,
                "EmailAddress": _email_address(first, last, company),
                "BusinessPhone": offices[company],
                "MobilePhone": _telephone(region.mobile_phone, rng),
                "Industry": industry,
                "EmployeeCount": company.employees,
            }
        )
    return profiles


def _telephone(pattern: str, rng: Random) -> str:
    return "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in pattern)


def _email_address(first: str, last: str, company: Company) -> str:
    return f"{_plain(first, '')}.{_plain(last, '')}@{_plain(company.name, '-')}.example"


def _plain(text: str, joined_by: str) -> str:
    """The text in ASCII letters and digits, its words joined: "Västerlund Verktyg" is "vasterlund-verktyg"."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(_PLAIN)).encode("ascii", "ignore").decode()
    return joined_by.join("".join(sign if sign.isalnum() else " " for sign in letters).split())


def _captured(profile: Values, at: dt.datetime, rng: Random) -> Values:
    """The lead as it was captured: seldom complete, since nobody knows everything after the first talk."""
    lead = dict(profile)
    for field, missing in {"FirstName": 0.04, "EmailAddress": 0.12, "MobilePhone": 0.45, "EmployeeCount": 0.25}.items():
        if rng.random() < missing:
            del lead[field]
    if rng.random() < 0.08:
        lead.pop("BusinessPhone")
    if rng.random() < 0.94:
        rating = rng.choices(_RATINGS, weights=(48, 42, 10))[0]
        lead["Rating"] = rating
        if rng.random() < 0.85:
            lead["Probability"] = _PROBABILITIES[_RATINGS.index(rating) + rng.choice((0, 0, 1))]
    if rng.random() < 0.8:
        lead["TotalValue"] = _estimate(int(profile["EmployeeCount"]), rng)
    lead["FirstContact"] = (at.date() - dt.timedelta(days=rng.choice((0, 0, 0, 1, 1, 2, 3, 5, 8)))).isoformat()
    if rng.random() < 0.22:
        lead["CallbackRequested"] = True
    if rng.random() < 0.93:
        parts = (rng.choice(OPENINGS), rng.choice(NEEDS[str(profile["Industry"])]), rng.choice(NEXT_STEPS))
        lead["Summary"] = _named(" ".join(filter(None, parts)), lead)
    return lead


def _estimate(employees: int, rng: Random) -> int:
    """What a company of that size may be worth in dollars, as round as people round such figures."""
    value = employees * rng.uniform(0.1, 0.6) * rng.choice((96, 144, 180))
    step = 50 if value < 2_000 else 500 if value < 20_000 else 2_500
    return max(step, round(value / step) * step)


def _named(text: str, lead: Values) -> str:
    """The text with the contact's first name in it, or with "their contact" where that is not known."""
    name = str(lead.get("FirstName", "their contact"))
    named = text.format(first=name)
    return named[0].upper() + named[1:] if text.startswith("{first}") else named


def _changes(lead: Values, profile: Values, at: dt.datetime, rng: Random) -> Values:
    """What the next edit sets; at least one value differs from the lead's."""
    rating = lead.get("Rating", "")
    missing = [field for field in profile if field not in lead]
    likely: dict[str, float] = {
        "called back": 5 if lead.get("CallbackRequested") else 0,
        "callback asked": 0 if lead.get("CallbackRequested") else 1.5,
        "warmer": 3.5 if rating in {"", "Cold"} else 0,
        "hot": 3.5 if rating == "Warm" else 0,
        "cooler": 0 if rating in {"", "Cold"} else 0.7,
        "value": 2 if "TotalValue" in lead else 0,
        "estimate": 0 if "TotalValue" in lead else 2.5,
        "details": 1.5 if missing else 0,
    }
    kind = rng.choices(list(likely), weights=list(likely.values()))[0]
    changes: Values = {}
    match kind:
        case "called back" | "callback asked":
            changes["CallbackRequested"] = kind == "callback asked"
        case "warmer" | "hot":
            changes["Rating"] = "Warm" if kind == "warmer" else "Hot"
            changes["Probability"] = rng.choice(_PROBABILITIES[1:3] if kind == "warmer" else _PROBABILITIES[2:])
        case "cooler":
            changes["Rating"] = "Warm" if rating == "Hot" else "Cold"
            changes["Probability"] = _PROBABILITIES[1] if rating == "Hot" else _PROBABILITIES[0]
        case "value":
            changes["TotalValue"] = _other_value(int(lead["TotalValue"]), rng)
        case "estimate":
            changes["TotalValue"] = _estimate(int(profile["EmployeeCount"]), rng)
        case _:
            field = rng.choice(missing)
            changes[field] = profile[field]
    if note := rng.choice(NOTES[kind]):
        line = f"{at.day} {at:%b}: {_named(note, lead)}"
        changes["Summary"] = f"{lead['Summary']}\n{line}" if "Summary" in lead else line
    return {field: value for field, value in changes.items() if lead.get(field) != value}


def _other_value(value: int, rng: Random) -> int:
    step = 50 if value < 2_000 else 500
    return max(step, round(value * rng.choice((0.6, 0.8, 1.2, 1.5, 1.8)) / step) * step) + (
        step if value == step else 0
    )
