"""A request's body as JSON, whole and valid before anything else is looked at (contract, Writing)."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from integration.rest.errors import invalid_json

SURROGATE = re.compile("[\ud800-\udfff]")


class Twice(ValueError):
    """A key that stands twice in an object."""


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body's JSON object, its numbers as int or Decimal. Raises Refusal (400 or 413)."""
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_json(f"The body is not UTF-8: see byte {error.start}.") from None
    except ValueError:
        raise invalid_json("The Content-Length header is no number: the body cannot be read.") from None
    try:
        found = json.loads(text, object_pairs_hook=unique, parse_float=Decimal, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise invalid_json(
            f"This is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}, position {error.pos}."
        ) from None
    except Twice as error:
        raise invalid_json(
            f"The key {str(error)[:100]!r} stands twice in one object (capitals make no difference)."
        ) from None
    except RecursionError:
        raise invalid_json("The body is nested too deeply.") from None
    except ValueError as error:
        raise invalid_json(f"The body is not valid JSON: {error}.") from None
    if not isinstance(found, dict):
        raise invalid_json("The body must be one JSON object, {…}; found something else at position 0.")
    return found


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises Twice, and ValueError for text that is not Unicode."""
    seen: set[str] = set()
    for key, value in pairs:
        if SURROGATE.search(key) or (isinstance(value, str) and SURROGATE.search(value)):
            raise ValueError("an unpaired surrogate is no text")
        if isinstance(value, list) and any(isinstance(one, str) and SURROGATE.search(one) for one in value):
            raise ValueError("an unpaired surrogate is no text")
        if key.lower() in seen:
            raise Twice(key)
        seen.add(key.lower())
    return dict(pairs)


def no_constant(word: str) -> Any:
    """Refuses NaN and Infinity, which Python would read."""
    raise ValueError(f"{word} is not JSON")


def take(body: dict[str, Any], name: str) -> Any:
    """Removes a key, whatever its capitals, and answers its value; None when it is not there."""
    for key in body:
        if key.lower() == name.lower():
            return body.pop(key)
    return None
