"""`manage.py rebuild`: recomputes all rollups from the lake's events."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from analytics.rollup.refresh import rollup


class Command(BaseCommand):
    help = "Recompute all rollups. The dashboard shows the old numbers until the new ones are complete."

    def handle(self, *_args: Any, **_options: Any) -> None:
        began = time.perf_counter()
        while (report := rollup(everything=True)).busy:
            self.stdout.write("waiting for the worker to finish its rollup")
            time.sleep(1)
        self.stdout.write(f"data version {report.data_version} in {time.perf_counter() - began:.1f} s")
