"""Configure > Integration > REST Integration: what is open to other systems, to whom, and what they get."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from flowfinity import clock
from flowfinity.configure.pages import context
from flowfinity.models import App, Role, User, configuring
from integration.configure import examples
from integration.configure.endpoints import COLUMNS, Listed, Part, listed_apps, refused_calls
from integration.configure.lookback import FORWARD, Lookback, offer, older, ruling, widened, window
from integration.models import RestAccess, Surface

MOST_REFUSED = 10
# Of more apps than these, each is folded until somebody looks for it.
MOST_UNFOLDED = 3


class LookbackForm(forms.ModelForm):  # type: ignore[type-arg]
    """The site's lookback; asks for what only its floor hides when there are `older` records."""

    older = forms.BooleanField(required=False)

    class Meta:
        model = Surface
        fields = ["lookback_days"]
        labels = {"lookback_days": gettext_lazy("Lookback period in days")}

    def __init__(self, *args: Any, older: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = _("Zapier gets the records modified in these last days.")
        self.fields["lookback_days"].help_text = f"{told} {FORWARD}"
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
        days = form.cleaned_data["lookback_days"]
        told = ngettext("The site looks back %(days)d day.", "The site looks back %(days)d days.", days)
        messages.success(request, told % {"days": days})
        return redirect("configure-rest")
    accounts = list(User.objects.filter(account_type=User.INTEGRATION).prefetch_related("roles"))
    surface = Surface.objects.get(pk=1)
    return render(
        request,
        "integration/configure/rest.html",
        context(
            request,
            _("REST Integration"),
            surface=surface,
            checks=checklist(surface, accounts, apps),
            lookback=form,
            window=window(now, ruling(surface, None)),
            accounts=accounts,
            add_account_url=f"{reverse('admin:flowfinity_user_add')}?account_type={User.INTEGRATION}",
            apps=apps,
            folded=len(apps) > MOST_UNFOLDED,
            looked_at=request.GET.get("app", ""),
            universal=examples.base_url(request) + reverse("api"),
            refused=refused_calls(MOST_REFUSED),
        ),
    )


def throw_switches(request: HttpRequest) -> HttpResponse:
    """Sets both switches of the site as they were sent."""
    with configuring():
        surface = Surface.objects.get(pk=1)
        surface.query_enabled = "query_enabled" in request.POST
        surface.execute_enabled = "execute_enabled" in request.POST
        surface.save()
    states = {
        (True, True): _("Query() is on, Execute() is on."),
        (True, False): _("Query() is on, Execute() is off."),
        (False, True): _("Query() is off, Execute() is on."),
        (False, False): _("Query() is off, Execute() is off."),
    }
    messages.success(request, states[surface.query_enabled, surface.execute_enabled])
    return HttpResponseRedirect(f"{reverse('configure-rest')}#switches")


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
        account = _("%s: active, with a role") % ", ".join(user.username for user in ready)
    elif accounts:
        account = _("None is active with a role that grants something")
    else:
        account = _("None yet: nobody can call")
    on = [name for name, is_on in (("Query()", surface.query_enabled), ("Execute()", surface.execute_enabled)) if is_on]
    switches = {
        0: _("Both are off: nothing is open"),
        1: _("Only %s is on") % "".join(on),
        2: _("Query() and Execute() are on"),
    }
    views = [one.enabled for listed in apps for one in listed.views]
    operations = [one.enabled for listed in apps for one in listed.operations]
    unwritten = _("None is enabled, so nothing can be written")
    unread = _("None is enabled, so nothing can be read")
    return [
        {"done": bool(ready), "title": _("Integration account"), "text": account},
        {"done": len(on) == 2, "title": _("Switches"), "text": switches[len(on)]},
        {"done": any(operations), "title": _("Operations"), "text": counted(operations) or unwritten},
        {"done": any(views), "title": _("Views"), "text": counted(views) or unread},
    ]


def counted(enabled: list[bool]) -> str:
    """How many are enabled: "3 of 4 enabled"; "" for none."""
    return _("%(count)d of %(all)d enabled") % {"count": sum(enabled), "all": len(enabled)} if any(enabled) else ""


@require_POST
def toggle(request: HttpRequest, model: type[Part], kind: str, pk: int) -> HttpResponse:
    """Enables or disables a view, an operation or a feed; its format and lookback stay for the next time."""
    part = get_object_or_404(model, pk=pk)
    which: dict[str, Any] = {COLUMNS[model]: part}
    with configuring():
        RestAccess.objects.update_or_create(**which, defaults={"enabled": "enabled" in request.POST})
    if "details" in request.POST:
        return redirect(f"configure-rest-{kind}", pk)
    app = part.pk if isinstance(part, App) else part.app_id  # type: ignore[attr-defined]
    return HttpResponseRedirect(f"{reverse('configure-rest')}?app={app}#{kind}-{pk}")
