"""The form of the stickiness page, and the figure in its query parameters."""

from collections.abc import Mapping
from typing import Any

from analytics.insights.questions import QueryError

FIELDS = {"interval": "day", "event": ""}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    return {"interval": given["interval"], "event": given["event"] or None}


def point(given: Mapping[str, str]) -> dict[str, Any]:
    intervals = given.get("intervals", "")
    # isascii too: isdigit accepts ² and int() then fails.
    if not (intervals.isascii() and intervals.isdigit()):
        raise QueryError("intervals", f"{intervals!r} is not a number of periods; write 1 or more")
    return {"intervals": int(intervals)}
