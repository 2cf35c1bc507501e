"""What the person before the screen may use, and what every page shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from flowfinity import definitions, references
from flowfinity.definitions import AppDefinition, OperationDefinition, Unknown, ViewDefinition
from flowfinity.fields import World
from flowfinity.models import Operation, User, View
from flowfinity.query import Column


@dataclass(frozen=True)
class Granted:
    """An app with the views and operations of it that a person may use, in their order."""

    app: AppDefinition
    views: tuple[ViewDefinition, ...]
    operations: tuple[OperationDefinition, ...]

    @property
    def url(self) -> str:
        """Where the app starts."""
        return reverse("app", args=[self.app.name])

    def of_kind(self, kind: str) -> list[OperationDefinition]:
        """The operations of a kind: create, update or delete."""
        return [operation for operation in self.operations if operation.kind == kind]

    @property
    def captures(self) -> list[dict[str, str]]:
        """The create operations, with where they are."""
        return [
            {"label": one.label, "url": reverse("operation", args=[self.app.name, one.name])}
            for one in self.of_kind("create")
        ]

    def view_url(self, view: ViewDefinition) -> str:
        """Where a view is."""
        return reverse("view", args=[self.app.name, view.name])

    def record_url(self, number: int) -> str:
        """Where a record is."""
        return reverse("record", args=[self.app.name, number])

    def view(self, name: str) -> ViewDefinition:
        """The view of that name. Raises Unknown."""
        found: ViewDefinition = definitions.one(self.views, name)
        return found

    def operation(self, name: str) -> OperationDefinition:
        """The operation of that name. Raises Unknown."""
        found: OperationDefinition = definitions.one(self.operations, name)
        return found


def granted(user: User) -> list[Granted]:
    """The apps of which the person may use anything, by label: what a role grants, or all for a superuser."""
    views = operations = None
    if not user.is_superuser:
        views = set(View.objects.filter(roles__members=user).values_list("pk", flat=True))
        operations = set(Operation.objects.filter(roles__members=user).values_list("pk", flat=True))
        if not views and not operations:
            return []
    found = [
        Granted(
            app,
            tuple(view for view in app.views if views is None or view.id in views),
            tuple(one for one in app.operations if operations is None or one.id in operations),
        )
        for app in definitions.every()
    ]
    return [one for one in found if one.views or one.operations]


class Site:
    """What the frame of a page shows. The apps are looked up when they are asked for, once a request."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.name: str = settings.SITE_NAME
        theme = request.COOKIES.get("theme")
        self.theme = theme if theme in {"light", "dark"} else ""

    @cached_property
    def granted(self) -> list[Granted]:
        """What the person may use; nothing for who has not logged in."""
        # The page for a request that was refused early is drawn without a user.
        user = getattr(self.request, "user", None)
        return granted(user) if isinstance(user, User) else []

    @property
    def apps(self) -> list[dict[str, Any]]:
        """The apps for the navigation."""
        match = self.request.resolver_match
        name = str(match.kwargs.get("app", "")).lower() if match else ""
        return [
            {"label": one.app.label, "url": one.url, "current": one.app.name.lower() == name} for one in self.granted
        ]

    @cached_property
    def readable(self) -> dict[str, AppDefinition]:
        """The apps of which the person may see records, by name in lower case."""
        return {one.app.name.lower(): one.app for one in self.granted if one.views}

    def record_url(self, app: str, number: int) -> str:
        """Where a record is; "" for one that the person may not open."""
        found = self.readable.get(app.lower())
        return reverse("record", args=[found.name, number]) if found else ""

    def app(self, name: str) -> Granted:
        """The app of that name. Raises Unknown when the person may use nothing of it."""
        for one in self.granted:
            if one.app.name.lower() == name.lower():
                return one
        raise Unknown(name)


def of(request: HttpRequest) -> Site:
    """The request's Site, one for all who ask."""
    known: Site | None = getattr(request, "workspace", None)
    if known is None:
        known = request.workspace = Site(request)  # type: ignore[attr-defined]
    return known


def world_of(
    request: HttpRequest,
    columns: Iterable[Column] = (),
    rows: Iterable[Mapping[str, Any]] = (),
    offered: Iterable[Column] = (),
) -> World:
    """What the columns' values in these rows refer to, and what a form of the `offered` columns offers."""
    site = of(request)
    return replace(
        references.world(columns, rows, ""),
        record_url=site.record_url,
        offers=references.offers(offered, site.readable),
    )


def site(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `site`, of which nothing costs a query until a template asks for it."""
    return {"site": of(request)}
