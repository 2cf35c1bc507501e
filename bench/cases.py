"""What is asked, of which server, and what is hoped for. A new row of the table is a new Case here."""

from __future__ import annotations

import base64
from dataclasses import dataclass

USERNAME = "restuser"
# A view's name: how many days Zapier's window reaches back, and how many records are in it.
WINDOWS = {"Nothing": (1, 0), "Hundred": (4, 100), "FiveHundred": (30, 500)}


BARE = "bench.bare:application"
COLD = "bench.cold:application"
SITE = "flowfinity.wsgi:application"
UNLOGGED = "bench.unlogged:application"
LOGGED = "bench.logged:application"


@dataclass(frozen=True)
class Case:
    """One row: `view` is polled as Zapier polls, "" is the bare endpoint; `goal` is its share of that, on PostgreSQL.

    `application` is what the server runs. `unchanged` asks with the tag of the answer, and is told that it still holds.
    """

    title: str
    application: str
    view: str = ""
    goal: float | None = None
    compressed: bool = False
    unchanged: bool = False

    @property
    def path(self) -> str:
        """The address on its server."""
        return f"/api/apps/LeadRegistration/views/{self.view}" if self.view else "/"

    @property
    def records(self) -> int:
        """How many records the answer must hold."""
        return WINDOWS[self.view][1] if self.view else 0


CASES = (
    Case("the bare endpoint", BARE),
    Case("100 records, nothing kept", COLD, "Hundred", goal=0.04),
    Case("an empty poll, nothing kept", COLD, "Nothing", goal=0.06),
    Case("500 records, nothing kept", COLD, "FiveHundred"),
    Case("100 records, nothing kept, compressed", COLD, "Hundred", compressed=True),
    Case("100 records, the answer kept", SITE, "Hundred", goal=0.18),
    Case("500 records, the answer kept", SITE, "FiveHundred", goal=0.18),
    Case("an empty poll, the answer kept", SITE, "Nothing", goal=0.18),
    Case("100 records, not modified (304)", SITE, "Hundred", goal=0.18, unchanged=True),
    Case("100 records, the answer kept, no poll log", UNLOGGED, "Hundred"),
    Case("100 records, the answer kept, every poll written", LOGGED, "Hundred"),
)
# What is looked at piece by piece.
PIECED = (CASES[1], CASES[2], CASES[3])


def zapier(password: str) -> dict[str, str]:
    """The headers of a poll: Zapier's name for its client, and the bench's integration account."""
    credentials = base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
    return {"User-Agent": "Zapier", "Authorization": f"Basic {credentials}"}
