"""Django's admin, for integration: a look-up. What is open to REST is changed on our own pages, in `configure`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flowfinity.admin import LookUpAdmin
from integration.models import Refusal


@admin.register(Refusal)
class RefusalAdmin(LookUpAdmin):
    """Calls that were refused, with the reason that the caller is not told."""

    list_display = ("reason", "account", "method", "path", "status", "times", "last_on")
    list_filter = ("status",)
    search_fields = ("account", "path", "reason")
    search_help_text = gettext_lazy("An account, an address, a reason")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Refused calls"), **(extra_context or {})})
