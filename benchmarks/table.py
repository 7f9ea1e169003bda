"""The table of docs/scaling.md: targets beside what the newest results say.

    python -m benchmarks.table

Only results are read, nothing is measured. The table stands between two comments of the page; the rest is written by
hand.
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import rig

PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- results: made by python -m benchmarks -->", "<!-- end of results -->"
Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One target: `most` when less is better, otherwise the least that is wanted."""

    what: str
    benchmark: str
    target: float
    unit: str
    read: Callable[[Numbers], float | None]
    most: bool = True


def _ratio(*words: str) -> Callable[[Numbers], float | None]:
    """The median ratio to ClickHouse, on the clock, of the questions whose title begins with one of these words."""

    def read(numbers: Numbers) -> float | None:
        found = [
            places["ratio"]["seconds"]
            for title, places in numbers["questions"].items()
            if title.startswith(words) and "ratio" in places and "served" not in places
        ]
        return statistics.median(found) if found else None

    return read


def _served(numbers: Numbers) -> float | None:
    found = [
        places["served"]["seconds"] * 1000 for places in numbers["questions"].values() if "served" in places
    ]
    return max(found, default=None)


ROWS = (
    Row(
        "single-event throughput, relative to a no-op endpoint",
        "ingest",
        0.6,
        "",
        lambda numbers: numbers["durable_to_empty"],
        most=False,
    ),
    Row(
        "throughput in batches of 100",
        "ingest",
        80_000,
        " events/s",
        lambda numbers: numbers["durable_events_per_second_in_batches_of_100"],
        most=False,
    ),
    Row("enrich", "enrich", 40_000, " events/s", lambda numbers: numbers["events_per_second"], most=False),
    Row("Delta append of 5,000 events", "load", 10, " ms", lambda numbers: numbers["append_5000_ms"]),
    Row("retention of all people, from the served table", "insights", 50, " ms", _served),
    Row("people per period, time relative to ClickHouse", "insights", 1, " ×", _ratio("people ")),
    Row("events by a property, time relative to ClickHouse", "insights", 1, " ×", _ratio("events ")),
    Row("ad hoc retention, time relative to ClickHouse", "insights", 1, " ×", _ratio("retention")),
    Row("bytes per event in the lake", "rollup", 20, "", lambda numbers: numbers["bytes_per_event"]),
    Row(
        "idle memory, all processes",
        "home",
        450,
        " MB",
        lambda numbers: numbers["idle_megabytes"]["all"],
    ),
    Row(
        "single events with everything running",
        "together",
        8_000,
        " events/s",
        lambda numbers: numbers["single_events_per_second"],
        most=False,
    ),
    Row(
        "batches of 100 with everything running",
        "together",
        76_000,
        " events/s",
        lambda numbers: numbers["batched_events_per_second"],
        most=False,
    ),
    Row(
        "from request to timeline",
        "together",
        22_400,
        " events/s",
        lambda numbers: numbers["to_timeline_per_second"],
        most=False,
    ),
    Row(
        "50 open tabs of an idle project",
        "tabs",
        2,
        "% of a core",
        lambda numbers: numbers["percent_of_a_core"],
    ),
    Row("delay of news on an open page", "tabs", 2, " s", lambda numbers: numbers["news_seconds_median"]),
    Row(
        "first insight after a start, relative to the tenth",
        "first_insight",
        2,
        " ×",
        lambda numbers: max(numbers["first_to_tenth"].values()),
    ),
    Row("second start", "home", 5, " s", lambda numbers: numbers["second_start_seconds"]),
)


def render(results: Path) -> str:
    """The table in Markdown, of the results in a folder."""
    lines = ["| benchmark | target | measured | result | load |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_line(row, _numbers(results, row.benchmark)) for row in ROWS)])


def write() -> None:
    """Put the table in its place in docs/scaling.md."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{render(rig.RESULTS)}\n{END}{after}", encoding="utf-8")


def verdict(row: Row, measured: float) -> str:
    """`met`, or by how much of the target it was missed."""
    beyond = measured / row.target - 1 if row.most else 1 - measured / row.target
    return "met" if beyond <= 0 else f"missed by {beyond:.0%}"


def _line(row: Row, numbers: Numbers | None) -> str:
    target = f"{'≤' if row.most else '≥'} {_text(row.target)}{row.unit}"
    measured = None if numbers is None else row.read(numbers)
    if numbers is None or measured is None:
        return f"| {row.what} | {target} | not measured | | |"
    load = numbers["machine"].get("load_average", numbers.get("load_average", ""))
    return f"| {row.what} | {target} | {_text(measured)}{row.unit} | {verdict(row, measured)} | {load} |"


def _text(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _numbers(results: Path, benchmark: str) -> Numbers | None:
    file = results / f"{benchmark}.json"
    if not file.exists():
        return None
    found: Numbers = json.loads(file.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    write()
