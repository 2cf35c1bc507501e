"""Where a reader stands in a view: signed, and void for any other question (contract, The poll, 2).

Never an offset: rows that come or go before the place would shift every later page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.core import signing

from flowfinity.submissions import milliseconds, moment

SALT = "flowfinity.cursor"


class Void(Exception):
    """A cursor that leads nowhere: it was not made here or, where `other`, it was made for another question."""

    def __init__(self, other: bool) -> None:
        super().__init__("a cursor of another question" if other else "no cursor of this site's")
        self.other = other


def write(question: str, place: Sequence[Any]) -> str:
    """A cursor for going on behind `place`, the sort values of the last row shown, when `question` is asked again."""
    values = [{"ms": milliseconds(one)} if isinstance(one, dt.datetime) else one for one in place]
    return signing.dumps([question, values], salt=SALT, compress=True)


def read(cursor: str, question: str) -> tuple[Any, ...]:
    """The place that the cursor names. Raises Void for one that is forged, or of another question."""
    try:
        asked, values = signing.loads(cursor, salt=SALT)
    except signing.BadSignature:
        raise Void(other=False) from None
    if asked != question:
        raise Void(other=True)
    return tuple(moment(one["ms"]) if isinstance(one, dict) else one for one in values)
