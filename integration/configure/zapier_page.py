"""Configure > Integration > Zapier: the connector to download, and the article's steps with this site's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from flowfinity.configure.pages import context
from flowfinity.models import User, View
from integration.configure import examples
from integration.connector import definition, package
from integration.models import RestAccess, Surface

ZAPIERS_QUERY = "?mode=zapier&values=typed"


@require_safe
def zapier(request: HttpRequest) -> HttpResponse:
    """What the connector will have, what stands in the way, and the steps by hand for one view."""
    base = examples.base_url(request)
    made = definition.definition(base)
    readable = {view["path"]: view for view in made["views"]}
    rows = View.objects.filter(rest__enabled=True).select_related("app").order_by("app__label", "pk")
    views = [view for view in rows if reverse("poll", args=[view.app.name, view.name]) in readable]
    chosen = next((view for view in views if str(view.pk) == request.GET.get("view")), views[0] if views else None)
    return render(
        request,
        "integration/configure/zapier.html",
        context(
            request,
            "Zapier",
            obstacles=obstacles(base, made["views"] or made["operations"]),
            left_out=definition.unreadable(),
            parts=counted(made),
            commands=("npm install", package.register_command(), "zapier-platform push"),
            core_version=package.CORE_VERSION,
            site_name=settings.SITE_NAME,
            universal=base + reverse("api"),
            views=views,
            chosen=chosen,
            by_hand=by_hand(base, chosen, readable) if chosen else None,
        ),
    )


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The connector as a zip; back to the page, with the reason, when there is nothing to make one of."""
    try:
        body = package.archive(examples.base_url(request))
    except package.NothingEnabled:
        messages.error(request, _("Nothing is enabled for REST: enable a view or an operation first."))
        return redirect("configure-zapier")
    headers = {"Content-Disposition": f'attachment; filename="{package.FOLDER}.zip"'}
    return HttpResponse(body, content_type="application/zip", headers=headers)


def obstacles(base: str, anything: Sequence[Any]) -> list[str]:
    """Why Zapier could not use the connector now, in sentences."""
    surface = Surface.objects.get(pk=1)
    callers = User.objects.filter(account_type=User.INTEGRATION, is_active=True)
    reasons = []
    if not anything:
        reasons.append(_("Nothing is enabled for REST yet: a connector has what is enabled."))
    if not base.startswith("https://"):
        told = _("Zapier cannot reach %s: it needs a public address that starts with https:// (PUBLIC_URL).")
        reasons.append(told % base)
    if not surface.query_enabled:
        reasons.append(_("Query() is off: triggers and searches are refused."))
    if not surface.execute_enabled:
        reasons.append(_("Execute() is off: actions are refused."))
    if not callers.filter(roles__isnull=False).exists():
        reasons.append(_("There is no active integration account with a role: nobody can connect."))
    return reasons


def counted(made: dict[str, Any]) -> list[str]:
    """How many of each the connector has: "4 triggers", and so on."""
    views = len(made["views"])
    searches = sum("find" in view for view in made["views"])
    actions = len(made["operations"])
    counts = (
        (views, ngettext("%d trigger", "%d triggers", views)),
        (views, ngettext("%d instant trigger", "%d instant triggers", views)),
        (searches, ngettext("%d search", "%d searches", searches)),
        (actions, ngettext("%d action", "%d actions", actions)),
    )
    return [words % count for count, words in counts if count]


def by_hand(base: str, view: View, readable: dict[str, Any]) -> dict[str, Any]:
    """What the steps let one copy, for a view."""
    told = readable[reverse("poll", args=[view.app.name, view.name])]
    surface, access = Surface.objects.get(pk=1), RestAccess.objects.get(view=view)
    account = User.objects.filter(account_type=User.INTEGRATION, is_active=True, roles__views=view).first()
    return {
        "trigger": told["poll"],
        "noun": told["noun"],
        "url": examples.address(base, view) + ZAPIERS_QUERY,
        "account": account,
        "days": access.lookback_days or surface.lookback_days,
        "first_field": told["fields"][0]["label"],
    }


page = admin.site.admin_view
urlpatterns = [
    path("", page(zapier), name="configure-zapier"),
    path("download/", page(download), name="configure-zapier-download"),
]
