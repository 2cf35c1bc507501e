"""What other rooms show on pages of Configure: functions that the setting CONFIGURE_PANELS names, by page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string


def panels(page: str, request: HttpRequest, **about: Any) -> list[str]:
    """The HTML of each panel of the page that has something to say, in the setting's order."""
    asked = (import_string(path) for path in settings.CONFIGURE_PANELS.get(page, ()))
    return [shown for panel in asked if (shown := panel(request, **about))]
