"""The form of the retention page, and the cell in its query parameters."""

from collections.abc import Mapping
from typing import Any

from analytics.insights.questions import QueryError

FIELDS = {"period": "week", "start": "", "return": "", "kind": "first_time"}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    events = {name: {"event": given[name] or None} for name in ("start", "return")}
    return {"period": given["period"], "kind": given["kind"]} | events


def point(given: Mapping[str, str]) -> dict[str, Any]:
    for name in ("cohort", "offset"):
        if not given.get(name):
            raise QueryError(name, "missing; it identifies the cell whose people to list")
    offset = given["offset"]
    # isascii too: isdigit accepts ² and int() then fails.
    if not (offset.isascii() and offset.isdigit()):
        raise QueryError("offset", f"{offset!r} is not a number of periods; write 0 or more")
    return {"cohort": given["cohort"], "offset": int(offset)}
