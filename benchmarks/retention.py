"""Retention over a crowd: python -m benchmarks.retention PROJECT (an id that benchmarks.crowd printed)."""

import sys
from typing import Any

from benchmarks.asking import measure

YEAR = {"from": "2025-01-01", "to": "2025-12-31"}
SIGNUP = {"event": "signup"}

QUESTIONS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "first time, any event, 53 weeks": (YEAR, ["served", "activity", "events"]),
    "recurring, any event, 53 weeks": (YEAR | {"kind": "recurring"}, ["activity", "events"]),
    "first time, signup then wrote, 53 weeks": (
        YEAR | {"start": SIGNUP, "return": {"event": "wrote"}},
        ["activity", "events"],
    ),
    "recurring, any event, 30 days": (
        {"from": "2025-11-01", "to": "2025-11-30", "period": "day", "kind": "recurring"},
        ["activity", "events"],
    ),
    "recurring, any event, 12 months": (
        YEAR | {"period": "month", "kind": "recurring"},
        ["activity", "events"],
    ),
}

if __name__ == "__main__":
    measure("retention", int(sys.argv[1]), "retention", QUESTIONS)
