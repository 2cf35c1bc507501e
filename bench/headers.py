"""How Zapier asks: its client's name, and the credentials of the bench's integration account."""

from __future__ import annotations

import base64

USERNAME = "restuser"


def zapier(password: str) -> dict[str, str]:
    """The headers of a poll."""
    credentials = base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
    return {"User-Agent": "Zapier", "Authorization": f"Basic {credentials}"}
