"""The contract's error table, a test a row; the order of refusals; and what holds for every address under /api."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client, override_settings

from flowfinity import definitions
from flowfinity.models import View, configuring
from integration.rest import state, throttling
from tests import builders, rest
from tests.rest import ARTICLE, PASSWORD, Api, Site, refused, stored

POLL = "/api/apps/LeadRegistration/views/ViewAllRecords"
CAPTURE = "/api/apps/LeadRegistration/operations/CaptureLead"
UPDATE = "/api/apps/LeadRegistration/operations/UpdateLead"
ADDRESSES = ["/api", POLL, f"{POLL}/fields", f"{POLL}/sample", CAPTURE, "/api/nothing/here"]
LIMIT = 10 * 1024 * 1024


opened, site, api = rest.opened, rest.site, rest.api


class TestNotAuthenticated:
    @pytest.mark.parametrize("path", ADDRESSES)
    def test_no_credentials(self, site: Site, path: str) -> None:
        error = refused(Api().get(path, Authorization=None), 401, "not_authenticated")
        assert error["fields"] == []

    def test_one_answer_for_all(self, site: Site) -> None:
        """A wrong password, an unknown account, and a person's right password tell nothing of who is there."""
        builders.integration("gone", is_active=False)
        builders.person("former", is_active=False)
        callers = [
            Api(password="wrong"),
            Api("nobody"),
            Api("sam"),
            Api("sam", "wrong"),
            Api("former"),
            Api("gone", "wrong"),
            Api("", ""),
            Api("restuser", ""),
            Api("", PASSWORD),
            Api("RESTUSER"),
            Api("restuser", "Secret"),
        ]
        answers = [caller.get(POLL) for caller in callers] + [Api().get(POLL, Authorization=None)]
        for answer in answers:
            refused(answer, 401, "not_authenticated")
        assert len({answer.content for answer in answers}) == 1
        same = [{k: v for k, v in answer.headers.items() if k.lower() != "x-request-id"} for answer in answers]
        assert all(headers == same[0] for headers in same)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic",
            "Basic ",
            "Basic %%%",
            "Basic cmVzdHVzZXI=",
            "Bearer cmVzdHVzZXI6c2VjcmV0",
            "Basic =",
            "Basic Og==",
            "Basic /////w==",
            "Basic cmVzdHVzZXI6c2VjcmV0 and more",
            "Digest username=restuser",
            "cmVzdHVzZXI6c2VjcmV0",
            "Basic cmVzdABzOnNlY3JldA==",
            "Basic " + "A" * 10_000,
            "basic\tcmVzdHVzZXI6c2VjcmV0",
            "Basic \xff\xfe",
        ],
    )
    def test_a_malformed_header(self, site: Site, header: str) -> None:
        refused(Api().get(POLL, Authorization=header), 401, "not_authenticated")


class TestForbidden:
    def test_not_active(self, site: Site) -> None:
        site.account.is_active = False
        site.account.save()
        refused(Api().get(POLL), 403, "not_active")
        refused(Api(password="wrong").get(POLL), 401, "not_authenticated")

    @pytest.mark.parametrize("path", [POLL, f"{POLL}/fields", f"{POLL}/sample"])
    def test_query_is_off(self, api: Api, site: Site, path: str) -> None:
        site.surface(query_enabled=False)
        error = refused(api.get(path), 403, "surface_disabled")
        assert "Query()" in error["message"]
        assert api.run("CaptureLead", ARTICLE).status_code == 200

    def test_execute_is_off(self, api: Api, site: Site) -> None:
        site.surface(execute_enabled=False)
        before = stored()
        for answer in (api.run("CaptureLead", ARTICLE), api.universal([])):
            assert "Execute()" in refused(answer, 403, "surface_disabled")["message"]
        assert stored() == before
        assert api.poll().status_code == 200

    def test_with_both_off_credentials_can_still_be_tested(self, api: Api, site: Site) -> None:
        site.surface(query_enabled=False, execute_enabled=False)
        answer = api.get("/api")
        assert answer.status_code == 200
        assert (answer.json()["Query"], answer.json()["Execute"]) == (False, False)


