"""`manage.py load_demo`: Lead Registration with its demo records, once."""

from __future__ import annotations

import json
import secrets
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from flowfinity import blueprint, clock, definitions, environment
from flowfinity.models import App, Configuration, Operation, Role, User, View, configuring
from flowfinity.submissions import Call, submit
from integration.models import RestAccess, Surface
from leads import demo

BLUEPRINT = Path(demo.__file__).with_name("lead_registration.json")

# Who can log in, by user name: what records and history call them.
PEOPLE = {"admin": "Ada Lindqvist", "sam": "Sam Lowry"}
INTEGRATION = {"restuser": "Zapier (restuser)"}
# Works on leads too, but logs in nowhere.
COLLEAGUES = {"priya": "Priya Shah"}


class Command(BaseCommand):
    """Imports the app, makes its people and roles, enables it for REST and submits the demo's records."""

    help = "Imports Lead Registration with demo records, people and roles, and enables it for REST. Once."

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing: whatever stops it leaves no trace, and the next run starts afresh."""
        given = environment.text("DEMO_PASSWORD")
        password = given or secrets.token_urlsafe(9)
        document = json.loads(BLUEPRINT.read_text(encoding="utf-8"))
        name = document["app"]["name"]
        with transaction.atomic():
            # Two that start together must not both find nothing; and who finds the app changes no configuration.
            Configuration.objects.select_for_update().get(pk=1)
            if App.objects.filter(name__iexact=name).exists():
                self.stdout.write(f"{document['app']['label']} is here already: nothing to load.")
                return
            with configuring():
                app = blueprint.import_app(document)
                made = _accounts(password)
                _grant(app)
                _enable(app)
            _submit(name)
        self.stdout.write(_report(app, password, made, shown=not given))


def _accounts(password: str) -> set[str]:
    """Makes the accounts that are missing; returns their user names. Those that exist stay as they are."""
    made = set()
    for username, display_name in (PEOPLE | INTEGRATION | COLLEAGUES).items():
        if User.objects.filter(username=username).exists():
            continue
        create = User.objects.create_superuser if username == "admin" else User.objects.create_user
        create(
            username,
            password=None if username in COLLEAGUES else password,
            display_name=display_name,
            account_type=User.INTEGRATION if username in INTEGRATION else User.REGULAR,
        )
        made.add(username)
    return made


def _grant(app: App) -> None:
    """Lets the sales people and the integration account use all of the app; the feed is the integration account's."""
    for name, members in {"Sales": ["sam", *COLLEAGUES], "Integration": list(INTEGRATION)}.items():
        role, _ = Role.objects.get_or_create(name=name)
        role.views.add(*app.views.all())
        role.operations.add(*app.operations.all())
        if name == "Integration":
            role.feeds.add(app)
        for user in User.objects.filter(username__in=members):
            user.roles.add(role)


def _enable(app: App) -> None:
    """Switches REST on and enables every view and operation of the app for it, and its submissions feed."""
    Surface.objects.update_or_create(pk=1, defaults={"query_enabled": True, "execute_enabled": True})
    for view in View.objects.filter(app=app):
        RestAccess.objects.update_or_create(view=view, defaults={"enabled": True})
    for operation in Operation.objects.filter(app=app):
        RestAccess.objects.update_or_create(operation=operation, defaults={"enabled": True})
    RestAccess.objects.update_or_create(feed_of=app, defaults={"enabled": True})


def _submit(app_name: str) -> None:
    """Submits the demo's events, which end now."""
    app = definitions.of(app_name)
    people = {user.username: user for user in User.objects.filter(username__in=demo.AUTHORS)}
    records: dict[int, int] = {}
    for event in demo.events(clock.now()):
        call = Call(operation=app.operation(event.operation), values=event.values, record=records.get(event.lead))
        result = submit([call], by=people[event.by], at=event.at)
        records[event.lead] = result.results[0].record


def _report(app: App, password: str, made: set[str], shown: bool) -> str:
    """What was loaded, who can log in with which password, and a poll to try."""
    site = settings.PUBLIC_URL or f"http://127.0.0.1:{environment.whole('PORT', 8000)}"
    credentials = f"restuser:{password}" if shown and "restuser" in made else "restuser"
    path = f"/api/apps/{app.name}/views/ViewAllRecords"

    def line(username: str, display_name: str, purpose: str) -> str:
        secret = (password if shown else "(DEMO_PASSWORD)") if username in made else "(as before)"
        return f"  {username:<9} {secret:<18} {display_name}, {purpose}"

    return "\n".join(
        [
            f"{app.label} is loaded: {app.records.filter(deleted=False).count()} leads.",
            "",
            line("admin", PEOPLE["admin"], "configures the site"),
            line("sam", PEOPLE["sam"], "works with leads"),
            line("restuser", INTEGRATION["restuser"], "calls the API only"),
            *(["  This password is shown only now."] if shown and made else []),
            "",
            f"The poll, as Zapier sends it: {path}",
            f"  curl -A Zapier -u {shlex.quote(credentials)} {site}{path}",
        ]
    )
