"""Enrich: moves a batch from the inbox to analytics_event, in one transaction, one writer at a time.

1. claim     delete the oldest rows from the inbox
2. drop      duplicates, and rows of deleted projects
3. identify  the person of each distinct id, links in order of arrival; some events are nobody's
4. describe  browser, OS, device, country
5. sessions  of events with a client session id or from a browser or an app, then of those of servers
6. people    counters, properties and names of ids and people
7. ledger    stored events per project and hour of arrival
8. insert    the events

A row that cannot be stored goes into quarantine (isolation.py). It never blocks the other rows.
"""

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from analytics.enrich import agents, duplicates, identify, insert, isolation, partitions, portions
from analytics.enrich.enrich_report import EnrichReport
from analytics.enrich.portions import Portion
from analytics.locks import single_writer
from analytics.schema import NO_PERSON, PAGEVIEW_EVENT
from analytics.statements import statement
from dashboard.live import changes

MIN_ROWS_TO_ANALYZE = 1_000
"""Temporary tables of smaller batches are not analyzed: ANALYZE would cost more than better plans save."""


def enrich(limit: int = portions.MAX_ROWS, *, retry_seconds: float = isolation.RETRY_SECONDS) -> EnrichReport:
    """Enrich up to `limit` waiting events. Raises when the database is unreachable; then nothing has changed.

    Stopped projects are tried again `retry_seconds` after their last failure.
    """
    if not _waiting():
        return EnrichReport()
    today = dt.datetime.now(dt.UTC).date()
    # Tomorrow's too: midnight may pass before the batch's transaction begins.
    partitions.ensure([today, today + dt.timedelta(days=1)])
    stopped = isolation.stopped_projects(_store_row, retry_seconds=retry_seconds)
    portion = portions.oldest(limit, stopped)
    return isolation.isolate(portion, _batch, _store_row) if portion else EnrichReport()


def _waiting() -> bool:
    with connection.cursor() as cursor:
        # Through the index, which skips deleted rows. EXISTS would scan all rows deleted since the last vacuum.
        cursor.execute("SELECT position FROM analytics_inbox ORDER BY position LIMIT 1")
        return cursor.fetchone() is not None


def _batch(portion: Portion) -> EnrichReport:
    # Durable, so never inside another transaction: only COMMIT empties the working tables, and a second batch in the
    # same transaction would store the first one again.
    with transaction.atomic(durable=True), single_writer("enrich") as alone, connection.cursor() as cursor:
        return _enrich(cursor, portion) if alone else EnrichReport()


def _store_row(cursor: CursorWrapper, position: int) -> EnrichReport:
    """For the probe, in its transaction."""
    return _enrich(cursor, Portion(position, position, 1))


def _enrich(cursor: CursorWrapper, portion: Portion) -> EnrichReport:
    _prepare(cursor)
    cursor.execute(statement("enrich/claim"), portion.parameters())
    claimed = cursor.rowcount
    if not claimed:
        # Another process has taken them.
        return EnrichReport()
    repeated, refused = duplicates.drop(cursor)
    left = claimed - repeated - refused
    stored = _store(cursor, left, _sequence_offset(cursor, portion.first, portion.last)) if left else 0
    return EnrichReport(claimed, stored, repeated, refused)


def _prepare(cursor: CursorWrapper) -> None:
    """Create the connection's working tables if needed, and set the planner for this transaction."""
    # Asked in every batch: a rollback of the batch that created the tables has removed them.
    cursor.execute("SELECT to_regclass('pg_temp.batch_people') IS NULL")
    (missing,) = cursor.fetchone()
    if missing:
        cursor.execute(statement("enrich/working_tables"))
    cursor.execute(statement("enrich/planner_settings"))


def _sequence_offset(cursor: CursorWrapper, first: int, last: int) -> int:
    """The number that turns positions into sequences above all existing ones, in order of arrival and of commit."""
    cursor.execute(statement("enrich/sequences"), {"span": last - first})
    (begin,) = cursor.fetchone()
    return int(begin) - first


def _store(cursor: CursorWrapper, rows: int, offset: int) -> int:
    cursor.execute(statement("enrich/unattributed"))
    cursor.execute(statement("enrich/batch_ids"))
    _analyze(cursor, "batch_ids", rows)
    identified = identify.identify(cursor, offset)
    agents.describe(cursor)
    cursor.execute(statement("enrich/batch_events"), {"pageview": PAGEVIEW_EVENT})
    _assign_sessions(cursor, rows)
    identify.store(cursor, identified)
    _announce(cursor, identified)
    cursor.execute(statement("enrich/count_stored"), {"no_person": NO_PERSON})
    return insert.store(cursor, offset)


def _announce(cursor: CursorWrapper, identified: identify.Identified) -> None:
    linked = sorted({link.fact.id[0] for link in identified.resolution.links})
    parameters: dict[str, Any] = {
        "channel": changes.CHANNEL,
        "everyone": changes.EVERYONE,
        "most": changes.MAX_PEOPLE,
        "linked": linked,
    }
    cursor.execute(statement("enrich/announce"), parameters)


def _analyze(cursor: CursorWrapper, table: str, rows: int) -> None:
    if rows >= MIN_ROWS_TO_ANALYZE:
        cursor.execute(f"ANALYZE {table}")


def _assign_sessions(cursor: CursorWrapper, rows: int) -> None:
    cursor.execute("SELECT bool_or(session_key IS NOT NULL), bool_or(session_key IS NULL) FROM batch_events")
    keyed, unkeyed = cursor.fetchone()
    if keyed:
        cursor.execute(statement("enrich/sessions"))
        _analyze(cursor, "visit", rows)
    if unkeyed:
        cursor.execute(statement("enrich/join_sessions"))
    if keyed or unkeyed:
        cursor.execute(statement("enrich/store_sessions"))