class TestNotFound:
    def test_one_body_for_all(self, api: Api, site: Site) -> None:
        """Unknown, not enabled and not granted cannot be told apart, nor views from operations."""
        other = builders.make_app({"Name": "text"}, "Secrets")
        site.access("HotLeads", enabled=False)
        site.operation_access("DeleteLead", enabled=False)
        with configuring():
            site.role.views.remove(View.objects.get(name="Synchronize"))
        path = "/api/apps/LeadRegistration"
        answers = [
            api.get("/api/apps/Nowhere/views/ViewAllRecords"),
            api.get(f"{path}/views/Nothing"),
            api.get(f"{path}/views/CaptureLead"),
            api.get(f"{path}/views/HotLeads"),
            api.get(f"{path}/views/HotLeads/fields"),
            api.get(f"{path}/views/Synchronize/sample"),
            api.get(f"/api/apps/{other.name}/views/ViewAllRecords"),
            api.get(f"/api/apps/{other.name}/views/SearchLeads"),
            api.post(f"{path}/operations/Nothing", {}),
            api.post(f"{path}/operations/DeleteLead", {}),
            api.post(f"{path}/operations/ViewAllRecords", {}),
            api.post("/api/apps/Secrets/operations/Make", {}),
            api.get("/api/nothing"),
            api.get("/api/apps/LeadRegistration/views"),
            api.get("/api/apps/LeadRegistration/views/ViewAllRecords/nothing"),
            api.get("/api/apps/Lead%20Registration/views/View-All"),
            api.get("/api//"),
            api.get("/api/%00"),
            api.post("/api/nothing", b"{"),
            api.call("DELETE", "/api/nothing"),
            api.call("QUERY", "/api/nothing"),
        ]
        for answer in answers:
            refused(answer, 404, "not_found")
        assert len({answer.content for answer in answers}) == 1

    def test_a_view_without_an_access_row(self, api: Api, site: Site) -> None:
        View.objects.get(app=site.app, name="HotLeads").rest.delete()
        refused(api.poll("HotLeads"), 404, "not_found")

    def test_an_account_without_a_role(self, site: Site) -> None:
        builders.integration("other")
        refused(Api("other").poll(), 404, "not_found")
        refused(Api("other").run("CaptureLead", ARTICLE), 404, "not_found")
        assert Api("other").get("/api").status_code == 200

    def test_a_name_is_matched_without_regard_to_case(self, api: Api, site: Site) -> None:
        assert api.get("/api/apps/leadREGISTRATION/views/viewallRECORDS").status_code == 200
        assert api.post("/api/apps/leadREGISTRATION/operations/CAPTURElead", ARTICLE).status_code == 200

    def test_what_is_enabled_again_answers_at_once(self, api: Api, site: Site) -> None:
        assert api.poll("HotLeads").status_code == 200
        site.access("HotLeads", enabled=False)
        refused(api.poll("HotLeads"), 404, "not_found")
        site.access("HotLeads", enabled=True)
        assert api.poll("HotLeads").status_code == 200


class TestMethods:
    @pytest.mark.parametrize(
        "method", ["PUT", "PATCH", "OPTIONS", "QUERY", "TRACE", "CONNECT", "POST", "DELETE", "SPAM"]
    )
    def test_a_view_only_answers_questions(self, api: Api, site: Site, method: str) -> None:
        for path in (POLL, f"{POLL}/fields", f"{POLL}/sample"):
            answer = api.call(method, path)
            refused(answer, 405, "method_not_allowed")
            assert {*answer["Allow"].split(", ")} == {"GET", "HEAD"}

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "QUERY", "GET", "DELETE"])
    def test_an_operation_is_only_posted(self, api: Api, site: Site, method: str) -> None:
        answer = api.call(method, CAPTURE)
        refused(answer, 405, "method_not_allowed")
        assert answer["Allow"] == "POST"

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "QUERY", "DELETE"])
    def test_the_universal_endpoint(self, api: Api, site: Site, method: str) -> None:
        answer = api.call(method, "/api")
        refused(answer, 405, "method_not_allowed")
        assert {*answer["Allow"].split(", ")} == {"GET", "HEAD", "POST"}

    @pytest.mark.parametrize("path", ["/api", POLL, f"{POLL}/fields", f"{POLL}/sample"])
    def test_head_is_get_without_a_body(self, api: Api, site: Site, path: str) -> None:
        asked, told = api.get(path), api.call("HEAD", path)
        assert told.status_code == 200
        assert told.content == b""
        assert told["Content-Length"] == str(len(asked.content))
        assert told["Content-Type"] == "application/json"


