import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import health
from projects import first_run, sign_in


class Command(BaseCommand):
    help = "What `up` does before the web starts: tables, static files, the first user. Prints JSON."
    # They load the code of every page, which takes longer than all the rest; make check runs them.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        _look_at_the_lake()
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True)
        owner, new = first_run.ensure_owner()
        welcome = {"sign_in": sign_in.path(sign_in.create_link(owner))}
        if new:
            welcome |= {"project": new.project.name, "write_key": new.write_key, "api_key": new.api_key}
        self.stdout.write(json.dumps(welcome))


def _look_at_the_lake() -> None:
    """A lake that cannot be used stops the start: nobody would miss it before the first numbers are due."""
    try:
        health.lake()
    except health.NotReadyError as error:
        raise CommandError(str(error)) from error
