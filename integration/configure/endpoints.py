"""What can be opened to other systems: views, operations and submissions feeds, each with who may use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flowfinity import definitions
from flowfinity.definitions import AppDefinition
from flowfinity.models import App, Operation, Role, User, View
from integration.configure import examples
from integration.models import Refusal, RestAccess
from integration.rest import refusals

Part = View | Operation | App
# How RestAccess calls what it opens.
COLUMNS: dict[type[Part], str] = {View: "view", Operation: "operation", App: "feed_of"}


@dataclass(frozen=True)
class Endpoint:
    """A view, an operation or, for an app as its part, the app's submissions feed."""

    part: Part
    access: RestAccess | None
    sentence: str
    broken: bool
    users: tuple[User, ...]

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "feed" if isinstance(self.part, App) else COLUMNS[type(self.part)]

    @property
    def label(self) -> str:
        """What a person calls it, within its app."""
        return _("Submissions feed") if isinstance(self.part, App) else self.part.label

    @property
    def full_label(self) -> str:
        """What a person calls it among the endpoints of all apps."""
        return _("Submissions feed of %s") % self.app.label if self.kind == "feed" else self.label

    @property
    def usernames(self) -> str:
        """Who may use it."""
        return ", ".join(user.username for user in self.users)

    @property
    def app(self) -> App:
        """The app that it is of."""
        return self.part if isinstance(self.part, App) else self.part.app

    @property
    def enabled(self) -> bool:
        """Whether it is open to REST."""
        return self.access is not None and self.access.enabled

    @property
    def details_url(self) -> str:
        """The page that shows what to copy."""
        return reverse(f"configure-rest-{self.kind}", args=[self.part.pk])

    @property
    def toggle_url(self) -> str:
        """Where the switch is sent."""
        return reverse(f"configure-rest-{self.kind}-access", args=[self.part.pk])

    @property
    def definition_url(self) -> str:
        """Where it is defined."""
        if isinstance(self.part, App):
            return reverse("configure-app", args=[self.part.pk])
        page = "configure-app-view" if isinstance(self.part, View) else "configure-operation"
        return reverse(page, args=[self.part.app_id, self.part.name])


@dataclass(frozen=True)
class Listed:
    """An app's endpoints, in the order of their lists."""

    app: AppDefinition
    views: list[Endpoint]
    operations: list[Endpoint]
    feed: Endpoint

    @property
    def enabled_words(self) -> str:
        """What of it is enabled: "2 of 4 views, 3 of 3 operations, the submissions feed"; "" for nothing."""
        counted = (
            (self.views, ngettext("%(on)d of %(all)d view", "%(on)d of %(all)d views", len(self.views))),
            (
                self.operations,
                ngettext("%(on)d of %(all)d operation", "%(on)d of %(all)d operations", len(self.operations)),
            ),
        )
        said = [
            words % {"on": sum(one.enabled for one in rows), "all": len(rows)}
            for rows, words in counted
            if any(one.enabled for one in rows)
        ]
        return ", ".join([*said, _("the submissions feed")] if self.feed.enabled else said)


@dataclass(frozen=True)
class Caller:
    """An integration account, and which of its roles grant an endpoint."""

    user: User
    roles: list[Role]
    granting: list[Role]


def listed_apps() -> Iterable[Listed]:
    """Each app with its views, its operations and its feed."""
    callers = Prefetch("members", User.objects.filter(account_type=User.INTEGRATION, is_active=True))
    roles = Prefetch("roles", Role.objects.prefetch_related(callers))
    rows = App.objects.select_related("rest_feed").prefetch_related(
        roles,
        Prefetch("views", View.objects.select_related("rest").prefetch_related(roles)),
        Prefetch("operations", Operation.objects.select_related("rest").prefetch_related(roles)),
    )
    for row in rows:
        app = definitions.of(row.pk)
        views = [endpoint(app, view) for view in row.views.all()]
        operations = [endpoint(app, operation) for operation in row.operations.all()]
        yield Listed(app, views, operations, endpoint(app, row))


def endpoint(app: AppDefinition, part: Part) -> Endpoint:
    """The endpoint for a view, an operation or, given an app, its feed."""
    members = (user for role in part.roles.all() for user in role.members.all())  # type: ignore[attr-defined]
    users = {user.pk: user for user in members if user.is_active and not user.is_person}
    access = getattr(part, "rest_feed" if isinstance(part, App) else "rest", None)
    sentence, broken = sentence_of(app, part)
    return Endpoint(part, access, sentence, broken, tuple(users.values()))


def sentence_of(app: AppDefinition, part: Part) -> tuple[str, bool]:
    """What the view or the feed shows or the operation does, and whether that cannot be read."""
    if isinstance(part, App):
        return _("Every submission as it was made, deletions too, with all fields."), False
    if isinstance(part, View):
        if part.pk in app.broken:
            told = _("This view cannot be read, so it answers nobody.")
            return f"{told} {definitions.fault_of(part, app)}", True
        return app.view(part.pk).query.describe(), False
    return does(part.kind, len(part.fields)), False


def does(kind: str, fields: int) -> str:
    """What an operation of that kind, with so many fields, does."""
    if kind == "delete":
        return _("Deletes a record.")
    if not fields:
        return _("Creates a record.") if kind == "create" else _("Updates a record.")
    if kind == "create":
        told = ngettext("Creates a record, sets %d field.", "Creates a record, sets %d fields.", fields)
    else:
        told = ngettext("Updates a record, sets %d field.", "Updates a record, sets %d fields.", fields)
    return told % fields


def callers(part: Part) -> list[Caller]:
    """Each integration account, those that may use the part first."""
    granting = {role.pk for role in part.roles.all()}
    found = []
    for user in User.objects.filter(account_type=User.INTEGRATION).prefetch_related("roles"):
        roles = list(user.roles.all())
        found.append(Caller(user, roles, [role for role in roles if role.pk in granting]))
    return sorted(found, key=lambda caller: not caller.granting)


def refused_calls(most: int, row: Endpoint | None = None) -> list[dict[str, Any]]:
    """Calls that were refused, the latest first, each with why; of one endpoint, or all."""
    found = Refusal.objects.all()
    if row is not None:
        path = examples.address("", row.part)
        found = found.filter(Q(path__iexact=path) | Q(path__istartswith=f"{path}/"))
    return [{"call": one, "said": refusals.told(one.reason)} for one in found[:most]]
