import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.home import part


class Command(BaseCommand):
    help = "Start everything (PostgreSQL, web, worker) and keep it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # The supervisor takes this process over, because it needs nothing of Django and should not keep it in memory.
        os.environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(part.ROOT), os.environ.get("PYTHONPATH")])
        )
        os.execv(sys.executable, [sys.executable, "-m", "config.home.up"])  # noqa: S606 (a list, no shell)
