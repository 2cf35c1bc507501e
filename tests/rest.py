"""The API as its tests meet it: a site with Lead Registration open to one integration account, and a client of it."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from flowfinity import definitions
from flowfinity.models import App, Operation, Record, Role, User, View, configuring
from flowfinity.submissions import Result, submit
from integration.models import RestAccess, Surface
from integration.rest import answers, arguments
from tests import builders

RECORDED = Path(__file__).parent / "recorded"
PASSWORD = "secret"
NOW = dt.datetime(2026, 11, 24, 12, 0, 0, 500_000, tzinfo=dt.UTC)
LONGEST_MESSAGE = 249

# The article's payload, as its product sends and shows it.
ARTICLE: Mapping[str, Any] = {
    "Company": "ABC Inc",
    "FirstName": "John",
    "LastName": "Smith",
    "EmailAddress": "jsmith@example.com",
    "BusinessPhone": "555-7777",
    "MobilePhone": "555-8888",
    "Industry": {"Selection": "Energy"},
    "EmployeeCount": "25",
    "TotalValue": "99",
    "Probability": {"Selection": "50-80%"},
    "Rating": {"Selection": "Warm"},
    "FirstContact": "2020-09-06T00:00:00.000",
    "CallbackRequested": {"Selection": ["Yes"]},
    "Summary": "Interested in the product. Get in touch in 2 weeks.",
}


def recorded(name: str) -> dict[str, str]:
    """The headers of a recorded request, without those that belong to the connection."""
    headers: dict[str, str] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["headers"]
    return {key: value for key, value in headers.items() if key not in {"host", "connection", "authorization"}}


def basic(username: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class Api:
    """A client of the API: it knows addresses and credentials, and nothing of what is behind them."""

    def __init__(self, username: str = "restuser", password: str = PASSWORD, client: Client | None = None) -> None:
        self.client = client or Client()
        self.authorization = basic(username, password)

    def call(self, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
        """The response to a request; `body` is bytes, or sent as JSON. A header that is None is left out.

        Names of headers are written with underscores.
        """
        sent: dict[str, str | None] = {"Authorization": self.authorization, **headers}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            path,
            data,
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in sent.items() if value is not None},
        )

    def get(self, path: str, **headers: str | None) -> Any:
        """The response to a GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str | None) -> Any:
        """The response to a POST."""
        return self.call("POST", path, body, **headers)

    def poll(self, view: str = "ViewAllRecords", query: Mapping[str, Any] | str = "", **headers: str | None) -> Any:
        """The response to a poll of a view of Lead Registration."""
        query = query if isinstance(query, str) else urlencode(query, doseq=True)
        return self.get(f"/api/apps/LeadRegistration/views/{view}{'?' if query else ''}{query}", **headers)

    def zapier(self, view: str = "ViewAllRecords", query: Mapping[str, Any] | str = "") -> Any:
        """The response to a poll with the headers that Zapier sends, compression left out."""
        headers = {key: value for key, value in recorded("poll").items() if key != "accept-encoding"}
        return self.poll(view, query, **headers)

    def run(self, operation: str, body: Any, **headers: str | None) -> Any:
        """The response to running an operation of Lead Registration."""
        return self.post(f"/api/apps/LeadRegistration/operations/{operation}", body, **headers)

    def universal(self, operations: Sequence[Mapping[str, Any]], external: Any = None, **headers: str | None) -> Any:
        """The response of the universal endpoint."""
        return self.post("/api", {"ExternalTransactionId": external, "Operations": operations}, **headers)


