"""OpenAPI 3.1 of this very site: what is enabled now, for one account or for an admin (contract, Addresses).

Made of the same definitions that answer the calls. What a value looks like, each field type says itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.request import Request

from flowfinity import definitions
from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import FORMATS, TYPES, Format, Schema, closed, record_id
from flowfinity.models import Configuration, User
from flowfinity.query import SYSTEM_COLUMNS
from integration.models import Surface
from integration.rest import polls, shapes
from integration.rest.authentication import Basic
from integration.rest.endpoint import Endpoint, absolute
from integration.rest.errors import Json
from integration.rest.reading import granted
from integration.rest.state import State
from integration.rest.writing import MOST_OPERATIONS

FRESH = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


@dataclass(frozen=True)
class Opened:
    """What of an app is enabled; `formats` has the format of each view by its key."""

    app: AppDefinition
    views: tuple[ViewDefinition, ...]
    operations: tuple[OperationDefinition, ...]
    fed: bool
    formats: Mapping[int, Format]


class Reader(Basic):
    """An integration account by HTTP Basic, or an admin who is logged in."""

    def authenticate(self, request: Request) -> tuple[User, State | None]:  # type: ignore[override]
        """The account with its state, or the admin. Raises Refusal: 401, 403 not_active, 429."""
        if "HTTP_AUTHORIZATION" not in request.META:
            user = request._request.user
            if isinstance(user, User) and user.is_staff:
                return user, None
        return super().authenticate(request)


class SchemaEndpoint(Endpoint):
    """The OpenAPI document: of what the account may use, or, for an admin, of all that is enabled."""

    authentication_classes = [Reader]

    def retrieve(self, request: Request) -> HttpResponse:
        """The document."""
        state: State | None = request.auth  # type: ignore[assignment]
        version = state.version if state else Configuration.current()
        body = document(version, state.account if state else None, absolute(request, ""))
        return Json(body, headers=FRESH)


@lru_cache(maxsize=64)
def document(version: int, account: int | None, base_url: str) -> bytes:
    """The document for an account, or of all that is enabled (None).

    Every change of what is enabled, granted or defined has a version of its own, so what is kept is never old.
    """
    # An admin reads it on a page of any language.
    with translation.override("en"):
        return orjson.dumps(Generator(account, base_url).get_schema())


def opened(account: int | None) -> Iterator[Opened]:
    """What is enabled for the account (for anybody: None), app by app, as far as the site's switches are on."""
    surface = Surface.objects.get(pk=1)
    access = granted(account)
    for app in definitions.every():
        formats: dict[int, Format] = {
            view: "typed" if format == "typed" else "flowfinity" for view, format in access["view"].items()
        }
        views = tuple(view for view in app.views if surface.query_enabled and view.id in formats)
        operations = tuple(one for one in app.operations if surface.execute_enabled and one.id in access["operation"])
        fed = surface.query_enabled and app.id in access["feed_of"]
        if views or operations or fed:
            yield Opened(app, views, operations, fed, formats)


