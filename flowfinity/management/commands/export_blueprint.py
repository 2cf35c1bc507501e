"""`manage.py export_blueprint App`: an app's definition, as `import_blueprint` takes it back."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flowfinity import blueprint
from flowfinity.models import App


class Command(BaseCommand):
    help = "Prints an app as a blueprint."

    def add_arguments(self, parser: CommandParser) -> None:
        """One app, by name."""
        parser.add_argument("app", metavar="App")

    def handle(self, *args: Any, app: str, **options: Any) -> None:
        """Prints the document. Raises CommandError when there is no such app."""
        found = App.objects.filter(name__iexact=app).first()
        if found is None:
            there = ", ".join(App.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no app {app}; there are: {there}.")
        self.stdout.write(json.dumps(blueprint.export_app(found), ensure_ascii=False, indent=2))
