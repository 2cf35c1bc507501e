"""OpenAPI 3.1 of this very site: what is enabled now, for one account or for an admin (contract, Addresses).

Made of the same definitions that answer the calls. What a value looks like, each field type says itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.request import Request

from flowfinity import definitions
from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import FORMATS, TYPES, Format, Schema, World, closed, record_id
from flowfinity.models import Configuration, Submission, User
from flowfinity.query import SYSTEM_COLUMNS, Column, Parameter
from integration import items
from integration.models import Surface
from integration.rest import feed, polls
from integration.rest.api import LONGEST_TRANSACTION, MOST_OPERATIONS, Endpoint, absolute, granted
from integration.rest.arguments import LONGEST_CLIENT, MODES, MOST_RECORDS
from integration.rest.authentication import Basic
from integration.rest.errors import LONGEST, Json
from integration.rest.state import State

FRESH = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
# What an example is made of, where a record would refer to something.
EXAMPLE_TIME = dt.datetime(2020, 9, 6, 4, 37, 31, 120_000, tzinfo=dt.UTC)
EXAMPLE_WORLD = World(
    people={"sam": "Sam Lowry"},
    titles={1: "ABC Inc"},
    file_url=lambda file: f"{settings.PUBLIC_URL or 'https://example.com'}/files/…/{file['FileName']}",
)

TEXT: Schema = {"type": "string"}
NUMBER = SYSTEM_COLUMNS["lastSubmissionID"].type.schema({}, "typed")
RECORD_ID = SYSTEM_COLUMNS["RecordID"].type.schema({}, "typed")
MOMENT: Schema = {"type": "string", "format": "date-time"}

# The contract's error table: status, name, codes, what it means.
ERRORS: tuple[tuple[int, str, tuple[str, ...], str], ...] = (
    (
        400,
        "Unreadable",
        ("invalid_json", "invalid_parameter", "bad_request"),
        "The body is no JSON object, or a parameter, cursor or header cannot be read. Correct it; do not repeat it.",
    ),
    (401, "NotAuthenticated", ("not_authenticated",), "No or wrong credentials, or a person’s account."),
    (
        403,
        "Closed",
        ("not_active", "surface_disabled"),
        "The account is deactivated, or the site’s switch, Query() or Execute(), is off. Ask an admin.",
    ),
    (404, "NotFound", ("not_found",), "Unknown, not enabled, or not granted to this account: one answer for all."),
    (409, "TransactionConflict", ("transaction_conflict",), "The ExternalTransactionId succeeded with another call."),
    (412, "Stale", ("stale_record",), "Someone was faster: read the record again, then decide."),
    (413, "TooLarge", ("too_large",), "The body is over the limit of 10 MB."),
    (422, "InvalidFields", ("invalid_fields",), "Wrong fields, all of them at once, by name. Nothing was written."),
    (429, "Throttled", ("throttled",), "Too many wrong passwords, or more calls a minute than this site takes."),
    (
        503,
        "Unavailable",
        ("unavailable",),
        "The database is away for a moment. Send it again; under the same ExternalTransactionId if it writes.",
    ),
)
ERROR_HEADERS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}

# Of every answer, of those that name something, of those that write.
ALWAYS = (400, 401, 403, 429, 503)
READING = (*ALWAYS, 404)
WRITING = (*READING, 409, 413, 422)

HEADERS: Mapping[str, tuple[str, Schema]] = {
    "ETag": ("Opaque; the same as long as the answer is. Send it back in If-None-Match.", TEXT),
    "Link": ('`<…>; rel="next"`: where what follows is read. Absent on the last page.', TEXT),
    "X-Flowfinity-Cut": ("Present when the answer was cut at its oldest end, at 5 MB: shorten the lookback.", TEXT),
    "X-Flowfinity-Warning": ("Present when the answer nears 5 MB.", TEXT),
    "Retry-After": ("Whole seconds to wait.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("Asks for HTTP Basic.", TEXT),
}


def query(name: str, schema: Schema, description: str) -> Schema:
    """A parameter of the query string."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


