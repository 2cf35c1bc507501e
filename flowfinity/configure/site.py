"""The site of Configure: Django's admin with one menu beside every page, its own and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from flowfinity.configure import home

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Entry:
    """A page in the menu. `also` are the lists that are reached from it and have no entry of their own."""

    label: StrPromise
    url_name: str
    hint: StrPromise | str = ""
    also: tuple[str, ...] = ()


# By name: what a room that is not installed would show is left out.
MENU: tuple[tuple[StrPromise | str, tuple[Entry, ...]], ...] = (
    ("", (Entry(_("Home"), "admin:index"),)),
    (
        _("Apps"),
        (
            Entry(
                _("Apps"),
                "configure-apps",
                _("Their fields, operations and views"),
            ),
            Entry(_("Import a blueprint"), "configure-import", _("An app from a file, or a newer version of one")),
            Entry(_("Records"), "admin:flowfinity_record_changelist", _("Any record of any app, found by its number")),
            Entry(
                _("Submissions"), "admin:flowfinity_submission_changelist", _("Look up who submitted what, and when")
            ),
        ),
    ),
    (
        _("People"),
        (
            Entry(_("Users"), "admin:flowfinity_user_changelist", _("Accounts of people and of integrations")),
            Entry(
                _("Roles"), "admin:flowfinity_role_changelist", _("Which views and operations their members may use")
            ),
        ),
    ),
    (
        _("Integration"),
        (
            Entry(_("REST Integration"), "configure-rest", _("What is open to Zapier and other systems")),
            Entry(_("Sync health"), "configure-sync-health", _("Who polls, and what is about to be lost")),
            Entry(_("Catch-up"), "configure-catch-up", _("Send once more what a client has missed")),
            Entry(_("API documentation"), "configure-api-docs", _("The API of this very site, to read and try")),
            Entry(_("Zapier"), "configure-zapier", _("A connector to download, and the way by hand")),
            Entry(_("Deliveries"), "configure-deliveries", _("Hooks: what was sent where, and what became of it")),
            Entry(
                _("Refused calls"), "admin:integration_refusal_changelist", _("Who was refused, and the true reason")
            ),
        ),
    ),
)


def address(url_name: str) -> str:
    """The page's path, or "" when it is not there."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu's groups, each `{label, items: [{label, url, hint, current, badge}]}`; one item at most is current."""
    groups: list[dict[str, Any]] = []
    nearest, best = None, 0
    for label, entries in MENU:
        items = []
        for entry in entries:
            url = address(entry.url_name)
            if not url:
                continue
            item = {"label": entry.label, "url": url, "hint": entry.hint, "current": False, "badge": ""}
            items.append(item)
            for prefix in (url, *filter(None, map(address, entry.also))):
                below = request.path == prefix if entry.url_name == "admin:index" else request.path.startswith(prefix)
                if below and len(prefix) > best:
                    nearest, best = item, len(prefix)
        if items:
            groups.append({"label": label, "items": items})
    if nearest is not None:
        nearest["current"] = True
    return groups


class ConfigureSite(AdminSite):
    site_header = site_title = index_title = _("Configure")
    index_template = "flowfinity/configure/home.html"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The site's one page to sign in on, which says so when somebody may not enter here."""
        if request.method != "GET":
            return super().login(request, extra_context)
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), settings.LOGIN_URL)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The home of Configure."""
        return super().index(request, {**home.context(request), **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """The home again: the menu beside every page lists what Django would list here, and more."""
        return redirect("admin:index")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page of Configure gets, the menu included."""
        return {**super().each_context(request), "configure_menu": menu(request)}
