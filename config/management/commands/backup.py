from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import backup, layout


class Command(BaseCommand):
    help = "Back up the whole installation into one file, also while it is running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="for example backup.tar.gz")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = backup.backup(settings.HOME, options["file"].absolute(), layout.database_url())
        except layout.HomeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{report.file}: {report.bytes:,} bytes, {report.files} files")
