"""The site-wide sequence of submission numbers, and the one row of Configuration."""

from typing import Any

from django.db import migrations


def make_sequence(apps: Any, schema_editor: Any) -> None:
    """PostgreSQL's own sequence (CACHE 1, its default: a cached block would be drawn before the lock); on SQLite a counter."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE SEQUENCE flowfinity_submission_number AS bigint CACHE 1")
    else:
        schema_editor.execute("CREATE TABLE flowfinity_submission_number (value integer NOT NULL)")
        schema_editor.execute("INSERT INTO flowfinity_submission_number (value) VALUES (0)")


def drop_sequence(apps: Any, schema_editor: Any) -> None:
    """The way back."""
    kind = "SEQUENCE" if schema_editor.connection.vendor == "postgresql" else "TABLE"
    schema_editor.execute(f"DROP {kind} flowfinity_submission_number")


def make_configuration(apps: Any, schema_editor: Any) -> None:
    """The row that `configuring` bumps."""
    apps.get_model("flowfinity", "Configuration").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("flowfinity", "0001_initial")]

    operations = [
        migrations.RunPython(make_sequence, drop_sequence),
        migrations.RunPython(make_configuration, migrations.RunPython.noop),
    ]
