"""Addresses of the workspace. Reserved words stand before names, so that no name can take one."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from flowfinity.fields import record_id
from flowfinity.workspace import pages


class RecordConverter:
    """A record's key as people and clients see it: at least nine digits."""

    regex = "[0-9]{9,18}"

    def to_python(self, value: str) -> int:
        """The key."""
        return int(value)

    def to_url(self, value: int | str) -> str:
        """Its digits."""
        return record_id(int(value))


register_converter(RecordConverter, "record")

urlpatterns = [
    path("", pages.home, name="home"),
    path("apps/<slug:app>/", pages.app, name="app"),
    path("apps/<slug:app>/views/<slug:view>/", pages.view, name="view"),
    path("apps/<slug:app>/records/<record:record>/", pages.record, name="record"),
    path("apps/<slug:app>/operations/<slug:operation>/", pages.operation, name="operation"),
    path("login/", pages.LoginPage.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", pages.PasswordPage.as_view(), name="password"),
]