@dataclass
class Site:
    """Lead Registration with everything open to the integration account `account`; `sam` is a person."""

    app: App
    account: User
    sam: User
    role: Role
    at: dt.datetime = NOW

    def open(self, app: App, **access: Any) -> None:
        """Enables all of an app's views and operations for REST, and grants them to the role."""
        with configuring():
            for view in View.objects.filter(app=app):
                RestAccess.objects.update_or_create(view=view, defaults={"enabled": True, **access})
                self.role.views.add(view)
            for operation in Operation.objects.filter(app=app):
                RestAccess.objects.update_or_create(operation=operation, defaults={"enabled": True})
                self.role.operations.add(operation)

    def access(self, view: str = "ViewAllRecords", **changes: Any) -> None:
        """Changes a view's access row."""
        with configuring():
            changed = RestAccess.objects.filter(view__app=self.app, view__name=view).update(**changes)
        assert changed == 1

    def operation_access(self, operation: str, **changes: Any) -> None:
        """Changes an operation's access row."""
        with configuring():
            changed = RestAccess.objects.filter(operation__app=self.app, operation__name=operation).update(**changes)
        assert changed == 1

    def surface(self, **changes: Any) -> None:
        """Changes the site's switches."""
        with configuring():
            Surface.objects.filter(pk=1).update(**changes)

    def lead(self, ago: dt.timedelta | None = None, /, **values: Any) -> Result:
        """A lead captured by sam `ago` before NOW (now by default); at least Company and LastName."""
        values = {"Company": "Acme", "LastName": "Smith", **values}
        return self.do("CaptureLead", None, ago, **values)

    def do(
        self, operation: str, record: int | None = None, ago: dt.timedelta | None = None, /, **values: Any
    ) -> Result:
        """What sam's submission of one call gives, `ago` before NOW."""
        call = builders.call(self.app, operation, record, **values)
        return submit([call], self.sam, at=self.at - (ago or dt.timedelta())).results[0]


def forget() -> None:
    """Clears what this process keeps: a version or a number that was rolled back comes again with other content."""
    cache.clear()
    definitions._kept.clear()
    arguments._made.clear()
    answers.answers = answers.Answers()


def open_site() -> Site:
    """A site as the demo opens it, without records."""
    forget()
    app = builders.make_leads()
    Surface.objects.update_or_create(
        pk=1, defaults={"query_enabled": True, "execute_enabled": True, "lookback_days": 7, "floor_ms": 0}
    )
    role = Role.objects.create(name="Integration")
    account = builders.integration(display_name="Zapier (restuser)")
    account.roles.add(role)
    site = Site(app, account, builders.person("sam", display_name="Sam Lowry"), role)
    site.open(app)
    return site


@pytest.fixture(scope="module")
def opened(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """A site, made once for the tests of a module; what a test changes is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield open_site()
        transaction.set_rollback(True)


@pytest.fixture
def site(opened: Site, db: None) -> Site:
    """The site for one test. A module takes it by `opened, site, api = rest.opened, rest.site, rest.api`."""
    forget()
    return replace(opened, account=User.objects.get(pk=opened.account.pk), sam=User.objects.get(pk=opened.sam.pk))


@pytest.fixture
def api(site: Site) -> Api:
    """A client with the integration account's credentials."""
    return Api()


def refused(response: Any, status: int, code: str, *fields: tuple[str, str]) -> dict[str, Any]:
    """The error in a response, after checking its shape, which is one for all (contract, Errors).

    `fields`, when given, are all the (field, code) pairs that it must name, in any order.
    """
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response["Content-Type"] == "application/json"
    assert int(response["Content-Length"]) == len(response.content)
    body = json.loads(response.content)
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) - {"operation"} == {"code", "message", "fields"}
    assert error["code"] == code, error
    told = [error["message"], *(one["message"] for one in error["fields"])]
    assert all(isinstance(message, str) and 0 < len(message) <= LONGEST_MESSAGE for message in told)
    assert not any(word in response.content for word in (b"Traceback", b'File \\"', b"SELECT "))
    for one in error["fields"]:
        assert set(one) == {"field", "code", "message"}
    if fields:
        assert sorted((one["field"], one["code"]) for one in error["fields"]) == sorted(fields)
    if status == 401:
        assert response["WWW-Authenticate"].startswith("Basic ")
    if status == 405:
        assert response["Allow"]
    if status in {429, 503}:
        assert response["Retry-After"].isdecimal() and int(response["Retry-After"]) > 0
    if "operation" in error:
        assert isinstance(error["operation"], int)
    return error


def stored() -> list[tuple[int, int]]:
    """Every record with its last submission: what a refused call must not change."""
    return list(Record.objects.order_by("pk").values_list("pk", "last_submission_id"))
