"""Lead Registration: the blueprint, the demo's events, and the command that loads them once."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from flowfinity import blueprint, clock, definitions, submissions
from flowfinity.models import App, Record, Role, Submission, User
from flowfinity.submissions import Call
from integration.models import RestAccess, Surface
from leads import demo
from leads.management.commands import load_demo

END = dt.datetime(2026, 11, 24, 9, 51, 3, 120_000, tzinfo=dt.UTC)
VIEWS = ["ViewAllRecords", "SearchLeads", "HotLeads", "Synchronize"]
OPERATIONS = ["CaptureLead", "UpdateLead", "DeleteLead"]

# The record of the article's product, as a client sends it and as a view shows it.
SAMPLE: dict[str, Any] = {
    "BusinessPhone": "555-7777",
    "CallbackRequested": {"Selection": ["Yes"]},
    "Company": "ABC Inc",
    "EmailAddress": "jsmith@example.com",
    "EmployeeCount": "25",
    "FirstContact": "2020-09-06T00:00:00.000",
    "FirstName": "John",
    "Industry": {"Selection": "Energy"},
    "LastName": "Smith",
    "MobilePhone": "555-8888",
    "Probability": {"Selection": "50-80%"},
    "Rating": {"Selection": "Warm"},
    "Summary": "Interested in the product. Get in touch in 2 weeks.",
    "TotalValue": "99",
}


def load() -> str:
    """Runs the command; returns what it says."""
    said = io.StringIO()
    call_command("load_demo", stdout=said)
    return said.getvalue()


def forget_definitions() -> None:
    """A version that was rolled back comes again with other rows: what is kept under it is then wrong."""
    definitions._kept.clear()


@pytest.fixture(autouse=True)
def fresh_definitions() -> Iterator[None]:
    forget_definitions()
    yield
    forget_definitions()


@pytest.fixture(scope="class")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A site with the demo, loaded once for the tests of a class that only look at it; what the command said."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield load()
        transaction.set_rollback(True)


@pytest.fixture
def loaded(site: str, db: None) -> str:
    return site


def lead_registration() -> definitions.AppDefinition:
    return definitions.of("LeadRegistration")


def found(view: str, **raw: Any) -> list[Record]:
    """The records that a view shows for these arguments."""
    definition = lead_registration().view(view)
    arguments = {}
    for name, value in raw.items():
        parameter = definition.parameters[name]
        arguments[name] = parameter.type.operand(value, parameter.config)
    query = definition.query.with_arguments(arguments, clock.now())
    return list(query.apply(Record.objects.all()))


class TestBlueprint:
    @pytest.fixture
    def app(self, db: None) -> definitions.AppDefinition:
        blueprint.import_app(json.loads(load_demo.BLUEPRINT.read_text(encoding="utf-8")))
        return lead_registration()

    def test_it_is_the_app_that_the_article_shows(self, app: definitions.AppDefinition) -> None:
        assert [view.name for view in app.views] == VIEWS
        assert [operation.name for operation in app.operations] == OPERATIONS
        assert not app.broken
        assert {name for name, field in app.fields.items() if field.required} == {"Company", "LastName"}
        assert set(app.fields) == set(SAMPLE)

    def test_every_view_shows_who_it_is(self, app: definitions.AppDefinition) -> None:
        for view in app.views:
            assert {"Company", "LastName"} <= {column.name for column in view.columns}, view.name

    def test_it_is_exported_as_it_was_written(self, app: definitions.AppDefinition) -> None:
        written = json.loads(load_demo.BLUEPRINT.read_text(encoding="utf-8"))
        written["operations"][2]["fields"] = []
        assert blueprint.export_app(App.objects.get(pk=app.id)) == written

    def test_the_articles_record_comes_back_unchanged(self, app: definitions.AppDefinition) -> None:
        by = User.objects.create_user("sam", display_name="Sam Lowry")
        outcome = submissions.submit([Call(app.operation("CaptureLead"), SAMPLE)], by=by)
        record = Record.objects.get(pk=outcome.results[0].record)
        shown = {}
        for name, column in app.fields.items():
            render, blank = column.type.renderer(column.config, "flowfinity")
            shown[name] = render(record.values[name]) if name in record.values else blank
        assert shown == SAMPLE


class TestEvents:
    def test_the_same_end_gives_the_same_events(self) -> None:
        assert list(demo.events(END)) == list(demo.events(END))

    def test_another_end_moves_the_same_leads(self) -> None:
        later = END + dt.timedelta(days=3, hours=5)

        def people(end: dt.datetime) -> list[tuple[Any, Any]]:
            captured = (event.values for event in demo.events(end) if event.operation == "CaptureLead")
            return [(values["Company"], values["LastName"]) for values in captured]

        assert people(END) == people(later)

    @pytest.mark.parametrize("days", range(0, 14))
    @pytest.mark.parametrize("hours", [0, 7])
    def test_whatever_day_it_is_polls_have_something_to_show(self, days: int, hours: int) -> None:
        end = END + dt.timedelta(days=days, hours=hours)
        events = list(demo.events(end))
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert end - demo.PERIOD <= events[0].at and events[-1].at < end
        gone = {event.lead for event in events if event.operation == "DeleteLead"}

        def modified_within(period: dt.timedelta) -> int:
            return len({event.lead for event in events if event.at > end - period} - gone)

        assert 60 <= modified_within(dt.timedelta(days=7)) <= 90
        assert 4 <= modified_within(dt.timedelta(days=1)) <= 30

    def test_leads_live(self) -> None:
        leads: dict[int, demo.Values] = {}
        kinds = Counter[str]()
        moves = Counter[tuple[Any, Any]]()
        for event in demo.events(END):
            kinds[event.operation] += 1
            if event.operation == "CaptureLead":
                assert event.lead == len(leads)
                leads[event.lead] = dict(event.values)
            elif event.operation == "UpdateLead":
                lead = leads[event.lead]
                assert event.values, "an edit that changes nothing makes no submission"
                assert all(lead.get(field) != value for field, value in event.values.items())
                if "Rating" in event.values:
                    moves[lead.get("Rating"), event.values["Rating"]] += 1
                lead.update(event.values)
            else:
                assert leads[event.lead] and not event.values
                leads[event.lead] = {}
        assert kinds == {"CaptureLead": 200, "UpdateLead": 125, "DeleteLead": 5}
        assert moves["Cold", "Warm"] > 5 and moves["Warm", "Hot"] > 5

    def test_nobody_is_real(self) -> None:
        for event in demo.events(END):
            assert str(event.values.get("EmailAddress", "a@b.example")).endswith(".example")
            for field in ("BusinessPhone", "MobilePhone"):
                assert "555" in str(event.values.get(field, "555"))


class TestLoaded:
    def test_it_tells_where_to_look(self, loaded: str) -> None:
        assert "195 leads" in loaded
        assert "/api/apps/LeadRegistration/views/ViewAllRecords" in loaded
        password = next(line.split()[1] for line in loaded.splitlines() if line.strip().startswith("sam "))
        for name in ("admin", "sam", "restuser"):
            assert User.objects.get(username=name).check_password(password)

    def test_who_may_what(self, loaded: str) -> None:
        assert User.objects.get(username="admin").is_superuser
        assert User.objects.get(username="restuser").account_type == User.INTEGRATION
        assert not User.objects.get(username="priya").has_usable_password()
        for role, members in {"Sales": ["priya", "sam"], "Integration": ["restuser"]}.items():
            row = Role.objects.get(name=role)
            assert [member.username for member in row.members.order_by("username")] == members
            assert set(row.views.values_list("name", flat=True)) == set(VIEWS)
            assert set(row.operations.values_list("name", flat=True)) == set(OPERATIONS)
            assert row.feeds.exists() is (role == "Integration")

    def test_everything_is_enabled_for_rest(self, loaded: str) -> None:
        surface = Surface.objects.get()
        assert (surface.query_enabled, surface.execute_enabled, surface.lookback_days) == (True, True, 7)
        enabled = RestAccess.objects.filter(enabled=True)
        assert set(enabled.exclude(view=None).values_list("view__name", flat=True)) == set(VIEWS)
        assert set(enabled.exclude(operation=None).values_list("operation__name", flat=True)) == set(OPERATIONS)
        assert enabled.get(view=None, operation=None).feed_of == App.objects.get()

    def test_the_records_went_through_submit(self, loaded: str) -> None:
        assert Counter(Submission.objects.values_list("kind", flat=True)) == {
            "created": 200,
            "updated": 125,
            "deleted": 5,
        }
        numbers = list(Submission.objects.order_by("on", "id").values_list("id", flat=True))
        assert numbers == sorted(numbers)
        week = clock.now() - dt.timedelta(days=7)
        assert 40 <= Record.objects.filter(deleted=False, modified_on__gte=week).count() <= 120
        authors = set(Record.objects.values_list("modified_by__username", flat=True))
        assert authors == {"admin", "priya", "sam"}

    def test_the_views_find_what_they_say(self, loaded: str) -> None:
        everything = found("ViewAllRecords")
        companies = [record.values["Company"].lower() for record in everything]
        assert len(everything) == 195 and companies == sorted(companies)

        hot = found("HotLeads")
        assert hot and {record.values["Rating"] for record in hot} == {"Hot"}
        worth = [record.values["TotalValue"] for record in hot if "TotalValue" in record.values]
        assert worth == sorted(worth, reverse=True)

        assert len(found("SearchLeads")) == 195
        wanted = found("SearchLeads", Industry="Energy", MinimumValue="5000", CallbackRequested="yes")
        assert wanted and all(
            record.values["Industry"] == "Energy"
            and record.values["TotalValue"] >= 5000
            and record.values["CallbackRequested"]
            for record in wanted
        )
        assert [r.values["Company"] for r in found("SearchLeads", Company="KLINIKUM rosen")][:1] == ["Klinikum Rosenau"]

        numbers = [record.last_submission_id for record in found("Synchronize", PreviousLastSubmissionId=0)]
        assert len(numbers) == 195 and numbers == sorted(numbers)
        rest = found("Synchronize", PreviousLastSubmissionId=numbers[99])
        assert [record.last_submission_id for record in rest] == numbers[100:]

    def test_a_second_time_does_nothing(self, loaded: str) -> None:
        before = Submission.objects.count(), User.objects.count(), definitions.Configuration.current()
        said = load()
        assert said == "Lead Registration is here already: nothing to load.\n"
        assert before == (Submission.objects.count(), User.objects.count(), definitions.Configuration.current())


class TestLoading:
    def test_an_existing_password_is_left_alone(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        User.objects.create_superuser("admin", password="mine alone", display_name="Grace")
        monkeypatch.setenv("DEMO_PASSWORD", "from the environment")
        said = load()
        admin = User.objects.get(username="admin")
        assert admin.check_password("mine alone") and admin.display_name == "Grace"
        assert User.objects.get(username="sam").check_password("from the environment")
        assert "from the environment" not in said and "as before" in said

    def test_what_stops_it_half_way_leaves_nothing(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def killed(*args: Any, **options: Any) -> Any:
            if Submission.objects.count() == 100:
                raise KeyboardInterrupt
            return submissions.submit(*args, **options)

        version = definitions.Configuration.current()
        with monkeypatch.context() as patch:
            patch.setattr(load_demo, "submit", killed)
            with pytest.raises(KeyboardInterrupt):
                load()
        for model in (App, Submission, Record, Role, User, RestAccess):
            assert not model.objects.exists(), model.__name__
        assert not Surface.objects.filter(query_enabled=True).exists()
        assert definitions.Configuration.current() == version
        forget_definitions()
        assert "195 leads" in load()
