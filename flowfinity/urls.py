"""Where everything answers. The composition root: it names the other rooms by string."""

from django.contrib import admin
from django.urls import include, path, re_path

from flowfinity import health, storage

urlpatterns = [
    path("", include("integration.rest.urls")),
    re_path(r"^healthz/?$", health.alive),
    re_path(r"^readyz/?$", health.ready),
    path("files/<str:token>/<str:name>", storage.download, name="file"),
    path("admin/", include("flowfinity.configure.urls")),
    path("admin/integration/", include("integration.configure.urls")),
    path("admin/", admin.site.urls),
    path("", include("flowfinity.workspace.urls")),
]

handler400 = "integration.rest.errors.bad_request"
handler404 = "integration.rest.errors.unknown_address"
handler500 = "integration.rest.errors.broken"
