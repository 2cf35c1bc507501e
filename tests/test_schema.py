"""`GET /api/schema`: an OpenAPI document that a validator passes, and that every answer of this site keeps to."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import jsonschema
import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from PIL import Image

from flowfinity import clock
from flowfinity.fields import FORMATS, TYPES, FieldError, World
from flowfinity.models import App, View, configuring
from flowfinity.submissions import submit
from integration.hooks import delivery
from integration.models import Poll, Refusal, RestAccess, Subscription
from integration.rest import schema, shapes
from integration.rest import writing as endpoints
from tests import builders, every_type
from tests.every_type import name_of
from tests.receiver import Reply, receiving
from tests.rest import ARTICLE, Api, Site, open_site

LEADS = "/api/apps/LeadRegistration"
EVERY = f"/api/apps/{every_type.APP}"
PNG = io.BytesIO()
Image.new("RGB", (1, 1)).save(PNG, "PNG")
PICTURE = {"FileName": "dot.png", "Content": base64.b64encode(PNG.getvalue()).decode()}
FILLED: Mapping[str, Any] = {
    "text": "Text", "multiline": "One\ntwo", "phone": "555-7777", "email": "ada@example.com",
    "url": "https://example.com/", "number": 2.5, "currency": "1e20", "yesno": True, "date": "2020-09-06",
    "datetime": "2020-09-06T04:37:31.120+02:00", "single": "Red", "multiple": {"Selection": ["Blue", "Red"]},
    "location": "49.2827, -123.1207, 12", "picture": PICTURE, "signature": PICTURE,
    "attachment": {"FileName": "ä b.txt", "Content": "YQ=="}, "user": "sam", "link": None,
}  # fmt: skip


class Described:
    """The document of an account, and what it says of an answer."""

    def __init__(self, api: Api) -> None:
        response = api.get("/api/schema")
        assert response.status_code == 200, response.content
        self.document: dict[str, Any] = json.loads(response.content)

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method and Operation Object of each."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """The part, or what it refers to."""
        while "$ref" in part:
            found: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def fits(self, value: Any, schema: Mapping[str, Any]) -> None:
        """Fails unless the value keeps to the schema."""
        jsonschema.Draft202012Validator(
            {**schema, "components": self.document["components"]}, format_checker=jsonschema.FormatChecker()
        ).validate(value)

    def answers(self, response: Any, path: str, method: str = "get") -> Any:
        """The answer's JSON, after checking that its status, headers and body are documented."""
        documented = self.document["paths"][path][method]["responses"]
        assert str(response.status_code) in documented, (response.status_code, response.content[:300])
        told = self.resolved(documented[str(response.status_code)])
        if response.status_code == 304:
            assert "content" not in told and not response.content
            return None
        body = json.loads(response.content)
        self.fits(body, told["content"]["application/json"]["schema"])
        for name in ("ETag", "Link", "Retry-After", "WWW-Authenticate", "X-Flowfinity-Cut"):
            assert name not in response or name in told.get("headers", {}), (path, name)
        return body


