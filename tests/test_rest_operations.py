"""Running one operation: what is sent comes back, what is wrong is refused, and what was done is not done twice."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest

from flowfinity.models import Submission, Transaction
from tests import builders, rest
from tests.rest import ARTICLE, Api, Site, refused, stored

ANSWER = ["RecordID", "lastSubmissionID", "CreatedOn", "LastModifiedOn", "Changed", "Replayed", "Url"]
SYSTEM = [
    "CreatedBy",
    "CreatedOn",
    "LastModifiedBy",
    "LastModifiedOn",
    "lastSubmissionID",
    "id",
    "IsNew",
    "LastOperation",
]
LEAST = {"Company": "A", "LastName": "B"}
DEEP = 100_000


opened, site, api = rest.opened, rest.site, rest.api


def done(answer: Any) -> dict[str, Any]:
    """The body of an answer to an operation that was run."""
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    assert list(body) == ANSWER
    return body


def key(body: dict[str, Any]) -> int:
    return int(body["RecordID"])


class TestRoundTrip:
    def test_the_articles_payload_comes_back_unchanged_and_first(self, api: Api, site: Site) -> None:
        site.lead()
        answer = done(api.run("CaptureLead", {"RecordID": None, "ExternalTransactionId": None, **ARTICLE}))
        assert re.fullmatch(r"[0-9]{9}", answer["RecordID"])
        assert type(answer["lastSubmissionID"]) is int
        assert sorted(answer["Changed"]) == sorted(ARTICLE)
        assert answer["Replayed"] is False
        assert answer["CreatedOn"] == answer["LastModifiedOn"]
        assert dt.datetime.fromisoformat(answer["CreatedOn"]).utcoffset() == dt.timedelta()
        assert answer["Url"].startswith("http") and answer["RecordID"] in answer["Url"]

        item = api.zapier().json()[0]
        assert {name: item[name] for name in ARTICLE} == ARTICLE
        assert item["id"] == answer["lastSubmissionID"]
        for name in ("RecordID", "CreatedOn", "LastModifiedOn"):
            assert item[name] == answer[name]
        assert item["CreatedBy"] == item["LastModifiedBy"] == "Zapier (restuser)"

    def test_the_record_has_a_page_there(self, api: Api, site: Site) -> None:
        answer = done(api.run("CaptureLead", ARTICLE))
        site.role.members.add(site.sam)
        api.client.force_login(site.sam)
        page = api.client.get(answer["Url"])
        assert page.status_code == 200 and b"ABC Inc" in page.content

    def test_an_update_sets_only_what_it_sends(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", ARTICLE))
        site.lead()
        edited = done(api.run("UpdateLead", {"RecordID": made["RecordID"], "Rating": "Hot"}))
        assert edited["RecordID"] == made["RecordID"] and edited["lastSubmissionID"] > made["lastSubmissionID"]
        assert edited["Changed"] == ["Rating"]
        assert edited["CreatedOn"] == made["CreatedOn"] <= edited["LastModifiedOn"]
        item = api.zapier().json()[0]
        assert item["id"] == edited["lastSubmissionID"] and item["IsNew"] is False
        assert {name: item[name] for name in ARTICLE} == {**ARTICLE, "Rating": {"Selection": "Hot"}}

    @pytest.mark.parametrize("values", ["flowfinity", "typed"])
    def test_what_is_read_can_be_written(self, api: Api, site: Site, values: str) -> None:
        done(api.run("CaptureLead", ARTICLE))
        done(api.run("CaptureLead", LEAST))
        for item in api.zapier(query=f"values={values}").json():
            body = {name: item[name] for name in (*ARTICLE, "RecordID")}
            assert done(api.run("UpdateLead", body))["Changed"] == []
            again = done(api.run("CaptureLead", {name: item[name] for name in ARTICLE}))
            assert builders.values_of(key(again)) == builders.values_of(int(item["RecordID"]))

    def test_keys_take_no_regard_of_case(self, api: Api, site: Site) -> None:
        body = {
            "COMPANY": "Acme",
            "lastname": "Smith",
            "callBackRequested": {"SELECTION": ["Yes"]},
            "RECORDID": None,
            "externaltransactionID": "a",
        }
        made = done(api.run("CaptureLead", body))
        assert builders.values_of(key(made)) == {"Company": "Acme", "LastName": "Smith", "CallbackRequested": True}
        assert made["Changed"] and set(made["Changed"]) == {"Company", "LastName", "CallbackRequested"}
        edited = done(api.run("UpdateLead", {"recordid": made["RecordID"], "cOmPaNy": "B"}))
        assert edited["Changed"] == ["Company"]
        assert done(api.run("CaptureLead", body))["Replayed"] is True

    def test_text_is_kept_to_the_letter(self, api: Api, site: Site) -> None:
        text = " “Ünïcode” 😀 \u2028 é e\u0301 <script>&amp; \t line\r\nline \ufeff\u200b "
        made = done(api.run("CaptureLead", {**LEAST, "Summary": text}))
        assert builders.values_of(key(made))["Summary"] == text
        assert api.zapier().json()[0]["Summary"] == text

    def test_a_body_with_a_byte_order_mark(self, api: Api, site: Site) -> None:
        done(api.run("CaptureLead", b"\xef\xbb\xbf" + json.dumps(LEAST).encode()))

    @pytest.mark.parametrize("blank", [None, "", "   ", "\n"])
    def test_blank_makes_empty(self, api: Api, site: Site, blank: Any) -> None:
        made = done(api.run("CaptureLead", ARTICLE))
        edited = done(api.run("UpdateLead", {"RecordID": made["RecordID"], "FirstName": blank, "EmployeeCount": blank}))
        assert edited["Changed"] == ["EmployeeCount", "FirstName"]
        item = api.zapier().json()[0]
        assert item["FirstName"] == "" and item["EmployeeCount"] is None


class TestNoChange:
    def test_an_edit_that_changes_nothing(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", ARTICLE))
        before = Submission.objects.count()
        for body in (
            {},
            dict(ARTICLE),
            {"EmployeeCount": 25.0},
            {"CallbackRequested": True, "FirstContact": "2020-09-06"},
        ):
            answer = done(api.run("UpdateLead", {"RecordID": made["RecordID"], **body}))
            assert answer == {**made, "Changed": []}
        assert Submission.objects.count() == before

    def test_it_can_be_replayed_too(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", ARTICLE))
        body = {"RecordID": made["RecordID"], "Company": "ABC Inc", "ExternalTransactionId": "a"}
        assert done(api.run("UpdateLead", body))["Replayed"] is False
        done(api.run("UpdateLead", {"RecordID": made["RecordID"], "Company": "Other"}))
        again = done(api.run("UpdateLead", body))
        assert again == {**made, "Changed": [], "Replayed": True}
        assert builders.values_of(key(made))["Company"] == "Other"


class TestDelete:
    def test_it_is_gone(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", ARTICLE))
        deleted = done(api.run("DeleteLead", {"RecordID": made["RecordID"]}))
        assert deleted["RecordID"] == made["RecordID"] and deleted["lastSubmissionID"] > made["lastSubmissionID"]
        assert api.poll().json() == api.zapier().json() == []
        for operation in ("DeleteLead", "UpdateLead"):
            refused(
                api.run(operation, {"RecordID": made["RecordID"]}),
                422,
                "invalid_fields",
                ("RecordID", "unknown_record"),
            )

    def test_it_sets_no_fields(self, api: Api, site: Site) -> None:
        lead = site.lead()
        answer = api.run("DeleteLead", {"RecordID": lead.record, "Company": "B", "Colour": 1})
        refused(answer, 422, "invalid_fields", ("Company", "read_only"), ("Colour", "unknown_field"))
        assert stored() == [(lead.record, lead.submission)]

    def test_if_match(self, api: Api, site: Site) -> None:
        lead = site.lead()
        refused(api.run("DeleteLead", {"RecordID": lead.record}, If_Match='"1000000"'), 412, "stale_record")
        done(api.run("DeleteLead", {"RecordID": lead.record}, If_Match=f'"{lead.submission}"'))


class TestInvalidJson:
    @pytest.mark.parametrize(
        ("body", "position"),
        [
            (b"", 0),
            (b"   ", 3),
            (b"{", 1),
            (b'{"Company": "A"', 15),
            (b'{"Company": "A",}', 16),
            (b'{"Company": "A"} x', 17),
            (b'{"Company": "A"}{}', 16),
            (b"{'Company': 'A'}", 1),
            (b'{"Company" "A"}', 11),
            (b'{"Company": "A\nB"}', 14),
            (b'{"Company": "\\x41"}', 13),
            (b'{"Company": undefined}', 12),
            (b'{"EmployeeCount": 01}', 19),
            (b'{"EmployeeCount": .5}', 18),
            (b'{"EmployeeCount": +5}', 18),
            (b"\x00{}", 0),
            (b"[]", 0),
            (b"null", 0),
            (b'"text"', 0),
            (b"5", 0),
            (b"Company=A&LastName=B", 0),
            (b'{"Company": "A", "LastName": "B", "COMPANY" : "C"}', 34),
            (b'{"Industry": {"Company": "{", "Selection": "A"}, "x": [{"a": 1}, {"a": 2, "\\u0041": 3}]}', 74),
            (b"[" * DEEP, 100),
            (b'{"a":' * DEEP, 496),
            (b'{"Company": ' + b"[" * 99 + b"1" + b"]" * 99 + b"}", 111),
            (b'{"Company": "A", "LastName": "\\ud800"}', 29),
            (b'{"Company": "A", "EmployeeCount": ' + b"9" * 5_000 + b"}", 34),
            (b'{"Company": "A", "EmployeeCount": 1e9999999999999999999}', 34),
            (b'{"Company": NaN}', 12),
            (b'{"Company": "NaN \\" Infinity", "EmployeeCount": [1, -Infinity]}', 52),
        ],
    )
    def test_it_is_told_where(self, api: Api, site: Site, body: bytes, position: int) -> None:
        for answer in (api.run("CaptureLead", body), api.post("/api", body)):
            error = refused(answer, 400, "invalid_json")
            assert re.search(rf"\bposition {position}\b", error["message"]), error["message"]
        assert stored() == []

    @pytest.mark.parametrize(
        "body",
        [
            b'{"EmployeeCount": NaN}',
            b'{"EmployeeCount": Infinity}',
            b'{"EmployeeCount": -Infinity}',
            b'{"EmployeeCount": [[NaN]]}',
            b'{"Company": "\xff\xfe"}',
            b"\xff\xfe{\x00}\x00",
            '{"Company": "A"}'.encode("utf-16"),
            b'{"Company": "\xed\xa0\x80"}',
            b'{"Company": "A", "Company": "B"}',
            b'{"Company": "A", "company": "A"}',
            b'{"RecordID": null, "RECORDID": null, "Company": "A"}',
            b'{"ExternalTransactionId": "a", "ExternalTransactionID": "b"}',
            b'{"Industry": {"Selection": "Energy", "selection": "Energy"}}',
            b'{"Unknown": [[{"a": 1, "A": 2}]]}',
            '{"É": 1, "é": 2}'.encode(),
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b"[" * DEEP + b"]" * DEEP,
            b'{"Company": ' + b"[" * DEEP + b"]" * DEEP + b"}",
            b'{"Company": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
        ],
        ids=lambda body: repr(body[:40]),
    )
    def test_what_is_no_json(self, api: Api, site: Site, body: bytes) -> None:
        for answer in (api.run("CaptureLead", body), api.post("/api", body)):
            refused(answer, 400, "invalid_json")
        assert stored() == []

    def test_a_key_that_stands_twice_is_named(self, api: Api, site: Site) -> None:
        error = refused(
            api.run("CaptureLead", b'{"Company": "A", "LastName": "B", "COMPANY": "C"}'), 400, "invalid_json"
        )
        assert "COMPANY" in error["message"] and "twice" in error["message"]

    @pytest.mark.parametrize("depth", [5, 100, 200, 250, 300, 400, 480, 600, 800, 950])
    @pytest.mark.parametrize("external", ["", '"ExternalTransactionId": "a", '])
    def test_nested_less_deeply(self, api: Api, site: Site, depth: int, external: str) -> None:
        """At whatever depth JSON stops being read, what is deeper is a refusal and what is not is a wrong type."""
        for opened, closed in (("[", "]"), ('{"a":', "}")):
            body = f'{{{external}"Company": {opened * depth}1{closed * depth}, "LastName": "B"}}'.encode()
            answer = api.run("CaptureLead", body)
            assert answer.status_code in {400, 422}, answer.content
            part = f'{{"App": "LeadRegistration", "Operation": "CaptureLead", "Record": {body.decode()}}}'
            answer = api.post("/api", f'{{{external}"Operations": [{part}]}}'.encode())
            assert answer.status_code in {400, 422}, answer.content
        assert stored() == []


class TestHostileValues:
    @pytest.mark.parametrize(
        "body",
        [
            '{"Company": "\\ud800", "LastName": "B"}',
            '{"Company": "a\\udfffb", "LastName": "B"}',
            '{"Company": "A", "LastName": "B", "\\ud800": 1}',
            '{"Company": "A", "LastName": "B", "Industry": {"Selection": "\\ud800"}}',
            '{"Company": "A", "LastName": "B", "Industry": ["\\ud800"]}',
            '{"Company": "A", "LastName": "B", "Industry": [["\\ud800"]]}',
            '{"Company": "A", "LastName": "B", "Industry": [{"a": ["\\ud800"]}]}',
            '{"Company": "A", "LastName": "B", "ExternalTransactionId": "\\ud800"}',
            '{"Company": "A", "LastName": "B", "ExternalTransactionId": ["\\ud800"]}',
            '{"Company": "A", "LastName": "B", "RecordID": "\\ud800"}',
            '{"Company": "A", "LastName": "B", "RecordID": [["\\ud800"]]}',
        ],
    )
    @pytest.mark.parametrize("external", [True, False])
    def test_a_lone_surrogate(self, api: Api, site: Site, body: str, external: bool) -> None:
        if external and "ExternalTransactionId" not in body:
            body = body[:-1] + ', "ExternalTransactionId": "x"}'
        answers = [api.run("CaptureLead", body.encode())]
        part = '{"App": "LeadRegistration", "Operation": "CaptureLead", "Record": ' + body + "}"
        answers.append(api.post("/api", f'{{"ExternalTransactionId": "y", "Operations": [{part}]}}'.encode()))
        for answer in answers:
            assert answer.status_code in {400, 422}, answer.content
            refused(answer, answer.status_code, answer.json()["error"]["code"])
        assert stored() == []

    def test_a_pair_of_surrogates_is_a_character(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", b'{"Company": "\\ud83d\\ude00", "LastName": "B"}'))
        assert builders.values_of(key(made))["Company"] == "😀"

    def test_nul(self, api: Api, site: Site) -> None:
        refused(api.run("CaptureLead", {**LEAST, "Company": "a\x00b"}), 422, "invalid_fields", ("Company", "invalid"))
        refused(
            api.run("CaptureLead", {**LEAST, "EmailAddress": "a\x00@b.c"}),
            422,
            "invalid_fields",
            ("EmailAddress", "invalid"),
        )
        refused(
            api.run("CaptureLead", {**LEAST, "Industry": "Energy\x00"}),
            422,
            "invalid_fields",
            ("Industry", "not_a_choice"),
        )
        error = refused(api.run("CaptureLead", {**LEAST, "Comp\x00any": "A"}), 422, "invalid_fields")
        assert [one["code"] for one in error["fields"]] == ["unknown_field"]
        refused(api.run("UpdateLead", {"RecordID": "1\x00"}), 422, "invalid_fields", ("RecordID", "unknown_record"))
        answer = api.run("CaptureLead", {**LEAST, "ExternalTransactionId": "a\x00"})
        error = refused(answer, 422, "invalid_fields", ("ExternalTransactionId", "invalid"))
        assert "NUL" in error["message"]

    @pytest.mark.parametrize(
        "number",
        [
            "1" + "0" * 400,
            "-" + "9" * 4000,
            "9" * 5000,
            "9" * 100_000,
            "1e400",
            "-1e400",
            "1e-400",
            "1e999999999",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "1." + "1" * 5000,
            "1234567890123456",
            "0.1234567890123456",
            "9007199254740993",
            "1E+400",
        ],
        ids=lambda number: number[:25],
    )
    def test_a_number_too_great(self, api: Api, site: Site, number: str) -> None:
        for field in ("EmployeeCount", "Company", "RecordID", "ExternalTransactionId", "Industry"):
            values = {name: json.dumps(value) for name, value in LEAST.items()} | {field: number}
            body = ("{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}").encode()
            for answer in (api.run("CaptureLead", body), api.run("UpdateLead", body)):
                assert answer.status_code in {400, 422}, answer.content[:300]
                refused(answer, answer.status_code, {400: "invalid_json", 422: "invalid_fields"}[answer.status_code])
                assert "sys." not in answer.json()["error"]["message"]
        assert stored() == []

    @pytest.mark.parametrize("field", list(ARTICLE))
    def test_wrong_types(self, api: Api, site: Site, field: str) -> None:
        """Each is refused by name. Numbers are taken as numbers or their text, yes/no as true, false or their words."""
        wrong: list[Any] = [
            [],
            {},
            [1],
            [None],
            {"Selection": {}},
            {"Selection": 5},
            {"Selection": [[]]},
            {"Other": "Yes"},
            {"Selection": "Energy", "More": 1},
            {"Selection": [{"Selection": "Yes"}]},
            {"": None},
            [[], {}],
        ]
        if field not in {"EmployeeCount", "TotalValue"}:
            wrong += [5, 5.5, -1, 10**20]
        if field != "CallbackRequested":
            wrong += [True, False, {"Selection": ["Yes"]}, {"Selection": []}, ["Yes"]]
        for value in wrong:
            answer = api.run("CaptureLead", {**LEAST, field: value})
            error = refused(answer, 422, "invalid_fields")
            assert [one["field"] for one in error["fields"]] == [field], value
        assert stored() == []

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("Company", "x" * 1001, "too_long"),
            ("Summary", "x" * 100_001, "too_long"),
            ("EmailAddress", "a@b", "invalid"),
            ("EmailAddress", "a b@example.com", "invalid"),
            ("EmployeeCount", "1,000", "invalid"),
            ("EmployeeCount", "0x10", "invalid"),
            ("EmployeeCount", "NaN", "invalid"),
            ("EmployeeCount", "٣", "invalid"),
            ("EmployeeCount", "1_000", "invalid"),
            ("TotalValue", "$5", "invalid"),
            ("Industry", "energy", "not_a_choice"),
            ("Industry", " Energy", "not_a_choice"),
            ("FirstContact", "2020-02-30", "invalid"),
            ("FirstContact", "2020-9-6", "invalid"),
            ("FirstContact", "06/09/2020", "invalid"),
            ("FirstContact", "2020-09-06T12:00:00", "invalid"),
            ("FirstContact", "2020-09-06T00:00:00Z", "invalid"),
            ("FirstContact", "2020-09-06T00:00:00+00:00", "invalid"),
            ("FirstContact", "0000-01-01", "invalid"),
            ("FirstContact", "10000-01-01", "invalid"),
            ("FirstContact", "2020-W01-1", "invalid"),
            ("FirstContact", "\uff12\uff10\uff12\uff10-09-06", "invalid"),
            ("CallbackRequested", "maybe", "invalid"),
            ("CallbackRequested", {"Selection": ["No"]}, "invalid"),
        ],
    )
    def test_wrong_values(self, api: Api, site: Site, field: str, value: Any, code: str) -> None:
        refused(api.run("CaptureLead", {**LEAST, field: value}), 422, "invalid_fields", (field, code))
        assert stored() == []

    def test_thousands_of_unknown_keys(self, api: Api, site: Site) -> None:
        error = refused(api.run("CaptureLead", {f"K{n}": n for n in range(5000)}), 422, "invalid_fields")
        assert len(error["fields"]) == 5002

    def test_a_very_long_key(self, api: Api, site: Site) -> None:
        refused(api.run("CaptureLead", {**LEAST, "k" * 1_000_000: 1}), 422, "invalid_fields")

    @pytest.mark.parametrize("name", ["__class__", "values", "pk", "app_id", "Company__icontains", "deleted", ""])
    def test_a_key_that_is_no_field(self, api: Api, site: Site, name: str) -> None:
        refused(api.run("CaptureLead", {**LEAST, name: "x"}), 422, "invalid_fields", (name, "unknown_field"))


class TestReadOnly:
    @pytest.mark.parametrize("name", [*SYSTEM, "ID", "createdon", "LASTSUBMISSIONID"])
    @pytest.mark.parametrize("operation", ["CaptureLead", "UpdateLead"])
    def test_a_system_field(self, api: Api, site: Site, name: str, operation: str) -> None:
        record = {"RecordID": site.lead().record} if operation == "UpdateLead" else {}
        before = stored()
        for value in (None, "x", 1):
            refused(api.run(operation, {**LEAST, **record, name: value}), 422, "invalid_fields", (name, "read_only"))
        assert stored() == before

    def test_a_field_that_the_operation_does_not_set(self, api: Api, site: Site) -> None:
        operations = [{"name": "Make", "label": "Make", "kind": "create", "fields": ["A"]}]
        site.open(builders.make_app({"A": "text", "B": "text"}, operations=operations))
        answer = api.post("/api/apps/Things/operations/Make", {"A": "1", "b": "2"})
        refused(answer, 422, "invalid_fields", ("B", "read_only"))


class TestRequired:
    @pytest.mark.parametrize("blank", [None, "", "  ", "\t\n"])
    def test_it_cannot_be_blank(self, api: Api, site: Site, blank: Any) -> None:
        lead = site.lead()
        refused(
            api.run("CaptureLead", {"Company": blank, "LastName": "B"}), 422, "invalid_fields", ("Company", "required")
        )
        refused(
            api.run("UpdateLead", {"RecordID": lead.record, "Company": blank}),
            422,
            "invalid_fields",
            ("Company", "required"),
        )
        assert stored() == [(lead.record, lead.submission)]

    def test_nothing_sent(self, api: Api, site: Site) -> None:
        refused(api.run("CaptureLead", {}), 422, "invalid_fields", ("Company", "required"), ("LastName", "required"))


class TestRecordID:
    def test_its_forms(self, api: Api, site: Site) -> None:
        number = site.lead().record
        for count, form in enumerate([f"{number:09d}", str(number), number, f"{number:018d}"]):
            assert key(done(api.run("UpdateLead", {"RecordID": form, "Company": f"C{count}"}))) == number

    @pytest.mark.parametrize(
        "form",
        [
            None,
            "",
            0,
            -1,
            "-1",
            "0",
            "000000000",
            999_999_999,
            "999999999",
            "9" * 18,
            "9" * 19,
            "9" * 400,
            2**63 - 1,
            2**63,
            -(2**63) - 1,
            2**64,
            10**30,
            1.5,
            "1.0",
            "1e0",
            "+1",
            "0x1",
            "one",
            "\uff11",
            "٣",
            True,
            False,
            [],
            [1],
            {},
            {"RecordID": 1},
            "1\n",
            "null",
        ],
        ids=lambda form: repr(form)[:30],
    )
    def test_none_of_these_is_a_record(self, api: Api, site: Site, form: Any) -> None:
        site.lead()
        before = stored()
        for operation in ("UpdateLead", "DeleteLead"):
            refused(api.run(operation, {"RecordID": form}), 422, "invalid_fields", ("RecordID", "unknown_record"))
        assert stored() == before

    def test_missing(self, api: Api, site: Site) -> None:
        site.lead()
        refused(api.run("UpdateLead", {"Company": "B"}), 422, "invalid_fields", ("RecordID", "unknown_record"))

    def test_with_the_other_faults(self, api: Api, site: Site) -> None:
        answer = api.run("UpdateLead", {"EmailAddress": "nobody"})
        refused(answer, 422, "invalid_fields", ("RecordID", "unknown_record"), ("EmailAddress", "invalid"))

    @pytest.mark.parametrize("form", [1, 0, "000000001", "x", True, False, [], {}, 2**70, -1])
    def test_a_create_takes_none(self, api: Api, site: Site, form: Any) -> None:
        refused(api.run("CaptureLead", {**LEAST, "RecordID": form}), 422, "invalid_fields", ("RecordID", "read_only"))
        assert stored() == []

    def test_a_record_of_another_app(self, api: Api, site: Site) -> None:
        app = builders.make_app({"Name": "text"})
        site.open(app)
        theirs = builders.do(site.sam, app, "Make", Name="x")
        refused(
            api.run("UpdateLead", {"RecordID": theirs.record, "Company": "B"}),
            422,
            "invalid_fields",
            ("RecordID", "unknown_record"),
        )
        assert builders.values_of(theirs.record) == {"Name": "x"}


class TestIfMatch:
    @pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', ' "{}" '])
    def test_the_number_that_stands(self, api: Api, site: Site, form: str) -> None:
        lead = site.lead()
        body = {"RecordID": lead.record, "Company": "B"}
        assert done(api.run("UpdateLead", body, If_Match=form.format(lead.submission)))["Changed"] == ["Company"]
        refused(
            api.run("UpdateLead", {**body, "Company": "C"}, If_Match=form.format(lead.submission)), 412, "stale_record"
        )
        assert builders.values_of(lead.record)["Company"] == "B"

    @pytest.mark.parametrize(
        "value", ["", "*", '""', '"abc"', '"1", "2"', '"-1"', "1.0", '"٣"', '"' + "9" * 30 + '"', "null"]
    )
    def test_no_number(self, api: Api, site: Site, value: str) -> None:
        lead = site.lead()
        answer = api.run("UpdateLead", {"RecordID": lead.record, "Company": "B"}, If_Match=value)
        refused(answer, 400, "invalid_parameter", ("If-Match", "invalid"))
        assert stored() == [(lead.record, lead.submission)]

    def test_a_create_has_none(self, api: Api, site: Site) -> None:
        for mark in ('"1"', "*"):
            error = refused(
                api.run("CaptureLead", LEAST, If_Match=mark), 400, "invalid_parameter", ("If-Match", "invalid")
            )
            assert "where a record is created" in error["message"]
        assert stored() == []

    def test_also_where_nothing_would_change(self, api: Api, site: Site) -> None:
        lead = site.lead()
        refused(api.run("UpdateLead", {"RecordID": lead.record}, If_Match='"1000000"'), 412, "stale_record")

    def test_an_unknown_record_is_no_stale_one(self, api: Api, site: Site) -> None:
        refused(
            api.run("UpdateLead", {"RecordID": 1 << 40}, If_Match='"1"'),
            422,
            "invalid_fields",
            ("RecordID", "unknown_record"),
        )


class TestExternalTransactionId:
    def test_a_replay_has_the_original_result(self, api: Api, site: Site) -> None:
        body = {**ARTICLE, "ExternalTransactionId": "a"}
        made = done(api.run("CaptureLead", body))
        done(api.run("UpdateLead", {"RecordID": made["RecordID"], "Company": "B"}))
        for _ in range(2):
            assert done(api.run("CaptureLead", body)) == {**made, "Replayed": True}
        done(api.run("DeleteLead", {"RecordID": made["RecordID"]}))
        assert done(api.run("CaptureLead", body)) == {**made, "Replayed": True}
        assert len(stored()) == 1

    def test_the_same_call_written_otherwise(self, api: Api, site: Site) -> None:
        made = done(api.run("CaptureLead", {"Company": "A", "LastName": "B", "ExternalTransactionId": "a"}))
        again = b'{ "externalTRANSACTIONid":"a",\n"LASTNAME": "B", "company": "\\u0041" }'
        answer = api.post("/api/apps/leadregistration/operations/capturelead/", again)
        assert done(answer) == {**made, "Replayed": True}

    @pytest.mark.parametrize(
        "other",
        [
            {"Company": "B", "LastName": "B"},
            {"Company": "A"},
            {"Company": "A", "LastName": "B", "FirstName": ""},
            {"Company": "a", "LastName": "B"},
            {"Company": "A", "LastName": "B", "EmployeeCount": 1},
            {"Company": ["A"], "LastName": "B"},
            {},
        ],
    )
    def test_another_body(self, api: Api, site: Site, other: Any) -> None:
        done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": "a"}))
        before = stored()
        refused(api.run("CaptureLead", {**other, "ExternalTransactionId": "a"}), 409, "transaction_conflict")
        assert stored() == before

    def test_a_text_is_another_value_than_a_number(self, api: Api, site: Site) -> None:
        for number, (one, two) in enumerate([(25, "#25"), (25, "25"), (True, "true"), (1, True)]):
            body = {**LEAST, "ExternalTransactionId": f"t{number}"}
            field = "CallbackRequested" if one is True else "EmployeeCount"
            done(api.run("CaptureLead", {**body, field: one}))
            refused(api.run("CaptureLead", {**body, field: two}), 409, "transaction_conflict")

    def test_another_operation_and_another_endpoint(self, api: Api, site: Site) -> None:
        lead = site.lead()
        body = {"RecordID": lead.record, "ExternalTransactionId": "a"}
        done(api.run("UpdateLead", body))
        refused(api.run("DeleteLead", body), 409, "transaction_conflict")
        part = {"App": "LeadRegistration", "Operation": "UpdateLead", "RecordID": lead.record}
        refused(api.universal([part], "a"), 409, "transaction_conflict")
        assert stored() == [(lead.record, lead.submission)]

    def test_its_value_is_exact(self, api: Api, site: Site) -> None:
        names = ["a", "A", " a", "a ", "ä", "a\u0308", "\uff41", "1", "01", "null", "\t", " ", "😀" * 255]
        for name in names:
            assert done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": name}))["Replayed"] is False, name
        assert len(stored()) == len(names)
        for name in names:
            assert done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": name}))["Replayed"] is True, name

    @pytest.mark.parametrize("none", [None, ""])
    def test_none(self, api: Api, site: Site, none: Any) -> None:
        for _ in range(2):
            assert done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": none}))["Replayed"] is False
        assert len(stored()) == 2 and Transaction.objects.count() == 0

    @pytest.mark.parametrize("wrong", ["x" * 256, "😀" * 256, 1, 0, 1.5, True, False, [], ["a"], {}, {"a": 1}])
    def test_it_is_text_up_to_255_characters(self, api: Api, site: Site, wrong: Any) -> None:
        answer = api.run("CaptureLead", {**LEAST, "ExternalTransactionId": wrong})
        refused(answer, 422, "invalid_fields", ("ExternalTransactionId", "invalid"))
        assert stored() == []
        refused(api.universal([], wrong), 422, "invalid_fields")

    def test_a_failed_call_does_not_burn_it(self, api: Api, site: Site) -> None:
        lead = site.lead()
        refused(api.run("CaptureLead", {"Company": "A", "ExternalTransactionId": "a"}), 422, "invalid_fields")
        refused(
            api.run(
                "UpdateLead",
                {"RecordID": lead.record, "Company": "B", "ExternalTransactionId": "a"},
                If_Match='"1000000"',
            ),
            412,
            "stale_record",
        )
        refused(api.run("UpdateLead", {"RecordID": 1 << 40, "ExternalTransactionId": "a"}), 422, "invalid_fields")
        refused(api.run("Nothing", {"ExternalTransactionId": "a"}), 404, "not_found")
        assert Transaction.objects.count() == 0
        assert done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": "a"}))["Replayed"] is False

    def test_it_is_the_accounts_own(self, api: Api, site: Site) -> None:
        builders.integration("other").roles.add(site.role)
        first = done(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": "a"}))
        second = done(Api("other").run("CaptureLead", {"Company": "C", "LastName": "D", "ExternalTransactionId": "a"}))
        assert second["Replayed"] is False and second["RecordID"] != first["RecordID"]

    def test_a_replay_wins_over_if_match(self, api: Api, site: Site) -> None:
        lead = site.lead()
        body = {"RecordID": lead.record, "Company": "B", "ExternalTransactionId": "a"}
        mark = f'"{lead.submission}"'
        made = done(api.run("UpdateLead", body, If_Match=mark))
        assert done(api.run("UpdateLead", body, If_Match=mark)) == {**made, "Replayed": True}
        done(api.run("UpdateLead", {"RecordID": lead.record, "Company": "C"}))
        assert done(api.run("UpdateLead", body, If_Match=mark)) == {**made, "Replayed": True}

    def test_what_was_forbidden_since_is_not_replayed(self, api: Api, site: Site) -> None:
        body = {**LEAST, "ExternalTransactionId": "a"}
        done(api.run("CaptureLead", body))
        site.surface(execute_enabled=False)
        refused(api.run("CaptureLead", body), 403, "surface_disabled")
        site.surface(execute_enabled=True)
        site.operation_access("CaptureLead", enabled=False)
        refused(api.run("CaptureLead", body), 404, "not_found")


class TestCost:
    def test_queries(self, api: Api, site: Site) -> None:
        lead = site.lead()
        api.get("/api")
        with builders.counted_queries("operation that creates"):
            done(api.run("CaptureLead", ARTICLE))
        with builders.counted_queries("operation that edits"):
            done(api.run("UpdateLead", {"RecordID": lead.record, "Company": "B", "ExternalTransactionId": "a"}))
