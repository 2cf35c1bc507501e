"""The first page: the apps that a person may use, and what the person submitted last."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from flowfinity import clock
from flowfinity.models import Record, Submission, Transaction, User
from flowfinity.showing import ago, title
from flowfinity.workspace import context
from flowfinity.workspace.context import Granted, Site
from flowfinity.workspace.history import words
from flowfinity.workspace.pages import PersonRequest, page

# An app of more records than this is not counted: to ask the conditions of its views of all of them is not cheap.
MOST_COUNTED = 2_000
LATEST = 6
LOOKED_AT = 30


@require_safe
@page
def home(request: PersonRequest) -> HttpResponse:
    """The apps, with their views and what can be captured, and the person's latest submissions."""
    site, now = context.of(request), clock.now()
    apps = []
    for granted in site.granted:
        counts = counted(granted, now)
        apps.append(
            {
                "label": granted.app.label,
                "description": granted.app.description,
                "url": granted.url,
                "views": [
                    {
                        "label": one.label,
                        "url": granted.view_url(one),
                        "description": one.description,
                        "count": counts.get(one.id),
                    }
                    for one in granted.views
                ],
                "captures": granted.captures,
            }
        )
    return render(request, "flowfinity/workspace/home.html", {"apps": apps, "latest": latest(site, request.user)})


def counted(granted: Granted, now: dt.datetime) -> dict[int, int]:
    """How many records each view shows, by the view's key; nothing for an app with many."""
    if not granted.views:
        return {}
    records = Record.objects.filter(app=granted.app.id, deleted=False)
    if records[: MOST_COUNTED + 1].count() > MOST_COUNTED:
        return {}
    asked = {
        f"view_{one.id}": Count("pk", filter=one.query.with_arguments({}, now).q(Record.PATHS)) for one in granted.views
    }
    found = records.aggregate(**asked)
    return {one.id: found[f"view_{one.id}"] for one in granted.views}


def latest(site: Site, user: User) -> list[dict[str, Any]]:
    """What the person submitted last, one entry a record, of the apps whose records the person may see.

    A form is sent under an id of its account, which an index finds; submissions have none by account.
    """
    # By time and not by key: the key would lead a database through everybody's.
    sent = Transaction.objects.filter(account=user).order_by("-on").values_list("results", flat=True)[:LOOKED_AT]
    numbers = [result[1] for results in sent for result in results[:LOOKED_AT]][:LOOKED_AT]
    readable = {app.id: app for app in site.readable.values()}
    found = Submission.objects.filter(pk__in=numbers, by=user, app__in=list(readable)).select_related("record")
    entries: dict[int, dict[str, Any]] = {}
    for one in sorted(found, key=lambda one: -one.pk):
        app = readable[one.app_id]
        if one.record_id not in entries and len(entries) < LATEST:
            entries[one.record_id] = {
                "title": title(app, one.record),
                "app": app.label,
                "words": words(app, one),
                "on": one.on,
                "ago": ago(one.on),
                "url": "" if one.record.deleted else site.record_url(app.name, one.record_id),
            }
    return list(entries.values())
