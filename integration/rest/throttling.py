"""Counts by the minute: wrong passwords, and calls where a site sets a rate (contract, Errors).

They are kept in Django's cache: Redis where several web processes share one, the process itself where there is one.
Without the cache they are open: a missing Redis must not stop a poll.
"""

from __future__ import annotations

import hashlib
import logging
import time

from django.conf import settings
from django.core.cache import cache

from integration.rest.errors import Refusal

log = logging.getLogger(__name__)
MINUTE = 60


def wrong_password_slot(username: str, address: str) -> str:
    """Where this minute's wrong passwords of an account from an address are counted."""
    return slot("wrong", f"{username} {address}")


def refuse_guesses(slot: str) -> None:
    """Raises Refusal (429) after too many wrong passwords."""
    if count(slot) >= settings.API_WRONG_PASSWORDS_A_MINUTE:
        raise throttled("Too many wrong passwords for this account from this address.")


def refuse_haste(account: int) -> None:
    """Counts a call. Raises Refusal (429) when the account has made more than the site's rate this minute."""
    most = settings.API_CALLS_A_MINUTE
    if most and add(slot("calls", str(account))) > most:
        raise throttled(f"This site takes {most} calls a minute from an account.")


def throttled(why: str) -> Refusal:
    """429 until the minute is over."""
    seconds = MINUTE - int(time.time() % MINUTE)
    message = f"{why} Wait {seconds} seconds, then send it again."
    return Refusal(429, "throttled", message, headers={"Retry-After": str(seconds)})


def slot(what: str, whose: str) -> str:
    """A key of the cache for this minute."""
    return f"{what}:{hashlib.sha256(whose.encode()).hexdigest()}:{int(time.time() // MINUTE)}"


def count(slot: str) -> int:
    """How many so far; 0 when the cache is away."""
    try:
        return int(cache.get(slot, 0))
    except Exception as error:
        return away(error)


def add(slot: str) -> int:
    """Counts one more and answers with how many there are; 0 when the cache is away."""
    try:
        cache.add(slot, 0, 2 * MINUTE)
        return int(cache.incr(slot))
    except Exception as error:
        return away(error)


def away(error: Exception) -> int:
    """0, with a line in the log."""
    log.warning("throttles are open: the cache is away (%s)", type(error).__name__)
    return 0
