"""The one query that says who asks, for what, whether they may, and how fresh it is: the same as the ORM would say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from flowfinity.models import App, Configuration, Journal, Operation, Role, User, View
from integration.models import Poll, RestAccess, Surface
from integration.rest import state
from tests import builders, rest
from tests.rest import Site

opened, site = rest.opened, rest.site

ACCOUNTS = ["restuser", "other", "gone", "sam", "nobody", "RESTUSER", ""]
NAMES = {
    "view": ["ViewAllRecords", "HotLeads", "SearchLeads", "viewallRECORDS", "Nothing", "CaptureLead", ""],
    "operation": ["CaptureLead", "UpdateLead", "DeleteLead", "CAPTURElead", "Nothing", "ViewAllRecords", ""],
}


@pytest.fixture
def mixed(site: Site) -> Site:
    """Accounts, roles and access rows of every kind."""
    builders.integration("gone", is_active=False).roles.add(site.role)
    other = builders.integration("other", display_name="Öther")
    few = Role.objects.create(name="Few")
    few.views.add(View.objects.get(app=site.app, name="HotLeads"))
    few.operations.add(Operation.objects.get(app=site.app, name="CaptureLead"))
    # Two roles that grant the same thing must not make two rows of it.
    more = Role.objects.create(name="More")
    more.views.add(*View.objects.filter(app=site.app))
    other.roles.add(few)
    site.account.roles.add(few, more)
    things = builders.make_app({"Name": "text"})
    view = View.objects.get(app=things)
    more.views.add(view)
    site.access("SearchLeads", enabled=False)
    site.access("HotLeads", lookback_days=3, floor_ms=12345, format="typed")
    site.operation_access("DeleteLead", enabled=False)
    View.objects.get(app=site.app, name="Synchronize").rest.delete()
    site.surface(execute_enabled=False, lookback_days=9, floor_ms=777)
    site.lead()
    return site


def by_the_orm(kind: str, username: str, app_name: str, name: str) -> dict[str, Any] | None:
    """What `state.find` must say."""
    user = User.objects.filter(username=username).first()
    if user is None:
        return None
    surface = Surface.objects.get(pk=1)
    said = {
        "account": user.pk,
        "username": user.username,
        "password": user.password,
        "display_name": user.display_name,
        "active": user.is_active,
        "account_type": user.account_type,
        "query_enabled": surface.query_enabled,
        "execute_enabled": surface.execute_enabled,
        "site_lookback_days": surface.lookback_days,
        "site_floor_ms": surface.floor_ms,
        "version": Configuration.current(),
    }
    if not kind:
        return said
    app = App.objects.filter(name__iexact=app_name).first()
    model = {"view": View, "operation": Operation}[kind]
    target = model.objects.filter(app=app, name__iexact=name).first() if app else None
    access = RestAccess.objects.filter(**{kind: target}).first() if target else None
    journal = Journal.objects.filter(app=app).first() if app else None
    polled = {}
    if kind == "view":
        poll = Poll.objects.filter(account=user, view=target, client="").first() if target else None
        polled = {
            "outages": access.outages if access else None,
            "poll": poll.pk if poll else None,
            "poll_last_ms": poll.last_ms if poll else None,
            "poll_newest": poll.newest if poll else None,
            "poll_outage_window_ms": poll.outage_window_ms if poll else None,
            "poll_outage_until_ms": poll.outage_until_ms if poll else None,
        }
    return (
        said
        | polled
        | {
            "app": app.pk if app else None,
            "target": target.pk if target else None,
            "enabled": access.enabled if access else None,
            "format": access.format if access else None,
            "lookback_days": access.lookback_days if access else None,
            "floor_ms": access.floor_ms if access else None,
            "last_submission_id": journal.last_submission_id if journal else None,
            "last_submitted_ms": journal.last_submitted_ms if journal else None,
            "granted": bool(target and Role.objects.filter(members=user, **{f"{kind}s": target}).exists()),
        }
    )


@pytest.mark.parametrize("kind", ["view", "operation"])
def test_the_same_as_by_the_orm(mixed: Site, kind: str) -> None:
    for username, app, name in itertools.product(
        ACCOUNTS, ["LeadRegistration", "LEADregistration", "Things", "No", ""], NAMES[kind]
    ):
        expected = by_the_orm(kind, username, app, name)
        with builders.counted_queries("state"):
            found = state.find(kind, username, app, name)
        if expected is None:
            assert found is None
            continue
        assert found is not None
        for field, value in expected.items():
            assert getattr(found, field) == value, (username, app, name, field)
        may = bool(expected["target"] and expected["enabled"] and expected["granted"])
        assert found.allowed is may, (username, app, name)


def test_without_a_target(mixed: Site) -> None:
    for username in ACCOUNTS:
        expected, found = by_the_orm("", username, "", ""), state.find("", username)
        assert (found is None) is (expected is None)
        for field, value in (expected or {}).items():
            assert getattr(found, field) == value


def test_which_lookback_rules(mixed: Site) -> None:
    own = state.find("view", "restuser", "LeadRegistration", "HotLeads")
    sites = state.find("view", "restuser", "LeadRegistration", "ViewAllRecords")
    assert own is not None and sites is not None
    assert own.lookback == (3, 12345)
    assert sites.lookback == (9, 777)
    mixed.access(floor_ms=800)
    again = state.find("view", "restuser", "LeadRegistration", "ViewAllRecords")
    assert again is not None and again.lookback == (9, 800)


@pytest.mark.parametrize("name", ["'; DROP TABLE x; --", "%s", "%", "\\", "é", "x" * 10_000, '"'])
def test_names_are_values(mixed: Site, name: str) -> None:
    found = state.find("view", "restuser", name, name)
    assert found is not None and not found.allowed
    assert state.find("view", name, "LeadRegistration", "HotLeads") is None


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["", "view", "operation", "feed"])
def test_postgresql_does_not_compile_it(mixed: Site, kind: str) -> None:
    """A table of one row is never analyzed, and taken for thousands: above a cost of 100,000 a poll takes a second."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, parameters: Any, *rest: Any) -> Any:
        asked.append((sql, parameters))
        return execute(sql, parameters, *rest)

    with connection.execute_wrapper(note):
        state.find(kind, "restuser", "LeadRegistration", "ViewAllRecords")
    [(sql, parameters)] = asked
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        [plan] = cursor.fetchone()
    assert (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Total Cost"] < 10_000
