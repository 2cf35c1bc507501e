"""The universal endpoint: asked, whether the credentials work; told, several operations as one transaction."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings

from flowfinity.models import App, Submission, Transaction
from tests import builders, rest
from tests.rest import ARTICLE, Api, Site, refused, stored

LEAST = {"Company": "A", "LastName": "B"}
ANSWER = ["RecordID", "lastSubmissionID", "CreatedOn", "LastModifiedOn", "Changed", "Replayed", "Url"]

opened, site, api = rest.opened, rest.site, rest.api


@pytest.fixture
def things(site: Site) -> App:
    """A second app, open to the account."""
    app = builders.make_app({"Name": "text", "Count": "number"})
    site.open(app)
    return app


def create(**values: Any) -> dict[str, Any]:
    return {"App": "LeadRegistration", "Operation": "CaptureLead", "Record": {**LEAST, **values}}


def update(record: Any, **values: Any) -> dict[str, Any]:
    return {"App": "LeadRegistration", "Operation": "UpdateLead", "RecordID": record, "Record": values}


def done(answer: Any) -> list[dict[str, Any]]:
    """The results of a call that succeeded."""
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert list(body) == ["ExternalTransactionId", "Replayed", "Results"]
    for result in body["Results"]:
        assert list(result) == ANSWER and result["Replayed"] == body["Replayed"]
    results: list[dict[str, Any]] = body["Results"]
    return results


class TestAsked:
    def test_who_and_what(self, api: Api, site: Site) -> None:
        answer = api.get("/api")
        assert answer.status_code == 200
        assert answer.json() == {
            "Site": settings.SITE_NAME,
            "User": "Zapier (restuser)",
            "Query": True,
            "Execute": True,
            "Version": settings.VERSION,
        }
        assert api.get("/api?username=restuser&password=secret&mode=nonsense").content == answer.content

    def test_the_switches(self, api: Api, site: Site) -> None:
        site.surface(query_enabled=False)
        assert (api.get("/api").json()["Query"], api.get("/api").json()["Execute"]) == (False, True)


class TestTogether:
    def test_results_in_order(self, api: Api, site: Site) -> None:
        lead = site.lead()
        gone = site.lead()
        results = done(
            api.universal(
                [
                    create(Company="One"),
                    update(lead.record, Rating="Hot"),
                    {"App": "LeadRegistration", "Operation": "DeleteLead", "RecordID": f"{gone.record:09d}"},
                    create(Company="Two"),
                    update(lead.record),
                ]
            )
        )
        numbers = [result["lastSubmissionID"] for result in results]
        assert numbers[:4] == sorted(set(numbers[:4])) and numbers[0] > gone.submission
        assert [result["Changed"] for result in results] == [
            ["Company", "LastName"],
            ["Rating"],
            [],
            ["Company", "LastName"],
            [],
        ]
        assert [int(result["RecordID"]) for result in results][1:3] == [lead.record, gone.record]
        items = {item["RecordID"]: item for item in api.poll().json()}
        assert items[results[0]["RecordID"]]["Company"] == "One" and items[results[3]["RecordID"]]["Company"] == "Two"
        assert results[2]["RecordID"] not in items

    def test_two_apps(self, api: Api, site: Site, things: App) -> None:
        thing = {"app": "THINGS", "operation": "make", "record": {"name": "x", "COUNT": 5}}
        results = done(api.universal([create(), thing, create()]))
        assert [
            f"/apps/{app}/" in result["Url"]
            for app, result in zip(("LeadRegistration", "Things", "LeadRegistration"), results, strict=True)
        ] == [True] * 3
        assert builders.values_of(int(results[1]["RecordID"])) == {"Name": "x", "Count": 5}
        assert len({result["lastSubmissionID"] for result in results}) == 3

    def test_one_record_twice(self, api: Api, site: Site) -> None:
        lead = site.lead()
        first, second = done(
            api.universal([update(lead.record, Company="B"), update(lead.record, Company="C", FirstName="D")])
        )
        assert first["lastSubmissionID"] < second["lastSubmissionID"]
        assert (first["Changed"], second["Changed"]) == (["Company"], ["Company", "FirstName"])
        [item] = api.poll().json()
        assert (item["Company"], item["FirstName"], item["lastSubmissionID"]) == ("C", "D", second["lastSubmissionID"])
        frozen = Submission.objects.filter(record=lead.record).order_by("id").values_list("values__Company", flat=True)
        assert list(frozen) == ["Acme", "B", "C"]

    def test_deleted_and_then_changed(self, api: Api, site: Site) -> None:
        lead = site.lead()
        delete = {"App": "LeadRegistration", "Operation": "DeleteLead", "RecordID": lead.record}
        error = refused(
            api.universal([delete, update(lead.record, Company="B")]),
            422,
            "invalid_fields",
            ("RecordID", "unknown_record"),
        )
        assert error["operation"] == 1
        assert stored() == [(lead.record, lead.submission)]

    def test_keys_in_any_case(self, api: Api, site: Site) -> None:
        body = {
            "externaltransactionid": "a",
            "OPERATIONS": [
                {
                    "app": "leadregistration",
                    "OPERATION": "capturelead",
                    "recordid": None,
                    "iflastsubmissionid": None,
                    "RECORD": {"company": "A", "LASTNAME": "B"},
                }
            ],
        }
        assert len(done(api.post("/api", body))) == 1

    def test_five_hundred(self, api: Api, site: Site) -> None:
        results = done(api.universal([create(Company=f"C{n}") for n in range(500)]))
        assert len({result["RecordID"] for result in results}) == 500
        numbers = [result["lastSubmissionID"] for result in results]
        assert numbers == sorted(set(numbers))

    def test_one_more(self, api: Api, site: Site) -> None:
        error = refused(api.universal([create()] * 501), 422, "invalid_fields", ("Operations", "invalid"))
        assert "500" in error["message"]
        assert stored() == []


class TestAllOrNothing:
    @pytest.mark.parametrize(
        ("part", "status", "code", "field"),
        [
            (create(Company=""), 422, "invalid_fields", ("Company", "required")),
            (create(EmailAddress="nobody"), 422, "invalid_fields", ("EmailAddress", "invalid")),
            (create(Colour="red"), 422, "invalid_fields", ("Colour", "unknown_field")),
            (create(RecordID=1), 422, "invalid_fields", ("RecordID", "read_only")),
            (create(ExternalTransactionId="x"), 422, "invalid_fields", None),
            ({**create(), "RecordID": 1}, 422, "invalid_fields", ("RecordID", "read_only")),
            (update(None, Company="B"), 422, "invalid_fields", ("RecordID", "unknown_record")),
            (update(1 << 40, Company="B"), 422, "invalid_fields", ("RecordID", "unknown_record")),
            (update(2**80, Company="B"), 422, "invalid_fields", ("RecordID", "unknown_record")),
            ({**create(), "App": "Nothing"}, 404, "not_found", None),
            ({**create(), "App": "Secrets", "Operation": "Make"}, 404, "not_found", None),
            ({**create(), "Operation": "Nothing"}, 404, "not_found", None),
            ({**create(), "Operation": "ViewAllRecords"}, 404, "not_found", None),
            ({**create(), "IfLastSubmissionID": 1}, 400, "invalid_parameter", ("IfLastSubmissionID", "invalid")),
            ({**create(), "App": None}, 422, "invalid_fields", ("App", "required")),
            ({**create(), "Operation": 5}, 422, "invalid_fields", ("Operation", "required")),
            ({"Record": LEAST}, 422, "invalid_fields", None),
            ({**create(), "Record": []}, 422, "invalid_fields", ("Record", "invalid")),
            ({**create(), "Record": "x"}, 422, "invalid_fields", ("Record", "invalid")),
            ({**create(), "Company": "A"}, 422, "invalid_fields", ("Company", "unknown_field")),
            (
                {**create(), "ExternalTransactionId": "b"},
                422,
                "invalid_fields",
                ("ExternalTransactionId", "unknown_field"),
            ),
            ({**create(), "IfLastSubmissionID": "1"}, 422, "invalid_fields", ("IfLastSubmissionID", "invalid")),
            ({**create(), "IfLastSubmissionID": True}, 422, "invalid_fields", ("IfLastSubmissionID", "invalid")),
            ({**create(), "IfLastSubmissionID": 1.5}, 422, "invalid_fields", ("IfLastSubmissionID", "invalid")),
            (None, 422, "invalid_fields", None),
            ([], 422, "invalid_fields", None),
            ("x", 422, "invalid_fields", None),
            (5, 422, "invalid_fields", None),
            ({}, 422, "invalid_fields", None),
        ],
        ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict | list) else None,
    )
    def test_one_bad_call_undoes_all(
        self, api: Api, site: Site, part: Any, status: int, code: str, field: tuple[str, str] | None
    ) -> None:
        builders.make_app({"Name": "text"}, "Secrets")
        lead = site.lead()
        before = stored()
        for place in (0, 1, 2):
            parts = [create(), update(lead.record, Company="B")]
            parts.insert(place, part)
            error = refused(api.universal(parts, "a"), status, code, *([field] if field else []))
            assert error["operation"] == place
            assert stored() == before
            assert Transaction.objects.count() == 0

    def test_one_404_for_all(self, api: Api, site: Site) -> None:
        """The body is the one of every 404, but for the index."""
        builders.make_app({"Name": "text"}, "Secrets")
        site.operation_access("DeleteLead", enabled=False)
        names = [
            ("Nothing", "Make"),
            ("Secrets", "Make"),
            ("LeadRegistration", "DeleteLead"),
            ("LeadRegistration", "Nothing"),
        ]
        answers = [api.universal([{"App": app, "Operation": operation, "RecordID": 1}]) for app, operation in names]
        errors = [refused(answer, 404, "not_found") for answer in answers]
        assert all(error == errors[0] for error in errors)
        assert {**errors[0], "operation": None} == {
            **refused(api.get("/api/nothing"), 404, "not_found"),
            "operation": None,
        }

    @pytest.mark.parametrize("operations", [None, [], {}, "x", 5, True, {"0": {}}, [[]] * 501])
    def test_what_is_no_list(self, api: Api, site: Site, operations: Any) -> None:
        refused(api.post("/api", {"Operations": operations}), 422, "invalid_fields", ("Operations", "invalid"))

    def test_nothing_at_all(self, api: Api, site: Site) -> None:
        refused(api.post("/api", {}), 422, "invalid_fields", ("Operations", "invalid"))

    def test_other_keys(self, api: Api, site: Site) -> None:
        answer = api.post("/api", {"Operations": [create()], "OnBehalfOf": "sam", "RecordID": None})
        error = refused(answer, 422, "invalid_fields")
        assert {one["field"] for one in error["fields"]} == {"OnBehalfOf", "RecordID"}
        assert "operation" not in error and stored() == []

    def test_a_key_twice_inside(self, api: Api, site: Site) -> None:
        record = b'{"Company": "A", "company": "B", "LastName": "C"}'
        part = b'{"App": "LeadRegistration", "Operation": "CaptureLead", "Record": ' + record + b"}"
        refused(api.post("/api", b'{"Operations": [' + part + b"]}"), 400, "invalid_json")


class TestIfLastSubmissionID:
    def test_it_holds(self, api: Api, site: Site) -> None:
        lead = site.lead()
        part = {**update(lead.record, Company="B"), "IfLastSubmissionID": lead.submission}
        [result] = done(api.universal([part]))
        assert result["Changed"] == ["Company"]
        error = refused(api.universal([create(), {**part, "Record": {"Company": "C"}}]), 412, "stale_record")
        assert error["operation"] == 1 and str(result["lastSubmissionID"]) in error["message"]
        assert stored() == [(lead.record, result["lastSubmissionID"])]

    def test_what_can_never_be_carried_out_is_told_first(self, api: Api, site: Site) -> None:
        lead = site.lead()
        late = {**update(lead.record, Company="B"), "IfLastSubmissionID": lead.submission - 1}
        error = refused(
            api.universal([late, update(999_999_999, Company="C")]),
            422,
            "invalid_fields",
            ("RecordID", "unknown_record"),
        )
        assert error["operation"] == 1

    @pytest.mark.parametrize("number", [0, -1, 2**63, 2**200])
    def test_another_number(self, api: Api, site: Site, number: int) -> None:
        lead = site.lead()
        part = {**update(lead.record, Company="B"), "IfLastSubmissionID": number}
        refused(api.universal([part]), 412, "stale_record")

    def test_if_match_is_for_a_single_edit(self, api: Api, site: Site) -> None:
        lead = site.lead()
        refused(
            api.universal([update(lead.record, Company="B")], If_Match=f'"{lead.submission}"'), 400, "invalid_parameter"
        )
        assert stored() == [(lead.record, lead.submission)]


class TestReplay:
    def test_the_original_results(self, api: Api, site: Site) -> None:
        lead = site.lead()
        parts = [create(), {**update(lead.record, Company="B"), "IfLastSubmissionID": lead.submission}]
        first = api.universal(parts, "a")
        results = done(first)
        assert first.json()["ExternalTransactionId"] == "a" and first.json()["Replayed"] is False
        before = stored()
        again = api.universal(parts, "a")
        assert again.json() == {
            "ExternalTransactionId": "a",
            "Replayed": True,
            "Results": [{**result, "Replayed": True} for result in results],
        }
        assert stored() == before

    def test_names_and_keys_in_another_case(self, api: Api, site: Site) -> None:
        done(api.universal([create()], "a"))
        part = {"record": {"lastname": "B", "COMPANY": "A"}, "operation": "CAPTURELEAD", "APP": "leadregistration"}
        assert api.universal([part], "a").json()["Replayed"] is True

    def test_another_call(self, api: Api, site: Site, things: App) -> None:
        done(api.universal([create(), create()], "a"))
        before = stored()
        others = [
            [create()],
            [create(), create(Company="B")],
            [create(), create(), create()],
            [create(), {"App": "Things", "Operation": "Make", "Record": LEAST}],
            [create(), {**create(), "IfLastSubmissionID": None, "RecordID": ""}],
        ]
        for parts in others:
            refused(api.universal(parts, "a"), 409, "transaction_conflict")
        refused(api.run("CaptureLead", {**LEAST, "ExternalTransactionId": "a"}), 409, "transaction_conflict")
        assert stored() == before

    def test_without_an_id_nothing_is_remembered(self, api: Api, site: Site) -> None:
        for external in (None, ""):
            answer = api.universal([create()], external)
            assert done(answer) and answer.json()["ExternalTransactionId"] is None
        assert len(stored()) == 2

    def test_a_failed_call_does_not_burn_the_id(self, api: Api, site: Site) -> None:
        refused(api.universal([create(), create(Company="")], "a"), 422, "invalid_fields")
        assert api.universal([create()], "a").json()["Replayed"] is False


class TestArticle:
    def test_its_payload(self, api: Api, site: Site) -> None:
        part = {
            "App": "LeadRegistration",
            "Operation": "CaptureLead",
            "RecordID": None,
            "IfLastSubmissionID": None,
            "Record": ARTICLE,
        }
        [result] = done(api.universal([part]))
        item = api.zapier().json()[0]
        assert {name: item[name] for name in ARTICLE} == ARTICLE and item["RecordID"] == result["RecordID"]


def test_cost(api: Api, site: Site, things: App) -> None:
    """Two hundred calls cost what two do, but for the batches that SQLite is given."""
    parts = [create(), {"App": "Things", "Operation": "Make", "Record": {"Name": "x"}}]
    done(api.universal(parts))
    with builders.counted_queries("universal call of two apps"):
        done(api.universal(parts))
    with builders.counted_queries("universal call of 200"):
        done(api.universal(parts * 100))
