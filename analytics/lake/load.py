"""Load: copy the events that enrich has stored into the lake, exactly once.

1. The lake itself holds the watermark: the highest sequence in it.
2. Events beyond it are read from PostgreSQL, sorted, and committed together with the new watermark.
3. A crash before the commit leaves the old watermark, a crash after it the new one. A rerun adds nothing twice.

Only one transaction at a time assigns sequences, so no event can appear later below a sequence already read. An event
that cannot be loaded goes into quarantine (unloadable.py).
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from analytics import failures
from analytics.lake import table, unloadable
from analytics.lake.columns import EVENTS
from analytics.locks import single_writer
from analytics.models import Stage
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
SEQUENCES = """
SELECT sequence, project_id FROM analytics_event
WHERE sequence > %(after)s AND sequence <= %(until)s
ORDER BY sequence
"""
# Read and rolled back. Below zero, where no event is.
PROBE = """
INSERT INTO analytics_event
    (stored_on, sequence, project_id, id, event, "timestamp", received_at, distinct_id, person_id, properties)
SELECT stored_on, -1, project_id, gen_random_uuid(), '$probe', now(), now(), 'probe', 1, '{"probe":true}'
FROM analytics_event
WHERE sequence = $1
"""
YEARS = range(2, 9999)
"""Rollup also needs the days before and after an event, and Python's dates end there."""

ORDER = ("project_id", "month", "day", "person_id", "timestamp", "sequence")


@dataclass(frozen=True, slots=True)
class LoadReport:
    """`rows` were added and `quarantined` taken out. The lake now holds every other event up to `watermark`."""

    rows: int
    watermark: int
    quarantined: int = 0

    @property
    def processed(self) -> int:
        return self.rows + self.quarantined


def load(limit: int = 50_000) -> LoadReport:
    """Load at most `limit` events. `rows` is 0 when there are none, or when another process is loading.

    Raises when the lake or the database is the cause of a failure; then the events that failed stay where they are.
    """
    after = table.watermark(EVENTS)
    until = _end_of_portion(after, limit)
    return LoadReport(0, after) if until is None else _isolate(until)


def _isolate(until: int) -> LoadReport:
    """Load the events up to this sequence, or as many of them as can be loaded."""
    try:
        return _load(until)
    except unloadable.POSSIBLE as error:
        waiting = _waiting(until)
        if len(waiting) <= 1:
            return _blame(waiting, error)
    first = _isolate(waiting[len(waiting) // 2 - 1][0])
    if not first.processed:
        # Another process is loading.
        return first
    second = _isolate(until)
    return LoadReport(first.rows + second.rows, second.watermark, first.quarantined + second.quarantined)


def _load(until: int) -> LoadReport:
    with single_writer("load") as alone:
        # The lake's own watermark, not one in PostgreSQL: after a crash between two stores they would differ, and
        # events would be lost or added twice.
        after = table.watermark(EVENTS)
        rows = _read_new_events(after, until) if alone and after < until else None
        if rows is None or not rows.num_rows:
            return LoadReport(0, after)
        added = table.append(EVENTS, rows, after=after, until=until, days=_days_by_project(rows))
        failures.clear(Stage.LOAD)
        # The lock ends with its connection, so another process may have loaded meanwhile. Then nothing was added.
        return LoadReport(rows.num_rows, until) if added else LoadReport(0, after)


def _waiting(until: int) -> list[tuple[int, int]]:
    """The sequence and project of each event up to this sequence that is not in the lake."""
    with connection.cursor() as cursor:
        cursor.execute(SEQUENCES, {"after": table.watermark(EVENTS), "until": until})
        return list(cursor.fetchall())


def _blame(waiting: list[tuple[int, int]], error: Exception) -> LoadReport:
    """The only event that waits has failed: quarantine it if it is the cause."""
    if not waiting:
        return LoadReport(0, table.watermark(EVENTS))
    ((sequence, project),) = waiting
    if not unloadable.is_caused_by(sequence, project, error, read=_read_one, probe=_read_probe):
        raise error
    with single_writer("load") as alone:
        after = table.watermark(EVENTS)
        # A process of another version may have loaded it meanwhile. Moved as well, it would be stored twice.
        moved = unloadable.move(sequence, project, error) if alone and after < sequence else 0
    return LoadReport(0, after, quarantined=moved)


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
    return _prepared(rows)


def _read_one(sequence: int) -> pa.Table:
    return _read_new_events(sequence - 1, sequence)


def _read_probe(sequence: int) -> pa.Table:
    """An ordinary event of the project of the event with this sequence."""
    with adbc.connect(_conninfo()) as source, source.cursor() as cursor:
        cursor.execute(PROBE, (sequence,))
        cursor.execute(NEW_EVENTS, (-2, -1))
        rows: pa.Table = cursor.fetch_arrow_table()
    return _prepared(rows)


def _prepared(rows: pa.Table) -> pa.Table:
    """The rows as they are written."""
    found = (
        rows.select(EVENTS.columns.names)
        .cast(EVENTS.columns)
        # Sorted by partition first: each row group covers few days and people, so that readers can skip the others.
        .sort_by([(name, "ascending") for name in ORDER])
    )
    _check_days(found)
    return found


def _check_days(rows: pa.Table) -> None:
    found = pc.min_max(rows["day"]) if rows.num_rows else {}
    for day in found.values():
        try:
            valid = day.as_py().year in YEARS
        except OverflowError:
            valid = False
        if not valid:
            raise ValueError(
                f"the time of an event is outside of the years {YEARS.start} to {YEARS.stop - 1}"
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
