"""Whatever is sent, the answer is one of the contract's: never a crash, and nothing half done."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowfinity.models import Submission
from tests import builders, rest
from tests.rest import ARTICLE, Api, Site, refused, stored

opened, api = rest.opened, rest.api
# One site serves all examples of a test: what they leave behind is part of the hostility.
hostile = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
briefly = settings(hostile, max_examples=60)

FIELDS: dict[str, Any] = {
    "Text": "text",
    "Lines": "multiline",
    "Mail": "email",
    "Link": "url",
    "Count": "number",
    "Price": {"type": "currency", "currency": "EUR"},
    "Done": "yesno",
    "Day": "date",
    "At": "datetime",
    "One": {"type": "single", "choices": ["Energy", "Mining"]},
    "Many": {"type": "multiple", "choices": ["A", "B", "C"]},
}
OPERATORS = {
    "Text": "contains",
    "Lines": "starts_with",
    "Mail": "is_not",
    "Link": "is",
    "Count": "greater_than",
    "Price": "at_most",
    "Done": "is",
    "Day": "on_or_after",
    "At": "before",
    "One": "is_not",
    "Many": "does_not_include",
}
CODES = {
    400: {"invalid_json", "invalid_parameter", "bad_request"},
    404: {"not_found"},
    409: {"transaction_conflict"},
    412: {"stale_record"},
    413: {"too_large"},
    422: {"invalid_fields"},
}


@pytest.fixture
def site(opened: Site, db: None) -> Site:
    """With an app of all plain types, a view that asks for each of them, and one record."""
    rest.forget()
    ask = {
        "name": "Ask",
        "label": "Ask",
        "columns": [*FIELDS, "RecordID"],
        "filter": {
            "any": [
                {
                    "all": [
                        {"field": name, "operator": operator, "parameter": f"P{name}"}
                        for name, operator in OPERATORS.items()
                    ]
                },
                {"all": [{"field": "lastSubmissionID", "operator": "greater_than", "parameter": "PSeen"}]},
                {"all": [{"field": "LastModifiedOn", "operator": "on_or_after", "parameter": "PAt"}]},
                {"all": [{"field": "Day", "operator": "within_last_days", "parameter": "PDays"}]},
            ]
        },
        "sort": [{"field": "At", "direction": "descending"}, {"field": "Text", "direction": "ascending"}],
        "parameters": [
            *(
                {"name": f"P{name}", "label": name, **({"type": kind} if isinstance(kind, str) else kind)}
                for name, kind in FIELDS.items()
            ),
            {"name": "PSeen", "label": "Seen", "type": "number"},
            {"name": "PDays", "label": "Days", "type": "number"},
        ],
    }
    app = builders.make_app(FIELDS, views=[ask])
    opened.open(app)
    builders.do(opened.sam, app, "Make", Text="x", Count=5, Many=["A"], Day="2026-01-01", At="2026-01-01T00:00:00Z")
    return opened


anything = st.characters(exclude_categories=())
texts = st.one_of(
    st.text(anything, max_size=12),
    st.sampled_from(
        [
            "Energy",
            "A",
            "2020-02-29",
            "2020-09-06T04:37:31.120",
            "9999-12-31T23:59:59+14:00",
            "0001-01-01T00:00:00Z",
            "1e400",
            "-0",
            "NaN",
            "1e-308",
            "yes",
            "a@b.co",
            "https://a.b/",
            "000000001",
            "\x00",
            "\ud800",
            "İ",
            "ﬀ",
            "x" * 2000,
        ]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    texts,
    st.sampled_from([0, -0.0, 2**53, 2**63, -(2**63), 10**15, 10**16, 5e-324, 1.7976931348623157e308]),
)
names = st.one_of(
    st.sampled_from(
        [
            *FIELDS,
            "RecordID",
            "recordid",
            "ExternalTransactionId",
            "EXTERNALTRANSACTIONID",
            "lastSubmissionID",
            "id",
            "CreatedOn",
            "Selection",
            "selection",
            "FileName",
            "Content",
            "App",
            "Operation",
            "Record",
            "Operations",
            "IfLastSubmissionID",
            "text",
            "COUNT",
        ]
    ),
    st.text(anything, max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(names, inner, max_size=4),
        st.fixed_dictionaries({"Selection": inner}),
    ),
    max_leaves=12,
)
bodies = st.dictionaries(names, values, max_size=8)
seldom_wrong = st.fixed_dictionaries(
    {},
    optional={
        "Text": texts,
        "Count": st.one_of(st.integers(), st.floats(allow_nan=False), texts),
        "Many": st.lists(st.sampled_from("ABCD")),
        "One": st.sampled_from(["Energy", None, {"Selection": "Mining"}]),
        "Done": st.booleans(),
        "Price": st.integers(-(10**16), 10**16),
        "Day": st.dates().map(str),
        "At": st.datetimes().map(lambda moment: moment.isoformat()),
        "RecordID": st.one_of(st.integers(0, 5), scalars),
        "ExternalTransactionId": st.one_of(st.sampled_from(["a", "b"]), texts),
    },
)
matches = st.one_of(
    st.none(),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=12),
    st.sampled_from(['"1"', "*", 'W/"1"', '"9' * 20]),
)


def fair(answer: Any, before: list[tuple[int, int]]) -> None:
    """Fails unless the answer is one that the contract knows, and a refusal has left everything as it was."""
    assert answer.status_code == 200 or answer.status_code in CODES, (answer.status_code, answer.content[:300])
    if answer.status_code == 200:
        json.loads(answer.content)
        return
    code = json.loads(answer.content)["error"]["code"]
    assert code in CODES[answer.status_code]
    refused(answer, answer.status_code, code)
    assert stored() == before


class TestBodies:
    @hostile
    @given(
        body=st.one_of(seldom_wrong, bodies, values),
        operation=st.sampled_from(["Make", "Change", "Remove"]),
        match=matches,
    )
    @example(body={"Text": [[[["\ud800"]]]], "ExternalTransactionId": "a"}, operation="Make", match=None)
    @example(body={"Count": 10**400}, operation="Make", match=None)
    def test_an_operation(self, api: Api, site: Site, body: Any, operation: str, match: str | None) -> None:
        before = stored()
        fair(api.post(f"/api/apps/Things/operations/{operation}", body, If_Match=match), before)

    @hostile
    @given(
        body=st.one_of(
            values,
            bodies,
            st.fixed_dictionaries(
                {
                    "Operations": st.lists(
                        st.one_of(
                            values,
                            st.fixed_dictionaries(
                                {
                                    "App": st.one_of(st.just("Things"), texts),
                                    "Operation": st.sampled_from(["Make", "Change", "change", "Remove", "Nothing"]),
                                    "Record": st.one_of(seldom_wrong, bodies),
                                },
                                optional={
                                    "RecordID": st.one_of(st.integers(0, 5), scalars),
                                    "IfLastSubmissionID": scalars,
                                },
                            ),
                        ),
                        max_size=3,
                    )
                },
                optional={"ExternalTransactionId": st.one_of(st.sampled_from(["a", "b"]), scalars)},
            ),
        ),
    )
    def test_the_universal_endpoint(self, api: Api, site: Site, body: Any) -> None:
        before = stored()
        fair(api.post("/api", body), before)

    @briefly
    @given(body=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode())))
    def test_bytes(self, api: Api, site: Site, body: bytes) -> None:
        before = stored()
        for path in ("/api", "/api/apps/LeadRegistration/operations/CaptureLead"):
            answer = api.post(path, body)
            fair(answer, before)
            assert answer.status_code in {400, 422}

    @briefly
    @given(cut=st.data())
    def test_a_good_body_that_was_damaged(self, api: Api, site: Site, cut: Any) -> None:
        """One byte changed, lost or doubled somewhere."""
        whole = json.dumps(ARTICLE).encode()
        place = cut.draw(st.integers(0, len(whole) - 1))
        with_byte = cut.draw(
            st.one_of(st.just(b""), st.binary(min_size=1, max_size=1), st.just(whole[place : place + 1] * 2))
        )
        before = stored()
        fair(api.run("CaptureLead", whole[:place] + with_byte + whole[place + 1 :]), before)

    def test_what_was_kept_can_be_read(self, api: Api, site: Site) -> None:
        """Whatever the examples above left behind, in either format and mode."""

        @briefly
        @given(body=seldom_wrong)
        def keep(body: Any) -> None:
            body = {**body, "RecordID": None, "ExternalTransactionId": None}
            if api.post("/api/apps/Things/operations/Make", body).status_code != 200:
                return
            last = Submission.objects.order_by("-id").values_list("record_id", flat=True)[0]
            for query in ("values=typed", "values=flowfinity&mode=zapier"):
                items = api.get(f"/api/apps/Things/views/Ask?{query}").json()
                item = next(item for item in items if item["RecordID"] == f"{last:09d}")
                again = {name: item[name] for name in FIELDS}
                answer = api.post("/api/apps/Things/operations/Change", {"RecordID": last, **again})
                assert answer.status_code == 200, answer.content
                assert answer.json()["Changed"] == []

        keep()


parameters = st.one_of(
    st.sampled_from(
        [
            *(f"P{name}" for name in FIELDS),
            "PSeen",
            "PDays",
            "psEEN",
            "mode",
            "values",
            "limit",
            "cursor",
            "client",
            "after",
            "format",
            "username",
            "password",
        ]
    ),
    st.text(anything, max_size=6),
)
arguments = st.one_of(
    texts,
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["zapier", "plain", "typed", "flowfinity", "", "10000", "36500", "36501"]),
)


def written(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


class TestQueryStrings:
    @hostile
    @given(
        pairs=st.lists(st.tuples(parameters, arguments), max_size=6),
        path=st.sampled_from(["", "/sample", "/fields"]),
        agent=st.sampled_from(["Zapier", "curl"]),
    )
    @example(pairs=[("PDays", "36500")], path="", agent="Zapier")
    @example(pairs=[("PAt", "0001-01-01T00:00:00+14:00")], path="", agent="curl")
    @example(pairs=[("PCount", "1e308"), ("PSeen", "9007199254740993")], path="", agent="curl")
    def test_any_arguments(self, api: Api, site: Site, pairs: list[tuple[str, str]], path: str, agent: str) -> None:
        query = "&".join(f"{written(name)}={written(value)}" for name, value in pairs)
        fair(api.get(f"/api/apps/Things/views/Ask{path}?{query}", User_Agent=agent), stored())

    @hostile
    @given(
        query=st.one_of(
            st.text(st.characters(codec="latin-1"), max_size=40), st.text("PDay=&%;+0123456789abcdefMode", max_size=40)
        )
    )
    def test_any_characters(self, api: Api, site: Site, query: str) -> None:
        for path in ("/api", "/api/apps/Things/views/Ask", "/api/apps/LeadRegistration/views/SearchLeads"):
            answer = api.client.generic("GET", path, QUERY_STRING=query, headers={"Authorization": api.authorization})
            fair(answer, stored())

    @briefly
    @given(path=st.text(anything, max_size=20), method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "QUERY"]))
    def test_any_address(self, api: Api, site: Site, path: str, method: str) -> None:
        for before in ("/api/", "/api/apps/", "/api/apps/Things/views/", "/api/apps/Things/operations/"):
            answer = api.call(method, before + written(path).replace("%2F", "/"))
            assert answer.status_code in {200, 400, 404, 405, 422}, answer.content
            assert answer["Content-Type"] == "application/json" and "Location" not in answer


class TestHeaders:
    @briefly
    @given(
        value=st.one_of(
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30),
            st.binary(max_size=20).map(lambda sent: "Basic " + base64.b64encode(sent).decode()),
        )
    )
    def test_any_credentials(self, site: Site, value: str) -> None:
        rest.forget()
        refused(Api().get("/api", Authorization=value), 401, "not_authenticated")

    @briefly
    @given(
        name=st.sampled_from(
            [
                "User-Agent",
                "Accept",
                "Accept-Encoding",
                "If-None-Match",
                "If-Modified-Since",
                "X-Forwarded-For",
                "Range",
                "X-Request-Id",
                "Cookie",
                "Content-Type",
                "X-HTTP-Method-Override",
                "Content-Encoding",
            ]
        ),
        value=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30),
    )
    def test_any_header(self, api: Api, site: Site, name: str, value: str) -> None:
        answer = api.get("/api/apps/Things/views/Ask", **{name: value})
        assert answer.status_code in {200, 304}
