"""What every address of the API has in common: who asks, the order of refusals, absolute URLs (contract, The poll)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from integration.rest import refusals
from integration.rest.authentication import Basic, named
from integration.rest.errors import (
    as_refusal,
    not_found,
    surface_disabled,
)
from integration.rest.state import State

FRESH = {"Cache-Control": "private, no-cache", "Vary": "User-Agent, Authorization"}


class Endpoint(ViewSet):
    """An address of the API: Basic authentication, then the refusals in the contract's order.

    `target` says what the address names (a view, an operation); `surfaces` which switch a method needs.
    """

    authentication_classes = [Basic]
    http_method_names = ["get", "head", "post", "delete"]
    target: ClassVar[str] = ""
    surfaces: ClassVar[Mapping[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses: 401 and 403 not_active (in Basic), 403 surface off, 404; 405 and 413 follow."""
        self.perform_authentication(request)
        state = self.state
        switch = self.surfaces.get(request.method or "", self.surfaces.get("", ""))
        if (switch == "Query()" and not state.query_enabled) or (switch == "Execute()" and not state.execute_enabled):
            raise surface_disabled(switch)
        if self.target and not self.admitted(request):
            app, name = kwargs["app"], kwargs.get("name", "")
            raise not_found(refusals.reason(state, self.target, app, name))

    def admitted(self, request: Request) -> bool:
        """Whether what the address names exists, is enabled, and is granted to the account."""
        return self.state.allowed

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """The refusal as an answer; kept for the admin, with the account that was named."""
        response = super().handle_exception(exc)
        sent = self.request.META.get("HTTP_AUTHORIZATION", "")
        if sent and response.status_code < 500 and response.status_code != 429:
            refusals.keep(self.request._request, as_refusal(exc), named(sent))
        return response

    @property
    def state(self) -> State:
        """Who asks, for what."""
        return self.request.auth  # type: ignore[return-value]


class Nothing(Endpoint):
    """Any other address under /api: 404 as JSON, for those who may know."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses: 401, else 404."""
        super().initial(request, *args, **kwargs)
        raise not_found()

    def nothing(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Never reached: `initial` has refused."""
        raise not_found()


def absolute(request: Request, path: str) -> str:
    """The path as a URL: of PUBLIC_URL where it is set, else of the request."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}{path}"
    return f"{request.scheme}://{request.get_host()}{path}"


def link(request: Request, given: Mapping[str, str]) -> str:
    """A Link header to this address with these arguments."""
    return f'<{absolute(request, request._request.path)}?{urlencode(given)}>; rel="next"'
