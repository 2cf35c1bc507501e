"""Addresses of the API. A trailing slash makes no difference, and nothing redirects (contract, Addresses)."""

from django.urls import re_path

from integration.rest.clients import Clients, ViewClients
from integration.rest.endpoint import Nothing
from integration.rest.reading import Apps, Feed, Views
from integration.rest.schema import SchemaEndpoint
from integration.rest.subscriptions import Hooks
from integration.rest.writing import Operations, Universal

APP = r"apps/(?P<app>[A-Za-z0-9]+)"
VIEW = rf"{APP}/views/(?P<name>[A-Za-z0-9]+)"
HOOK = rf"{VIEW}/hooks/(?P<key>[a-z0-9]+)"

urlpatterns = [
    re_path(r"^api/?$", Universal.as_view({"get": "retrieve", "post": "run"}), name="api"),
    re_path(r"^api/schema/?$", SchemaEndpoint.as_view({"get": "retrieve"}), name="api-schema"),
    re_path(r"^api/clients/?$", Clients.as_view({"get": "index"}), name="api-clients"),
    re_path(r"^api/apps/?$", Apps.as_view({"get": "index"}), name="api-apps"),
    re_path(rf"^api/{APP}/submissions/?$", Feed.as_view({"get": "read"}), name="feed"),
    re_path(rf"^api/{VIEW}/?$", Views.as_view({"get": "poll"}), name="poll"),
    re_path(rf"^api/{VIEW}/fields/?$", Views.as_view({"get": "fields"}), name="fields"),
    re_path(rf"^api/{VIEW}/sample/?$", Views.as_view({"get": "sample"}), name="sample"),
    re_path(rf"^api/{VIEW}/clients/?$", ViewClients.as_view({"get": "index"}), name="clients"),
    re_path(rf"^api/{VIEW}/hooks/?$", Hooks.as_view({"get": "index", "post": "subscribe"}), name="hooks"),
    re_path(rf"^api/{HOOK}/?$", Hooks.as_view({"get": "look", "delete": "unsubscribe"}), name="hook"),
    re_path(rf"^api/{HOOK}/pause/?$", Hooks.as_view({"post": "pause"})),
    re_path(rf"^api/{HOOK}/resume/?$", Hooks.as_view({"post": "resume"})),
    re_path(rf"^api/{HOOK}/deliveries/?$", Hooks.as_view({"get": "deliveries"})),
    re_path(
        rf"^api/{HOOK}/deliveries/(?P<submission>[0-9]{{1,18}})/send-again/?$", Hooks.as_view({"post": "send_again"})
    ),
    re_path(
        rf"^api/{APP}/operations/(?P<name>[A-Za-z0-9]+)/?$", Operations.as_view({"post": "run"}), name="run-operation"
    ),
    # Whatever stands there, a line break too.
    re_path(r"^api/[\s\S]*$", Nothing.as_view({"get": "nothing"})),
]