class TestTooLarge:
    def test_a_body_over_the_limit(self, api: Api, site: Site) -> None:
        refused(api.run("CaptureLead", b" " * (LIMIT + 1)), 413, "too_large")
        refused(api.post("/api", b" " * (LIMIT + 1)), 413, "too_large")

    def test_a_body_at_the_limit_is_read(self, api: Api, site: Site) -> None:
        refused(api.run("CaptureLead", b"{}" + b" " * (LIMIT - 2)), 422, "invalid_fields")


class TestUnreadable:
    """400 invalid_json and invalid_parameter: the details stand in the tests of operations and of the poll."""

    def test_not_json(self, api: Api, site: Site) -> None:
        assert "position" in refused(api.run("CaptureLead", b'{"Company": '), 400, "invalid_json")["message"]

    def test_a_bad_parameter(self, api: Api, site: Site) -> None:
        refused(api.poll(query="mode=later"), 400, "invalid_parameter", ("mode", "invalid"))


class TestFieldErrors:
    def test_all_fields_at_once(self, api: Api, site: Site) -> None:
        body = {"Company": "", "EmailAddress": "nobody", "EmployeeCount": "many", "Colour": "red", "CreatedBy": "me"}
        error = refused(
            api.run("CaptureLead", body),
            422,
            "invalid_fields",
            ("Company", "required"),
            ("LastName", "required"),
            ("EmailAddress", "invalid"),
            ("EmployeeCount", "invalid"),
            ("Colour", "unknown_field"),
            ("CreatedBy", "read_only"),
        )
        assert error["message"].startswith("EmailAddress: ")
        assert stored() == []


class TestConflictAndStale:
    def test_the_same_id_for_another_call(self, api: Api, site: Site) -> None:
        assert api.run("CaptureLead", {**ARTICLE, "ExternalTransactionId": "a"}).status_code == 200
        before = stored()
        refused(
            api.run("CaptureLead", {**ARTICLE, "Company": "B", "ExternalTransactionId": "a"}),
            409,
            "transaction_conflict",
        )
        assert stored() == before

    def test_a_record_that_was_changed_since(self, api: Api, site: Site) -> None:
        lead = site.lead()
        before = stored()
        body = {"RecordID": lead.record, "Company": "B"}
        error = refused(api.run("UpdateLead", body, If_Match=f'"{lead.submission - 1}"'), 412, "stale_record")
        assert str(lead.submission) in error["message"]
        assert stored() == before


