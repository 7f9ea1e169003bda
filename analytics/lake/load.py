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
from django.db import connection

from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.locks import single_writer
from analytics.schema import EVENT

NEW_EVENTS = Path(__file__).with_name("new_events.sql").read_text(encoding="utf-8")
TEXTS = [column.name for column in EVENT if column.postgres == "text"]
MAX_BYTES = 32 << 20
"""Bytes of the text of the events in one load. Arrow cannot hold 2 GB in a column, and readers hold a row group."""

# octet_length() does not decompress a value. The first event is always part of the portion.
PORTION = f"""
SELECT max(sequence) FROM (
    SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
    FROM (
        SELECT sequence, {" + ".join(f'coalesce(octet_length("{name}"), 0)' for name in TEXTS)} AS bytes
        FROM analytics_event
        WHERE sequence > %(after)s
        ORDER BY sequence
        LIMIT %(limit)s
    ) AS next
) AS sized
WHERE before < %(bytes)s
"""  # noqa: S608 (names from schema.py)
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
        until = _end_of_portion(after, limit) if alone else None
        if until is None:
            return LoadReport(0, after)
        rows = _read_new_events(after, until)
        added = table.append(EVENTS, rows, after=after, until=until, days=_days_by_project(rows))
        # The lock ends with its connection, so another process may have loaded meanwhile. Then nothing was added.
        return LoadReport(rows.num_rows, until) if added else LoadReport(0, after)


def _end_of_portion(after: int, limit: int) -> int | None:
    """The last sequence of the next events, up to `limit` and MAX_BYTES; None when there are none."""
    # On Django's connection: opening one for Arrow takes thirty times as long, and mostly there is nothing to load.
    with connection.cursor() as cursor:
        cursor.execute(PORTION, {"after": after, "limit": limit, "bytes": MAX_BYTES})
        (until,) = cursor.fetchone()
    return None if until is None else int(until)


def _read_new_events(after: int, until: int) -> pa.Table:
    with adbc.connect(_conninfo()) as source, source.cursor() as cursor:
        cursor.execute(NEW_EVENTS, (after, until))
        rows: pa.Table = cursor.fetch_arrow_table()
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
