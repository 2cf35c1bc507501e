"""Configure > Integration > REST Integration > API: this site's own schema, to read and to try."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, resolve, reverse
from django.utils import translation
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from flowfinity.configure.pages import context
from flowfinity.fields import Schema
from flowfinity.models import Configuration, User
from integration.configure import examples
from integration.rest import schema, state
from integration.rest.errors import not_active, not_authenticated

FIRST_ITEMS = 3
MOST_SHOWN = 50_000
# What the asked endpoint may know of the admin's own request: where the site is.
WHERE = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme")
SHOWN_HEADERS = ("ETag", "Link", "X-Flowfinity-Cut", "X-Flowfinity-Warning", "Retry-After", "Allow")


# Types and formats of JSON Schema in words; what is not here says itself.
KINDS = {
    "any": gettext_lazy("any value"),
    "array": gettext_lazy("list"),
    "boolean": gettext_lazy("true or false"),
    "date": gettext_lazy("date"),
    "date-time": gettext_lazy("time, ISO 8601"),
    "integer": gettext_lazy("whole number"),
    "number": gettext_lazy("number"),
    "object": gettext_lazy("object"),
    "string": gettext_lazy("text"),
    "uri": gettext_lazy("URL"),
}


def grouped(number: int) -> str:
    """The number with separators."""
    return str(number_format(number, force_grouping=True))


class Document:
    """The schema as a page shows it."""

    def __init__(self, account: User | None, base: str) -> None:
        version = Configuration.current()
        self.base = base
        self.whole: Schema = json.loads(schema.document(version, account.pk if account else None, base))

    def calls(self) -> Iterator[Call]:
        """Each call that can be made, in the document's order."""
        for address, methods in self.whole["paths"].items():
            for method, operation in methods.items():
                yield Call(self, address, method.upper(), operation)

    def resolved(self, part: Schema) -> Schema:
        """The part, or what it refers to."""
        while "$ref" in part:
            found: Any = self.whole
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def words(self, part: Schema) -> str:
        """What kind of value a schema takes: "number or text", "one of Hot, Warm, Cold"."""
        part = self.resolved(part)
        if "anyOf" in part or "oneOf" in part:
            return _(" or ").join(dict.fromkeys(self.words(one) for one in part.get("anyOf") or part["oneOf"]))
        if "enum" in part:
            return _("one of %s") % ", ".join(json.dumps(one, ensure_ascii=False) for one in part["enum"])
        if "const" in part:
            return json.dumps(part["const"], ensure_ascii=False)
        types = part.get("type", "any")
        spoken = _(" or ").join(self.typed(type, part) for type in ([types] if isinstance(types, str) else types))
        if not part.get("examples"):
            return spoken
        return _("%(kind)s, like %(example)s") % {"kind": spoken, "example": part["examples"][0]}

    def typed(self, type: str, part: Schema) -> str:
        """One type in words, with its most important bound."""
        if type == "array":
            return _("list of %s") % self.words(part.get("items", {}))
        if type == "object" and (keys := list(part.get("properties", {}))):
            if len(keys) < 6:
                return _("object with %s") % ", ".join(keys)
            return ngettext("object with %d key", "object with %d keys", len(keys)) % len(keys)
        word = str(KINDS.get(type, type))
        if type == "string":
            word = str(KINDS.get(part.get("format", ""), word))
            if not part.get("maxLength"):
                return word
            longest = ngettext(
                "%(kind)s of at most %(most)s character", "%(kind)s of at most %(most)s characters", part["maxLength"]
            )
            return longest % {"kind": word, "most": grouped(part["maxLength"])}
        if type in {"integer", "number"} and {"minimum", "maximum"} <= set(part):
            least, most = grouped(part["minimum"]), grouped(part["maximum"])
            return _("%(kind)s from %(least)s to %(most)s") % {"kind": word, "least": least, "most": most}
        return word

    def rows(self, part: Schema) -> list[dict[str, Any]]:
        """The keys of an object, of the items of a list, or of the first of several such: name, kind, meaning."""
        part = self.resolved(part)
        if several := part.get("anyOf") or part.get("oneOf"):
            return self.rows(several[0])
        if part.get("type") == "array":
            return self.rows(part["items"])
        return [
            {
                "name": name,
                "required": name in part.get("required", ()),
                "words": self.words(one),
                "description": plain(self.resolved(one).get("description", "")),
            }
            for name, one in part.get("properties", {}).items()
        ]