class Generator(SchemaGenerator):
    """drf-spectacular's generator, whose paths come from what is enabled and not from the code's URL patterns."""

    def __init__(self, account: int | None, base_url: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.account = account
        self.base_url = base_url

    def get_schema(self, request: Any = None, public: bool = True) -> Schema:
        """The document."""
        made: Schema = super().get_schema(request, public)  # type: ignore[no-untyped-call]
        return {**made, "servers": [{"url": self.base_url}], "security": [{"basic": []}]}

    def parse(self, input_request: Any, public: bool) -> Schema:
        """The paths; their components are registered."""
        self.register_shared()
        paths: Schema = {"/api": {"get": self.check()}}
        paths["/api/apps"] = {"get": self.apps()}
        paths["/api/schema"] = {"get": self.itself()}
        every = list(opened(self.account))
        if any(one.views for one in every):
            paths["/api/clients"] = {"get": self.clients()}
        for one in every:
            base = f"/api/apps/{one.app.name}"
            for view in one.views:
                path = f"{base}/views/{view.name}"
                paths[path] = {"get": self.poll(one.app, view, one.formats[view.id])}
                paths[f"{path}/fields"] = {"get": self.fields(one.app, view)}
                paths[f"{path}/sample"] = {"get": self.sample(one.app, view, one.formats[view.id])}
                paths[f"{path}/clients"] = {"get": self.view_clients(one.app, view)}
                paths |= self.hooks(one.app, view, path)
            for operation in one.operations:
                paths[f"{base}/operations/{operation.name}"] = {"post": self.run(one.app, operation)}
            if one.fed:
                paths[f"{base}/submissions"] = {"get": self.feed(one.app)}
        runnable = [(one.app, operation) for one in every for operation in one.operations]
        if runnable:
            paths["/api"]["post"] = self.universal(runnable)
        return paths

    def component(self, kind: str, name: str, schema: Schema) -> Schema:
        """Registers a component, once; answers with a reference to it."""
        made = ResolvedComponent(name=name, type=kind, schema=schema, object=name)
        self.registry.register_on_missing(made)
        return {"$ref": f"#/components/{kind}/{name}"}

    def register_shared(self) -> None:
        """What does not depend on the apps: the error table, headers, parameters, the two ways in."""
        for name, (description, schema) in shapes.HEADERS.items():
            self.component("headers", name, {"description": description, "schema": schema})
        for name, parameter in shapes.PARAMETERS.items():
            self.component("parameters", name, parameter)
        self.component("schemas", "Error", shapes.error_schema())
        for status, name, codes, description in shapes.ERRORS:
            narrowed = {"properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}}
            schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, narrowed]}
            headers = {
                header: {"$ref": f"#/components/headers/{header}"} for header in shapes.ERROR_HEADERS.get(status, [])
            }
            answer = {"description": description, "content": content(schema, {})}
            self.component("responses", name, {**answer, "headers": headers} if headers else answer)
        self.component("responses", "NotModified", {"description": "What you have is what you would get."})
        self.component("schemas", "Result", shapes.RESULT)
        self.component(
            "securitySchemes",
            "basic",
            {"type": "http", "scheme": "basic", "description": "User name and password of an integration account."},
        )
        self.component(
            "securitySchemes",
            "session",
            {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.SESSION_COOKIE_NAME,
                "description": "An admin’s login.",
            },
        )

    def check(self) -> Schema:
        """Whether the credentials work."""
        schema = closed(
            {
                "Site": shapes.TEXT,
                "User": shapes.TEXT,
                "Query": {"type": "boolean"},
                "Execute": {"type": "boolean"},
                "Version": shapes.TEXT,
            },
            ("Site", "User", "Query", "Execute", "Version"),
        )
        example = {
            "Site": settings.SITE_NAME,
            "User": "Zapier",
            "Query": True,
            "Execute": True,
            "Version": settings.VERSION,
        }
        return operation(
            "check",
            "Site",
            "Whether the credentials work",
            "What a test of authentication calls. It answers with both switches off, too.",
            answer(schema, {"check": example}),
            shapes.ALWAYS,
        )

    def apps(self) -> Schema:
        """What the account may use."""
        url = {"type": "string", "format": "uri"}
        named = {"Name": shapes.TEXT, "Label": shapes.TEXT, "Url": url}
        kind = {"enum": ["create", "update", "delete"]}
        app = closed(
            {
                "Name": shapes.TEXT,
                "Label": shapes.TEXT,
                "Views": {"type": "array", "items": closed(named, named)},
                "Operations": {"type": "array", "items": closed({**named, "Kind": kind}, (*named, "Kind"))},
                "Submissions": {"type": ["string", "null"], "format": "uri", "description": "The feed, where enabled."},
            },
            ("Name", "Label", "Views", "Operations", "Submissions"),
        )
        return operation(
            "apps",
            "Site",
            "The apps that this account may use",
            "With their enabled views and operations, each with its URL.",
            answer({"type": "array", "items": self.component("schemas", "App", app)}, {}),
            shapes.ALWAYS,
        )

    def itself(self) -> Schema:
        """This document."""
        schema = {"type": "object", "required": ["openapi", "info", "paths", "components"]}
        made = operation(
            "schema",
            "Site",
            "This document",
            "OpenAPI 3.1 of what is enabled now: for this account, or, for an admin’s login, for any.",
            answer(schema, {}),
            shapes.ALWAYS,
        )
        return {**made, "security": [{"basic": []}, {"session": []}]}

    def records(self, app: AppDefinition, view: ViewDefinition, zapier: bool, format: Format) -> Schema:
        """A reference to an array of a view's items in one of their shapes."""
        name = f"{app.name}.views.{view.name}.{'zapier.' if zapier else ''}{format}"
        return {"type": "array", "items": self.component("schemas", name, shapes.item_schema(view, format, zapier))}

    def poll(self, app: AppDefinition, view: ViewDefinition, format: Format) -> Schema:
        """The poll of a view."""
        forms = [(zapier, one) for zapier in (False, True) for one in FORMATS]
        examples = {
            shapes.shape_name(zapier, one): [shapes.example_item(app, view, one, zapier)] for zapier, one in forms
        }
        got = answer(
            {"anyOf": [self.records(app, view, zapier, one) for zapier, one in forms]},
            examples,
            ("ETag", "Link", "X-Flowfinity-Cut", "X-Flowfinity-Warning"),
        )
        made = operation(
            f"{app.name}_{view.name}_poll",
            app.label,
            f"Poll {view.label}",
            "\n\n".join(filter(None, [view.description, view.query.describe()])),
            got,
            shapes.READING,
            parameters=[
                *(shapes.argument(parameter) for parameter in view.parameters.values()),
                parameter_reference("mode"),
                shapes.values_parameter(format),
                *(parameter_reference(name) for name in ("limit", "cursor", "client", "IfNoneMatch")),
            ],
        )
        ok = made["responses"].pop("200")
        unchanged = {"$ref": "#/components/responses/NotModified"}
        return {**made, "responses": {"200": ok, "304": unchanged, **made["responses"]}}

    def fields(self, app: AppDefinition, view: ViewDefinition) -> Schema:
        """The metadata of a view's fields."""
        described = {
            "key": shapes.TEXT,
            "label": shapes.TEXT,
            "type": {"enum": sorted({*TYPES, *(column.type.name for column in SYSTEM_COLUMNS.values())})},
            "required": {"type": "boolean"},
            "choices": {"type": "array", "items": shapes.TEXT},
        }
        app_of_link = {"app": {**shapes.TEXT, "description": "Of a record link: the app whose records it names."}}
        one = self.component("schemas", "Field", closed({**described, **app_of_link}, described))
        lists = {"fields": {"type": "array", "items": one}, "parameters": {"type": "array", "items": one}}
        return operation(
            f"{app.name}_{view.name}_fields",
            app.label,
            f"Fields of {view.label}",
            "Keys, labels and types of its fields, and its parameters.",
            answer(closed(lists, lists), {}),
            shapes.READING,
        )

    def sample(self, app: AppDefinition, view: ViewDefinition, format: Format) -> Schema:
        """A view's sample."""
        forms = [self.records(app, view, True, one) for one in FORMATS]
        examples = {str(one): [shapes.example_item(app, view, one, True)] for one in FORMATS}
        return operation(
            f"{app.name}_{view.name}_sample",
            app.label,
            f"Sample of {view.label}",
            f"Up to {polls.SAMPLES} records in exactly the shape that Zapier gets; made up when there is none.",
            answer({"anyOf": forms}, examples),
            shapes.READING,
            parameters=[shapes.values_parameter(format)],
        )

    def hooks(self, app: AppDefinition, view: ViewDefinition, path: str) -> Schema:
        """The addresses of a view's REST hooks, each with its calls."""
        row = self.component("schemas", "Subscription", shapes.subscription_schema())
        made = self.component("schemas", "NewSubscription", shapes.subscription_schema(secret=True))
        sent = self.component("schemas", "Delivery", shapes.delivery_schema())
        body = content(
            self.component("schemas", "Subscribe", shapes.SUBSCRIBE),
            {"hook": {"targetUrl": "https://hooks.example.com/leads"}},
        )
        hook = parameter_reference("Hook")

        def call(
            id: str, summary: str, description: str, got: Schema, errors: Iterable[int] = (), **more: Any
        ) -> Schema:
            id, summary = f"{app.name}_{view.name}_{id}", f"{summary} {view.label}"
            return operation(id, app.label, summary, description, answer(got, {}), (*shapes.READING, *errors), **more)

        subscribe = call(
            "subscribe",
            "Hooks: subscribe to",
            "What is submitted from now on is sent to the address, one by one, signed (Standard Webhooks).",
            made,
            (413, 422),
            body=body,
        )
        subscribe["responses"] = {"201": subscribe["responses"].pop("200"), **subscribe["responses"]}
        own = {"type": "array", "items": row}
        lists = [hook, *map(parameter_reference, ("deliveryState", "before", "deliveryLimit"))]
        several = {"type": "array", "items": sent}
        one = [hook, parameter_reference("Submission")]
        done = closed({})
        return {
            f"{path}/hooks": {
                "get": call("hooks", "Hooks: one’s own subscriptions to", "Oldest first.", own),
                "post": subscribe,
            },
            f"{path}/hooks/{{Hook}}": {
                "get": call("hook", "Hooks: one subscription to", "How it stands.", row, parameters=[hook]),
                "delete": call("unsubscribe", "Hooks: unsubscribe from", "Safe to repeat.", done, parameters=[hook]),
            },
            f"{path}/hooks/{{Hook}}/pause": {
                "post": call("pause", "Hooks: pause a subscription to", "Its place is kept.", row, parameters=[hook])
            },
            f"{path}/hooks/{{Hook}}/resume": {
                "post": call(
                    "resume", "Hooks: resume a subscription to", "It goes on where it stopped.", row, parameters=[hook]
                )
            },
            f"{path}/hooks/{{Hook}}/deliveries": {
                "get": call(
                    "deliveries", "Hooks: what was sent of", "Newest first, with attempts.", several, parameters=lists
                )
            },
            f"{path}/hooks/{{Hook}}/deliveries/{{Submission}}/send-again": {
                "post": call(
                    "send_again", "Hooks: send once more, of", "Under the same webhook-id.", sent, parameters=one
                )
            },
        }

    def clients(self) -> Schema:
        """The account's own clients."""
        one = self.component("schemas", "Client", shapes.client_schema())
        return operation(
            "clients",
            "Site",
            "Clients of this account: Sync health",
            "How each of them polls, what it has not been shown, and what is wrong with it.",
            answer({"type": "array", "items": one}, {}),
            shapes.ALWAYS,
        )

    def view_clients(self, app: AppDefinition, view: ViewDefinition) -> Schema:
        """The account's own clients of a view."""
        one = self.component("schemas", "ClientOfView", shapes.client_schema(listed=True))
        return operation(
            f"{app.name}_{view.name}_clients",
            app.label,
            f"Clients of {view.label}: Sync health",
            "How each of the account’s clients polls, and which submissions it has not been shown, the worst first.",
            answer({"type": "array", "items": one}, {}),
            shapes.READING,
            parameters=[parameter_reference("unseenLimit")],
        )

    def run(self, app: AppDefinition, one: OperationDefinition) -> Schema:
        """An operation, run on one record."""
        keys = {"RecordID": shapes.record_schema(one), "ExternalTransactionId": shapes.TRANSACTION}
        fields = shapes.settable(one)
        required = [*([] if one.kind == "create" else ["RecordID"]), *shapes.needed(one)]
        name = f"{app.name}.operations.{one.name}"
        body = self.component("schemas", name, closed({**keys, **fields}, required))
        record = None if one.kind == "create" else record_id(1)
        example = {"RecordID": record, "ExternalTransactionId": None, **shapes.example_values(one)}
        edits = one.kind != "create"
        return operation(
            f"{app.name}_{one.name}_run",
            app.label,
            f"{one.label} ({one.kind}s a record)",
            f"{FORMAT_WORDS} {REPEAT_WORDS}" if one.fields else REPEAT_WORDS,
            answer({"$ref": "#/components/schemas/Result"}, {"done": shapes.example_result(self.base_url, app, one)}),
            (*shapes.WRITING, 412) if edits else shapes.WRITING,
            parameters=[parameter_reference("IfMatch")] if edits else [],
            body=content(body, {one.name: example}),
        )

    def universal(self, runnable: list[tuple[AppDefinition, OperationDefinition]]) -> Schema:
        """Several operations as one transaction."""
        calls = [
            self.component("schemas", f"{app.name}.calls.{one.name}", shapes.call_schema(app, one))
            for app, one in runnable
        ]
        body = closed(
            {
                "ExternalTransactionId": shapes.TRANSACTION,
                "Operations": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MOST_OPERATIONS,
                    "items": {"oneOf": calls} if len(calls) > 1 else calls[0],
                },
            },
            ["Operations"],
        )
        result = closed(
            {
                "ExternalTransactionId": {"type": ["string", "null"]},
                "Replayed": {"type": "boolean"},
                "Results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
            },
            ("ExternalTransactionId", "Replayed", "Results"),
        )
        app, one = runnable[0]
        example = {
            "ExternalTransactionId": None,
            "Operations": [
                {
                    "App": app.name,
                    "Operation": one.name,
                    "RecordID": None if one.kind == "create" else record_id(1),
                    "Record": shapes.example_values(one),
                }
            ],
        }
        done = shapes.example_result(self.base_url, app, one)
        return operation(
            "universal",
            "Site",
            "Run several operations as one transaction",
            f"All or none; at most {MOST_OPERATIONS}, of one app or several. An error names the operation’s index.",
            answer(result, {"done": {"ExternalTransactionId": None, "Replayed": False, "Results": [done]}}),
            (*shapes.WRITING, 412),
            body=content(body, {"one": example}),
        )

    def feed(self, app: AppDefinition) -> Schema:
        """An app's submissions."""
        forms = [
            {
                "type": "array",
                "items": self.component(
                    "schemas", f"{app.name}.submissions.{format}", shapes.submission_schema(app, format)
                ),
            }
            for format in FORMATS
        ]
        return operation(
            f"{app.name}_submissions",
            app.label,
            f"Submissions of {app.label}",
            "One item a submission, ascending, frozen as submitted; a deletion carries the last values. Store the last"
            " SubmissionID that you have processed and send it as `after`: nothing is ever missed.",
            answer(
                {"anyOf": forms}, {format: [shapes.example_submission(app, format)] for format in FORMATS}, ("Link",)
            ),
            shapes.READING,
            parameters=[
                parameter_reference("after"),
                parameter_reference("feedLimit"),
                shapes.values_parameter("flowfinity"),
            ],
        )