@pytest.fixture
def site(db: None, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Lead Registration and an app with a field of every type, both open with their feeds; nothing kept from before."""
    schema.document.cache_clear()
    site = open_site()
    monkeypatch.setattr(clock, "now", lambda: site.at)
    app = builders.make(every_type.blueprint())
    site.open(app)
    with configuring():
        for one in (site.app, app):
            RestAccess.objects.create(feed_of=one)
            site.role.feeds.add(one)
    return site


@pytest.fixture
def api() -> Api:
    return Api()


def every_app() -> App:
    """The app with a field of every type."""
    return App.objects.get(name=every_type.APP)


def filled(site: Site) -> None:
    """Records of both apps: full, nearly blank, changed and deleted."""
    site.lead(**{key: value for key, value in ARTICLE.items() if key not in {"Company", "LastName"}})
    site.lead()
    app = every_app()
    values = {name_of(type): value for type, value in FILLED.items()}
    first = submit([builders.call(app, "Make", None, **values, Needed="a")], site.sam).results[0]
    submit([builders.call(app, "Make", None, Needed="b", LinkField=first.record)], site.sam)
    submit([builders.call(app, "Change", first.record, NumberField=-7, TextField=None)], site.sam)
    third = submit([builders.call(app, "Make", None, Needed="c", LinkField=f"{first.record:09d}")], site.sam).results[0]
    submit([builders.call(app, "Remove", third.record)], site.sam)


def test_every_type_is_filled_here() -> None:
    assert set(FILLED) == set(TYPES)


def test_an_official_validator_passes_it(site: Site, api: Api) -> None:
    document = Described(api).document
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": "http://testserver"}]
    assert f"{EVERY}/views/Find" in document["paths"]
    assert set(document["paths"][f"{LEADS}/operations/CaptureLead"]) == {"post"}
    assert set(document["paths"]["/api"]) == {"get", "post"}
    ids = [operation["operationId"] for _, _, operation in Described(api).operations()]
    assert len({one.lower() for one in ids}) == len(ids)


def test_an_account_without_roles_sees_what_it_can_do_nothing_with(site: Site) -> None:
    builders.integration("nobody")
    document = Described(Api("nobody")).document
    validate(document)
    assert set(document["paths"]) == {"/api", "/api/apps", "/api/schema"}
    assert set(document["paths"]["/api"]) == {"get"}


@pytest.mark.parametrize("values", [*FORMATS, None])
@pytest.mark.parametrize("mode", ["plain", "zapier", None])
@pytest.mark.parametrize("kept", [True, False], ids=["records", "none"])
def test_every_poll_keeps_to_it(site: Site, api: Api, mode: str | None, values: str | None, kept: bool) -> None:
    if kept:
        filled(site)
    described = Described(api)
    query = "&".join(f"{name}={value}" for name, value in (("mode", mode), ("values", values)) if value)
    for path in (f"{LEADS}/views/ViewAllRecords", f"{EVERY}/views/All", f"{EVERY}/views/Find"):
        got = described.answers(api.get(f"{path}?{query}"), path)
        assert len(got) == (2 if kept else 0)
        name = f"{path.split('/')[3]}.views.{path.split('/')[5]}"
        exact = f"{name}.{'zapier.' if mode == 'zapier' else ''}{values or 'flowfinity'}"
        for item in got:
            described.fits(item, {"$ref": f"#/components/schemas/{exact}"})


def test_each_shape_tells_the_others_apart(site: Site, api: Api) -> None:
    filled(site)
    described = Described(api)
    for zapier in (False, True):
        for values in FORMATS:
            item = api.get(f"{EVERY}/views/All?values={values}&mode={'zapier' if zapier else 'plain'}").json()[0]
            fitting = []
            for shape in ("flowfinity", "typed", "zapier.flowfinity", "zapier.typed"):
                try:
                    described.fits(item, {"$ref": f"#/components/schemas/EveryType.views.All.{shape}"})
                    fitting.append(shape)
                except jsonschema.ValidationError:
                    continue
            assert fitting == [f"{'zapier.' if zapier else ''}{values}"]


def test_pages_and_unchanged_answers_keep_to_it(site: Site, api: Api) -> None:
    filled(site)
    described, path = Described(api), f"{LEADS}/views/ViewAllRecords"
    first = api.get(f"{path}?limit=1")
    assert first["Link"]
    described.answers(first, path)
    described.answers(api.get(path, If_None_Match=api.get(path)["ETag"]), path)
    assert api.get(path, If_None_Match=api.get(path)["ETag"]).status_code == 304


@pytest.mark.parametrize("values", FORMATS)
@pytest.mark.parametrize("kept", [True, False], ids=["records", "none"])
def test_samples_fields_and_feeds_keep_to_it(site: Site, api: Api, values: str, kept: bool) -> None:
    if kept:
        filled(site)
    described = Described(api)
    for base, view in ((LEADS, "ViewAllRecords"), (EVERY, "Find")):
        sample, fields = f"{base}/views/{view}/sample", f"{base}/views/{view}/fields"
        for item in described.answers(api.get(f"{sample}?values={values}"), sample):
            shape = f"{base.split('/')[3]}.views.{view}.zapier.{values}"
            described.fits(item, {"$ref": f"#/components/schemas/{shape}"})
        assert described.answers(api.get(fields), fields)["fields"]
        feed = f"{base}/submissions"
        got = described.answers(api.get(f"{feed}?values={values}&limit=2"), feed)
        assert len(got) == (2 if kept else 0)
        for item in got:
            described.fits(item, {"$ref": f"#/components/schemas/{base.split('/')[3]}.submissions.{values}"})
    assert {item["Kind"] for item in api.get(f"{EVERY}/submissions").json()} == (
        {"created", "updated", "deleted"} if kept else set()
    )


def test_the_site_s_own_addresses_keep_to_it(site: Site, api: Api) -> None:
    described = Described(api)
    for path in ("/api", "/api/apps", "/api/schema"):
        described.answers(api.get(path), path)


def test_hooks_keep_to_it(site: Site, api: Api, settings: Any) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    described, path = Described(api), f"{LEADS}/views/ViewAllRecords/hooks"
    with receiving(lambda request: Reply(500)) as receiver:
        body = {"targetUrl": receiver.url}
        described.fits(body, self_schema(described, path))
        made = described.answers(api.post(path, body), path, "post")
        number = site.lead().submission
        delivery.deliver(Subscription.objects.get().pk)
    (one,) = described.answers(api.get(path), path)
    assert one["due"] == 1 and one["failingSince"] and one["nextOn"]
    hook, given = f"{path}/{{Hook}}", f"{path}/{made['id']}"
    described.answers(api.get(given), hook)
    (sent,) = described.answers(api.get(f"{given}/deliveries?state=due"), f"{hook}/deliveries")
    assert sent["attempts"][0]["status"] == 500
    again = "/deliveries/{Submission}/send-again"
    described.answers(api.post(given + again.format(Submission=number), {}), hook + again, "post")
    for what in ("pause", "resume"):
        described.answers(api.post(f"{given}/{what}", {}), f"{hook}/{what}", "post")
    assert described.answers(api.call("DELETE", given), hook, "delete") == {}
    described.answers(api.get(given), hook)
    described.answers(api.post(path, {"targetUrl": "ftp://x"}), path, "post")


def test_operations_keep_to_it(site: Site, api: Api) -> None:
    described, make = Described(api), f"{EVERY}/operations/Make"
    values = {name_of(type): value for type, value in FILLED.items()}
    body = {**values, "Needed": "a", "ExternalTransactionId": "one"}
    described.fits(body, {"$ref": "#/components/schemas/EveryType.operations.Make"})
    made = described.answers(api.post(make, body), make, "post")
    assert described.answers(api.post(make, body), make, "post")["Replayed"]
    for operation in ("Change", "Remove"):
        path = f"{EVERY}/operations/{operation}"
        described.answers(api.post(path, {"RecordID": made["RecordID"]}), path, "post")
    calls = [{"App": "LeadRegistration", "Operation": "CaptureLead", "Record": dict(ARTICLE)}]
    described.answers(api.universal(calls), "/api", "post")
    described.fits({"Operations": calls}, self_schema(described, "/api"))


@pytest.mark.parametrize("values", FORMATS)
def test_what_was_read_can_be_written_by_it(site: Site, api: Api, values: str) -> None:
    filled(site)
    described = Described(api)
    names = {name_of(type) for type in TYPES} | {"Needed", "RecordID"}
    for item in api.get(f"{EVERY}/views/All?values={values}").json():
        body = {name: value for name, value in item.items() if name in names}
        described.fits(body, {"$ref": "#/components/schemas/EveryType.operations.Change"})
        answer = api.post(f"{EVERY}/operations/Change", body)
        assert answer.status_code == 200 and answer.json()["Changed"] == []


def self_schema(described: Described, path: str) -> dict[str, Any]:
    """The schema of what is posted to a path."""
    body = described.document["paths"][path]["post"]["requestBody"]
    return dict(body["content"]["application/json"]["schema"])


def test_every_example_keeps_to_its_schema_and_every_call_is_taken(site: Site, api: Api) -> None:
    filled(site)
    described, seen = Described(api), 0
    for path, method, operation in described.operations():
        for response in map(described.resolved, operation["responses"].values()):
            for media in response.get("content", {}).values():
                for example in media.get("examples", {}).values():
                    described.fits(example["value"], media["schema"])
                    seen += 1
        if method != "post" or "requestBody" not in operation:
            continue
        media = operation["requestBody"]["content"]["application/json"]
        for example in media["examples"].values():
            described.fits(example["value"], media["schema"])
            answer = api.post(path, example["value"])
            if path.endswith(("UpdateLead", "DeleteLead", "Change", "Remove")):  # its record is made up
                assert answer.status_code in {200, 422}
                assert answer.status_code == 200 or {one["field"] for one in answer.json()["error"]["fields"]} == {
                    "RecordID"
                }
            else:
                assert answer.status_code == (201 if path.endswith("/hooks") else 200), (path, answer.content)
    assert seen > 40


def test_parameters_are_typed(site: Site, api: Api) -> None:
    described = Described(api)
    path = f"{EVERY}/views/Find"
    given = {
        one["name"]: one for one in map(described.resolved, described.document["paths"][path]["get"]["parameters"])
    }
    assert {"mode", "values", "limit", "cursor", "client", "If-None-Match"} <= set(given)
    assert given["Psingle"]["schema"]["enum"] == ["Red", "Green", "Blue", ""]
    assert "number" in given["Pnumber"]["schema"]["type"]
    assert given["values"]["schema"]["default"] == "flowfinity"
    fitting = {"Pnumber": 5, "Pdate": "2020-09-06", "Pyesno": "Yes", "Puser": "sam", "Plink": "000000001", "Ptext": "a"}
    for name, value in fitting.items():
        described.fits(value, given[name]["schema"])
        assert api.get(f"{path}?{name}={value}").status_code == 200
    for name, value in {"Pnumber": "five", "Pdate": "6.9.2020", "Pyesno": "perhaps", "Psingle": "Pink"}.items():
        with pytest.raises(jsonschema.ValidationError):
            described.fits(value, given[name]["schema"])
        assert api.get(f"{path}?{name}={value}").status_code == 400


ERROR_ROWS = {
    "no credentials": (401, "not_authenticated"),
    "switch off": (403, "surface_disabled"),
    "not enabled": (404, "not_found"),
    "no JSON": (400, "invalid_json"),
    "bad parameter": (400, "invalid_parameter"),
    "wrong field": (422, "invalid_fields"),
    "other call": (409, "transaction_conflict"),
    "someone was faster": (412, "stale_record"),
    "too large": (413, "too_large"),
    "rate": (429, "throttled"),
    "database away": (503, "unavailable"),
    "deactivated": (403, "not_active"),
}


@pytest.mark.parametrize("case", ERROR_ROWS)
def test_every_error_keeps_to_it(
    site: Site, api: Api, case: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = Described(api)
    lead = site.lead()
    poll, update = f"{LEADS}/views/ViewAllRecords", f"{LEADS}/operations/UpdateLead"
    status, code = ERROR_ROWS[case]
    body: Any = {"RecordID": lead.record}
    headers: dict[str, str | None] = {}
    if case == "no credentials":
        headers["Authorization"] = None
    elif case == "switch off":
        site.surface(query_enabled=False, execute_enabled=False)
    elif case == "not enabled":
        site.access(enabled=False)
        site.operation_access("UpdateLead", enabled=False)
    elif case == "no JSON":
        body = b"{"
    elif case == "wrong field":
        body = {"RecordID": lead.record, "Rating": "Lukewarm", "Nothing": 1}
    elif case == "other call":
        assert api.post(update, {**body, "ExternalTransactionId": "x"}).status_code == 200
        body = {**body, "ExternalTransactionId": "x", "Company": "Other"}
    elif case == "someone was faster":
        headers["If_Match"] = f'"{lead.submission + 1}"'
    elif case == "too large":
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    elif case == "rate":
        settings.API_CALLS_A_MINUTE = 1
        api.get("/api")
    elif case == "deactivated":
        site.account.is_active = False
        site.account.save()
    elif case == "database away":
        monkeypatch.setattr(endpoints, "submit", mock.Mock(side_effect=OperationalError))
    if case == "bad parameter":
        response = described.answers(api.get(f"{poll}?limit=all"), poll)
    else:
        response = described.answers(api.post(update, body, **headers), update, "post")
    assert response["error"]["code"] == code
    names = {number: name for number, name, _, _ in shapes.ERRORS}
    told = described.document["components"]["responses"][names[status]]
    described.fits(response, told["content"]["application/json"]["schema"])


def test_the_error_table_is_whole() -> None:
    listed = {code for _, _, codes, _ in shapes.ERRORS for code in codes}
    assert listed == {code for _, code in ERROR_ROWS.values()} | {"bad_request"}


def test_it_follows_the_configuration(site: Site, api: Api) -> None:
    before = Described(api).document
    site.access("HotLeads", enabled=False)
    after = Described(api).document
    gone = set(before["paths"]) - set(after["paths"])
    ends = {path.removeprefix(f"{LEADS}/views/HotLeads") for path in gone}
    assert {end for end in ends if not end.startswith("/hooks/")} == {"", "/fields", "/sample", "/clients", "/hooks"}
    assert not any("HotLeads" in name for name in after["components"]["schemas"])
    site.access("ViewAllRecords", format="typed")
    path = after["paths"][f"{LEADS}/views/ViewAllRecords"]["get"]
    assert path != Described(api).document["paths"][f"{LEADS}/views/ViewAllRecords"]["get"]
    with configuring():
        site.role.operations.clear()
    assert not any("/operations/" in path for path in Described(api).document["paths"])
    site.surface(query_enabled=False)
    assert set(Described(api).document["paths"]) == {"/api", "/api/apps", "/api/schema"}


def test_it_is_kept_for_a_version_and_an_account(site: Site, api: Api) -> None:
    api.get("/api/schema")
    with mock.patch.object(schema, "Generator", side_effect=AssertionError("made again")):
        assert api.get("/api/schema").status_code == 200
    builders.integration("other")
    assert Described(Api("other")).document["paths"].keys() != Described(api).document["paths"].keys()


def test_an_admin_who_is_logged_in_reads_all_that_is_enabled(site: Site, client: Client) -> None:
    with configuring():
        site.role.views.clear()
        site.role.operations.clear()
    builders.person("boss", is_staff=True)
    client.force_login(builders.User.objects.get(username="boss"))
    response = client.get("/api/schema")
    assert response.status_code == 200
    validate(response.json())
    assert f"{LEADS}/views/ViewAllRecords" in response.json()["paths"]
    assert "Cookie" in response["Vary"] and "Authorization" in response["Vary"]


def test_who_may_not_read_it_gets_json(site: Site, api: Api, client: Client) -> None:
    described = Described(api)
    client.force_login(site.sam)  # a person, but no admin
    for refused in (
        client.get("/api/schema"),
        Client().get("/api/schema"),
        Api("restuser", "wrong").get("/api/schema"),
    ):
        assert refused.status_code == 401
        assert described.answers(refused, "/api/schema")["error"]["code"] == "not_authenticated"
    assert api.call("POST", "/api/schema").status_code == 405
    assert api.call("HEAD", "/api/schema").status_code == 200


def test_a_broken_view_is_left_out(site: Site, api: Api) -> None:
    with configuring():
        View.objects.filter(name="HotLeads").update(filter={"field": "Nothing", "operator": "is", "value": 1})
    document = Described(api).document
    validate(document)
    assert f"{LEADS}/views/HotLeads" not in document["paths"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
words = st.sampled_from(["", " ", "\x1c", "\x85", "YES", "on", "5", "-0.5E3", "2020-09-06", "2020-09-06t04:37z", "1,2"])
key = st.sampled_from(
    ["Selection", "Latitude", "Longitude", "Accuracy", "FileName", "Content", "Size", "Url", "UserName", "RecordID"]
)
wanted = st.sampled_from(["Red", "Yes", "a.txt", "YQ==", 0, 5, 12.5, None, True, ["Red"], ["Yes"], []])
near = wanted | words | st.dictionaries(key, wanted | words | json_values, max_size=4) | st.lists(wanted, max_size=2)


@pytest.mark.parametrize("name", TYPES)
@given(raw=near | json_values)
def test_a_type_s_schema_takes_all_that_the_type_takes(name: str, raw: Any) -> None:
    type, config = TYPES[name], every_type.SETTINGS.get(name, {})
    try:
        stored = type.validate(raw, config)
    except FieldError:
        return
    if raw is not None:
        jsonschema.Draft202012Validator(type.write_schema(config)).validate(raw)
    if stored is None or name in {"picture", "signature", "attachment"}:
        return
    for format in FORMATS:
        render, blank = type.renderer(config, format, World())
        for sent in (render(stored), blank):
            jsonschema.Draft202012Validator(type.schema(config, format)).validate(sent)
            if sent is not None:
                jsonschema.Draft202012Validator(type.write_schema(config)).validate(sent)


@pytest.mark.parametrize("name", TYPES)
@given(raw=words | st.text() | st.sampled_from(["Red", "000000001", "sam"]))
def test_an_argument_s_schema_takes_all_that_the_type_takes(name: str, raw: str) -> None:
    type, config = TYPES[name], every_type.SETTINGS.get(name, {})
    try:
        type.operand(raw, config)
    except FieldError:
        return
    jsonschema.Draft202012Validator(type.argument_schema(config)).validate(raw)


PAGE = "/admin/integration/rest/api/"


@pytest.fixture
def admin(site: Site, client: Client) -> Client:
    """An admin who is logged in."""
    client.force_login(builders.person("boss", is_staff=True, is_superuser=True))
    return client


def test_the_page_lists_every_call_that_an_account_may_make(site: Site, admin: Client) -> None:
    assert reverse("configure-api-docs") == PAGE
    everything = admin.get(PAGE).content.decode()
    for path in Described(Api()).document["paths"]:
        assert f"<code>{path}</code>" in everything
    nobody = builders.integration("nobody")
    few = admin.get(f"{PAGE}?account={nobody.pk}").content.decode()
    assert "<code>/api/apps</code>" in few and "/operations/" not in few


def test_each_call_has_a_page_without_inline_scripts_or_styles(site: Site, admin: Client, api: Api) -> None:
    for path, method, operation in Described(api).operations():
        page = admin.get(f"{PAGE}{operation['operationId']}/")
        text = page.content.decode()
        assert page.status_code == 200
        assert f"http://testserver{path}" in text and "curl -u restuser" in text
        assert "<style" not in text and " style=" not in text and " onclick=" not in text
        triable = method == "get" and "{" not in path and operation["operationId"] != "schema"
        assert ('name="try"' in text) == triable
    assert admin.get(f"{PAGE}nothing/").status_code == 404


def test_a_get_can_be_tried_as_an_account_and_counts_as_no_poll(site: Site, admin: Client) -> None:
    filled(site)
    page = f"{PAGE}LeadRegistration_SearchLeads_poll/?account={site.account.pk}&try=1"
    text = admin.get(f"{page}&p-limit=1&p-values=typed").content.decode()
    assert "200 OK" in text and "1 item" in text and "rel=&quot;next&quot;" in text
    assert "Acme" in admin.get(page).content.decode()
    assert "400 Bad Request" in admin.get(f"{page}&p-limit=none").content.decode()
    nobody = builders.integration("nobody")
    refused = admin.get(f"{PAGE}check/?account={nobody.pk}&try=1").content.decode()
    assert "200 OK" in refused
    site.account.is_active = False
    site.account.save()
    assert "403 Forbidden" in admin.get(f"{PAGE}check/?account={site.account.pk}&try=1").content.decode()
    assert not Poll.objects.exists() and not Refusal.objects.exists()


def test_what_a_value_shows_is_escaped(site: Site, admin: Client) -> None:
    site.lead(Company="<script>alert(1)</script>")
    text = admin.get(f"{PAGE}LeadRegistration_ViewAllRecords_poll/?try=1&p-client=<b>").content.decode()
    assert "&lt;script&gt;" in text and "<script>alert" not in text and "<b>" not in text


def test_only_an_admin_reads_the_page(site: Site, client: Client) -> None:
    client.force_login(site.sam)
    assert client.get(PAGE).status_code == 302
    assert client.get(f"{PAGE}check/?try=1").status_code == 302
