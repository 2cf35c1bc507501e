"""Addresses of the API. A trailing slash makes no difference, and nothing redirects (contract, Addresses)."""

from django.urls import re_path

from integration.rest.api import Apps, Feed, Nothing, Operations, Universal, Views

APP = r"apps/(?P<app>[A-Za-z0-9]+)"
VIEW = rf"{APP}/views/(?P<name>[A-Za-z0-9]+)"

urlpatterns = [
    re_path(r"^api/?$", Universal.as_view({"get": "retrieve", "post": "run"}), name="api"),
    re_path(r"^api/apps/?$", Apps.as_view({"get": "index"}), name="api-apps"),
    re_path(rf"^api/{APP}/submissions/?$", Feed.as_view({"get": "read"}), name="feed"),
    re_path(rf"^api/{VIEW}/?$", Views.as_view({"get": "poll"}), name="poll"),
    re_path(rf"^api/{VIEW}/fields/?$", Views.as_view({"get": "fields"}), name="fields"),
    re_path(rf"^api/{VIEW}/sample/?$", Views.as_view({"get": "sample"}), name="sample"),
    re_path(
        rf"^api/{APP}/operations/(?P<name>[A-Za-z0-9]+)/?$", Operations.as_view({"post": "run"}), name="run-operation"
    ),
    re_path(r"^api/.*$", Nothing.as_view({"get": "nothing"})),
]
