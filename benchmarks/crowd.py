"""A crowd to measure with: people and events of a plausible shape, written straight into the lake.

A product that grows: people join ever more often, most leave within days, some stay; each has some 20 events of
eight kinds on average. Everything follows from the seed. Ingest and enrich are not involved: they have their own
benchmarks, and 20 million events would keep them busy for minutes.

    python -m benchmarks.crowd [PEOPLE]         into the installation of DATABASE_URL and FIRSTHAND_HOME
"""

import datetime as dt
import os
import sys
import time
from pathlib import Path
from typing import Any

import django
import duckdb
import pyarrow as pa

START = dt.date(2025, 1, 1)
DAYS = 365
STRETCH = 30
"""Days that are written in one commit."""

HAPPENED, ROWS = Path(__file__).with_name("crowd.sql").read_text(encoding="utf-8").split("\n----\n")
PEOPLE = """
INSERT INTO analytics_person
    (id, project_id, identified, name, search, properties, assertions, first_seen, last_seen, events, sessions)
SELECT %(first)s + i, %(project)s, true, 'Person ' || i, 'person ' || i, '{}', '{}', %(start)s, %(start)s, 20, 5
FROM generate_series(0, %(people)s - 1) AS i
"""


def make(people: int, *, days: int = DAYS, seed: int = 1, timezone: str = "UTC") -> tuple[int, int]:
    """A new project with such a crowd in the lake: its id, and how many events it has. Rollup is still to be run."""
    from projects.creation import create_project

    project = create_project(f"Crowd of {people}", timezone=timezone).project.pk
    first = _insert_people(project, people)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(HAPPENED, {"people": people, "days": days, "seed": seed})
        for begin in range(0, days, STRETCH):
            names = {
                "project": project,
                "person": first,
                "start": START,
                "first": begin,
                "until": begin + STRETCH,
            }
            _write(database, names)
        (events,) = database.execute("SELECT count(*) FROM happened").fetchone() or (0,)
    return project, int(events)


def _insert_people(project: int, people: int) -> int:
    """The id of the first of them; the others follow."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM analytics_person")
        (first,) = cursor.fetchone()
        cursor.execute(PEOPLE, {"first": first, "project": project, "people": people, "start": START})
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('analytics_person', 'id'), %s)", [first + people]
        )
    return int(first)


def _write(database: duckdb.DuckDBPyConnection, names: dict[str, Any]) -> None:
    from django.db import connection

    from analytics.lake import table
    from analytics.lake.columns import EVENTS

    after = table.watermark(EVENTS)
    rows: pa.Table = database.sql(ROWS, params=names | {"sequence": after}).to_arrow_table()
    if not rows.num_rows:
        return
    days = [START + dt.timedelta(days=day) for day in range(names["first"], names["until"])]
    rows = rows.select(EVENTS.columns.names).cast(EVENTS.columns)
    table.append(EVENTS, rows, after=after, until=after + rows.num_rows, days={names["project"]: days})
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('analytics_event_sequence', %s)", [after + rows.num_rows])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    began = time.perf_counter()
    made, count = make(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, timezone="Europe/Berlin")
    print(f"project {made}: {count} events in {time.perf_counter() - began:.1f} s")
