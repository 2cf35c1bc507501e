"""Names of apps, views, operations, fields and parameters: proposed from a label, then fixed (contract, Names)."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

PATTERN = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
LENGTH = 63

SYSTEM = ("RecordID", "CreatedBy", "CreatedOn", "LastModifiedBy", "LastModifiedOn", "lastSubmissionID")
ZAPIER = ("id", "IsNew", "LastOperation")
NO_FIELD = frozenset(name.lower() for name in (*SYSTEM, *ZAPIER, "ExternalTransactionId", "Operations", "OnBehalfOf"))
NO_PARAMETER = frozenset(["mode", "values", "limit", "cursor", "after", "client", "format", "username", "password"])


def propose(label: str) -> str:
    """The name that a label suggests, or "" when it suggests none (Cyrillic, say) and one has to be asked for."""
    words = re.split(r"[^A-Za-z0-9]+", label)
    words = [word.capitalize() if len(word) > 1 and word.isupper() else word for word in words]
    joined = "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")
    return (joined[:1].upper() + joined[1:])[:LENGTH]


def fault(name: object, taken: frozenset[str] = frozenset()) -> str:
    """What is wrong with a name in one sentence, or "". `taken` holds reserved names in lower case."""
    if not isinstance(name, str) or not PATTERN.fullmatch(name):
        return _("A name starts with a capital letter A-Z and goes on with at most 62 letters A-Z, a-z or digits.")
    if name.lower() in taken:
        return _("%s is a name that the platform uses itself; choose another.") % name
    return ""
