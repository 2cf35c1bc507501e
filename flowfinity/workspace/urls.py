"""Addresses of the workspace. Reserved words stand before names, so that no name can take one."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from flowfinity.fields import record_id
from flowfinity.workspace import accounts, exports, home, imports, jobs, pages, records, restoring, tables


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
    path("", home.home, name="home"),
    path("apps/<slug:app>/", pages.app, name="app"),
    path("apps/<slug:app>/views/<slug:view>/", tables.view, name="view"),
    path("apps/<slug:app>/records/<record:record>/", records.record, name="record"),
    path("apps/<slug:app>/records/<record:record>/restore/<int:submission>/", restoring.restore, name="restore"),
    path("apps/<slug:app>/deleted/", restoring.deleted, name="deleted"),
    path("apps/<slug:app>/operations/<slug:operation>/", records.operation, name="operation"),
    path("apps/<slug:app>/views/<slug:view>/export.<slug:format>", exports.export, name="view-export"),
    path("apps/<slug:app>/import/", imports.upload, name="app-import"),
    path("jobs/", jobs.listed, name="jobs"),
    path("jobs/<int:job>/", jobs.job, name="job"),
    path("jobs/<int:job>/errors.csv", jobs.errors, name="job-errors"),
    path("login/", accounts.LoginPage.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("settings/", accounts.settings_page, name="settings"),
    path("password/", accounts.PasswordPage.as_view(), name="password"),
    path("password/reset/", accounts.ResetPage.as_view(), name="password-reset"),
    path("password/reset/<uidb64>/<token>/", accounts.NewPasswordPage.as_view(), name="password-new"),
]
