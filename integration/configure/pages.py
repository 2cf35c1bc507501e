"""Configure > Integration > REST Integration: what is open to other systems, to whom, and what they get."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from flowfinity import clock, definitions
from flowfinity.configure.pages import context
from flowfinity.definitions import AppDefinition
from flowfinity.models import App, Operation, Role, User, View, configuring
from integration.configure import examples
from integration.configure.lookback import Lookback, older, ruling, widened
from integration.models import RestAccess, Surface
from integration.rest import polls
from integration.zapier_mode import WARN_BYTES

FIRST_ITEMS = 3
FORWARD = (
    "Widening takes effect forward: the window starts where it started and grows. "
    "Records that were never shown do not fire."
)


@dataclass(frozen=True)
class Endpoint:
    """A view or an operation as a row of the list."""

    part: View | Operation
    access: RestAccess | None
    sentence: str
    broken: bool
    users: tuple[User, ...]

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "view" if isinstance(self.part, View) else "operation"

    @property
    def enabled(self) -> bool:
        """Whether it is open to REST."""
        return self.access is not None and self.access.enabled

    @property
    def details_url(self) -> str:
        """The page that shows what to copy."""
        return reverse(f"configure-rest-{self.kind}", args=[self.part.pk])

    @property
    def toggle_url(self) -> str:
        """Where the switch is sent."""
        return reverse(f"configure-rest-{self.kind}-access", args=[self.part.pk])


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


class AccessForm(forms.ModelForm):  # type: ignore[type-arg]
    """How an enabled view answers."""

    older = forms.BooleanField(required=False)

    class Meta:
        model = RestAccess
        fields = ["format", "lookback_days"]
        labels = {"format": "Format of values", "lookback_days": "Lookback period of this view, in days"}

    def __init__(self, *args: Any, older: int, site_days: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lookback_days"].help_text = f"Empty: the site’s {days(site_days)}. {FORWARD}"
        offer(self, older)


def offer(form: Any, count: int) -> None:
    """Lets a form ask for the records that only the window's floor hides, or not when there are none."""
    if count:
        one = count == 1
        label = f"Also show the {count:,} older one{'' if one else 's'}: {'it fires' if one else 'they fire'} as new"
        form.fields["older"].label = f"{label} in every Zap"
    else:
        del form.fields["older"]
    for field in form.fields.values():
        if isinstance(field, forms.IntegerField):
            field.widget.attrs |= {"min": 1, "max": 365, "inputmode": "numeric"}


def days(count: int) -> str:
    """The count with its word: "7 days"."""
    return f"{count} day{'' if count == 1 else 's'}"


