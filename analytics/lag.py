"""How long events have been waiting for each stage: shown by /readyz, doctor and the Health page.

enrich  since the oldest event of the inbox arrived
load    since the oldest event arrived that is not in the lake
rollup  since the oldest change of the lake that the numbers do not count, or a project failed whose numbers stay behind
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from analytics.lake import table
from analytics.lake.columns import EVENTS

MAX_LAG = {
    "enrich": dt.timedelta(minutes=2),
    "load": dt.timedelta(minutes=2),
    "rollup": dt.timedelta(minutes=5),
}
"""How long events may wait. The worker runs enrich every second, load and rollup every 10."""


FAILED = """
SELECT min(since) FROM analytics_stage_failure
WHERE stage = 'rollup' AND project_id IN (SELECT id FROM projects_project)
"""


class Cursor(Protocol):
    """Django's or psycopg's: the check of /readyz has a connection of its own."""

    def execute(self, query: str, params: Any = None) -> Any: ...
    def fetchone(self) -> Any: ...


def waiting_since(stage: str, cursor: Cursor) -> dt.datetime | None:
    """None when nothing waits. Raises LakeError and OSError when the lake cannot be read."""
    return STAGES[stage](cursor)


def _enrich(cursor: Cursor) -> dt.datetime | None:
    since: dt.datetime | None = _first(
        cursor, "SELECT received_at FROM analytics_inbox ORDER BY position LIMIT 1"
    )
    return since


def _load(cursor: Cursor) -> dt.datetime | None:
    query = "SELECT received_at FROM analytics_event WHERE sequence > %s ORDER BY sequence LIMIT 1"
    since: dt.datetime | None = _first(cursor, query, table.watermark(EVENTS))
    return since


def _rollup(cursor: Cursor) -> dt.datetime | None:
    published = _first(cursor, "SELECT lake_version FROM analytics_data_version ORDER BY id DESC LIMIT 1")
    changed = table.changed_since(EVENTS, table.NEVER if published is None else published)
    # The data version goes on without a project that failed.
    failed = _first(cursor, FAILED)
    return min((each for each in (changed, failed) if each), default=None)


def _first(cursor: Cursor, query: str, *values: int) -> Any:
    cursor.execute(query, values)
    row = cursor.fetchone()
    return row[0] if row else None


STAGES: dict[str, Callable[[Cursor], dt.datetime | None]] = {
    "enrich": _enrich,
    "load": _load,
    "rollup": _rollup,
}