PARAMETERS: Mapping[str, Schema] = {
    "mode": query(
        "mode",
        {"type": "string", "enum": list(MODES)},
        "`zapier` narrows the view to what was modified in the lookback period, newest first, and adds `id`, `IsNew`"
        " and `LastOperation`; `plain` is the view as it stands. Left out, it is `zapier` for a `User-Agent` that"
        " begins with Zapier, else `plain`.",
    ),
    "limit": query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_RECORDS, "default": MOST_RECORDS},
        "The most records of one page; what follows is at the `Link`. In plain mode only.",
    ),
    "cursor": query("cursor", TEXT, "From the `Link` of the page before, unchanged. In plain mode only."),
    "client": query(
        "client",
        {"type": "string", "maxLength": LONGEST_CLIENT},
        "A name of your own, for the site’s log of polls. It never filters.",
    ),
    "after": query(
        "after",
        {"type": "integer", "minimum": 0, "maximum": 2**53 - 1, "default": 0},
        "The last SubmissionID that you have processed.",
    ),
    "feedLimit": query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": feed.MOST, "default": feed.MOST},
        "The most submissions of one page; what follows is at the `Link`.",
    ),
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "An ETag that you have: 304 as long as it stands.",
        "schema": TEXT,
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The record’s lastSubmissionID as you know it, in quotes: 412 when someone was faster.",
        "schema": {"type": "string", "pattern": r'^\s*(W/)?"*[0-9]{1,18}"*\s*$', "examples": ['"1234"']},
    },
}


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
        for one in every:
            base = f"/api/apps/{one.app.name}"
            for view in one.views:
                path = f"{base}/views/{view.name}"
                paths[path] = {"get": self.poll(one.app, view, one.formats[view.id])}
                paths[f"{path}/fields"] = {"get": self.fields(one.app, view)}
                paths[f"{path}/sample"] = {"get": self.sample(one.app, view, one.formats[view.id])}
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
        for name, (description, schema) in HEADERS.items():
            self.component("headers", name, {"description": description, "schema": schema})
        for name, parameter in PARAMETERS.items():
            self.component("parameters", name, parameter)
        self.component("schemas", "Error", error_schema())
        for status, name, codes, description in ERRORS:
            narrowed = {"properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}}
            schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, narrowed]}
            headers = {header: {"$ref": f"#/components/headers/{header}"} for header in ERROR_HEADERS.get(status, [])}
            answer = {"description": description, "content": content(schema, {})}
            self.component("responses", name, {**answer, "headers": headers} if headers else answer)
        self.component("responses", "NotModified", {"description": "What you have is what you would get."})
        self.component("schemas", "Result", RESULT)
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
            {"Site": TEXT, "User": TEXT, "Query": {"type": "boolean"}, "Execute": {"type": "boolean"}, "Version": TEXT},
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
            ALWAYS,
        )

    def apps(self) -> Schema:
        """What the account may use."""
        url = {"type": "string", "format": "uri"}
        named = {"Name": TEXT, "Label": TEXT, "Url": url}
        kind = {"enum": ["create", "update", "delete"]}
        app = closed(
            {
                "Name": TEXT,
                "Label": TEXT,
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
            ALWAYS,
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
            ALWAYS,
        )
        return {**made, "security": [{"basic": []}, {"session": []}]}

    def records(self, app: AppDefinition, view: ViewDefinition, zapier: bool, format: Format) -> Schema:
        """A reference to an array of a view's items in one of their shapes."""
        name = f"{app.name}.views.{view.name}.{'zapier.' if zapier else ''}{format}"
        return {"type": "array", "items": self.component("schemas", name, item_schema(view, format, zapier))}

    def poll(self, app: AppDefinition, view: ViewDefinition, format: Format) -> Schema:
        """The poll of a view."""
        shapes = [(zapier, one) for zapier in (False, True) for one in FORMATS]
        examples = {shape_name(zapier, one): [example_item(view, one, zapier)] for zapier, one in shapes}
        got = answer(
            {"anyOf": [self.records(app, view, zapier, one) for zapier, one in shapes]},
            examples,
            ("ETag", "Link", "X-Flowfinity-Cut", "X-Flowfinity-Warning"),
        )
        made = operation(
            f"{app.name}_{view.name}_poll",
            app.label,
            f"Poll {view.label}",
            "\n\n".join(filter(None, [view.description, view.query.describe()])),
            got,
            READING,
            parameters=[
                *(argument(parameter) for parameter in view.parameters.values()),
                parameter_reference("mode"),
                values_parameter(format),
                *(parameter_reference(name) for name in ("limit", "cursor", "client", "IfNoneMatch")),
            ],
        )
        made["responses"]["304"] = {"$ref": "#/components/responses/NotModified"}
        return made

    def fields(self, app: AppDefinition, view: ViewDefinition) -> Schema:
        """The metadata of a view's fields."""
        described = {
            "key": TEXT,
            "label": TEXT,
            "type": {"enum": sorted({*TYPES, *(column.type.name for column in SYSTEM_COLUMNS.values())})},
            "required": {"type": "boolean"},
            "choices": {"type": "array", "items": TEXT},
        }
        one = self.component("schemas", "Field", closed(described, described))
        lists = {"fields": {"type": "array", "items": one}, "parameters": {"type": "array", "items": one}}
        return operation(
            f"{app.name}_{view.name}_fields",
            app.label,
            f"Fields of {view.label}",
            "Keys, labels and types of its fields, and its parameters.",
            answer(closed(lists, lists), {}),
            READING,
        )

    def sample(self, app: AppDefinition, view: ViewDefinition, format: Format) -> Schema:
        """A view's sample."""
        shapes = [self.records(app, view, True, one) for one in FORMATS]
        examples = {str(one): [example_item(view, one, True)] for one in FORMATS}
        return operation(
            f"{app.name}_{view.name}_sample",
            app.label,
            f"Sample of {view.label}",
            f"Up to {polls.SAMPLES} records in exactly the shape that Zapier gets; made up when there is none.",
            answer({"anyOf": shapes}, examples),
            READING,
            parameters=[values_parameter(format)],
        )

    def run(self, app: AppDefinition, one: OperationDefinition) -> Schema:
        """An operation, run on one record."""
        keys = {"RecordID": record_schema(one), "ExternalTransactionId": TRANSACTION}
        fields = settable(one)
        required = [*([] if one.kind == "create" else ["RecordID"]), *needed(one)]
        name = f"{app.name}.operations.{one.name}"
        body = self.component("schemas", name, closed({**keys, **fields}, required))
        record = None if one.kind == "create" else record_id(1)
        example = {"RecordID": record, "ExternalTransactionId": None, **example_values(one)}
        edits = one.kind != "create"
        return operation(
            f"{app.name}_{one.name}_run",
            app.label,
            f"{one.label} ({one.kind}s a record)",
            f"{FORMAT_WORDS} {REPEAT_WORDS}" if one.fields else REPEAT_WORDS,
            answer({"$ref": "#/components/schemas/Result"}, {"done": example_result(self.base_url, app, one)}),
            (*WRITING, 412) if edits else WRITING,
            parameters=[parameter_reference("IfMatch")] if edits else [],
            body=content(body, {one.name: example}),
        )

    def universal(self, runnable: list[tuple[AppDefinition, OperationDefinition]]) -> Schema:
        """Several operations as one transaction."""
        calls = [
            self.component("schemas", f"{app.name}.calls.{one.name}", call_schema(app, one)) for app, one in runnable
        ]
        body = closed(
            {
                "ExternalTransactionId": TRANSACTION,
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
                    "Record": example_values(one),
                }
            ],
        }
        done = example_result(self.base_url, app, one)
        return operation(
            "universal",
            "Site",
            "Run several operations as one transaction",
            f"All or none; at most {MOST_OPERATIONS}, of one app or several. An error names the operation’s index.",
            answer(result, {"done": {"ExternalTransactionId": None, "Replayed": False, "Results": [done]}}),
            (*WRITING, 412),
            body=content(body, {"one": example}),
        )

    def feed(self, app: AppDefinition) -> Schema:
        """An app's submissions."""
        shapes = [
            {
                "type": "array",
                "items": self.component("schemas", f"{app.name}.submissions.{format}", submission_schema(app, format)),
            }
            for format in FORMATS
        ]
        return operation(
            f"{app.name}_submissions",
            app.label,
            f"Submissions of {app.label}",
            "One item a submission, ascending, frozen as submitted; a deletion carries the last values. Store the last"
            " SubmissionID that you have processed and send it as `after`: nothing is ever missed.",
            answer({"anyOf": shapes}, {format: [example_submission(app, format)] for format in FORMATS}, ("Link",)),
            READING,
            parameters=[
                parameter_reference("after"),
                parameter_reference("feedLimit"),
                values_parameter("flowfinity"),
            ],
        )


