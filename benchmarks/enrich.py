"""How many events a second does enrich store?

    DATABASE_URL=postgresql://... python -m benchmarks.enrich [EVENTS]

Works in an installation of its own. On a machine that has other things to do, `database_cpu_seconds` (of the one
connection that enrich uses, where the server is on this machine) says more than the wall's clock. Results:
benchmarks/results/enrich.json.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import rig

EVENTS = 500_000
FILL = Path(__file__).with_suffix(".sql")


def fill(events: int) -> None:
    from django.db import connection

    from projects.creation import create_project

    numbers = {
        "project": create_project("Benchmark").project.pk,
        "events": events,
        "people": max(1, events // 30),
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL.read_text(encoding="utf-8"), numbers)


def cpu_seconds() -> float | None:
    """What this connection's server process has used so far; None where it is not a process of this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    try:
        nanoseconds = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]
    except OSError:
        return None
    return int(nanoseconds) / 1e9


def drain() -> list[tuple[int, float]]:
    """(events, seconds) of each batch until the inbox is empty."""
    from analytics.enrich.batches import enrich

    batches: list[tuple[int, float]] = []
    while True:
        began = time.perf_counter()
        claimed = enrich().claimed
        if not claimed:
            return batches
        batches.append((claimed, time.perf_counter() - began))
        print(f"{claimed:>8} events {batches[-1][1]:6.2f} s", flush=True)


def counted() -> dict[str, int]:
    from django.db import connection

    tables = {"events": "analytics_event", "people": "analytics_person", "sessions": "analytics_session"}
    found = {}
    with connection.cursor() as cursor:
        for name, table in tables.items():
            cursor.execute(f"SELECT count(*) FROM {table}")
            (found[name],) = cursor.fetchone()
    return found


def measure(events: int) -> dict[str, Any]:
    fill(events)
    before = cpu_seconds()
    batches = drain()
    after = cpu_seconds()
    claimed, seconds = sum(size for size, _ in batches), sum(took for _, took in batches)
    numbers: dict[str, Any] = {
        "events_per_second": round(claimed / seconds),
        "target_events_per_second": 40_000,
        "best_batch_events_per_second": round(max(size / took for size, took in batches)),
        "load_average": round(os.getloadavg()[0], 1),
        **counted(),
    }
    if before is not None and after is not None:
        numbers["database_cpu_seconds"] = round(after - before, 2)
        numbers["events_per_database_cpu_second"] = round(claimed / (after - before))
    return numbers


if __name__ == "__main__":
    with rig.installation("enrich"):
        rig.save("enrich", measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
