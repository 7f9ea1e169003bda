"""How long questions take over a crowd that is already in the lake (python -m benchmarks.crowd), and rolled up.

Figures are counted anew each time; the cache is not asked. `seconds` is the best of three on the clock, `cpu` the
processor time of that run, which tells more on a machine that is busy with other things.
"""

import os
import time
from typing import Any

import django

from benchmarks import rig

RUNS = 3


def measure(
    name: str, project_id: int, kind: str, questions: dict[str, tuple[dict[str, Any], list[Any]]]
) -> None:
    """Ask each question in each place that can answer it; print and keep the results."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from analytics.query import spec
    from projects.models import Project

    project = Project.objects.get(pk=project_id)
    results = {
        title: {place: _best(project, spec.parse(kind, body), place) for place in places}
        for title, (body, places) in questions.items()
    }
    rig.save(name, {"crowd": _size(project_id), "load": os.getloadavg()[0], "questions": results})


def _best(project: Any, query: Any, place: Any) -> dict[str, float]:
    from analytics.query import run

    found = []
    for _ in range(RUNS):
        began, cpu = time.perf_counter(), time.process_time()
        run.figures_by(project, query, place)
        found.append((time.perf_counter() - began, time.process_time() - cpu))
    seconds, used = min(found)
    return {"seconds": round(seconds, 3), "cpu": round(used, 3)}


def _size(project_id: int) -> dict[str, int]:
    from analytics import engine

    with engine.snapshot(project_id) as tables:
        events = tables.run(tables.events.aggregate(n=tables.events.count()))
        rows = tables.activity
        rolled = tables.run(rows.aggregate(rows=rows.count(), people=rows["person_id"].nunique()))
    return {
        "events": events["n"][0].as_py(),
        "activity": rolled["rows"][0].as_py(),
        "people": rolled["people"][0].as_py(),
    }
