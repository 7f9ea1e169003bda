import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.home import up


class Command(BaseCommand):
    help = "Start everything (PostgreSQL, web, worker) and keep it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # Rarely reached: manage.py starts the supervisor itself, without loading Django.
        sys.exit(up.main())
