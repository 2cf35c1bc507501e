"""A request's id and its one line in the log, which holds neither credentials nor a query string's values.

And which way a request goes, and how a page goes over the wire.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.urls import ResolverMatch, resolve

from flowfinity import logs

log = structlog.get_logger(logs.REQUESTS)
GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
HEADER = "X-Request-Id"
SENT = "HTTP_X_REQUEST_ID"
# Asked every few seconds by whoever watches the site: a line each would bury the rest.
QUIET = ("/healthz", "/readyz", "/static/")


class RequestLine:
    """Gives each request an id (a proxy's, else one of its own), answers with it, and writes one line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, with its id."""
        given = request.META.get(SENT, "")
        # Nobody's secret, so not from the system's source, which costs a poll as much as recognising its password.
        identity = given if GIVEN.fullmatch(given) else f"{random.getrandbits(64):016x}"
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request=identity):
            response = self.get_response(request)
            response[HEADER] = identity
            if not request.path_info.startswith(QUIET):
                log.info(
                    "request",
                    method=request.method,
                    path=spoken(request.path_info),
                    status=response.status_code,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                    account=account(request),
                )
        return response


def spoken(path: str) -> str:
    """The path as it may stand in a log: a file's signed address opens it, so it is left out."""
    return "/files/…" if path.startswith("/files/") else path[:300]


class Straight:
    """Takes requests below `STRAIGHT_PREFIXES` straight to their endpoint, past what only pages need.

    Sessions, messages, CSRF and their like are nothing to a client with Basic credentials, and cost a poll that is
    answered from memory a tenth of its time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The endpoint's response, or the rest of the middleware's."""
        if not request.path_info.startswith(settings.STRAIGHT_PREFIXES):
            return self.get_response(request)
        request.get_host()  # Refuses a foreign Host header, as CommonMiddleware does for pages.
        match = found(request.path_info)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return response


class Squeezed(GZipMiddleware):
    """Compresses pages for whoever takes gzip: they shrink to a fifth. Files and the API see to themselves."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response, compressed if it is a page."""
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for the part of a page that changes; not where the browser's Back asks for all of it."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


@lru_cache(maxsize=1_000)
def found(path: str) -> ResolverMatch:
    """What answers at a path: looked for once, since the same few are polled for ever. Raises Resolver404."""
    return resolve(path)


def account(request: HttpRequest) -> str:
    """The user name behind the request, "" when nobody is known; of a page without a query for it."""
    known = getattr(request, "account_name", "")
    if known:
        return str(known)
    user = request.__dict__.get("_cached_user")
    return str(user.get_username()) if user is not None and user.is_authenticated else ""
