"""Where a client stands in a plain view: signed, and void for any other question (contract, The poll, 2).

Never an offset: rows that come or go before the place would shift every later page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.core import signing

from flowfinity.submissions import milliseconds, moment
from integration.rest.errors import invalid_parameter

SALT = "flowfinity.cursor"


def write(question: str, place: Sequence[Any]) -> str:
    """A cursor for going on behind `place`, the sort values of the last row shown, when `question` is asked again."""
    values = [{"ms": milliseconds(one)} if isinstance(one, dt.datetime) else one for one in place]
    return signing.dumps([question, values], salt=SALT, compress=True)


def read(cursor: str, question: str) -> tuple[Any, ...]:
    """The place that the cursor names. Raises Refusal (400) for one that is forged, or of another question."""
    try:
        asked, values = signing.loads(cursor, salt=SALT)
    except signing.BadSignature:
        raise invalid_parameter(
            "cursor", "is not one of this site's: take it from the Link header, unchanged."
        ) from None
    if asked != question:
        raise invalid_parameter(
            "cursor", "belongs to another view, version, mode or arguments. Start again without it."
        )
    return tuple(moment(one["ms"]) if isinstance(one, dict) else one for one in values)
