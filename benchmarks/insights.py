"""How long do questions about a million people take, and how long do the same take ClickHouse?

    DATABASE_URL=postgresql://... python -m benchmarks.insights [PEOPLE]

Makes a crowd (20 events a person) in an installation of its own, rolls it up, and asks benchmarks/questions.py, each
in every place that can answer it and of ClickHouse, in this process, over the same Parquet files with as many threads:
by turns, so that whatever else the machine does slows all of them. All answers must be equal. Figures are counted anew
each time, the cache is not asked. ClickHouse is chDB of requirements/bench.txt (make bench installs it); without it
there are no ratios. Results: benchmarks/results/insights.json, seconds on the clock and of the processor (best of 3).
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import crowd, rig

ROUNDS = 3
ZONE = "Europe/Berlin"
CLICKHOUSE = "clickhouse"
Ask = Callable[[], dict[tuple[Any, ...], int]]


def clickhouse(project: int) -> Callable[[str], dict[tuple[Any, ...], int]]:
    """Answers a question's SQL over the events that Firsthand itself would read."""
    from chdb.session import Session
    from django.conf import settings

    from analytics.lake import table
    from analytics.lake.columns import EVENTS

    # A crowd is only ever added to: what lies in the folder is what the newest version holds.
    events = f"file('{table.url(EVENTS)}/project_id={project}/*/*.parquet', Parquet)"
    session = Session()
    session.query(f"SET max_threads = {settings.ENGINE_THREADS}")

    def ask(sql: str) -> dict[tuple[Any, ...], int]:
        found = session.query(sql.format(events=events, zone=ZONE), "ArrowTable")
        return {tuple(row[:-1]): int(row[-1]) for row in zip(*found.to_pydict().values(), strict=True)}

    return ask


def firsthand(project: Any, question: Any, place: Any) -> dict[tuple[Any, ...], int]:
    from analytics.query import answers
    from analytics.query.plan import plan

    figures = answers.figures(plan(project, answers.parse(question.kind, question.body)), place)
    found: dict[tuple[Any, ...], int] = question.read(figures.found)
    return found


def by_turns(asked: dict[str, Ask]) -> dict[str, dict[str, float]]:
    """Seconds and processor seconds of each, the best of all rounds. Raises when answers differ."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    answers = {}
    for _ in range(ROUNDS):
        for name, ask in asked.items():
            began, cpu = time.perf_counter(), time.process_time()
            answers[name] = ask()
            took[name].append((time.perf_counter() - began, time.process_time() - cpu))
    [first, *others] = answers
    for other in others:
        assert answers[other] == answers[first], f"{other} and {first} do not agree"
    return {
        name: {"seconds": round(min(s for s, _ in each), 4), "cpu": round(min(c for _, c in each), 4)}
        for name, each in took.items()
    }


def measure(people: int) -> dict[str, Any]:
    from analytics.rollup.refresh import rollup

    project, events = crowd.make(people, timezone=ZONE)
    rollup()
    return {"people": people, "events": events, "rounds": ROUNDS, "questions": _with_ratios(ask_all(project))}


def ask_all(crowd_id: int) -> dict[str, Any]:
    """Each question's times, in each place and of ClickHouse, over a crowd that is rolled up."""
    from benchmarks.questions import QUESTIONS
    from projects.models import Project

    project = Project.objects.get(pk=crowd_id)
    other = clickhouse(crowd_id) if importlib.util.find_spec("chdb") else None
    results: dict[str, Any] = {}
    for question in QUESTIONS:
        asked: dict[str, Ask] = {
            place: partial(firsthand, project, question, place) for place in question.places
        }
        if other is not None:
            asked[CLICKHOUSE] = partial(other, question.clickhouse)
        results[question.title] = by_turns(asked)
        print(question.title, results[question.title], flush=True)
    return results


def _with_ratios(results: dict[str, Any]) -> dict[str, Any]:
    """To each question: its time in the place that Firsthand would choose, divided by ClickHouse's."""
    for places in results.values():
        chosen = next(iter(places))
        if CLICKHOUSE in places:
            places["ratio"] = {
                unit: round(places[chosen][unit] / places[CLICKHOUSE][unit], 3) for unit in ("seconds", "cpu")
            }
    return results


if __name__ == "__main__":
    with rig.installation("insights"):
        rig.save("insights", measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
