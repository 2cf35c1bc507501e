"""The site as it is served, but every poll is written, as if each one had shown something new."""

from __future__ import annotations

from flowfinity.wsgi import application
from integration import poll_log

__all__ = ["application"]

poll_log.MINUTE_MS = 0
