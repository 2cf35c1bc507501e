"""A request's body as JSON, whole and valid before anything else is looked at (contract, Writing)."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from integration.rest.errors import invalid_json, too_large

SURROGATE = re.compile("[\ud800-\udfff]")
# Strings, so that they are stepped over, and the words that Python would read as numbers.
CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
# No field takes values half as deep, and what compares and hashes bodies need not fear for its stack.
DEEPEST = 100
LONGEST_NUMBER = 4_000


class Twice(ValueError):
    """A key that stands twice in an object."""


class Constant(ValueError):
    """A word that Python would read as a number, and JSON does not."""


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body's JSON object, its numbers as int or Decimal. Raises Refusal (400 or 413)."""
    try:
        text = sent(request).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_json(f"The body is not UTF-8: see byte {error.start}.") from None
    except ValueError:
        raise invalid_json("The Content-Length header is no number: the body cannot be read.") from None
    try:
        found = json.loads(
            text, object_pairs_hook=unique, parse_int=whole, parse_float=exact, parse_constant=no_constant
        )
        check(found)
    except json.JSONDecodeError as error:
        raise invalid_json(
            f"This is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno} (position {error.pos})."
        ) from None
    except Twice as error:
        raise invalid_json(
            f"The key {str(error)[:100]!r} stands twice in one object (capitals make no difference)."
        ) from None
    except RecursionError:
        raise invalid_json("The body is nested too deeply.") from None
    except Constant as error:
        position = next(match.start() for match in CONSTANT.finditer(text) if match[1])
        raise invalid_json(f"The body is not valid JSON: {error} is no number there (position {position}).") from None
    except ValueError as error:
        raise invalid_json(f"The body cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise invalid_json("The body must be one JSON object, {…}; found something else at position 0.")
    return found


def sent(request: HttpRequest) -> bytes:
    """The body, also one in chunks: Django reads none that has no length. Raises Refusal (413)."""
    if request.META.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked" or request.META.get("CONTENT_LENGTH"):
        return request.body
    body = b""
    while part := request.META["wsgi.input"].read(settings.API_BODY_LIMIT + 1 - len(body)):
        body += part
    if len(body) > settings.API_BODY_LIMIT:
        raise too_large()
    return body


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises Twice."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key.lower() in seen:
            raise Twice(key)
        seen.add(key.lower())
    return dict(pairs)


def whole(digits: str) -> int:
    """A whole number, before Python's own bound and its words about it. Raises ValueError."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has more than {LONGEST_NUMBER:,} digits")
    return int(digits)


def exact(literal: str) -> Decimal:
    """A number to the digit. Raises ValueError for an exponent that not even Decimal can hold."""
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise ValueError("a number's exponent is out of all bounds") from None


def no_constant(word: str) -> Any:
    """Refuses NaN and Infinity, which Python would read."""
    raise Constant(word)


def check(found: Any) -> None:
    """Looks at all of the values, level by level. Raises ValueError for text that is not Unicode, or a depth."""
    level = [found]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value, *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and SURROGATE.search(value):
                raise ValueError("an unpaired surrogate is no text")
        if not inner:
            return
        level = inner
    raise ValueError(f"it is nested more than {DEEPEST} deep")


def take(body: dict[str, Any], name: str) -> Any:
    """Removes a key, whatever its capitals, and answers its value; None when it is not there."""
    for key in body:
        if key.lower() == name.lower():
            return body.pop(key)
    return None
