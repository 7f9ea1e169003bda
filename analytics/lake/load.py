"""Load: what enrich has stored goes into the lake, exactly once.

1. The mark is read from the lake itself: the highest sequence that it holds.
2. Events beyond it are read from PostgreSQL, sorted, and committed together with the new mark.
3. A crash before the commit leaves the old mark, a crash after it the new one: a rerun adds nothing twice.

Sequences are given by a single enriching transaction at a time, so none below a visible one can still appear.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.locks import single_writer

NEW_EVENTS = Path(__file__).with_name("new_events.sql").read_text(encoding="utf-8")
ORDER = ("project_id", "month", "day", "person_id", "timestamp", "sequence")


@dataclass(frozen=True, slots=True)
class LoadReport:
    """`rows` were added to the lake, which now holds every event up to sequence `mark`."""

    rows: int
    mark: int


def load(limit: int = 50_000) -> LoadReport:
    """Move at most `limit` events; rows == 0 when there is nothing to move, or somebody else is loading."""
    with single_writer("load") as alone:
        after = table.mark(EVENTS)
        if not (alone and _waiting(after)):
            return LoadReport(0, after)
        rows = _beyond(after, limit)
        until = pc.max(rows["sequence"]).as_py()
        added = table.append(EVENTS, rows, after=after, until=until, days=_days(rows))
        return LoadReport(rows.num_rows, until) if added else LoadReport(0, after)


def _waiting(after: int) -> bool:
    """Asked of Django's connection: one for Arrow costs thirty times as much, and mostly there is nothing to load."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM analytics_event WHERE sequence > %s)", [after])
        return bool(cursor.fetchone()[0])


def _beyond(after: int, limit: int) -> pa.Table:
    with adbc.connect(_address()) as source, source.cursor() as cursor:
        cursor.execute(NEW_EVENTS, (after, limit))
        rows = cursor.fetch_arrow_table()
    return (
        rows.select(EVENTS.columns.names)
        .cast(EVENTS.columns)
        .sort_by([(name, "ascending") for name in ORDER])
    )


def _address() -> str:
    """The database that Django talks to (in tests not the one of the environment), as a libpq address."""
    parameters = connection.get_connection_params()
    wanted = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert")
    return " ".join(f"{key}={_quoted(str(parameters[key]))}" for key in wanted if parameters.get(key))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _days(rows: pa.Table) -> dict[int, set[dt.date]]:
    found: dict[int, set[dt.date]] = defaultdict(set)
    for touched in rows.group_by(["project_id", "day"]).aggregate([]).to_pylist():
        found[touched["project_id"]].add(touched["day"])
    return dict(found)
