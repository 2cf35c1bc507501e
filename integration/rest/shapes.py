"""What the API's schema is made of: the error table, parameters, JSON Schemas and examples.

What a value looks like, each field type says itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from django.conf import settings

from flowfinity.definitions import AppDefinition, OperationDefinition, ViewDefinition
from flowfinity.fields import FORMATS, Format, Schema, World, closed, record_id
from flowfinity.models import Submission
from flowfinity.query import SYSTEM_COLUMNS, Column, Parameter
from integration import items
from integration.incidents import ALARMS
from integration.models import Delivery, Subscription
from integration.rest import feed
from integration.rest.arguments import LONGEST_CLIENT, MODES, MOST_RECORDS
from integration.rest.clients import LISTED, MOST_LISTED
from integration.rest.errors import LONGEST
from integration.rest.subscriptions import LONGEST_URL, MOST_DELIVERIES
from integration.rest.writing import LONGEST_TRANSACTION
from integration.sync_health import FATES

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
    "unseenLimit": query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": LISTED},
        "The most submissions listed for a client: the worst fate first, and of each the newest.",
    ),
    "deliveryState": query(
        "state", {"type": "string", "enum": [state for state, _ in Delivery.STATES]}, "Deliveries in this state only."
    ),
    "before": query(
        "before",
        {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        "The SubmissionID of the last delivery that you have seen: those before it.",
    ),
    "deliveryLimit": query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MOST_DELIVERIES, "default": 100}, "The most deliveries."
    ),
    "Hook": {
        "name": "Hook",
        "in": "path",
        "required": True,
        "description": "The id of a subscription of one’s own.",
        "schema": {"type": "string", "pattern": "^[a-z0-9]{1,24}$"},
    },
    "Submission": {
        "name": "Submission",
        "in": "path",
        "required": True,
        "description": "The SubmissionID of one of its deliveries.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
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
        "schema": {"type": "string", "pattern": r'^\s*(W/)?"*[0-9]{1,18}"*\s*$'},
    },
}

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


def values_parameter(format: Format) -> Schema:
    """The format of values; `format` is the one for who does not say."""
    return query("values", {"type": "string", "enum": list(FORMATS), "default": format}, "The format of values.")


def argument(parameter: Parameter) -> Schema:
    """A view's own parameter."""
    schema = parameter.type.argument_schema(parameter.config)
    sample = parameter.type.sample(parameter.config)
    if isinstance(sample, str) and "enum" not in schema:
        schema = {"examples": [sample], **schema}
    made = query(
        parameter.name,
        schema,
        f"{parameter.label}. Left out or empty, its condition is dropped.",
    )
    return {**made, "allowEmptyValue": True}


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


def column_schema(column: Column, schema: Schema) -> Schema:
    """A field's schema with the words that people know it by."""
    made = {"title": column.label, **schema}
    if column.system:
        return made
    return {**made, "description": f"{column.type.label}. {column.help}".strip()}


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


def client_schema(listed: bool = False) -> Schema:
    """A client of a view (Sync health); `listed` with what it has not been shown."""
    count = closed({"Count": {"type": "integer", "minimum": 0}, "More": {"type": "boolean"}}, ("Count", "More"))
    whole: Schema = {"type": ["integer", "null"], "minimum": 0}
    alarm = closed({"Kind": {"enum": list(ALARMS)}, "Sentence": TEXT}, ("Kind", "Sentence"))
    url: Schema = {"type": "string", "format": "uri"}
    properties: dict[str, Schema] = {
        **{"App": TEXT, "View": TEXT, "Client": TEXT, "Mode": {"enum": list(MODES)}},
        "Polling": {"type": "boolean", "description": "False for one that has gone silent, or was only tried out."},
        "IntervalSeconds": {**whole, "description": "The median between its last polls; null after a first one."},
        **{"FirstPollOn": MOMENT, "LastPollOn": MOMENT, "Newest": NUMBER, "LookbackDays": whole},
        "Waiting": {**count, "description": "Shown at its next poll."},
        "Leaving": {**count, "description": "Of these, lost unless it polls within a day."},
        "Lost": {**count, "description": "No poll will show them."},
        "Doubtful": {**count, "description": "Shown after a silence: lost if its Zap was off meanwhile."},
        "Alarms": {"type": "array", "items": alarm},
        "Url": url,
    }
    if listed:
        row: dict[str, Schema] = {
            **{"SubmissionID": NUMBER, "RecordID": RECORD_ID, "SubmittedBy": TEXT, "SubmittedOn": MOMENT},
            **{"Fate": {"enum": list(FATES)}, "Url": url},
        }
        properties["Submissions"] = {"type": "array", "items": closed(row, row)}
    return closed(properties, properties)


def subscription_schema(secret: bool = False) -> Schema:
    """A subscription to a view's hooks; with its secret as the answer that makes it has it."""
    whole: Schema = {"type": "integer", "minimum": 0}
    maybe: Schema = {"type": ["string", "null"], "format": "date-time"}
    properties: dict[str, Schema] = {
        "id": TEXT,
        "targetUrl": {"type": "string", "format": "uri"},
        "values": {"enum": list(FORMATS)},
        "state": {"enum": [state for state, _ in Subscription.STATES]},
        "reason": {**TEXT, "description": "Why it is paused."},
        "place": {**NUMBER, "description": "The last submission that was looked at."},
        "createdOn": MOMENT,
        "due": {**whole, "description": "Deliveries that are still to be made."},
        "failed": {**whole, "description": "Deliveries that have failed for good; they can be sent again."},
        "failingSince": {**maybe, "description": "Since when every attempt has failed; null while they succeed."},
        "nextOn": {**maybe, "description": "When something is sent next; null where nothing is to come."},
    }
    if secret:
        properties["secret"] = {**TEXT, "description": "Signs what is delivered; shown in this answer only."}
    return closed(properties, properties)


SUBSCRIBE = closed(
    {
        "targetUrl": {"type": "string", "format": "uri", "maxLength": LONGEST_URL, "pattern": "^https?://"},
        "values": {"enum": [*FORMATS, None], "description": "The format of values; typed when it is left out."},
    },
    ["targetUrl"],
)


def delivery_schema() -> Schema:
    """One delivery with its attempts."""
    attempt: dict[str, Schema] = {
        "on": MOMENT,
        "ms": {"type": "integer", "minimum": 0},
        "status": {"type": ["integer", "null"], "description": "Null where no answer came."},
        "error": TEXT,
    }
    properties: dict[str, Schema] = {
        "SubmissionID": NUMBER,
        "webhookId": TEXT,
        "state": {"enum": [state for state, _ in Delivery.STATES]},
        "nextOn": {"type": ["string", "null"], "format": "date-time", "description": "When it is tried next."},
        "attempts": {"type": "array", "items": closed(attempt, attempt)},
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


def example_item(app: AppDefinition, view: ViewDefinition, format: Format, zapier: bool) -> Schema:
    """A believable item."""
    return items.renderer(view, format, zapier, EXAMPLE_WORLD)(items.made_up(app, view, EXAMPLE_TIME))


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
