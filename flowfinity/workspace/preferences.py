"""In whose zone and language a page speaks: the person's own, else the site's zone and the browser's language."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from contextlib import ExitStack

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from flowfinity.models import User

# No pages: what answers there is the same for everybody, and never costs the query for a user.
ELSEWHERE = ("/api", "/files/", "/static/", "/healthz", "/readyz")


class Preferences:
    """Lets a page be made in the zone and the language of who asks for it. The API knows neither."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response; a page says which language it is in."""
        if request.path_info.startswith(ELSEWHERE):
            return self.get_response(request)
        user = request.user if isinstance(request.user, User) else None
        language = (user.language if user else "") or translation.get_language_from_request(request)
        with ExitStack() as stack:
            if zone := zone_of(user):
                stack.enter_context(timezone.override(zone))
            stack.enter_context(translation.override(language))
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language"])
        return response


def zone_of(user: User | None) -> zoneinfo.ZoneInfo | None:
    """The person's own time zone; None for the site's, and for one that this machine no longer knows."""
    if user is None or not user.time_zone:
        return None
    try:
        return zoneinfo.ZoneInfo(user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