TRANSACTION: Schema = {
    "type": ["string", "null"],
    "maxLength": LONGEST_TRANSACTION,
    "description": "Your own id for this call, which makes it safe to send again: an id that succeeded answers with the"
    " original result.",
}
RESULT = closed(
    {
        "RecordID": RECORD_ID,
        "lastSubmissionID": {**NUMBER, "description": "The number that now stands."},
        "CreatedOn": MOMENT,
        "LastModifiedOn": MOMENT,
        "Changed": {"type": "array", "items": TEXT, "description": "Keys of the fields that changed."},
        "Replayed": {"type": "boolean", "description": "True when the call had succeeded before."},
        "Url": {"type": "string", "format": "uri", "description": "The record’s page."},
    },
    ("RecordID", "lastSubmissionID", "CreatedOn", "LastModifiedOn", "Changed", "Replayed", "Url"),
)
FORMAT_WORDS = "Values in either format; a field that an edit leaves out keeps its value, and null makes it blank."
REPEAT_WORDS = "Send an ExternalTransactionId of your own, and the call is safe to repeat."


def error_schema() -> Schema:
    """The one shape that every error has."""
    message: Schema = {"type": "string", "maxLength": LONGEST}
    fault = closed({"field": TEXT, "code": TEXT, "message": message}, ("field", "code", "message"))
    error = closed(
        {
            "code": {"enum": [code for _, _, codes, _ in ERRORS for code in codes]},
            "message": {**message, "description": "What to do, in a sentence."},
            "fields": {"type": "array", "items": fault},
            "operation": {"type": "integer", "minimum": 0, "description": "The index of the operation, of several."},
        },
        ("code", "message", "fields"),
    )
    return closed({"error": error}, ["error"])


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
    names = {status: name for status, name, _, _ in ERRORS}
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


