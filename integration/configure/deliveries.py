"""Configure > Integration > Deliveries: subscriptions to hooks, what was sent for each, and every attempt at it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import admin, messages
from django.db.models import Case, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from flowfinity import clock
from flowfinity.configure.pages import context
from flowfinity.fields import record_id
from integration.configure.examples import highlighted
from integration.hooks import delivery as hooks
from integration.hooks import standing
from integration.models import Attempt, Delivery, Subscription

SUBSCRIPTIONS_A_PAGE = 50
DELIVERIES_A_PAGE = 50
STATES = {
    Subscription.ACTIVE: (gettext_lazy("Active"), "ok"),
    Subscription.PAUSED: (gettext_lazy("Paused"), "warn"),
    Subscription.REMOVED: (gettext_lazy("Removed"), ""),
}
OUTCOMES = {
    Delivery.DUE: (gettext_lazy("Due"), "warn"),
    Delivery.DELIVERED: (gettext_lazy("Delivered"), "ok"),
    Delivery.FAILED: (gettext_lazy("Failed"), "bad"),
}
TABS = (
    ("", gettext_lazy("All")),
    (Delivery.FAILED, gettext_lazy("Failed")),
    (Delivery.DUE, gettext_lazy("Due")),
    (Delivery.DELIVERED, gettext_lazy("Delivered")),
)
# First what needs somebody: paused, then failing, then the rest, the newest first.
RANK = Case(
    When(state=Subscription.PAUSED, then=Value(0)),
    When(failing_since__isnull=False, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    """All subscriptions, those that need somebody first; `?removed=1` those that have ended."""
    removed = "removed" in request.GET
    rows = Subscription.objects.select_related("view__app", "account").annotate(rank=RANK)
    rows = rows.filter(state=Subscription.REMOVED) if removed else rows.exclude(state=Subscription.REMOVED)
    rank, _dot, key = request.GET.get("after", "").partition(".")
    if is_number(rank) and is_number(key):
        rows = rows.filter(Q(rank__gt=int(rank)) | Q(rank=int(rank), pk__lt=int(key)))
    page = list(rows.order_by("rank", "-pk")[: SUBSCRIPTIONS_A_PAGE + 1])
    more, page = len(page) > SUBSCRIPTIONS_A_PAGE, page[:SUBSCRIPTIONS_A_PAGE]
    stands, now = standing.standings(page), clock.now()
    query = {"removed": "1"} if removed else {}
    after = {"after": f"{page[-1].rank}.{page[-1].pk}"} if more else {}
    return render(
        request,
        "integration/configure/deliveries/list.html",
        context(
            request,
            _("Deliveries"),
            rows=[shown_subscription(row, stands[row.pk], now) for row in page],
            removed=removed,
            first_url=f"?{urlencode(query)}" if "after" in request.GET else "",
            next_url=f"?{urlencode({**query, **after})}" if more else "",
        ),
    )


@require_safe
def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """One subscription with its deliveries, newest first: `?state=` and `?before=` a submission."""
    row = get_object_or_404(Subscription.objects.select_related("view__app", "account"), pk=pk)
    now = clock.now()
    state = request.GET.get("state", "")
    if state not in OUTCOMES:
        state = ""
    deliveries = Delivery.objects.filter(subscription=row).select_related("submission")
    if state:
        deliveries = deliveries.filter(state=state)
    before = request.GET.get("before", "")
    if is_number(before):
        deliveries = deliveries.filter(submission_id__lt=int(before))
    page = list(standing.with_tries(deliveries.order_by("-submission_id"))[: DELIVERIES_A_PAGE + 1])
    more, page = len(page) > DELIVERIES_A_PAGE, page[:DELIVERIES_A_PAGE]
    query = {"state": state} if state else {}
    stands = standing.standings([row])[row.pk]
    return render(
        request,
        "integration/configure/deliveries/subscription.html",
        context(
            request,
            _("%(view)s to %(host)s") % {"view": row.view.label, "host": host(row)},
            above(),
            row=shown_subscription(row, stands, now),
            tabs=[
                {
                    "label": label,
                    "url": f"?{urlencode({'state': value})}" if value else request.path,
                    "current": value == state,
                    "count": stands.failed if value == Delivery.FAILED else stands.due if value == Delivery.DUE else 0,
                }
                for value, label in TABS
            ],
            state=state,
            deliveries=[shown_delivery(row, one, now) for one in page],
            first_url=f"?{urlencode(query)}" if before else "",
            next_url=f"?{urlencode({**query, 'before': page[-1].submission_id})}" if more else "",
        ),
    )


@require_safe
def delivery(request: HttpRequest, pk: int, submission: int) -> HttpResponse:
    """One delivery with all of its attempts, the newest first: what was sent, and what came back."""
    row = get_object_or_404(Subscription.objects.select_related("view__app", "account"), pk=pk)
    one = get_object_or_404(Delivery.objects.select_related("submission"), subscription=row, submission=submission)
    return render(
        request,
        "integration/configure/deliveries/delivery.html",
        context(
            request,
            _("Delivery of submission %(number)s") % {"number": submission},
            above(),
            (_("%(view)s to %(host)s") % {"view": row.view.label, "host": host(row)}, page_of(row)),
            row=row,
            host=host(row),
            delivery=shown_delivery(row, one, clock.now()),
            attempts=[
                {
                    **shown_attempt(number, tried),
                    "sent": shown_body(tried.request_body),
                    "cut": len(tried.request_body) >= hooks.KEPT_BODY,
                    "answered": shown_body(tried.answer_body),
                }
                for number, tried in enumerate(one.tries.all(), 1)
            ][::-1],
        ),
    )


def above() -> tuple[str, str]:
    """The page that the others stand under."""
    return _("Deliveries"), reverse("configure-deliveries")


def page_of(row: Subscription) -> str:
    """The address of a subscription's page."""
    return reverse("configure-subscription", args=[row.pk])


