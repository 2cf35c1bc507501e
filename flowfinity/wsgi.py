"""What the server loads. WSGI, not ASGI: Django's ASGI with synchronous endpoints is several times slower."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowfinity.settings")

application = get_wsgi_application()
