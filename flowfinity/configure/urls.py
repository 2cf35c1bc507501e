"""Our own pages of Configure, under /admin/ and before Django's."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from flowfinity.configure import pages, roles

urlpatterns = [
    path("flowfinity/app/import/", admin.site.admin_view(pages.import_blueprint), name="configure-import"),
    path("flowfinity/app/<int:pk>/blueprint/", admin.site.admin_view(pages.export_blueprint), name="configure-export"),
    path("flowfinity/app/<int:pk>/roles/", admin.site.admin_view(roles.roles), name="configure-roles"),
]