@require_http_methods(["GET", "HEAD", "POST"])
def rest(request: HttpRequest) -> HttpResponse:
    """The surface: a checklist, the switches, the lookback, the accounts, and each app's views and operations."""
    now = clock.now()
    surface = Surface.objects.get(pk=1)
    if request.method == "POST" and "switches" in request.POST:
        return throw_switches(request)
    apps = list(listed_apps())
    bound = (
        (app.view(row.part.pk), ruling(surface, row.access), without_floor(surface, row.access))
        for app, views, _ in apps
        for row in views
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


def window(now: Any, lookback: Lookback) -> dict[str, Any] | None:
    """Where a window starts that has been widened and is still growing; None for one of full width."""
    start = lookback.start(now)
    return {"start": start, "days": lookback.days} if Lookback(lookback.days).start(now) < start else None


def listed_apps() -> Iterable[tuple[AppDefinition, list[Endpoint], list[Endpoint]]]:
    """Each app with its views and its operations."""
    callers = Prefetch("members", User.objects.filter(account_type=User.INTEGRATION, is_active=True))
    roles = Role.objects.prefetch_related(callers)
    rows = App.objects.prefetch_related(
        Prefetch("views", View.objects.select_related("rest").prefetch_related(Prefetch("roles", roles))),
        Prefetch("operations", Operation.objects.select_related("rest").prefetch_related(Prefetch("roles", roles))),
    )
    for row in rows:
        app = definitions.of(row.pk)
        yield app, [endpoint(app, view) for view in row.views.all()], [endpoint(app, op) for op in row.operations.all()]


def endpoint(app: AppDefinition, part: View | Operation) -> Endpoint:
    """The row for a view or an operation."""
    members = (user for role in part.roles.all() for user in role.members.all())  # type: ignore[attr-defined]
    users = {user.pk: user for user in members if user.is_active and not user.is_person}
    sentence, broken = sentence_of(app, part)
    return Endpoint(part, getattr(part, "rest", None), sentence, broken, tuple(users.values()))


def sentence_of(app: AppDefinition, part: View | Operation) -> tuple[str, bool]:
    """What the view shows or the operation does, and whether that cannot be read."""
    if isinstance(part, View):
        if part.pk in app.broken:
            return f"This view cannot be read, so it answers nobody. {app.broken[part.pk]}", True
        return app.view(part.pk).query.describe(), False
    count = len(part.fields)
    sets = f", sets {count} field{'' if count == 1 else 's'}" if count else ""
    return f"{part.get_kind_display()}s a record{sets}.", False


def checklist(
    surface: Surface, accounts: list[User], apps: list[tuple[AppDefinition, list[Endpoint], list[Endpoint]]]
) -> list[dict[str, Any]]:
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
    views = [one.enabled for _, these, _ in apps for one in these]
    operations = [one.enabled for _, _, these in apps for one in these]
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
def toggle(request: HttpRequest, model: type[View] | type[Operation], pk: int) -> HttpResponse:
    """Enables or disables a view or an operation; its format and lookback stay for the next time."""
    part = get_object_or_404(model, pk=pk)
    kind = "view" if model is View else "operation"
    which: dict[str, Any] = {kind: part}
    with configuring():
        RestAccess.objects.update_or_create(**which, defaults={"enabled": "enabled" in request.POST})
    if "details" in request.POST:
        return redirect(f"configure-rest-{kind}", pk)
    return HttpResponseRedirect(f"{reverse('configure-rest')}#{kind}-{pk}")


def refusals(row: Endpoint, on: bool, switch: str) -> list[str]:
    """Why a call would be refused now, in sentences; none when it would be answered."""
    reasons = []
    if not on:
        reasons.append(f"{switch} is off for the whole site.")
    if not row.enabled:
        reasons.append(f"This {row.kind} is not enabled.")
    if not row.users:
        reasons.append(f"No active integration account has a role that grants this {row.kind}.")
    if row.broken:
        reasons.append("Its filter cannot be read.")
    return reasons


def details(request: HttpRequest, row: Endpoint, on: bool, switch: str, **more: Any) -> dict[str, Any]:
    """What the page of a view and that of an operation have in common."""
    above = ("REST Integration", f"{reverse('configure-rest')}#{row.kind}-{row.part.pk}")
    return context(
        request,
        row.part.label,
        above,
        (row.part.app.label, reverse("admin:flowfinity_app_change", args=[row.part.app_id])),
        row=row,
        roles=row.part.roles.all(),
        refusals=refusals(row, on, switch),
        definition_url=reverse(f"admin:flowfinity_{row.kind}_change", args=[row.part.pk]),
        **more,
    )


def caller(row: Endpoint) -> str:
    """The user name for a command line."""
    return row.users[0].username if row.users else "restuser"


@require_http_methods(["GET", "HEAD", "POST"])
def view_details(request: HttpRequest, pk: int) -> HttpResponse:
    """One view: what to copy, how it answers, who may poll it, and what Zapier would get now."""
    part = get_object_or_404(View.objects.select_related("app", "rest").prefetch_related("roles__members"), pk=pk)
    app = definitions.of(part.app_id)
    row = endpoint(app, part)
    surface = Surface.objects.get(pk=1)
    now = clock.now()
    held = ruling(surface, row.access)
    if row.broken or row.access is None:
        hidden = 0
    else:
        free = RestAccess(lookback_days=row.access.lookback_days)
        hidden = older([(app.view(pk), held, ruling(surface, free))], now)
    access = row.access or RestAccess(view=part, enabled=False)
    form = AccessForm(request.POST or None, instance=access, older=hidden, site_days=surface.lookback_days)
    if request.method == "POST" and form.is_valid():
        change_access(part, form)
        messages.success(request, f"{part.label} is saved.")
        return redirect("configure-rest-view", pk)
    url = examples.address(examples.base_url(request), part.app, part)
    accounts = User.objects.filter(account_type=User.INTEGRATION)
    return render(
        request,
        "integration/configure/view.html",
        details(
            request,
            row,
            surface.query_enabled,
            "Query()",
            address=url,
            command=examples.poll_command(url, caller(row)),
            parameters=() if row.broken else app.view(pk).parameters.values(),
            sample="" if row.broken else examples.highlighted(json.loads(polls.sample(pk, examples.base_url(request)))),
            form=form,
            window=window(now, held),
            accounts=accounts,
            **preview(request, pk, row, accounts),
        ),
    )


def change_access(part: View, form: AccessForm) -> None:
    """Keeps a view's format and lookback, and where its window starts."""
    with configuring():
        surface = Surface.objects.get(pk=1)
        access = RestAccess.objects.filter(view=part).first()
        before = ruling(surface, access) if access else None
        access = access or RestAccess(view=part, enabled=False)
        access.format = form.cleaned_data["format"]
        access.lookback_days = form.cleaned_data["lookback_days"]
        if form.cleaned_data.get("older"):
            access.floor_ms = 0
        elif before:
            access.floor_ms = max(access.floor_ms, widened(clock.now(), before, ruling(surface, access)))
        access.save()


def preview(request: HttpRequest, pk: int, row: Endpoint, accounts: Iterable[User]) -> dict[str, Any]:
    """What Zapier would get now as the account that was chosen; nothing is sent, and it counts as no poll."""
    chosen = next((user for user in accounts if str(user.pk) == request.GET.get("account")), None)
    if chosen is None:
        return {"chosen": row.users[0] if row.users else None}
    got = polls.preview(pk, chosen, examples.base_url(request))
    if got.error:
        return {"chosen": chosen, "preview": got}
    items = json.loads(got.body)
    return {
        "chosen": chosen,
        "preview": got,
        "size": len(got.body),
        "large": len(got.body) >= WARN_BYTES,
        "newest": items[0]["id"] if items else None,
        "first": examples.highlighted(items[:FIRST_ITEMS]) if items else "",
        "rest": max(len(items) - FIRST_ITEMS, 0),
    }


@require_http_methods(["GET", "HEAD"])
def operation_details(request: HttpRequest, pk: int) -> HttpResponse:
    """One operation: where to post it, with which body, and who may."""
    part = get_object_or_404(Operation.objects.select_related("app", "rest").prefetch_related("roles__members"), pk=pk)
    app = definitions.of(part.app_id)
    row = endpoint(app, part)
    operation = app.operation(pk)
    url = examples.address(examples.base_url(request), part.app, part)
    body = examples.payload(operation)
    return render(
        request,
        "integration/configure/operation.html",
        details(
            request,
            row,
            Surface.objects.get(pk=1).execute_enabled,
            "Execute()",
            address=url,
            command=examples.run_command(url, caller(row), body),
            payload=examples.highlighted(body),
            operation=operation,
        ),
    )
