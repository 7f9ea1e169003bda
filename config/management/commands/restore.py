from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import backup, layout


class Command(BaseCommand):
    help = "Restore a backup into an empty home."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            backup.restore(settings.HOME, options["file"].absolute(), layout.database_url())
        except layout.HomeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored into {settings.HOME.root}. Start it with: make run")
