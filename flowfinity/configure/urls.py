"""Our own pages of Configure, under /admin/ and before Django's."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpResponse
from django.urls import URLPattern
from django.urls import path as route

from flowfinity.configure import blueprints, editor, field_editor, operation_editor, publishing, roles, view_editor


def path(address: str, page: Callable[..., HttpResponse], name: str) -> URLPattern:
    """A page for accounts that may configure."""
    return route(f"apps/{address}", admin.site.admin_view(page), name=name)


urlpatterns = [
    path("", editor.apps, "configure-apps"),
    path("new/", editor.new_app, "configure-app-new"),
    path("import/", blueprints.import_blueprint, "configure-import"),
    path("blueprint.schema.json", blueprints.schema, "configure-blueprint-schema"),
    path("<int:pk>/", editor.fields, "configure-app"),
    # Before pages of parts, whose names start with a capital letter.
    path("<int:pk>/<str:kind>/order/", editor.order, "configure-order"),
    path("<int:pk>/fields/new/", field_editor.new_field, "configure-field-new"),
    path("<int:pk>/fields/<str:name>/", field_editor.field, "configure-field"),
    path("<int:pk>/operations/", editor.operations, "configure-app-operations"),
    path("<int:pk>/operations/new/", operation_editor.new_operation, "configure-operation-new"),
    path("<int:pk>/operations/<str:name>/", operation_editor.operation, "configure-operation"),
    path("<int:pk>/views/", editor.views, "configure-app-views"),
    path("<int:pk>/views/new/", editor.new_view, "configure-view-new"),
    path("<int:pk>/views/<str:name>/", view_editor.view, "configure-app-view"),
    path("<int:pk>/roles/", roles.roles, "configure-roles"),
    path("<int:pk>/settings/", editor.settings, "configure-app-settings"),
    path("<int:pk>/delete/", editor.delete_app, "configure-app-delete"),
    path("<int:pk>/publish/", publishing.publish, "configure-app-publish"),
    path("<int:pk>/blueprint/", blueprints.export_blueprint, "configure-export"),
    path("<int:pk>/<str:kind>/<str:name>/remove/", editor.remove, "configure-remove"),
]
