"""What can be opened to other systems: views, operations and submissions feeds, each with who may use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse

from flowfinity import definitions
from flowfinity.definitions import AppDefinition
from flowfinity.models import App, Operation, Role, User, View
from integration.configure import examples
from integration.models import Refusal, RestAccess

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
        return "Submissions feed" if isinstance(self.part, App) else self.part.label

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
        model = "app" if self.kind == "feed" else self.kind
        return reverse(f"admin:flowfinity_{model}_change", args=[self.part.pk])


@dataclass(frozen=True)
class Listed:
    """An app's endpoints, in the order of their lists."""

    app: AppDefinition
    views: list[Endpoint]
    operations: list[Endpoint]
    feed: Endpoint


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
        return "Every submission as it was made, deletions too, with all fields.", False
    if isinstance(part, View):
        if part.pk in app.broken:
            return f"This view cannot be read, so it answers nobody. {app.broken[part.pk]}", True
        return app.view(part.pk).query.describe(), False
    count = len(part.fields)
    sets = f", sets {count} field{'' if count == 1 else 's'}" if count else ""
    return f"{part.get_kind_display()}s a record{sets}.", False


def callers(part: Part) -> list[Caller]:
    """Each integration account, those that may use the part first."""
    granting = {role.pk for role in part.roles.all()}
    found = []
    for user in User.objects.filter(account_type=User.INTEGRATION).prefetch_related("roles"):
        roles = list(user.roles.all())
        found.append(Caller(user, roles, [role for role in roles if role.pk in granting]))
    return sorted(found, key=lambda caller: not caller.granting)


def refused_calls(row: Endpoint | None = None) -> QuerySet[Refusal]:
    """Calls that were refused, the latest first; of one endpoint, or all."""
    if row is None:
        return Refusal.objects.all()
    path = examples.address("", row.part)
    return Refusal.objects.filter(Q(path__iexact=path) | Q(path__istartswith=f"{path}/"))
