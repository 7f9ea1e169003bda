"""How long does a rollup take, from scratch and after one more load; and what does a large lake cost on disk?

    DATABASE_URL=postgresql://... python -m benchmarks.rollup [PEOPLE]

Works in an installation of its own. Results: benchmarks/results/rollup.json.
"""

import datetime as dt
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import crowd, rig

LATER = """
INSERT INTO analytics_event (stored_on, sequence, project_id, id, event, "timestamp", received_at, distinct_id,
                             person_id, properties)
SELECT current_date, nextval('analytics_event_sequence'), %(project)s, gen_random_uuid(), 'wrote', %(at)s, %(at)s,
       'user-' || i, %(first)s + i * 50, '{"plan":"free"}'
FROM generate_series(0, 4999) AS i
"""


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 3)


def load_more(project: int) -> None:
    """5,000 events of as many people on the crowd's last day."""
    from django.db import connection

    from analytics.enrich import partitions
    from analytics.lake.load import load

    partitions.ensure([dt.datetime.now(dt.UTC).date()])
    at = dt.datetime.combine(crowd.START, dt.time(12), dt.UTC) + dt.timedelta(days=crowd.DAYS - 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM analytics_person WHERE project_id = %s", [project])
        (first,) = cursor.fetchone()
        cursor.execute(LATER, {"project": project, "at": at, "first": first})
    load()


def look_up(project: int) -> dict[str, float]:
    """All events of one person out of all: the median and the worst of ten people."""
    from analytics import engine
    from analytics.models import Person

    people = Person.objects.filter(project_id=project).order_by("id").values_list("id", flat=True)
    took = []
    for person in people[5 :: max(1, len(people) // 10)][:10]:
        with engine.snapshot(project) as tables:
            rows = tables.stored.filter(tables.stored["person_id"] == person).order_by("timestamp")
            took.append(seconds(partial(tables.run, rows)))
    took.sort()
    return {"median": took[len(took) // 2], "worst": took[-1]}


def size(project: int) -> dict[str, int]:
    from analytics.lake import table
    from analytics.lake.columns import ACTIVITY, EVENTS

    found = {
        layout.name: table.files(layout, project, table.version(layout)) for layout in (EVENTS, ACTIVITY)
    }
    return {f"{name}_bytes": sum(file.bytes for file in files) for name, files in found.items()} | {
        "activity_rows": sum(file.rows for file in found["activity"])
    }


def measure(people: int) -> dict[str, Any]:
    from analytics.rollup import maintenance
    from analytics.rollup.refresh import rollup

    made = time.perf_counter()
    project, events = crowd.make(people, timezone="Europe/Berlin")
    numbers: dict[str, Any] = {
        "people": people,
        "events": events,
        "crowd_s": round(time.perf_counter() - made, 1),
    }
    numbers["from_scratch_s"] = seconds(rollup)
    numbers["nothing_new_s"] = seconds(rollup)
    after = []
    for _ in range(3):
        load_more(project)
        after.append(seconds(rollup))
    numbers["after_5000_more_s"] = after
    numbers["one_person_s"] = look_up(project)
    numbers["compaction_s"] = seconds(lambda: maintenance.compact(dt.date(2027, 1, 1)))
    sizes = size(project)
    numbers |= sizes | {"bytes_per_event": round(sizes["events_bytes"] / events, 1)}
    return numbers | {"peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


if __name__ == "__main__":
    with rig.installation("rollup"):
        rig.save("rollup", measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
