"""How many events a second does enrich store, alone on this machine?

    DATABASE_URL=postgresql://... python benchmarks/enrich.py [EVENTS]

Works in a database of its own, made and dropped on that server. Results: benchmarks/results/enrich.json.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from psycopg.conninfo import make_conninfo

HERE = Path(__file__).parent
SCRATCH = "firsthand_benchmark_enrich"


@contextmanager
def scratch_database() -> Iterator[str]:
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, dbname="postgres", autocommit=True) as control:
        control.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")
        control.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            yield make_conninfo(server, dbname=SCRATCH)
        finally:
            control.execute(f"DROP DATABASE {SCRATCH} WITH (FORCE)")


def fill(events: int, people: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from projects.creation import create_project

    call_command("migrate", verbosity=0)
    project = create_project("Benchmark").project
    with connection.cursor() as cursor:
        statement = (HERE / "enrich.sql").read_text(encoding="utf-8")
        cursor.execute(statement, {"project": project.pk, "events": events, "people": people})


def drain() -> list[dict[str, float]]:
    from analytics.enrich.run import enrich

    batches: list[dict[str, float]] = []
    while True:
        began = time.perf_counter()
        report = enrich()
        seconds = time.perf_counter() - began
        if not report.claimed:
            return batches
        batches.append({"claimed": report.claimed, "stored": report.stored, "seconds": round(seconds, 3)})
        print(f"{report.claimed:>8} events {seconds:7.2f} s {report.claimed / seconds:>10,.0f} events/s")


def outcome() -> dict[str, int]:
    from django.db import connection

    counted = {}
    with connection.cursor() as cursor:
        for table in ("analytics_event", "analytics_person", "analytics_session", "analytics_redirect"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counted[table.removeprefix("analytics_")] = cursor.fetchone()[0]
        cursor.execute("SELECT version()")
        print(cursor.fetchone()[0])
    return counted


def main(events: int) -> dict[str, Any]:
    with scratch_database() as url:
        os.environ["DATABASE_URL"] = url
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        fill(events, people=max(1, events // 30))
        batches = drain()
        counted = outcome()
        django.db.connection.close_pool()  # type: ignore[attr-defined]
    claimed = sum(batch["claimed"] for batch in batches)
    seconds = sum(batch["seconds"] for batch in batches)
    return {
        "what": "enrich: inbox to events, people and sessions; visits of 20 events, 1 % sent twice",
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "events_per_second": round(claimed / seconds),
        "target_events_per_second": 40_000,
        "counted": counted,
        "batches": batches,
    }


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    result = main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
    print(f"{result['events_per_second']:,} events/s")
    (HERE / "results" / "enrich.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