@dataclass(frozen=True)
class Call:
    """One call of the API: a method of a path."""

    document: Document
    path: str
    method: str
    operation: Schema

    @property
    def id(self) -> str:
        """What its page is called."""
        return str(self.operation["operationId"])

    @property
    def tag(self) -> str:
        """The app that it belongs to, or the site."""
        return str(self.operation["tags"][0])

    @property
    def url(self) -> str:
        """Its address."""
        return self.document.base + self.path

    @property
    def parameters(self) -> list[Schema]:
        """What it takes beside a body: the parameter, with its kind in words."""
        found = map(self.document.resolved, self.operation.get("parameters", ()))
        return [
            {**one, "words": self.document.words(one["schema"]), "description": plain(one["description"])}
            for one in found
        ]

    @property
    def body(self) -> Schema | None:
        """What is posted."""
        found = self.operation.get("requestBody")
        return found["content"]["application/json"] if found else None

    @property
    def body_rows(self) -> list[dict[str, Any]]:
        """The keys of what is posted."""
        return self.document.rows(self.body["schema"]) if self.body else []

    @property
    def body_example(self) -> Any:
        """A believable body, None for a call without."""
        return next(iter(self.body["examples"].values()))["value"] if self.body else None

    @property
    def answer(self) -> Schema:
        """What is answered when all is well."""
        done = next(one for status, one in self.operation["responses"].items() if status.startswith("2"))
        found: Schema = done["content"]["application/json"]
        return found

    @property
    def answer_rows(self) -> list[dict[str, Any]]:
        """The keys of the answer, or of each of its items."""
        return self.document.rows(self.answer["schema"])

    @property
    def answer_examples(self) -> list[tuple[str, SafeString]]:
        """Believable answers by the name of their shape."""
        return [
            (name.replace("_", ", "), examples.highlighted(one["value"]))
            for name, one in self.answer.get("examples", {}).items()
        ]

    @property
    def others(self) -> list[tuple[str, str]]:
        """Every other status, and what it means."""
        found = {status: self.document.resolved(one) for status, one in self.operation["responses"].items()}
        return [(status, plain(one["description"])) for status, one in found.items() if not status.startswith("2")]

    @property
    def can_be_tried(self) -> bool:
        """True for what changes nothing, and asks for nothing that only a client knows."""
        return self.method == "GET" and self.id != "schema" and "{" not in self.path

    def command(self, username: str) -> str:
        """The call by curl, which asks for the password."""
        if self.body:
            return examples.run_command(self.url, username, self.body_example)
        method = "" if self.method == "GET" else f"-X {self.method} "
        return f"curl -u {shlex.quote(username)} {method}{shlex.quote(self.url)}"


def plain(description: str) -> str:
    """A description without its Markdown, which is code marks alone."""
    return description.replace("`", "")


class As(BaseAuthentication):
    """An integration account whose password nobody types: for an admin, in process."""

    def __init__(self, username: str) -> None:
        self.username = username

    def authenticate(self, request: Request) -> tuple[User, state.State]:
        """The account and what it asks for. Raises Refusal: 401, 403 not_active."""
        names = request.parser_context["kwargs"]
        kind = request.parser_context["view"].target
        found = state.find(kind, self.username, names.get("app", ""), names.get("name", ""))
        if found is None or found.account_type != User.INTEGRATION:
            raise not_authenticated()
        if not found.active:
            raise not_active()
        return User(pk=found.account, username=found.username, display_name=found.display_name), found


