"""The Celery application: `celery -A flowfinity worker` and `celery -A flowfinity beat`, where REDIS_URL is set."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowfinity.settings")

app = Celery("flowfinity")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["flowfinity", "integration", "integration.hooks"])
