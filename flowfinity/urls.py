"""Where everything answers. The composition root: it names the rooms by string."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
]
