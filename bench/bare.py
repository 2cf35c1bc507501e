"""The yardstick: a Django endpoint that does nothing, without middleware and without a database."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(request: HttpRequest) -> HttpResponse:
    """An empty JSON array, with its length: without one the server would answer in chunks."""
    return HttpResponse(b"[]", content_type="application/json", headers={"Content-Length": "2"})


urlpatterns = [path("", nothing)]

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[], ROOT_URLCONF=__name__)
application = get_wsgi_application()
