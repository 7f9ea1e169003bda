"""The form of the lifecycle page, and the figure in its query parameters."""

from collections.abc import Mapping
from typing import Any

FIELDS = {"interval": "day", "event": ""}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    return {"interval": given["interval"], "event": given["event"] or None}


def point(given: Mapping[str, str]) -> dict[str, Any]:
    return {"start": given.get("start", ""), "status": given.get("status", "")}
