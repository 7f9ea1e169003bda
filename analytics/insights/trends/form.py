"""The form of the trends page, and the bar in its query parameters."""

from collections.abc import Mapping
from typing import Any

FIELDS = {"interval": "day", "event": "", "measure": "people"}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    series = {"event": given["event"] or None, "measure": given["measure"]}
    return {"interval": given["interval"], "series": [series]}


def point(given: Mapping[str, str]) -> dict[str, Any]:
    return {"series": 0, "start": given.get("start") or None, "breakdown": None}
