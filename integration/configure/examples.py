"""What a page offers for copying: addresses, payloads, command lines, and JSON to read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from flowfinity import clock
from flowfinity.definitions import AppDefinition, OperationDefinition
from flowfinity.fields import NOWHERE, record_id
from flowfinity.models import App, Operation, Record, Submission, View
from integration.rest import feed

TOKEN = re.compile(r'(?P<text>"(?:\\.|[^"\\])*")(?P<key>:)?|(?P<other>-?\d[\d.eE+-]*|true|false|null)')


def base_url(request: HttpRequest) -> str:
    """The site's own address, as other systems write it; without a slash at the end."""
    return (settings.PUBLIC_URL or request.build_absolute_uri("/")).rstrip("/")


def address(base: str, part: View | Operation | App) -> str:
    """Where a view is polled, an operation is run or, given an app, its submissions are read."""
    if isinstance(part, App):
        return base + reverse("feed", args=[part.name])
    return base + reverse("poll" if isinstance(part, View) else "run-operation", args=[part.app.name, part.name])


def payload(operation: OperationDefinition) -> dict[str, Any]:
    """A body that the operation takes as it stands, with every field that it sets."""
    record = None
    if operation.kind != "create":
        last = (
            Record.objects.filter(app=operation.app, deleted=False).order_by("pk").values_list("pk", flat=True).last()
        )
        record = record_id(last or 1)
    body: dict[str, Any] = {"RecordID": record, "ExternalTransactionId": None}
    for column in operation.fields:
        render, blank = column.type.renderer(column.config, "flowfinity")
        # A made-up user, record or file would be refused: whoever calls knows a real one.
        value = None if column.type.refers else column.type.sample(column.config)
        body[column.name] = blank if value is None else render(value)
    return body


def poll_command(url: str, username: str) -> str:
    """A poll as Zapier sends it; curl asks for the password."""
    return f"curl -u {username} -A Zapier '{url}'"


def feed_command(url: str, username: str) -> str:
    """The first items of a feed; curl asks for the password."""
    return f"curl -u {username} '{url}?after=0&limit=10'"


def feed_sample(app: AppDefinition, base: str) -> Any:
    """The app's newest submission as the feed has it; one that is made up, as long as there is none."""
    newest = Submission.objects.filter(app=app.id).order_by("-pk").values_list("pk", flat=True).first()
    if newest:
        with translation.override("en"):
            return json.loads(feed.after(app, newest - 1, 1, "flowfinity", base)[0])
    samples = {column.name: column.type.sample(column.config) for column in app.fields.values()}
    values = {name: value for name, value in samples.items() if value is not None}
    operation = app.operations[0].name if app.operations else None
    row = (1, 1, operation, Submission.CREATED, "Ada", clock.now(), list(values), values)
    return [feed.renderer(app, "flowfinity", NOWHERE)(row)]


def run_command(url: str, username: str, body: Mapping[str, Any]) -> str:
    """A call of an operation; curl asks for the password."""
    document = shlex.quote(json.dumps(body, ensure_ascii=False))
    return f"curl -u {username} -H 'Content-Type: application/json' -d {document} '{url}'"


def highlighted(document: Any) -> SafeString:
    """JSON on many lines, escaped, its keys, texts and other values each in a span of its own class."""
    written = json.dumps(document, ensure_ascii=False, indent=2)
    shown, place = [], 0
    for token in TOKEN.finditer(written):
        kind = "j-key" if token["key"] else "j-str" if token["text"] else "j-num"
        word = token["text"] or token["other"]
        shown.append(f'{escape(written[place : token.start()])}<span class="{kind}">{escape(word)}</span>')
        place = token.start() + len(word)
    return mark_safe("".join(shown) + escape(written[place:]))
