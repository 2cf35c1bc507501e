"""What integration shows on pages of the platform's Configure; the setting CONFIGURE_PANELS names it by string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from flowfinity import clock, drafts
from flowfinity.models import App
from integration.models import Poll, RestAccess, Subscription

MOST_POLLS = 5


@dataclass(frozen=True)
class Touched:
    """An enabled view or operation whose clients notice; `polls` are its latest clients, `hooks` its subscriptions."""

    label: str
    url: str
    removed: bool
    polls: Sequence[Mapping[str, Any]] = ()
    more: int = 0
    hooks: int = 0


def publish(
    request: HttpRequest,
    app: App,
    published: Mapping[str, Any],
    document: Mapping[str, Any],
    changes: Sequence[drafts.Change],
) -> str:
    """Which enabled views and operations a draft touches, and who polled the views last; "" for none."""
    views = touched_views(app, drafts.touched_views(published, document, changes), names(document, "views"))
    operations = touched_operations(
        app, drafts.touched_operations(published, document, changes), names(document, "operations")
    )
    if not views and not operations:
        return ""
    page = {"views": views, "operations": operations}
    return render_to_string("integration/configure/publish_panel.html", page, request)


def names(document: Mapping[str, Any], kind: str) -> set[str]:
    """The names of a document's parts."""
    return {part["name"] for part in document[kind]}


def touched_views(app: App, touched: set[str], staying: set[str]) -> list[Touched]:
    """The views of these names that are enabled, each with who polled it."""
    polls = Prefetch("view__polls", Poll.objects.select_related("account").order_by("-last_ms"))
    hooks = Count("view__subscriptions", filter=~Q(view__subscriptions__state=Subscription.REMOVED), distinct=True)
    rows = RestAccess.objects.filter(view__app=app, view__name__in=touched, enabled=True).annotate(hooks=hooks)
    found, now = [], clock.now()
    for row in rows.select_related("view").prefetch_related(polls).order_by("view__position"):
        view = row.view
        assert view is not None
        clients = list(view.polls.all())
        url, removed = reverse("configure-rest-view", args=[view.pk]), view.name not in staying
        more = max(len(clients) - MOST_POLLS, 0)
        told = [
            {"account": one.account, "client": one.client, "on": one.last_on, "ago": clock.ago(now - one.last_on)}
            for one in clients[:MOST_POLLS]
        ]
        found.append(Touched(view.label, url, removed, told, more, row.hooks))
    return found


def touched_operations(app: App, touched: set[str], staying: set[str]) -> list[Touched]:
    """The operations of these names that are enabled."""
    rows = RestAccess.objects.filter(operation__app=app, operation__name__in=touched, enabled=True)
    operations = [row.operation for row in rows.select_related("operation").order_by("operation__position")]
    return [
        Touched(one.label, reverse("configure-rest-operation", args=[one.pk]), one.name not in staying)
        for one in operations
        if one is not None
    ]
