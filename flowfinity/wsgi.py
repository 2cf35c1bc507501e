"""The WSGI entry point that the server loads. WSGI, not ASGI: Django's ASGI with sync endpoints is several times slower."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowfinity.settings")

application = get_wsgi_application()
