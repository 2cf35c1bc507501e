"""`manage.py import_blueprint FILE`: an app from its definition, or every fault of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flowfinity import blueprint


class Command(BaseCommand):
    help = "Makes an app from a blueprint, or merges the blueprint into the app of that name."

    def add_arguments(self, parser: CommandParser) -> None:
        """One file."""
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Says what was imported. Raises CommandError, with a line a fault, when nothing was."""
        try:
            app = blueprint.import_app(json.loads(file.read_bytes()))
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise CommandError(f"{file} is not JSON: {error}") from None
        except blueprint.BlueprintError as error:
            lines = [f"  {path or '(the whole file)'}: {sentence}" for path, sentence in error.faults]
            raise CommandError("\n".join(["Nothing is imported.", *lines])) from None
        self.stdout.write(f"{app.label} is imported as {app.name}.")
