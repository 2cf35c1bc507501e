"""Configure > Integration, under /admin/integration/ and before Django's own admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from flowfinity.models import Operation, View
from integration.configure import pages

page = admin.site.admin_view

urlpatterns = [
    path("rest/", page(pages.rest), name="configure-rest"),
    path("rest/views/<int:pk>/", page(pages.view_details), name="configure-rest-view"),
    path("rest/views/<int:pk>/access/", page(pages.toggle), {"model": View}, name="configure-rest-view-access"),
    path("rest/operations/<int:pk>/", page(pages.operation_details), name="configure-rest-operation"),
    path(
        "rest/operations/<int:pk>/access/",
        page(pages.toggle),
        {"model": Operation},
        name="configure-rest-operation-access",
    ),
]
