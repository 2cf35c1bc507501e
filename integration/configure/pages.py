"""Configure > Integration > REST Integration: what is open to other systems, to whom, and what they get."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from flowfinity import clock
from flowfinity.configure.pages import context
from flowfinity.models import Role, User, configuring
from integration.configure import examples
from integration.configure.endpoints import COLUMNS, Listed, Part, listed_apps, refused_calls
from integration.configure.lookback import FORWARD, Lookback, days, offer, older, ruling, widened, window
from integration.models import RestAccess, Surface

MOST_REFUSED = 10


class LookbackForm(forms.ModelForm):  # type: ignore[type-arg]
    """The site's lookback; asks for what only its floor hides when there are `older` records."""

    older = forms.BooleanField(required=False)

    class Meta:
        model = Surface
        fields = ["lookback_days"]
        labels = {"lookback_days": "Lookback period in days"}
        help_texts = {"lookback_days": f"Zapier gets the records modified in these last days. {FORWARD}"}

    def __init__(self, *args: Any, older: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, older)


@require_http_methods(["GET", "HEAD", "POST"])
def rest(request: HttpRequest) -> HttpResponse:
    """The surface: a checklist, the switches, the lookback, the accounts, each app's endpoints, and who was refused."""
    now = clock.now()
    surface = Surface.objects.get(pk=1)
    if request.method == "POST" and "switches" in request.POST:
        return throw_switches(request)
    apps = list(listed_apps())
    bound = (
        (listed.app.view(row.part.pk), ruling(surface, row.access), without_floor(surface, row.access))
        for listed in apps
        for row in listed.views
        if row.access and row.enabled and not row.broken and not row.access.lookback_days
    )
    hidden = older(bound, now)
    form = LookbackForm(request.POST or None, instance=surface, older=hidden)
    if request.method == "POST" and form.is_valid():
        change_lookback(form)
        messages.success(request, f"The site looks back {days(form.cleaned_data['lookback_days'])}.")
        return redirect("configure-rest")
    accounts = list(User.objects.filter(account_type=User.INTEGRATION).prefetch_related("roles"))
    surface = Surface.objects.get(pk=1)
    return render(
        request,
        "integration/configure/rest.html",
        context(
            request,
            "REST Integration",
            surface=surface,
            checks=checklist(surface, accounts, apps),
            lookback=form,
            window=window(now, ruling(surface, None)),
            accounts=accounts,
            add_account_url=f"{reverse('admin:flowfinity_user_add')}?account_type={User.INTEGRATION}",
            apps=apps,
            universal=examples.base_url(request) + reverse("api"),
            refused=refused_calls()[:MOST_REFUSED],
        ),
    )


def throw_switches(request: HttpRequest) -> HttpResponse:
    """Sets both switches of the site as they were sent."""
    with configuring():
        surface = Surface.objects.get(pk=1)
        surface.query_enabled = "query_enabled" in request.POST
        surface.execute_enabled = "execute_enabled" in request.POST
        surface.save()
    states = [
        f"{name} is {'on' if on else 'off'}"
        for name, on in (("Query()", surface.query_enabled), ("Execute()", surface.execute_enabled))
    ]
    messages.success(request, f"{', '.join(states)}.")
    return redirect("configure-rest")


def without_floor(surface: Surface, access: RestAccess | None) -> Lookback:
    """A view's window if the site's floor were taken away."""
    return ruling(Surface(lookback_days=surface.lookback_days), access)


def change_lookback(form: LookbackForm) -> None:
    """Keeps the site's lookback, and where its windows start."""
    with configuring():
        surface = Surface.objects.get(pk=1)
        before = ruling(surface, None)
        surface.lookback_days = form.cleaned_data["lookback_days"]
        if form.cleaned_data.get("older"):
            surface.floor_ms = 0
        else:
            surface.floor_ms = max(surface.floor_ms, widened(clock.now(), before, ruling(surface, None)))
        surface.save()


def checklist(surface: Surface, accounts: list[User], apps: list[Listed]) -> list[dict[str, Any]]:
    """The article's four steps, each done or missing, and what that means."""
    granting = set(
        Role.objects.filter(Q(views__isnull=False) | Q(operations__isnull=False) | Q(feeds__isnull=False)).values_list(
            "pk", flat=True
        )
    )
    ready = [user for user in accounts if user.is_active and any(role.pk in granting for role in user.roles.all())]
    if ready:
        account = f"{', '.join(user.username for user in ready)}: active, with a role"
    elif accounts:
        account = "None is active with a role that grants something"
    else:
        account = "None yet: nobody can call"
    on = [name for name, is_on in (("Query()", surface.query_enabled), ("Execute()", surface.execute_enabled)) if is_on]
    switches = {0: "Both are off: nothing is open", 1: f"Only {''.join(on)} is on", 2: "Query() and Execute() are on"}
    views = [one.enabled for listed in apps for one in listed.views]
    operations = [one.enabled for listed in apps for one in listed.operations]
    return [
        {"done": bool(ready), "title": "Integration account", "text": account},
        {"done": len(on) == 2, "title": "Switches", "text": switches[len(on)]},
        {"done": any(operations), "title": "Operations", "text": counted(operations, "so nothing can be written")},
        {"done": any(views), "title": "Views", "text": counted(views, "so nothing can be read")},
    ]


def counted(enabled: list[bool], consequence: str) -> str:
    """How many are enabled: "3 of 4 enabled"."""
    if not any(enabled):
        return f"None is enabled, {consequence}"
    return f"{sum(enabled)} of {len(enabled)} enabled"


@require_POST
def toggle(request: HttpRequest, model: type[Part], kind: str, pk: int) -> HttpResponse:
    """Enables or disables a view, an operation or a feed; its format and lookback stay for the next time."""
    part = get_object_or_404(model, pk=pk)
    which: dict[str, Any] = {COLUMNS[model]: part}
    with configuring():
        RestAccess.objects.update_or_create(**which, defaults={"enabled": "enabled" in request.POST})
    if "details" in request.POST:
        return redirect(f"configure-rest-{kind}", pk)
    return HttpResponseRedirect(f"{reverse('configure-rest')}#{kind}-{pk}")
