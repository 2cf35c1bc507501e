"""REST hooks as clients see them: subscribe, look, pause, resume, send again, unsubscribe (contract, REST hooks)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop
from rest_framework.request import Request

from flowfinity import clock
from flowfinity.fields import FORMATS
from flowfinity.models import Journal
from flowfinity.submissions import Fault
from integration import items
from integration.hooks import delivery, http, standing
from integration.models import Delivery, Subscription
from integration.rest.arguments import choice, whole
from integration.rest.body import read_object, take
from integration.rest.endpoint import FRESH, Endpoint, absolute
from integration.rest.errors import Json, invalid_fields, invalid_parameter, not_found

MOST_DELIVERIES = 1_000
LONGEST_URL = 2_000


class Hooks(Endpoint):
    """An account's own subscriptions to a view."""

    target = "view"
    surfaces = {"": "Query()", "DELETE": ""}

    def admitted(self, request: Request) -> bool:
        """Whoever may no longer read the view may still unsubscribe from it."""
        return request.method == "DELETE" or super().admitted(request)

    def subscribe(self, request: Request, app: str, name: str) -> HttpResponse:
        """A new subscription, from now on: 201 with its `id`, and with the secret that signs its deliveries."""
        state = self.state
        assert state.target is not None
        body = read_object(request._request)
        url, values = take(body, "targetUrl"), take(body, "values")
        faults = [Fault(str(key)[:100], "unknown_field", "This key is not known here.") for key in body]
        if values is not None and values not in FORMATS:
            faults.append(Fault("values", "invalid", f"Send {' or '.join(FORMATS)}, or leave it out."))
        if not isinstance(url, str) or not url:
            faults.append(Fault("targetUrl", "invalid", "Send the URL to deliver to, as text."))
        elif len(url) > LONGEST_URL:
            faults.append(Fault("targetUrl", "too_long", f"Send a URL of at most {LONGEST_URL:,} characters."))
        else:
            try:
                http.check_target(url)
            except http.Refused as error:
                faults.append(Fault("targetUrl", "invalid", str(error)))
        if faults:
            raise invalid_fields(faults)
        now = clock.now()
        made = Subscription.objects.create(
            account_id=state.account,
            view_id=state.target,
            target_url=url,
            format=values or "typed",
            place=Journal.objects.values_list("last_submission_id", flat=True).get(pk=state.app),
            base_url=absolute(request, ""),
            created_on=now,
            next_on=now,
        )
        return answer({**subscription_json(made), "secret": made.secret}, 201)

    def index(self, request: Request, app: str, name: str) -> HttpResponse:
        """One's own subscriptions to the view, oldest first."""
        rows = Subscription.objects.filter(account=self.state.account, view=self.state.target).select_related("view")
        found = list(rows.exclude(state=Subscription.REMOVED).order_by("pk"))
        stands = standing.standings(found)
        return answer([subscription_json(row, stands[row.pk]) for row in found])

    def look(self, request: Request, app: str, name: str, key: str) -> HttpResponse:
        """One subscription."""
        return answer(subscription_json(self.own(key)))

    def unsubscribe(self, request: Request, app: str, name: str, key: str) -> HttpResponse:
        """Ends it, and answers an object each time: a Zap built in Zapier's web page fails on an empty answer."""
        delivery.remove(self.own(key, removed=True), gettext_noop("Unsubscribed by its account."))
        return answer({})

    def pause(self, request: Request, app: str, name: str, key: str) -> HttpResponse:
        """Stops sending, with the place kept."""
        delivery.pause(self.own(key), gettext_noop("Paused by its account."))
        return answer(subscription_json(self.own(key)))

    def resume(self, request: Request, app: str, name: str, key: str) -> HttpResponse:
        """Goes on from the place where it stopped."""
        delivery.resume(self.own(key))
        return answer(subscription_json(self.own(key)))

    def deliveries(self, request: Request, app: str, name: str, key: str) -> HttpResponse:
        """The subscription's deliveries, newest first, by `state` and `before` a submission."""
        given = one_each(request._request, {"state", "before", "limit"})
        subscription = self.own(key)
        rows = Delivery.objects.filter(subscription=subscription).order_by("-submission_id")
        if state := choice(given, "state", tuple(value for value, _ in Delivery.STATES)):
            rows = rows.filter(state=state)
        if before := whole(given, "before", 1, 2**53 - 1):
            rows = rows.filter(submission_id__lt=before)
        limit = whole(given, "limit", 1, MOST_DELIVERIES) or 100
        return answer([delivery_json(subscription, row) for row in standing.with_tries(rows)[:limit]])

    def send_again(self, request: Request, app: str, name: str, key: str, submission: str) -> HttpResponse:
        """Makes a delivery due once more, under the same `webhook-id`."""
        subscription = self.own(key)
        rows = Delivery.objects.filter(subscription=subscription, submission_id=int(submission))
        if not rows.exists():
            raise not_found(gettext_noop("The subscription has no delivery of that submission."))
        delivery.send_again(rows)
        return answer(delivery_json(self.own(key), standing.with_tries(rows).get()))

    def own(self, key: str, removed: bool = False) -> Subscription:
        """The account's subscription of that key to the view. Raises Refusal (404)."""
        rows = Subscription.objects.filter(key=key, account=self.state.account, view=self.state.target)
        rows = rows.select_related("view")
        row = (rows if removed else rows.exclude(state=Subscription.REMOVED)).first()
        if row is None:
            raise not_found(gettext_noop("The account has no subscription of that id to this view."))
        return row


def answer(body: Any, status: int = 200) -> Json:
    """JSON that is not to be kept."""
    return Json(orjson.dumps(body), status, FRESH)


def one_each(request: HttpRequest, names: set[str]) -> dict[str, str]:
    """The named arguments of the query string. Raises Refusal (400) for one given twice."""
    given: dict[str, str] = {}
    for name, values in request.GET.lists():
        if name.lower() in names:
            if len(values) > 1 or name.lower() in given:
                raise invalid_parameter(name.lower(), "is given twice; give it once.")
            given[name.lower()] = str(values[0])
    return given


def subscription_json(row: Subscription, stands: standing.Standing | None = None) -> dict[str, Any]:
    """A subscription as its account sees it."""
    stands = stands or standing.standings([row])[row.pk]
    return {
        "id": row.key,
        "targetUrl": row.target_url,
        "values": row.format,
        "state": row.state,
        "reason": row.reason,
        "place": row.place,
        "createdOn": items.with_offset(row.created_on),
        "due": stands.due,
        "failed": stands.failed,
        "failingSince": moment(row.failing_since),
        "nextOn": moment(stands.next_on),
    }


def delivery_json(subscription: Subscription, row: Delivery) -> dict[str, Any]:
    """A delivery with its attempts."""
    return {
        "SubmissionID": row.submission_id,
        "webhookId": row.webhook_id,
        "state": row.state,
        "nextOn": moment(standing.next_try(subscription, row)),
        "attempts": [
            {"on": items.with_offset(one.on), "ms": one.ms, "status": one.status or None, "error": one.error}
            for one in row.tries.all()
        ],
    }


def moment(on: dt.datetime | None) -> str | None:
    """A time with its offset, or None."""
    return items.with_offset(on) if on else None
