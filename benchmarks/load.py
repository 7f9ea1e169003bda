"""How fast do events get from PostgreSQL into the lake?

    DATABASE_URL=postgresql://... python -m benchmarks.load [EVENTS...]

`append` is the Delta commit alone, `load` all of it: reading, sorting, committing. Works in an installation of its
own. Results: benchmarks/results/load.json.
"""

import datetime as dt
import statistics
import sys
import time
from typing import Any

from benchmarks import rig

ROUNDS = 5
SIZES = (1, 5_000, 50_000)
"""Events of one load."""
FILL = """
INSERT INTO analytics_event (stored_on, sequence, project_id, id, event, "timestamp", received_at, distinct_id,
                             person_id, session_id, url, path, browser, os, device, country, locale, library,
                             properties)
SELECT current_date, nextval('analytics_event_sequence'), %(project)s, gen_random_uuid(),
       (ARRAY['$pageview', 'opened', 'wrote', 'shared', 'paid'])[1 + i %% 5], now() - i * interval '10 ms', now(),
       'user-' || i %% 2000, 1 + i %% 2000, 1 + i %% 3000, 'https://product.example/' || i %% 50, '/' || i %% 50,
       'Firefox', 'Linux', 'desktop', 'DE', 'de-DE', 'web', '{"plan":"free","number":' || i || '}'
FROM generate_series(1, %(events)s) AS i
"""


def fill(project: int, events: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(FILL, {"project": project, "events": events})
        cursor.execute("ANALYZE analytics_event")


def appended(events: int) -> float:
    """Seconds of the commit of so many events that are already sorted in memory."""
    from analytics.lake import load, table
    from analytics.lake.columns import EVENTS

    after = table.watermark(EVENTS)
    rows = load._read_new_events(after, after + events)
    days = load._days_by_project(rows)
    began = time.perf_counter()
    table.append(EVENTS, rows, after=after, until=after + events, days=days)
    return time.perf_counter() - began


def loaded(events: int) -> float:
    from analytics.lake.load import load

    began = time.perf_counter()
    # Several portions when the events are large.
    while load(limit=events).rows:
        pass
    return time.perf_counter() - began


WORK = {"append": appended, "load": loaded}


def measure(sizes: tuple[int, ...]) -> dict[str, Any]:
    from analytics.enrich import partitions
    from projects.creation import create_project

    partitions.ensure([dt.datetime.now(dt.UTC).date()])
    project = create_project("Benchmark").project.pk
    numbers: dict[str, Any] = {}
    for events in sizes:
        fill(project, events)
        loaded(events)
        for name, work in WORK.items():
            took = []
            for _ in range(ROUNDS):
                fill(project, events)
                took.append(work(events))
            numbers[f"{name}_{events}_ms"] = round(1000 * statistics.median(took), 1)
    most = max(sizes)
    numbers["load_events_per_second"] = round(most / numbers[f"load_{most}_ms"] * 1000)
    return numbers


if __name__ == "__main__":
    with rig.installation("load"):
        rig.save("load", measure(tuple(map(int, sys.argv[1:])) or SIZES))