def values_parameter(format: Format) -> Schema:
    """The format of values; `format` is the one for who does not say."""
    return query("values", {"type": "string", "enum": list(FORMATS), "default": format}, "The format of values.")


def argument(parameter: Parameter) -> Schema:
    """A view's own parameter."""
    made = query(
        parameter.name,
        parameter.type.argument_schema(parameter.config),
        f"{parameter.label}. Left out or empty, its condition is dropped.",
    )
    return {**made, "allowEmptyValue": True}


def column_schema(column: Column, schema: Schema) -> Schema:
    """A field's schema with the words that people know it by."""
    made = {"title": column.label, **schema}
    words = " ".join(filter(None, [column.type.label if not column.system else "", column.help]))
    return {**made, "description": words} if words else made


def values_schema(columns: Iterable[Column], format: Format) -> dict[str, Schema]:
    """The fields, as they are read."""
    return {column.name: column_schema(column, column.type.schema(column.config, format)) for column in columns}


def item_schema(view: ViewDefinition, format: Format, zapier: bool) -> Schema:
    """A view's item: always every key, never another."""
    properties = values_schema([column for column in view.columns if not column.system], format)
    properties |= values_schema(SYSTEM_COLUMNS.values(), format)
    if zapier:
        for name in ("CreatedOn", "LastModifiedOn"):
            properties[name] = {"title": properties[name]["title"], **MOMENT}
        properties["id"] = {**NUMBER, "description": "lastSubmissionID: new with every update."}
        properties["IsNew"] = {"type": "boolean", "description": "True while the record has never been updated."}
        properties["LastOperation"] = {**TEXT, "description": "Name of the operation that was run last."}
    return closed(properties, properties)


