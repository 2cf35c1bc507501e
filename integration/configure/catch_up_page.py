"""Configure > Integration > Catch-up: what clients have missed is chosen, looked at, and sent once more."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from flowfinity import clock, definitions, jobs
from flowfinity.configure.pages import context
from flowfinity.models import Job, Submission
from flowfinity.query import QueryError
from integration import catch_up, sync_health
from integration.catch_up import Choice, Misplaced
from integration.models import Poll, Subscription

MOST_JOBS = 10
# What a client is told of once more by default: what no poll shows it, and what it has swallowed if its Zap was off.
TICKED = (*sorted(sync_health.LOST), "silence")


def scopes() -> list[Any]:
    """What records may be chosen of: by app, all of them or those in a view."""
    return [
        (
            app.label,
            [(f"app:{app.id}", _("All records of %(app)s") % {"app": app.label})]
            + [(f"view:{app.id}:{view.id}", view.label) for view in app.views],
        )
        for app in definitions.every()
    ]


class OfScope(forms.Form):
    """Records of an app, or of one of its views. What is chosen, a form says by `choice`, once it is valid."""

    of = forms.ChoiceField(label=gettext_lazy("Records"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["of"].choices = scopes()  # type: ignore[attr-defined]

    @property
    def scope(self) -> tuple[int, int | None]:
        """The app and the view, if any."""
        _kind, app, *view = self.cleaned_data["of"].split(":")
        return int(app), int(view[0]) if view else None


class Since(OfScope):
    """All that were changed since a moment."""

    since = forms.DateTimeField(
        label=gettext_lazy("Changed since"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def choice(self) -> Choice:
        """What is chosen."""
        return Choice(*self.scope, since=self.cleaned_data["since"])


class Between(OfScope):
    """Those with a submission between two numbers."""

    first = forms.IntegerField(label=gettext_lazy("From submission"), min_value=1)
    last = forms.IntegerField(label=gettext_lazy("To submission"), min_value=1)

    def choice(self) -> Choice:
        """What is chosen."""
        return Choice(*self.scope, first=self.cleaned_data["first"], last=self.cleaned_data["last"])

    def clean(self) -> dict[str, Any]:
        """Refuses numbers the wrong way round."""
        found = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first is not None and last is not None and last < first:
            self.add_error("last", _("This is before the first."))
        return found


class OfClient(forms.Form):
    """What Sync health lists for a client, of some fates."""

    client = forms.ModelChoiceField(
        Poll.objects.filter(mode="zapier").select_related("account", "view__app"), label=gettext_lazy("Client")
    )
    fate = forms.MultipleChoiceField(
        label=gettext_lazy("What it missed"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, *args: Any, poll: Poll | None = None, found: dict[str, int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.poll = poll
        counts = found or {}
        # Whether a Zap of its may have swallowed some, or not.
        self.doubtful = "silence" in counts
        self.fields["fate"].choices = [  # type: ignore[attr-defined]
            (fate, f"{sync_health.FATES[fate]}: {count:,}") for fate, count in counts.items()
        ]

    def choice(self) -> Choice:
        """What is chosen."""
        return catch_up.of_client(self.cleaned_data["client"], tuple(self.cleaned_data["fate"]))


Way = Since | Between | OfClient
WAYS: dict[str, type[Since] | type[Between]] = {"since": Since, "between": Between}


@require_http_methods(["GET", "HEAD", "POST"])
def page_of(request: HttpRequest) -> HttpResponse:
    """The ways to choose; once one is chosen, what it would do; and the catch-ups there are."""
    now = clock.now()
    asked = request.POST if request.method == "POST" else request.GET
    way = "client" if "client" in asked else asked.get("way", "")
    chosen: Way | None = None
    if way == "client":
        chosen = of_client(asked)
    elif way in WAYS:
        chosen = WAYS[way](asked, auto_id=f"{way}_%s")
    told, broken = None, ""
    if chosen is not None and chosen.is_valid():
        try:
            told = catch_up.preview(chosen.choice(), now)
        except QueryError as error:
            broken = str(error)
    if told is not None and request.method == "POST":
        assert chosen is not None
        return begin(request, chosen, told)
    forms_by_way = {name: chosen if name == way else form(auto_id=f"{name}_%s") for name, form in WAYS.items()}
    client = chosen if way == "client" else OfClient(auto_id="client_%s")
    begun = Job.objects.filter(kind=Job.CATCH_UP).select_related("app", "by").order_by("-pk")[:MOST_JOBS]
    return render(
        request,
        "integration/configure/catch_up.html",
        context(
            request,
            _("Catch-up"),
            way=way,
            **forms_by_way,
            client=client,
            told=told,
            broken=broken,
            words=catch_up.words(chosen.choice()) if told is not None and chosen is not None else "",
            again=[(name, value) for name in asked if name != "csrfmiddlewaretoken" for value in asked.getlist(name)],
            token=secrets.token_hex(8),
            safe=jobs.SAFE_PACE,
            finish=now + told.takes(jobs.SAFE_PACE) if told else None,
            begun=[{"job": job, "progress": jobs.progress(job, now)} for job in begun],
            subscriptions=Subscription.objects.exclude(state=Subscription.REMOVED)
            .select_related("view__app", "account")
            .order_by("view__app__label", "view__label", "pk"),
        ),
    )


def of_client(asked: Any) -> OfClient:
    """The form of a client; which boxes are ticked, it says itself once it was sent with them (`ticked`)."""
    given = asked.copy()
    key = asked.get("client", "")
    poll = Poll.objects.select_related("view", "account").filter(pk=int(key) if key.isdecimal() else 0).first()
    found = catch_up.fates(poll, clock.now()) if poll else {}
    if "ticked" not in given:
        given.setlist("fate", [fate for fate in found if fate in TICKED])
    return OfClient(given, poll=poll, found=found, auto_id="client_%s")


def begin(request: HttpRequest, chosen: Way, told: catch_up.Preview) -> HttpResponse:
    """Begins the catch-up that was looked at."""
    assert request.user.is_authenticated
    pace = jobs.SAFE_PACE if request.POST.get("pace", str(told.pace)) == str(jobs.SAFE_PACE) else 0
    job = catch_up.start(chosen.choice(), request.user, clock.now(), pace, request.POST.get("token", "")[:32])
    if job is None:
        messages.warning(request, _("There is nothing left to send again."))
        return redirect("configure-catch-up")
    words = ngettext("%(count)d record is being sent again.", "%(count)d records are being sent again.", job.total) % {
        "count": job.total
    }
    messages.success(request, words)
    return redirect("configure-catch-up")


class Place(forms.Form):
    """Where a subscription's place is moved back to: a number, or the moment that it follows."""

    place = forms.IntegerField(
        label=gettext_lazy("Submission"),
        required=False,
        min_value=0,
        help_text=gettext_lazy("What comes after this number is sent."),
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Or a moment"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("What was submitted from then on is sent."),
    )

    def __init__(self, *args: Any, subscription: Subscription, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscription = subscription

    def clean(self) -> dict[str, Any]:
        """Takes one of the two, and finds the number that a moment follows."""
        found = super().clean() or {}
        if self.errors:
            return found
        place, since = found.get("place"), found.get("since")
        if (place is None) == (since is None):
            raise forms.ValidationError(_("Name a submission or a moment."))
        if since is not None:
            before = Submission.objects.filter(app=self.subscription.view.app_id, on__lt=since)
            found["place"] = before.order_by("-pk").values_list("pk", flat=True).first() or 0
        try:
            catch_up.check(self.subscription, found["place"])
        except Misplaced as error:
            self.add_error("since" if since is not None else "place", str(error))
        return found


@require_http_methods(["GET", "HEAD", "POST"])
def place_of(request: HttpRequest, pk: int) -> HttpResponse:
    """Moves a subscription's place back, after it was said what that sends."""
    row = get_object_or_404(Subscription.objects.select_related("view__app", "account"), pk=pk)
    asked = request.POST if request.method == "POST" else request.GET
    form = Place(asked if "place" in asked or "since" in asked else None, subscription=row)
    told = None
    if form.is_bound and form.is_valid():
        try:
            if request.method == "POST":
                catch_up.move_back(row, form.cleaned_data["place"])
                words = _("Its place is %(place)d: what comes after it is sent again.")
                messages.success(request, words % {"place": form.cleaned_data["place"]})
                return redirect("configure-subscription", row.pk)
            told = catch_up.behind(row, form.cleaned_data["place"])
        except Misplaced as error:
            form.add_error(None, str(error))
    above = (_("Catch-up"), reverse("configure-catch-up"))
    return render(
        request,
        "integration/configure/catch_up_place.html",
        context(
            request,
            _("Send again: %(view)s") % {"view": row.view.label},
            above,
            row=row,
            form=form,
            told=told,
            place=form.cleaned_data.get("place") if told else None,
        ),
    )


page = admin.site.admin_view
urlpatterns = [
    path("", page(page_of), name="configure-catch-up"),
    path("hooks/<int:pk>/", page(place_of), name="configure-catch-up-place"),
]
