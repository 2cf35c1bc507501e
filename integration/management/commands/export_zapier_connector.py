"""`manage.py export_zapier_connector DIR`: a Zapier integration of this site, ready to be pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.connector import definition, package


class Command(BaseCommand):
    help = "Writes a Zapier integration, made of what is enabled for REST, into a directory."

    def add_arguments(self, parser: CommandParser) -> None:
        """The directory, which is made when it is not there."""
        parser.add_argument("directory", metavar="DIR", type=Path)

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        """Writes it, and says what is next. Raises CommandError when there is nothing to write, or nowhere."""
        try:
            names = package.write(directory, settings.PUBLIC_URL)
        except (package.NothingEnabled, OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        for view in definition.unreadable():
            self.stderr.write(f"{view} is left out: its filter cannot be read.")
        self.stdout.write(f"{len(names)} files are in {directory}; its README.md says how to push them to Zapier.")
