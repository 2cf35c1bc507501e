"""A request's body as JSON, whole and valid before anything else is looked at (contract, Writing)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from integration.rest.errors import invalid_json, too_large

SURROGATE = re.compile("[\ud800-\udfff]")
# Strings, so that they are stepped over, and the words that Python would read as numbers.
CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
# No field takes values half as deep, and what compares and hashes bodies need not fear for its stack.
DEEPEST = 100
LONGEST_NUMBER = 4_000


# What the place of a fault is told by: keys, other strings, numbers, and what opens and closes.
TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<key>(?=[ \t\r\n]*:))?|(?P<number>-?\d[\d.eE+-]*)|[][{}]|[a-z]+')


class Twice(ValueError):
    """A key that stands twice in an object."""


class Deep(ValueError):
    """Values that stand too deep in one another."""


class Constant(ValueError):
    """A word that Python would read as a number, and JSON does not."""


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body's JSON object, its numbers as int or Decimal. Raises Refusal (400 or 413)."""
    try:
        text = sent(request).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_json(f"The body is not UTF-8: see byte {error.start}.") from None
    except ValueError:
        raise invalid_json(gettext_noop("The Content-Length header is no number: the body cannot be read.")) from None
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
            f"The key {str(error)[:100]!r} stands twice in one object (capitals make no difference; position"
            f" {place(text, is_twice)})."
        ) from None
    except (RecursionError, Deep):
        raise invalid_json(f"The body is nested more than {DEEPEST} deep (position {place(text, is_deep)}).") from None
    except Constant as error:
        position = next(match.start() for match in CONSTANT.finditer(text) if match[1])
        raise invalid_json(f"The body is not valid JSON: {error} is no number there (position {position}).") from None
    except ValueError as error:
        raise invalid_json(f"The body cannot be read: {error} (position {place(text, is_unreadable)}).") from None
    if not isinstance(found, dict):
        raise invalid_json(gettext_noop("The body must be one JSON object, {…}; found something else at position 0."))
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
    """Looks at all of the values, level by level. Raises ValueError for text that is not Unicode, Deep."""
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
    raise Deep


def place(text: str, fault: Callable[[re.Match[str], list[set[str]]], bool]) -> int:
    """Where the first token of a body stands that is at fault, told by itself and by the keys of what it stands in."""
    around: list[set[str]] = []
    for token in TOKEN.finditer(text):
        if token[0] in "]}":
            del around[-1:]
            continue
        if fault(token, around):
            return token.start()
        if token[0] in "[{":
            around.append(set())
    return 0


def is_twice(token: re.Match[str], around: list[set[str]]) -> bool:
    """Whether it is a key that its object has already."""
    if token["key"] is None or not around:
        return False
    name = json.loads(token["text"], strict=False).lower()
    if name in around[-1]:
        return True
    around[-1].add(name)
    return False


def is_deep(token: re.Match[str], around: list[set[str]]) -> bool:
    """Whether it stands deeper than anything may."""
    return len(around) >= DEEPEST


def is_unreadable(token: re.Match[str], around: list[set[str]]) -> bool:
    """Whether it is text or a number that cannot be kept."""
    try:
        if token["number"]:
            json.loads(token["number"], parse_int=whole, parse_float=exact)
        return bool(token["text"] and SURROGATE.search(json.loads(token["text"], strict=False)))
    except ValueError:
        return True


def take(body: dict[str, Any], name: str) -> Any:
    """Removes a key, whatever its capitals, and answers its value; None when it is not there."""
    for key in body:
        if key.lower() == name.lower():
            return body.pop(key)
    return None
