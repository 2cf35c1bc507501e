"""Makes Django's admin the site of Configure; named in the settings in the place of `django.contrib.admin`."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConfigureConfig(AdminConfig):
    default_site = "flowfinity.configure.site.ConfigureSite"
