"""Pages for people who have logged in. What a person may not use is a 404, like what is not there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_safe

from flowfinity.definitions import Unknown
from flowfinity.models import User
from flowfinity.workspace import context

P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request of somebody who has logged in."""

    user: User


def page(
    made: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The page, for people who have logged in; what it finds Unknown is a 404."""

    def found(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return made(cast(PersonRequest, request), *args, **kwargs)
        except Unknown:
            raise Http404 from None

    protected = login_required(found)

    @functools.wraps(made)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return told(request, protected(request, *args, **kwargs))

    return answer


def told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response; to a form that a script sends, a redirect is told, not made: where to go, and whether it is done.

    The script would follow a redirect unseen, and read away the messages that are meant for the person.
    """
    if "X-Form" not in request.headers or not isinstance(response, HttpResponseRedirect):
        return response
    status = 401 if response.url.startswith(resolve_url(settings.LOGIN_URL)) else 204
    answer = HttpResponse(status=status, headers={"Location": response.url})
    answer.cookies = response.cookies
    return answer


@require_safe
@page
def app(request: PersonRequest, app: str) -> HttpResponse:
    """Where the app starts: its first view or, for who only captures, that."""
    granted = context.of(request).app(app)
    if granted.views:
        return redirect(granted.view_url(granted.views[0]))
    if granted.of_kind("create"):
        return redirect(granted.captures[0]["url"])
    raise Http404