def tried(request: HttpRequest, call: Call, account: User, given: Mapping[str, str]) -> HttpResponse:
    """What the account gets from the call with these arguments.

    Asked by HEAD, which is answered like GET and counts as no poll.
    """
    environ = {
        **{name: request.META[name] for name in WHERE if name in request.META},
        "REQUEST_METHOD": "HEAD",
        "PATH_INFO": call.path,
        "QUERY_STRING": urlencode(given),
        "wsgi.input": io.BytesIO(),
    }
    found = resolve(call.path)
    endpoint = found.func.cls.as_view(  # type: ignore[attr-defined]
        found.func.actions,  # type: ignore[attr-defined]
        authentication_classes=[lambda: As(account.username)],
    )
    with translation.override("en"):
        response: HttpResponse = endpoint(WSGIRequest(environ), *found.args, **found.kwargs)
    return response


def shown(response: HttpResponse) -> dict[str, Any]:
    """An answer as the page shows it: the first items of a long list, the first part of a long text."""
    body = json.loads(response.content)
    first = body[:FIRST_ITEMS] if isinstance(body, list) else body
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "refused": response.status_code >= 400,
        "headers": [(name, response[name]) for name in SHOWN_HEADERS if name in response],
        "size": len(response.content),
        "count": len(body) if isinstance(body, list) else None,
        "rest": len(body) - len(first) if isinstance(body, list) else 0,
        "body": examples.highlighted(first) if len(response.content) < MOST_SHOWN or isinstance(body, list) else "",
    }


def accounts() -> list[User]:
    """The accounts that can be looked as."""
    return list(User.objects.filter(account_type=User.INTEGRATION).order_by("username"))


def chosen(request: HttpRequest, among: list[User]) -> User | None:
    """The account that the page looks as; None for everything that is enabled."""
    return next((user for user in among if str(user.pk) == request.GET.get("account")), None)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every call that can be made now, by app."""
    among = accounts()
    account = chosen(request, among)
    document = Document(account, examples.base_url(request))
    return render(
        request,
        "integration/configure/api.html",
        context(
            request,
            _("API"),
            (_("REST Integration"), reverse("configure-rest")),
            groups=[(tag, list(calls)) for tag, calls in groupby(document.calls(), key=lambda call: call.tag)],
            accounts=among,
            account=account,
            schema_url=document.base + reverse("api-schema"),
            info=document.whole["info"],
        ),
    )


@require_safe
def one(request: HttpRequest, id: str) -> HttpResponse:
    """One call: what it takes, what it answers, its command line, and, where it changes nothing, a form to try it."""
    among = accounts()
    account = chosen(request, among)
    document = Document(account, examples.base_url(request))
    call = next((call for call in document.calls() if call.id == id), None)
    if call is None:
        raise Http404
    asking = account or next((user for user in among if user.is_active), None)
    inputs = [one for one in call.parameters if one["in"] == "query"]
    given = {one["name"]: value for one in inputs if (value := request.GET.get(f"p-{one['name']}", ""))}
    return render(
        request,
        "integration/configure/api_call.html",
        context(
            request,
            call.operation["summary"],
            (_("REST Integration"), reverse("configure-rest")),
            (_("API"), reverse("configure-api-docs") + (f"?account={account.pk}" if account else "")),
            call=call,
            command=call.command(asking.username if asking else "USER"),
            body_example=examples.highlighted(call.body_example) if call.body else "",
            accounts=among,
            account=asking,
            inputs=[{**one, "given": given.get(one["name"], "")} for one in inputs],
            tried=shown(tried(request, call, asking, given))
            if asking and call.can_be_tried and "try" in request.GET
            else None,
        ),
    )


page = admin.site.admin_view
urlpatterns = [
    path("", page(index), name="configure-api-docs"),
    path("<str:id>/", page(one), name="configure-api-call"),
]
