"""Publication to other systems, as a Django app."""

from django.apps import AppConfig


class IntegrationConfig(AppConfig):
    name = "integration"
    verbose_name = "REST integration"
