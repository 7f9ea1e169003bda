"""`manage.py pipeline --until-idle`: runs enrich, load and rollup in the foreground until nothing is left.

`--replay-quarantine` first returns quarantined events to the stage that refused them: enrich, or load.
"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.enrich import quarantine
from analytics.ingest.spool import return_rejected
from analytics.pipeline import PipelineReport, until_idle


class Command(BaseCommand):
    help = "Process all waiting events now: enrich, load and rollup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="stop when nothing is left")
        parser.add_argument(
            "--replay-quarantine", action="store_true", help="first return quarantined events to the pipeline"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["replay_quarantine"]:
            self.stdout.write(f"{quarantine.replay()} quarantined events returned to the pipeline")
            if files := return_rejected(settings.HOME.spool):
                self.stdout.write(
                    f"{files} files returned to the spool; the web process stores them when it runs"
                )
        elif not options["until_idle"]:
            raise CommandError(
                "the worker runs the pipeline continuously; to run it here, use: manage.py pipeline --until-idle"
            )
        if options["until_idle"]:
            self._run_until_idle()

    def _run_until_idle(self) -> None:
        report = _run_with_progress()
        quarantined = f", {report.quarantined} quarantined" if report.quarantined else ""
        self.stdout.write(
            f"{report.stored} events stored, {report.duplicates} duplicates dropped{quarantined},"
            f" {report.loaded} loaded; data version {report.data_version}"
        )
        if report.waiting:
            raise CommandError(f"enrich has stopped; {report.waiting} events wait; see: manage.py doctor")


def _run_with_progress() -> PipelineReport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        enriching = bars.add_task("enrich", total=None)
        loading = bars.add_task("load", total=None)

        def show(report: PipelineReport) -> None:
            done = report.stored + report.duplicates
            bars.update(enriching, completed=done, total=done + report.waiting)
            bars.update(loading, completed=report.loaded, total=max(report.stored, report.loaded))

        return until_idle(show)
