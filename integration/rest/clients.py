"""Sync health as an account sees it: its own clients, and what they have not been shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation
from rest_framework.request import Request

from flowfinity import clock
from flowfinity.fields import record_id
from integration import items, sync_health
from integration.incidents import Counted
from integration.models import Poll
from integration.rest.arguments import whole
from integration.rest.endpoint import Endpoint, absolute
from integration.rest.reading import granted
from integration.rest.subscriptions import answer, one_each
from integration.sync_health import Health, Unseen

LISTED, MOST_LISTED = 100, 1_000


class Clients(Endpoint):
    """An account's own clients of all views that it may read."""

    surfaces = {"": "Query()"}

    def index(self, request: Request) -> HttpResponse:
        """Each client with its counts and what is wrong with it."""
        own = Poll.objects.filter(account=self.state.account, view__in=granted(self.state.account)["view"])
        return answer([client_json(request, one) for one in healths(own)])


class ViewClients(Endpoint):
    """An account's own clients of one view."""

    target = "view"
    surfaces = {"": "Query()"}

    def index(self, request: Request, app: str, name: str) -> HttpResponse:
        """Each client, with the submissions that it was not shown, the worst fate first."""
        limit = whole(one_each(request._request, {"limit"}), "limit", 1, MOST_LISTED) or LISTED
        own = Poll.objects.filter(account=self.state.account, view=self.state.target)
        return answer(
            [
                {
                    **client_json(request, one),
                    "Submissions": [unseen_json(request, one, row) for row in one.listed(limit)],
                }
                for one in healths(own)
            ]
        )


def healths(polls: Any) -> list[Health]:
    """The clients' health, by view and name. Without refused calls: their true reasons are for the admin alone."""
    world = sync_health.world(clock.now())
    rows = polls.select_related("account", "view__app", "view__rest").order_by("view__app__name", "view_id", "client")
    return [Health(row, world) for row in rows]


def client_json(request: Request, one: Health) -> dict[str, Any]:
    """A client as its account sees it."""
    poll, view = one.poll, one.poll.view
    with translation.override("en"):
        alarms = [{"Kind": alarm.kind, "Sentence": alarm.sentence} for alarm in one.alarms]
    return {
        "App": view.app.name,
        "View": view.name,
        "Client": poll.client,
        "Mode": poll.mode,
        "Polling": one.polling,
        "IntervalSeconds": None if one.interval_ms is None else round(one.interval_ms / 1000),
        "FirstPollOn": items.with_offset(poll.first_on),
        "LastPollOn": items.with_offset(poll.last_on),
        "Newest": poll.newest,
        "LookbackDays": one.lookback[0] if one.zapier else None,
        "Waiting": count_json(one.waiting),
        "Leaving": count_json(one.leaving),
        "Lost": count_json(one.lost),
        "Doubtful": count_json(one.doubtful),
        "Alarms": alarms,
        "Url": absolute(request, f"/api/apps/{view.app.name}/views/{view.name}/clients"),
    }


def count_json(count: Counted) -> dict[str, Any]:
    """A count, and whether there are more."""
    return {"Count": count.number, "More": count.more}


def unseen_json(request: Request, one: Health, row: Unseen) -> dict[str, Any]:
    """A submission that the client was not shown, and what becomes of it."""
    return {
        "SubmissionID": row.submission,
        "RecordID": record_id(row.record),
        "SubmittedBy": row.by,
        "SubmittedOn": items.with_offset(row.on),
        "Fate": row.fate,
        "Url": absolute(request, reverse("record", args=[one.poll.view.app.name, row.record])),
    }
