"""Logging in, and what a person may change of the own account: settings, the password, also a forgotten one."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from contextlib import nullcontext
from functools import lru_cache
from threading import Thread
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.views import LoginView, PasswordChangeView, PasswordResetConfirmView, PasswordResetView
from django.core.cache import cache as kept
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from flowfinity import clock
from flowfinity.models import User, configuring
from flowfinity.workspace.pages import PersonRequest, page

THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600
# A person is not sent one link after the other, however often somebody asks.
SECONDS_BETWEEN_LINKS = 60


class LoginPage(LoginView):
    """Lets a person in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Django's, without its own `site`, which would hide that of all pages."""
        found = super().get_context_data(**kwargs)
        del found["site"], found["site_name"]
        return found


class PasswordPage(PasswordChangeView):
    """Changes one's own password."""

    template_name = "flowfinity/workspace/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        """Saves it, and stays logged in."""
        messages.success(self.request, _("Your password is changed."))
        return super().form_valid(form)


class ResetForm(PasswordResetForm):
    """Asks for an address, and sends a link to the people who have it. Nothing tells whether there are any."""

    def get_users(self, email: str) -> Iterator[User]:
        """Active people with this address; integration accounts have no page to log in to."""
        return (user for user in super().get_users(email) if isinstance(user, User) and user.is_person)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Sends it in a thread of its own: the time that the page takes says nothing, nor does a mail server away."""
        user: User = args[2]["user"]
        if kept.add(f"password-link-{user.pk}", True, SECONDS_BETWEEN_LINKS):
            language = user.language or translation.get_language()
            Thread(target=self.sent, args=(language, super().send_mail, args, kwargs), daemon=True).start()

    @staticmethod
    def sent(language: str, send: Any, args: Any, kwargs: Any) -> None:
        """Writes it in the person's language, and sends it."""
        with translation.override(language):
            send(*args, **kwargs)


class ResetPage(PasswordResetView):
    """Sends a link by which a forgotten password is replaced."""

    form_class = ResetForm
    template_name = "flowfinity/workspace/reset.html"
    email_template_name = "flowfinity/workspace/reset_mail.txt"
    subject_template_name = "flowfinity/workspace/reset_subject.txt"
    success_url = reverse_lazy("password-reset")

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        """The page; where the site sends no mail, it says so."""
        self.extra_context = {"sends_mail": settings.SENDS_MAIL}
        # Not the request's Host, where the site knows its address: a link must not lead to what a stranger named.
        self.extra_email_context = {
            "base_url": settings.PUBLIC_URL or self.request.build_absolute_uri("/").rstrip("/"),
            "site_name": settings.SITE_NAME,
        }
        return super().dispatch(*args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """The same for an address that nobody has."""
        if not settings.SENDS_MAIL:
            return self.render_to_response(self.get_context_data())
        super().form_valid(form)
        context = self.get_context_data(sent_to=form.cleaned_data["email"])
        return self.render_to_response(context)


class NewPasswordPage(PasswordResetConfirmView):
    """Takes a new password from who came by the link."""

    template_name = "flowfinity/workspace/password_new.html"
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> Any:
        """Whom the link is for; None for an account that may not log in any more."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_person and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        """Saves it."""
        messages.success(self.request, _("Your password is changed. Sign in with it."))
        return super().form_valid(form)


@lru_cache(maxsize=1)
def zones(now: dt.datetime) -> list[tuple[str, list[tuple[str, str]]]]:
    """Time zones by region, as a select takes them, each with how far it is from UTC at that time."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        region, _slash, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US", "Canada", "Brazil", "Chile", "Mexico", "posix", "right"}:
            place = place.replace("_", " ").replace("/", ", ")
            regions.setdefault(region, []).append((name, f"{place} ({offset(name, now)})"))
    return [("UTC", [("UTC", "UTC")]), *regions.items()]


def offset(zone: str, now: dt.datetime) -> str:
    """How far a zone is from UTC at that time: "UTC+05:30"."""
    return f"UTC{now.astimezone(zoneinfo.ZoneInfo(zone)).isoformat(timespec='minutes')[-6:]}"


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a person is named, and in which zone, language and light pages are shown."""

    theme = forms.ChoiceField(
        label=gettext_lazy("Light or dark"),
        required=False,
        choices=[
            ("", gettext_lazy("As the device is set")),
            ("light", gettext_lazy("Light")),
            ("dark", gettext_lazy("Dark")),
        ],
    )

    class Meta:
        model = User
        fields = ["display_name", "time_zone", "language"]
        labels = {
            "display_name": gettext_lazy("Your name"),
            "time_zone": gettext_lazy("Time zone"),
            "language": gettext_lazy("Language"),
        }
        help_texts = {
            "display_name": gettext_lazy("What records and their history call you."),
            "time_zone": "",
            "language": "",
        }

    def __init__(self, data: Any, person: User, **kwargs: Any) -> None:
        super().__init__(data, instance=person, label_suffix="", **kwargs)
        here = self.instance.time_zone
        # By the hour, since that is how long what is kept of them can be right.
        now = clock.now().replace(minute=0, second=0, microsecond=0)
        known = zones(now)
        if here and not any(here == name for _region, places in known for name, _place in places):
            known = [*known, (_("Now"), [(here, here)])]
        ours = settings.TIME_ZONE
        site = _("The site’s (%s)") % (ours if ours == "UTC" else f"{ours}, {offset(ours, now)}")
        self.fields["time_zone"] = forms.ChoiceField(
            label=self.fields["time_zone"].label, required=False, choices=[("", site), *known]
        )
        self.fields["time_zone"].widget.attrs["data-zone"] = _("This device")
        self.fields["language"] = forms.ChoiceField(
            label=self.fields["language"].label,
            required=False,
            choices=[("", _("The browser’s")), *settings.LANGUAGES],
        )

    def save(self, commit: bool = True) -> Any:
        """Saves it. A name is part of the configuration: what shows it elsewhere is made anew."""
        with configuring() if "display_name" in self.changed_data else nullcontext():
            return super().save(commit)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def settings_page(request: PersonRequest) -> HttpResponse:
    """The person's own settings."""
    theme = request.COOKIES.get("theme", "")
    # A user of its own: what is wrong in the form must not show in the page's frame.
    person = User.objects.get(pk=request.user.pk)
    form = SettingsForm(request.POST or None, person, initial={"theme": theme if theme in THEMES else ""})
    if not form.is_valid():
        return render(request, "flowfinity/workspace/settings.html", {"form": form, "email": person.email})
    saved = form.save()
    with translation.override(saved.language or translation.get_language_from_request(request)):
        messages.success(request, _("Your settings are saved."))
    response = redirect("settings")
    chosen = form.cleaned_data["theme"]
    if chosen:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
