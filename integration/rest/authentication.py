"""HTTP Basic whose repeated verification does not cost a password hash (300 ms of CPU: six polls a second).

Credentials are verified once, then recognised by a keyed hash over the stored hash and what was sent. The account's row
is read at each request, so a changed password or a deactivation bites at the next one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections import OrderedDict
from functools import lru_cache
from threading import Lock

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest
from django.utils.translation import gettext_noop
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from flowfinity.models import User
from integration.rest import state, throttling
from integration.rest.arguments import LONGEST_CLIENT
from integration.rest.errors import Refusal, not_active, not_authenticated

# For the admin alone, who is told in a language of his own.
WRONG_PASSWORD = gettext_noop("The password is wrong.")
NO_ACCOUNT = gettext_noop("There is no account of that name.")
A_PERSON = gettext_noop("The password is right, but this is a person's account: use an integration account.")
MOST_RECOGNISED = 10_000
_key = secrets.token_bytes(32)
_recognised: OrderedDict[bytes, None] = OrderedDict()
_lock = Lock()


class Basic(BaseAuthentication):
    """Answers (account, State) for an active integration account; refuses everyone else (contract, Errors)."""

    def authenticate(self, request: Request) -> tuple[User, state.State]:
        """The account and what it asks for. Raises Refusal: 401, 403 not_active, 429."""
        username, password = credentials(request.META.get("HTTP_AUTHORIZATION", ""))
        context = request.parser_context
        names = context["kwargs"]
        kind, client = context["view"].target, client_of(request._request)
        found = state.find(kind, username, names.get("app", ""), names.get("name", ""), client)
        verify(username, password, found, request)
        if found is None or found.account_type != User.INTEGRATION:
            raise not_authenticated(A_PERSON)
        if not found.active:
            raise not_active()
        throttling.refuse_haste(found.account)
        request._request.account_name = found.username  # type: ignore[attr-defined]
        return account(found.account, found.username, found.display_name), found

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401, not 403."""
        return "Basic"


@lru_cache(maxsize=1_000)
def account(pk: int, username: str, display_name: str) -> User:
    """The account as its row is now; not to be changed. Django takes longer to make one than to read the row."""
    return User(pk=pk, username=username, display_name=display_name)


def credentials(header: str) -> tuple[str, str]:
    """User name and password of a Basic header; the password may contain colons. Raises Refusal (401)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise not_authenticated()
    try:
        username, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise not_authenticated() from None
    if not colon or "\x00" in username:
        raise not_authenticated()
    return username, password


def client_of(request: HttpRequest) -> str:
    """What a poller calls itself, "" for nothing or for what is no such name (`arguments.read` refuses it later)."""
    for name in request.GET:
        if name.lower() == "client":
            value = str(request.GET[name])
            return value if value.isprintable() and len(value) <= LONGEST_CLIENT else ""
    return ""


def named(header: str) -> str:
    """The user name that a Basic header gives, "" for one that cannot be read."""
    try:
        return credentials(header)[0]
    except Refusal:
        return ""


def verify(username: str, password: str, found: state.State | None, request: HttpRequest | Request) -> None:
    """Passes for the right password. Raises Refusal: 401, or 429 after too many wrong ones."""
    stored = found.password if found else ""
    mark = hashlib.blake2b("\x00".join((username, stored, password)).encode(), key=_key).digest()
    if mark in _recognised:
        return
    slot = throttling.wrong_password_slot(username, address(request))
    throttling.refuse_guesses(slot)
    if found is None:
        make_password(password)  # As long as a check, so that time does not tell which accounts exist.
    elif check_password(password, stored):
        remember(mark)
        return
    throttling.add(slot)
    raise not_authenticated(WRONG_PASSWORD if found else NO_ACCOUNT)


def remember(mark: bytes) -> None:
    """Recognises these credentials from now on, in this process."""
    with _lock:
        _recognised[mark] = None
        while len(_recognised) > MOST_RECOGNISED:
            _recognised.popitem(last=False)


def address(request: HttpRequest | Request) -> str:
    """The client's address: behind trusted proxies, the one that the first of them saw."""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and forwarded:
        return str(forwarded[-min(settings.TRUSTED_PROXIES, len(forwarded))])
    return str(request.META.get("REMOTE_ADDR", ""))
