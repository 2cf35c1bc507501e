"""Details of one view, operation or feed: what to copy, how it answers, who may use it, what Zapier would get now."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from flowfinity import clock, definitions
from flowfinity.configure.pages import context
from flowfinity.models import App, Operation, User, View, configuring
from integration.configure import examples, sync_health_page
from integration.configure.endpoints import Endpoint, callers, endpoint, refused_calls
from integration.configure.lookback import FORWARD, offer, older, ruling, widened, window
from integration.models import RestAccess, Surface
from integration.rest import polls
from integration.zapier_mode import WARN_BYTES

FIRST_ITEMS = 3
MOST_REFUSED = 5


class AccessForm(forms.ModelForm):  # type: ignore[type-arg]
    """How an enabled view answers."""

    older = forms.BooleanField(required=False)

    class Meta:
        model = RestAccess
        fields = ["format", "lookback_days"]
        labels = {
            "format": gettext_lazy("Format of values"),
            "lookback_days": gettext_lazy("Lookback period of this view, in days"),
        }

    def __init__(self, *args: Any, older: int, site_days: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = ngettext("Empty: the site’s %(days)d day.", "Empty: the site’s %(days)d days.", site_days)
        self.fields["lookback_days"].help_text = f"{told % {'days': site_days}} {FORWARD}"
        offer(self, older)


NOT_ENABLED = {
    "view": gettext_lazy("This view is not enabled."),
    "operation": gettext_lazy("This operation is not enabled."),
    "feed": gettext_lazy("This feed is not enabled."),
}
NOT_GRANTED = {
    "view": gettext_lazy("No active integration account has a role that grants this view."),
    "operation": gettext_lazy("No active integration account has a role that grants this operation."),
    "feed": gettext_lazy("No active integration account has a role that grants this feed."),
}


def refusals(row: Endpoint, on: bool, switch: str) -> list[Any]:
    """Why a call would be refused now, in sentences; none when it would be answered."""
    reasons: list[Any] = []
    if not on:
        reasons.append(_("%s is off for the whole site.") % switch)
    if not row.enabled:
        reasons.append(NOT_ENABLED[row.kind])
    if not row.users:
        reasons.append(NOT_GRANTED[row.kind])
    if row.broken:
        reasons.append(_("Its filter cannot be read."))
    return reasons


def details(request: HttpRequest, row: Endpoint, on: bool, switch: str, **more: Any) -> dict[str, Any]:
    """What the pages of a view, an operation and a feed have in common."""
    above = (_("REST Integration"), f"{reverse('configure-rest')}#{row.kind}-{row.part.pk}")
    return context(
        request,
        row.label,
        above,
        (row.app.label, reverse("configure-app", args=[row.app.pk])),
        row=row,
        address=examples.address(examples.base_url(request), row.part),
        callers=callers(row.part),
        roles=row.part.roles.all(),
        refusals=refusals(row, on, switch),
        refused=refused_calls(MOST_REFUSED, row),
        **more,
    )


def caller(row: Endpoint) -> str:
    """The user name for a command line."""
    return row.users[0].username if row.users else "restuser"


@require_http_methods(["GET", "HEAD", "POST"])
def view_details(request: HttpRequest, pk: int) -> HttpResponse:
    """One view: what to copy, how it answers, who may poll it, and what Zapier would get now."""
    part = get_object_or_404(View.objects.select_related("app", "rest").prefetch_related("roles__members"), pk=pk)
    app = definitions.of(part.app_id)
    row = endpoint(app, part)
    surface = Surface.objects.get(pk=1)
    now = clock.now()
    held = ruling(surface, row.access)
    if row.broken or row.access is None:
        hidden = 0
    else:
        free = RestAccess(lookback_days=row.access.lookback_days)
        hidden = older([(app.view(pk), held, ruling(surface, free))], now)
    access = row.access or RestAccess(view=part, enabled=False)
    form = AccessForm(request.POST or None, instance=access, older=hidden, site_days=surface.lookback_days)
    if request.method == "POST" and form.is_valid():
        change_access(part, form)
        messages.success(request, _("%s is saved.") % part.label)
        return redirect("configure-rest-view", pk)
    url = examples.address(examples.base_url(request), part)
    accounts = list(User.objects.filter(account_type=User.INTEGRATION))
    return render(
        request,
        "integration/configure/view.html",
        details(
            request,
            row,
            surface.query_enabled,
            "Query()",
            command=examples.poll_command(url, caller(row)),
            parameters=() if row.broken else app.view(pk).parameters.values(),
            sample="" if row.broken else examples.highlighted(json.loads(polls.sample(pk, examples.base_url(request)))),
            form=form,
            window=window(now, held),
            accounts=accounts,
            clients=sync_health_page.last_clients(pk, now),
            **preview(request, pk, row, accounts),
        ),
    )


def change_access(part: View, form: AccessForm) -> None:
    """Keeps a view's format and lookback, and where its window starts."""
    with configuring():
        surface = Surface.objects.get(pk=1)
        access = RestAccess.objects.filter(view=part).first()
        before = ruling(surface, access) if access else None
        access = access or RestAccess(view=part, enabled=False)
        access.format = form.cleaned_data["format"]
        access.lookback_days = form.cleaned_data["lookback_days"]
        if form.cleaned_data.get("older"):
            access.floor_ms = 0
        elif before:
            access.floor_ms = max(access.floor_ms, widened(clock.now(), before, ruling(surface, access)))
        access.save()


