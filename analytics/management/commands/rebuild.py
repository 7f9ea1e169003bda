"""`manage.py rebuild`: all rollups anew from the lake's events. Numbers that were right stay the same."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from analytics.rollup.refresh import rollup


class Command(BaseCommand):
    help = "Compute every rollup from scratch; the dashboard shows the old numbers until the new ones are complete."

    def handle(self, *_args: Any, **_options: Any) -> None:
        began = time.perf_counter()
        while (report := rollup(everything=True)).busy:
            self.stdout.write("the worker is rolling up; waiting for it")
            time.sleep(1)
        self.stdout.write(f"data version {report.data_version} in {time.perf_counter() - began:.1f} s")
