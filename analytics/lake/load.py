"""Load: copy the events that enrich has stored into the lake, exactly once.

1. The lake itself holds the watermark: the highest sequence in it.
2. Events beyond it are read from PostgreSQL, sorted, and committed together with the new watermark.
3. A crash before the commit leaves the old watermark, a crash after it the new one. A rerun adds nothing twice.

Only one transaction at a time assigns sequences, so no event can appear later below a sequence already read.
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
    """`rows` were added. The lake now holds every event up to sequence `watermark`."""

    rows: int
    watermark: int


def load(limit: int = 50_000) -> LoadReport:
    """Load at most `limit` events. `rows` is 0 when there are none, or when another process is loading."""
    with single_writer("load") as alone:
        # The lake's own watermark, not one in PostgreSQL: after a crash between two stores they would differ, and
        # events would be lost or added twice.
        after = table.watermark(EVENTS)
        if not (alone and _has_new_events(after)):
            return LoadReport(0, after)
        rows = _read_new_events(after, limit)
        until = pc.max(rows["sequence"]).as_py()
        added = table.append(EVENTS, rows, after=after, until=until, days=_days_by_project(rows))
        # The lock ends with its connection, so another process may have loaded meanwhile. Then nothing was added.
        return LoadReport(rows.num_rows, until) if added else LoadReport(0, after)


def _has_new_events(after: int) -> bool:
    # On Django's connection: opening one for Arrow takes thirty times as long, and mostly there is nothing to load.
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM analytics_event WHERE sequence > %s)", [after])
        return bool(cursor.fetchone()[0])


def _read_new_events(after: int, limit: int) -> pa.Table:
    with adbc.connect(_conninfo()) as source, source.cursor() as cursor:
        cursor.execute(NEW_EVENTS, (after, limit))
        rows = cursor.fetch_arrow_table()
    return (
        rows.select(EVENTS.columns.names)
        .cast(EVENTS.columns)
        # Sorted by partition first: each row group covers few days and people, so that readers can skip the others.
        .sort_by([(name, "ascending") for name in ORDER])
    )


def _conninfo() -> str:
    """Django's database as a libpq connection string. In tests it is not the one in the environment."""
    parameters = connection.get_connection_params()
    wanted = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert")
    return " ".join(f"{key}={_quoted(str(parameters[key]))}" for key in wanted if parameters.get(key))


def _quoted(value: str) -> str:
    # libpq ends a quoted value at an unescaped quote: such a password would break the string or add parameters.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _days_by_project(rows: pa.Table) -> dict[int, set[dt.date]]:
    found: dict[int, set[dt.date]] = defaultdict(set)
    for touched in rows.group_by(["project_id", "day"]).aggregate([]).to_pylist():
        found[touched["project_id"]].add(touched["day"])
    return dict(found)