def preview(request: HttpRequest, pk: int, row: Endpoint, accounts: Iterable[User]) -> dict[str, Any]:
    """What Zapier would get now as the account that was chosen, else the first that may use the view; its first items
    when it was chosen. Nothing is sent, and it counts as no poll.
    """
    asked = next((user for user in accounts if str(user.pk) == request.GET.get("account")), None)
    chosen = asked or next(iter(row.users), None)
    if chosen is None:
        return {}
    got = polls.preview(pk, chosen, examples.base_url(request))
    found = {"chosen": chosen, "asked": asked, "preview": got, "size": len(got.body)}
    if asked is None or got.error:
        return found
    items = json.loads(got.body)
    return {
        **found,
        "large": len(got.body) >= WARN_BYTES,
        "newest": items[0]["id"] if items else None,
        "first": examples.highlighted(items[:FIRST_ITEMS]) if items else "",
        "rest": max(len(items) - FIRST_ITEMS, 0),
    }


@require_safe
def operation_details(request: HttpRequest, pk: int) -> HttpResponse:
    """One operation: where to post it, with which body, and who may."""
    part = get_object_or_404(Operation.objects.select_related("app", "rest").prefetch_related("roles__members"), pk=pk)
    app = definitions.of(part.app_id)
    row = endpoint(app, part)
    operation = app.operation(pk)
    url = examples.address(examples.base_url(request), part)
    body = examples.payload(operation)
    return render(
        request,
        "integration/configure/operation.html",
        details(
            request,
            row,
            Surface.objects.get(pk=1).execute_enabled,
            "Execute()",
            command=examples.run_command(url, caller(row), body),
            payload=examples.highlighted(body),
            operation=operation,
        ),
    )


@require_safe
def feed_details(request: HttpRequest, pk: int) -> HttpResponse:
    """An app's submissions feed: what it is for, how it is read, and who may."""
    part = get_object_or_404(App.objects.select_related("rest_feed").prefetch_related("roles__members"), pk=pk)
    app = definitions.of(pk)
    row = endpoint(app, part)
    base = examples.base_url(request)
    return render(
        request,
        "integration/configure/feed.html",
        details(
            request,
            row,
            Surface.objects.get(pk=1).query_enabled,
            "Query()",
            command=examples.feed_command(examples.address(base, part), caller(row)),
            sample=examples.highlighted(examples.feed_sample(app, base)),
        ),
    )