def submission_schema(app: AppDefinition, format: Format) -> Schema:
    """An item of the feed."""
    values = values_schema(app.fields.values(), format)
    properties = {
        "SubmissionID": NUMBER,
        "RecordID": RECORD_ID,
        "Operation": {"type": ["string", "null"]},
        "Kind": {"enum": [kind for kind, _ in Submission._meta.get_field("kind").choices or ()]},
        "SubmittedBy": TEXT,
        "SubmittedOn": MOMENT,
        "Changed": {"type": "array", "items": TEXT},
        "Record": closed(values, values),
    }
    return closed(properties, properties)


def settable(one: OperationDefinition) -> dict[str, Schema]:
    """The fields that an operation sets, as they are written."""
    return {column.name: column_schema(column, write_schema(column)) for column in one.fields}


def write_schema(column: Column) -> Schema:
    """What is taken for a field: null, too, unless it is required."""
    schema = column.type.write_schema(column.config)
    if column.required and not column.type.never_blank:
        return schema
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def needed(one: OperationDefinition) -> list[str]:
    """The fields that a call of the operation cannot leave out."""
    if one.kind != "create":
        return []
    return [column.name for column in one.fields if column.required and not column.type.never_blank]


def record_schema(one: OperationDefinition) -> Schema:
    """Which record: none where one is made."""
    if one.kind == "create":
        return {"enum": [None, ""], "description": "None: a new record is made."}
    return {"type": ["string", "integer"], "pattern": "^[0-9]{1,18}$", "description": "The record, as it is read."}


def call_schema(app: AppDefinition, one: OperationDefinition) -> Schema:
    """An operation within a universal call."""
    edits = one.kind != "create"
    record = closed(settable(one), needed(one))
    known: Schema = {"description": "The record’s lastSubmissionID as you know it: 412 when someone was faster."}
    properties = {
        "App": {"const": app.name},
        "Operation": {"const": one.name},
        "RecordID": record_schema(one),
        "IfLastSubmissionID": {**known, "type": ["integer", "null"]} if edits else {"type": "null"},
        "Record": record if needed(one) else {**record, "type": ["object", "null"]},
    }
    required = ["App", "Operation", *(["RecordID"] if edits else []), *(["Record"] if needed(one) else [])]
    return closed(properties, required)


def shape_name(zapier: bool, format: Format) -> str:
    """What one of a poll's four shapes is called."""
    return f"zapier_{format}" if zapier else format


def example_item(view: ViewDefinition, format: Format, zapier: bool) -> Schema:
    """A believable item."""
    return items.renderer(view, format, zapier, EXAMPLE_WORLD)(items.made_up(view, EXAMPLE_TIME))


def example_values(one: OperationDefinition) -> Schema:
    """Believable values for an operation, as the article's product writes them."""
    values: Schema = {}
    for column in one.fields:
        render, blank = column.type.renderer(column.config, "flowfinity", EXAMPLE_WORLD)
        # A made-up user, record or file would be refused: whoever calls knows a real one.
        made_up = column.required or not column.type.refers
        value = column.type.sample(column.config) if made_up else None
        values[column.name] = blank if value is None else render(value)
    return values


def example_submission(app: AppDefinition, format: Format) -> Schema:
    """A believable item of the feed."""
    stored = {column.name: column.type.sample(column.config) for column in app.fields.values()}
    changed = [name for name, value in stored.items() if value is not None]
    kept = {name: stored[name] for name in changed}
    row = (
        1,
        1,
        app.operations[0].name if app.operations else "",
        Submission.CREATED,
        "Ada",
        EXAMPLE_TIME,
        changed,
        kept,
    )
    return dict(feed.renderer(app, format, EXAMPLE_WORLD)(row))


def example_result(base_url: str, app: AppDefinition, one: OperationDefinition) -> Schema:
    """A believable answer."""
    when = items.with_offset(EXAMPLE_TIME)
    return {
        "RecordID": record_id(1),
        "lastSubmissionID": 1,
        "CreatedOn": when,
        "LastModifiedOn": when,
        "Changed": [column.name for column in one.fields],
        "Replayed": False,
        "Url": f"{base_url}/apps/{app.name}/records/{record_id(1)}",
    }
