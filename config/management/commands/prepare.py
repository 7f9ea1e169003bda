import json
import logging
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import health
from config.home import layout, sequences
from projects import first_run, sign_in

log = logging.getLogger(__name__)


def _repair_sequences() -> None:
    from analytics.lake import table
    from analytics.lake.columns import EVENTS

    for each in sequences.repair(layout.database_url(), events=table.watermark(EVENTS)):
        log.warning("repaired %s: it was at %s, but %s is in use", each.name, each.last, each.highest)


class Command(BaseCommand):
    help = "Create tables, static files and the first user before `up` starts the web. Prints JSON."
    # System checks load the code of every page and would take most of the start. make check runs them.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        _check_lake()
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        _repair_sequences()
        call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True)
        owner, new = first_run.ensure_owner()
        credentials = {"sign_in": sign_in.path(sign_in.create_link(owner))}
        if new:
            credentials |= {"project": new.project.name, "write_key": new.write_key, "api_key": new.api_key}
        self.stdout.write(json.dumps(credentials))


def _check_lake() -> None:
    # A broken lake must stop the start: it would go unnoticed until numbers are missing.
    try:
        health.lake()
    except health.NotReadyError as error:
        raise CommandError(str(error)) from error
