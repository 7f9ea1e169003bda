"""The form of a trend's page: what its fields ask, and how an address names a bar."""

from collections.abc import Mapping
from typing import Any

FIELDS = {"interval": "day", "event": "", "measure": "people"}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    series = {"event": given["event"] or None, "measure": given["measure"]}
    return {"interval": given["interval"], "series": [series]}


def point(given: Mapping[str, str]) -> dict[str, Any]:
    return {"series": 0, "start": given.get("start") or None, "breakdown": None}
