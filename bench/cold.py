"""The site as it is served, but for its kept answers: every poll reads records."""

from __future__ import annotations

from flowfinity.wsgi import application
from integration.rest.answers import answers

__all__ = ["application"]

answers.most = 0
