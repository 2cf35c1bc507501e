"""A plain view's cursor in the words of the API: one that leads nowhere is a 400 (contract, The poll, 2)."""

from __future__ import annotations

from typing import Any

from flowfinity import cursors
from flowfinity.cursors import write
from integration.rest.errors import invalid_parameter

__all__ = ["read", "write"]


def read(cursor: str, question: str) -> tuple[Any, ...]:
    """The place that the cursor names. Raises Refusal (400) for one that is forged, or of another question."""
    try:
        return cursors.read(cursor, question)
    except cursors.Void as void:
        sentence = (
            "belongs to another view, version, mode or arguments. Start again without it."
            if void.other
            else "is not one of this site's: take it from the Link header, unchanged."
        )
        raise invalid_parameter("cursor", sentence) from None
