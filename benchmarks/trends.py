"""Trends over a crowd: python -m benchmarks.trends PROJECT (an id that benchmarks.crowd printed)."""

import sys
from typing import Any

from benchmarks.asking import measure

YEAR = {"from": "2025-01-01", "to": "2025-12-31"}

QUESTIONS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "events of any name per day of a year": (YEAR | {"series": [{}]}, ["served"]),
    "people per day of a year": (YEAR | {"series": [{"measure": "people"}]}, ["activity", "events"]),
    "people per week of a year": (
        YEAR | {"series": [{"measure": "people"}], "interval": "week"},
        ["activity", "events"],
    ),
    "people who wrote, per day of 30": (
        {"from": "2025-11-01", "to": "2025-11-30", "series": [{"event": "wrote", "measure": "people"}]},
        ["activity", "events"],
    ),
    "events by path, per month of a year": (
        YEAR | {"series": [{"event": "$pageview"}], "interval": "month", "breakdown": {"property": "path"}},
        ["events"],
    ),
}

if __name__ == "__main__":
    measure("trends", int(sys.argv[1]), "trends", QUESTIONS)