class TestThrottled:
    def test_wrong_passwords(self, api: Api, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(throttling.time, "time", lambda: 1_800_000_015.25)  # 45 seconds to the next minute
        for _ in range(30):
            refused(Api(password="wrong").get("/api"), 401, "not_authenticated")
        answer = Api(password="wrong").get("/api")
        refused(answer, 429, "throttled")
        assert answer["Retry-After"] == "45"
        assert "45 seconds" in answer.json()["error"]["message"]


@pytest.fixture
def away(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database cannot be reached any more, by any connection."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("could not connect to server at 10.1.2.3, password hunter2")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        patch.setattr(connection, "chunked_cursor", refuse)
        patch.setattr(state, "planned_cursor", refuse)
        yield


class TestUnavailable:
    @pytest.mark.parametrize("path", ADDRESSES)
    def test_the_database_is_away(self, away: None, path: str) -> None:
        answer = Api().get(path) if path != CAPTURE else Api().post(path, ARTICLE)
        refused(answer, 503, "unavailable")
        assert b"hunter2" not in answer.content

    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
    @pytest.mark.parametrize("table", ["flowfinity_record", "flowfinity_journal", "flowfinity_submission"])
    def test_it_goes_away_half_way(self, api: Api, site: Site, kind: type[Exception], table: str) -> None:
        lead = site.lead()

        def refuse(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
            if table in sql and "integration_surface" not in sql:
                raise kind("terminating connection")
            return execute(sql, *args)

        before = stored()
        with connection.execute_wrapper(refuse):
            answers = [
                api.run("UpdateLead", {"RecordID": lead.record, "Company": "B"}),
                api.run("CaptureLead", ARTICLE),
            ]
            if table == "flowfinity_record":
                answers += [api.poll(), api.zapier(), api.get(f"{POLL}/sample")]
        for answer in answers:
            refused(answer, 503, "unavailable")
        assert stored() == before

    def test_it_comes_back(self, api: Api, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(connection, "cursor", lambda: (_ for _ in ()).throw(OperationalError()))
            assert api.poll().status_code == 503
        assert api.poll().status_code == 200


class TestBroken:
    def test_a_stored_filter_that_cannot_be_read_is_never_everything(
        self, api: Api, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.lead()
        with configuring():
            View.objects.filter(name="HotLeads").update(filter={"all": []})
        answer = api.poll("HotLeads")
        refused(answer, 500, "internal_error")
        assert api.poll().status_code == 200

    def test_an_unexpected_error_tells_nothing(
        self, api: Api, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*args: Any) -> Any:
            raise RuntimeError("hunter2")

        monkeypatch.setattr(definitions, "of", broken)
        answer = api.poll(query="username=x&password=letmein&Company=private")
        refused(answer, 500, "internal_error")
        assert b"hunter2" not in answer.content
        assert "hunter2" in caplog.text
        assert "letmein" not in caplog.text and "private" not in caplog.text and PASSWORD not in caplog.text


class TestOrder:
    """401, 403 not_active, 403 surface, 404, 405, 413, 400, replay or 409, 422, 412: each one wins over the next."""

    def test_each_refusal_wins_over_the_next(self, site: Site) -> None:
        lead = site.lead()
        large = b"{" + b" " * LIMIT
        stale = {"If_Match": '"1"'}
        site.operation_access("UpdateLead", enabled=False)
        site.surface(execute_enabled=False)
        site.account.is_active = False
        site.account.save()

        refused(Api(password="wrong").call("PUT", UPDATE, large), 401, "not_authenticated")
        refused(Api().call("PUT", UPDATE, large), 403, "not_active")
        site.account.is_active = True
        site.account.save()
        refused(Api().call("PUT", UPDATE, large), 403, "surface_disabled")
        site.surface(execute_enabled=True)
        refused(Api().call("PUT", UPDATE, large), 404, "not_found")
        refused(Api().call("POST", UPDATE, large), 404, "not_found")
        site.operation_access("UpdateLead", enabled=True)
        refused(Api().call("PUT", UPDATE, large), 405, "method_not_allowed")
        refused(Api().call("POST", UPDATE, large, **stale), 413, "too_large")
        refused(Api().call("POST", UPDATE, b"{", **stale), 400, "invalid_json")
        assert Api().run("UpdateLead", {"RecordID": lead.record, "ExternalTransactionId": "a", "Company": "B"}).json()
        taken = {"RecordID": lead.record, "ExternalTransactionId": "a", "EmailAddress": "nobody"}
        refused(Api().call("POST", UPDATE, taken, **stale), 409, "transaction_conflict")
        refused(Api().call("POST", UPDATE, {**taken, "ExternalTransactionId": "b"}, **stale), 422, "invalid_fields")
        refused(Api().call("POST", UPDATE, {"RecordID": lead.record, "Company": "C"}, **stale), 412, "stale_record")

    def test_a_large_body_where_none_is_taken(self, api: Api, site: Site) -> None:
        refused(api.post(POLL, b" " * (LIMIT + 1)), 405, "method_not_allowed")
        refused(api.post("/api/nothing", b" " * (LIMIT + 1)), 404, "not_found")

    def test_the_surface_comes_before_what_is_there(self, api: Api, site: Site) -> None:
        site.surface(query_enabled=False)
        refused(api.poll("Nothing"), 403, "surface_disabled")
        refused(api.poll(query="mode=wrong"), 403, "surface_disabled")

    def test_a_view_that_is_not_there_comes_before_its_parameters(self, api: Api, site: Site) -> None:
        refused(api.poll("Nothing", "mode=wrong"), 404, "not_found")


class TestAddresses:
    @pytest.mark.parametrize("path", [*ADDRESSES, "/api/apps/LeadRegistration", "/api/apps/"])
    @pytest.mark.parametrize("known", [True, False])
    def test_nothing_redirects_and_json_is_all(self, api: Api, site: Site, path: str, known: bool) -> None:
        headers = {"Authorization": api.authorization} if known else {}
        for form in (path, f"{path}/", f"{path}?a=b", f"{path}//"):
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"):
                answer = api.client.generic(method, form, secure=method != "PUT", headers=headers)
                assert not 300 <= answer.status_code < 400 and answer.status_code < 500
                assert answer["Content-Type"] == "application/json"
                assert "Location" not in answer

    @pytest.mark.parametrize("path", ["http://testserver//api", "/API", "/Api/apps", "/API//views", "/api//apps"])
    def test_what_was_meant_to_be_one_is_a_json_404(self, api: Api, site: Site, path: str) -> None:
        for method in ("GET", "POST"):
            refused(api.call(method, path), 404, "not_found")

    @pytest.mark.parametrize("path", ["/api", POLL, f"{POLL}/fields", f"{POLL}/sample"])
    def test_a_trailing_slash_makes_no_difference(self, api: Api, site: Site, path: str) -> None:
        site.lead()
        assert api.get(f"{path}/").content == api.get(path).content
        assert api.get(f"{path}/").status_code == 200

    def test_a_trailing_slash_makes_no_difference_to_a_post(self, api: Api, site: Site) -> None:
        assert api.post(f"{CAPTURE}/", ARTICLE).status_code == 200
        assert (
            api.post(
                "/api/", {"Operations": [{"App": "LeadRegistration", "Operation": "CaptureLead", "Record": ARTICLE}]}
            ).status_code
            == 200
        )

    @pytest.mark.parametrize(
        "accept", ["text/html", "application/xml", "*/*", "nonsense", "application/json;version=9"]
    )
    def test_accept_is_not_read(self, api: Api, site: Site, accept: str) -> None:
        assert api.poll(Accept=accept).json() == []
        assert api.get("/api?format=xml", Accept=accept)["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
    )
    def test_what_a_body_is_called_is_not_read(self, site: Site, kind: str | None) -> None:
        headers = {"Authorization": Api().authorization, **({"Content-Type": kind} if kind else {})}
        answer = Client().generic(
            "POST", CAPTURE, b'{"Company": "A", "LastName": "B"}', content_type="", headers=headers
        )
        assert answer.status_code == 200, answer.content

    @pytest.mark.parametrize("path", [*ADDRESSES, "/api/"])
    def test_a_foreign_host_is_refused_in_json(self, api: Api, site: Site, path: str) -> None:
        for host in ("evil.example", "a b", "127.0.0.1:port", "x" * 300):
            refused(api.get(path, Host=host), 400, "bad_request")

    @pytest.mark.parametrize("path", ["/api", "/api/apps/LeadRegistration/views/ViewAllRecords", "/"])
    def test_a_foreign_host_is_one_line_in_the_log(
        self, site: Site, caplog: pytest.LogCaptureFixture, path: str
    ) -> None:
        assert Client().get(path, headers={"Host": "evil.example"}).status_code == 400
        (line,) = (record for record in caplog.records if "evil.example" in record.getMessage())
        assert (line.levelname, line.exc_info) == ("WARNING", None)
        assert not any(record.levelname == "ERROR" for record in caplog.records)

    def test_only_api_speaks_json(self, site: Site) -> None:
        for path in ("/apix", "/no/api/", "/nothing"):
            assert Client().get(path)["Content-Type"].startswith("text/html")

    def test_a_newline_in_an_address(self, api: Api, site: Site) -> None:
        for path in ("/api/no%0Athing", "/api/nothing%0A", "/api%2Fnothing"):
            answer = api.get(path)
            refused(answer, 404, "not_found")

    def test_no_cookie_is_set_and_none_is_needed(self, site: Site) -> None:
        """A browser's session is no credential, and CSRF concerns nobody here."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(site.sam)
        refused(client.get(POLL), 401, "not_authenticated")
        answer = Api(client=client).post(CAPTURE, ARTICLE)
        assert answer.status_code == 200
        assert not answer.cookies

    def test_ten_thousand_unknown_names(self, api: Api, site: Site) -> None:
        """More names than Django reads are a bad request, and no crash."""
        answer = api.poll(query="&".join(f"a{n}=1" for n in range(10_000)))
        refused(answer, 400, "bad_request")

    @override_settings(PUBLIC_URL="https://records.example.com")
    def test_absolute_urls_follow_the_public_url(self, api: Api, site: Site) -> None:
        answer = api.run("CaptureLead", ARTICLE).json()
        assert answer["Url"] == f"https://records.example.com/apps/LeadRegistration/records/{answer['RecordID']}/"

    def test_absolute_urls_follow_the_request(self, api: Api, site: Site) -> None:
        answer = api.run("CaptureLead", ARTICLE, Host="localhost:8123").json()
        assert answer["Url"] == f"http://localhost:8123/apps/LeadRegistration/records/{answer['RecordID']}/"

    @pytest.mark.parametrize("length", ["many", "-1", "", "1e3"])
    def test_a_content_length_that_is_no_number(self, api: Api, site: Site, length: str) -> None:
        answer = api.client.generic(
            "POST", CAPTURE, b"{}", headers={"Authorization": api.authorization}, CONTENT_LENGTH=length
        )
        assert answer.status_code == 400