FORMAT_WORDS = "Values in either format; a field that an edit leaves out keeps its value, and null makes it blank."
REPEAT_WORDS = "Send an ExternalTransactionId of your own, and the call is safe to repeat."


def operation(
    id: str,
    tag: str,
    summary: str,
    description: str,
    got: Schema,
    errors: Iterable[int],
    parameters: Iterable[Schema] = (),
    body: Schema | None = None,
) -> Schema:
    """An Operation Object that answers 200 with `got`, or with one of the errors."""
    names = {status: name for status, name, _, _ in shapes.ERRORS}
    refused = {str(status): {"$ref": f"#/components/responses/{names[status]}"} for status in sorted(errors)}
    made: Schema = {"operationId": id, "tags": [tag], "summary": summary, "description": description}
    if taken := list(parameters):
        made["parameters"] = taken
    if body:
        made["requestBody"] = {"required": True, "content": body}
    return {**made, "responses": {"200": got, **refused}}


def content(schema: Schema, examples: Mapping[str, Any]) -> Schema:
    """JSON of that schema."""
    media: Schema = {"schema": schema}
    if examples:
        media["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"application/json": media}


def answer(schema: Schema, examples: Mapping[str, Any], headers: Iterable[str] = ()) -> Schema:
    """A Response Object of 200."""
    made: Schema = {"description": "Done.", "content": content(schema, examples)}
    told = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {**made, "headers": told} if told else made


def parameter_reference(name: str) -> Schema:
    """A reference to a shared parameter."""
    return {"$ref": f"#/components/parameters/{name}"}
