"""What a form sends beside its fields: the id that makes it count once, and the numbers that it was made from."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils.translation import gettext as _

from flowfinity.fields import Upload
from flowfinity.submissions import Key

FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


def fresh_key(fingerprint: str = "") -> Key:
    """A key with an id that no other form has."""
    return Key(secrets.token_urlsafe(18), fingerprint)


def sent_key(request: HttpRequest, asked: Sequence[Any]) -> Key:
    """The key of what a form asks: its hidden id, so that a second click or a resend is recognised."""
    form_id = request.POST.get("transaction", "")
    if not FORM_ID.fullmatch(form_id):
        raise BadRequest(_("The form's hidden id is missing."))
    return Key(form_id, hashlib.sha256(json.dumps(asked, sort_keys=True, default=spoken).encode()).hexdigest())


def spoken(upload: Upload) -> list[str]:
    """What tells one upload from another, as JSON."""
    return [upload.name, hashlib.sha256(upload.content).hexdigest()]


def sent_number(request: HttpRequest, name: str) -> int:
    """A hidden number of a form, or of its address."""
    sent = request.POST.get(name) or request.GET.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", sent, re.ASCII):
        raise BadRequest(_("The form's hidden number “%s” is missing.") % name)
    return int(sent)
