"""The one row of Surface: everything off."""

from typing import Any

from django.db import migrations


def make_surface(apps: Any, schema_editor: Any) -> None:
    """The site's switches, off by default as a security measure."""
    apps.get_model("integration", "Surface").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("integration", "0001_initial")]

    operations = [migrations.RunPython(make_surface, migrations.RunPython.noop)]