def host(row: Subscription) -> str:
    """Who is delivered to, in short: a whole target tells little more, and may hold a secret of its owner."""
    return urlsplit(row.target_url).hostname or row.target_url


def is_zapier(row: Subscription) -> bool:
    """Whether unsubscribing at the target pauses a Zap."""
    return f".{host(row)}".endswith(".zapier.com")


def is_number(text: str) -> bool:
    """Whether a part of a query string is a place."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def shown_subscription(row: Subscription, stands: standing.Standing, now: dt.datetime) -> dict[str, Any]:
    """A subscription as a page says it."""
    state, tone = STATES[row.state]
    failing = row.failing_since is not None and row.state == Subscription.ACTIVE
    return {
        "subscription": row,
        "url": page_of(row),
        "host": host(row),
        "zapier": is_zapier(row),
        "state": _("Failing") if failing else state,
        "reason": standing.reason_of(row),
        "tone": "bad" if failing else tone,
        "behind": behind(stands),
        "failed": stands.failed,
        "next_on": stands.next_on,
        "now": stands.next_on is not None and stands.next_on <= now,
    }


def behind(stands: standing.Standing) -> str:
    """What is still to come for a subscription: "3 to send, 12 submissions unread"; "" when nothing is."""
    parts = []
    if stands.due:
        parts.append(_("%(count)s to send") % {"count": stands.due})
    if stands.unread:
        count = f"{standing.MOST_COUNTED}+" if stands.unread > standing.MOST_COUNTED else stands.unread
        words = ngettext("%(count)s submission unread", "%(count)s submissions unread", stands.unread)
        parts.append(words % {"count": count})
    return ", ".join(parts)


def shown_delivery(row: Subscription, one: Delivery, now: dt.datetime) -> dict[str, Any]:
    """A delivery as a page says it."""
    state, tone = OUTCOMES[one.state]
    tries = list(one.tries.all())
    next_on = standing.next_try(row, one)
    submitted = one.submission
    return {
        "submission": one.submission_id,
        "url": reverse("configure-delivery", args=[row.pk, one.submission_id]),
        "record": record_id(submitted.record_id),
        "record_url": reverse("record", args=[row.view.app.name, submitted.record_id]),
        "submitted_on": submitted.on,
        "webhook_id": one.webhook_id,
        "state": state,
        "tone": tone,
        "due": one.state == Delivery.DUE,
        "tries": len(tries),
        "last": shown_attempt(len(tries), tries[-1]) if tries else None,
        "delivered_on": one.delivered_on,
        "next_on": next_on,
        "now": next_on is not None and next_on <= now,
    }


def shown_attempt(number: int, tried: Attempt) -> dict[str, Any]:
    """An attempt as a page says it."""
    return {
        "number": number,
        "attempt": tried,
        "tone": "ok" if 200 <= tried.status < 300 else "bad",
        "words": str(tried.status) if tried.status else _("No answer"),
        "error": standing.told(tried.error) if tried.error else "",
    }


def shown_body(body: str) -> str:
    """A body to read: JSON on many lines."""
    try:
        return highlighted(json.loads(body))
    except ValueError:
        return body


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Sends the ticked deliveries again, or all that have failed."""
    row = get_object_or_404(Subscription, pk=pk)
    deliveries = Delivery.objects.filter(subscription=row)
    if "failed" in request.POST:
        deliveries = deliveries.filter(state=Delivery.FAILED)
    else:
        deliveries = deliveries.filter(submission__in=filter(is_number, request.POST.getlist("submission")))
    if row.state == Subscription.REMOVED:
        messages.error(request, _("The subscription is removed: nothing is sent any more."))
    elif not (count := hooks.send_again(deliveries)):
        messages.warning(request, _("Nothing is sent again: tick the deliveries first."))
    else:
        words = ngettext("%(count)s delivery is due again", "%(count)s deliveries are due again", count)
        paused = row.state == Subscription.PAUSED
        then = _("and waits until you resume") if paused else _("and goes out within seconds")
        messages.success(request, f"{words % {'count': count}}, {then}.")
    if len(chosen := request.POST.getlist("submission")) == 1 and "back" in request.POST and is_number(chosen[0]):
        return redirect("configure-delivery", pk, int(chosen[0]))
    return redirect("configure-subscription", pk)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Stops sending, with the place kept."""
    row = get_object_or_404(Subscription, pk=pk)
    hooks.pause(row, standing.Sentence(gettext_noop("Paused by %(who)s."), {"who": str(request.user)}))
    messages.success(request, _("Paused. What is submitted meanwhile is kept, and sent when you resume."))
    return redirect("configure-subscription", pk)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Goes on from the place where it stopped."""
    row = get_object_or_404(Subscription, pk=pk)
    hooks.resume(row)
    messages.success(request, _("Resumed: it goes on from where it stopped, within seconds."))
    return redirect("configure-subscription", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first and says what it does at the target; then ends the subscription."""
    row = get_object_or_404(Subscription.objects.select_related("view__app", "account"), pk=pk)
    if row.state == Subscription.REMOVED:
        raise Http404
    if request.method == "POST":
        reason = standing.Sentence(gettext_noop("Removed by %(who)s."), {"who": str(request.user)})
        hooks.remove(row, reason, tell="tell" in request.POST)
        messages.success(request, _("Removed. Nothing more is sent to %(host)s.") % {"host": host(row)})
        return redirect("configure-subscription", pk)
    stands = standing.standings([row])[row.pk]
    return render(
        request,
        "integration/configure/deliveries/remove.html",
        context(
            request,
            _("Remove this subscription?"),
            above(),
            (_("%(view)s to %(host)s") % {"view": row.view.label, "host": host(row)}, page_of(row)),
            row=shown_subscription(row, stands, clock.now()),
        ),
    )


page = admin.site.admin_view
urlpatterns = [
    path("", page(subscriptions), name="configure-deliveries"),
    path("<int:pk>/", page(subscription), name="configure-subscription"),
    path("<int:pk>/again/", page(again), name="configure-deliveries-again"),
    path("<int:pk>/pause/", page(pause), name="configure-subscription-pause"),
    path("<int:pk>/resume/", page(resume), name="configure-subscription-resume"),
    path("<int:pk>/remove/", page(remove), name="configure-subscription-remove"),
    path("<int:pk>/<int:submission>/", page(delivery), name="configure-delivery"),
]
