"""Configure > Integration, under /admin/integration/ and before Django's own admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from flowfinity.models import App, Operation, View
from integration.configure import catch_up_page, deliveries, details, pages, schema_page, sync_health_page, zapier_page

page = admin.site.admin_view

urlpatterns = [
    path("zapier/", include(zapier_page.urlpatterns)),
    path("deliveries/", include(deliveries.urlpatterns)),
    path("catch-up/", include(catch_up_page.urlpatterns)),
    path("sync-health/", include(sync_health_page.urlpatterns)),
    path("rest/", page(pages.rest), name="configure-rest"),
    path("rest/api/", include(schema_page.urlpatterns)),
    path("rest/views/<int:pk>/", page(details.view_details), name="configure-rest-view"),
    path("rest/operations/<int:pk>/", page(details.operation_details), name="configure-rest-operation"),
    path("rest/feeds/<int:pk>/", page(details.feed_details), name="configure-rest-feed"),
    *(
        path(
            f"rest/{kind}s/<int:pk>/access/",
            page(pages.toggle),
            {"model": model, "kind": kind},
            name=f"configure-rest-{kind}-access",
        )
        for kind, model in (("view", View), ("operation", Operation), ("feed", App))
    ),
]
