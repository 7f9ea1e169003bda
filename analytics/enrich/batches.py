"""Inbox to event: identity, sessions and people of a batch, in one transaction, by one writer at a time.

1. claim     the oldest rows leave the inbox
2. drop      what was stored before, and what belongs to no project
3. identify  which person each distinct id is, links in the order of their arrival
4. describe  browser, system, device, country
5. sessions  of events with a client's session id, then of those without
6. count     the facts of ids and people
7. books     stored, per project and hour of arrival
8. store     the rows are events

A row that cannot be stored is found by halving, refused, and never holds up the others.
"""

import datetime as dt

import msgspec
from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from msgspec.structs import astuple

from analytics.enrich import agents, duplicates, identify, insert, partitions, poison
from analytics.locks import single_writer
from analytics.schema import NOBODY, PAGEVIEW_EVENT
from analytics.statements import statement

MANY = 1_000
"""Rows of a batch from which on the planner is told what it works on. Below, telling costs more than it saves."""


class EnrichReport(msgspec.Struct, frozen=True):
    """What became of the rows: claimed = stored + duplicates + refused. Nothing claimed: nothing there, or busy."""

    claimed: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0

    def __add__(self, other: "EnrichReport") -> "EnrichReport":
        return EnrichReport(
            *(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))
        )


def enrich(limit: int = 50_000) -> EnrichReport:
    """Enrich up to `limit` waiting events. Raises when the database is away; then nothing has changed."""
    if not _waiting():
        return EnrichReport()
    today = dt.datetime.now(dt.UTC).date()
    partitions.ensure([today, today + dt.timedelta(days=1)])
    return _halving(limit)


def _halving(limit: int) -> EnrichReport:
    """A batch that cannot be stored is tried in halves, so one bad row costs no more than two batches' time."""
    try:
        return _batch(limit)
    except (DataError, IntegrityError, msgspec.MsgspecError) as error:
        if limit == 1:
            return _refuse(error)
    return _halving(limit // 2) + _halving(limit - limit // 2)


def _waiting() -> bool:
    with connection.cursor() as cursor:
        # By the index, which remembers what is gone; EXISTS would look through the rows of all batches since vacuum.
        cursor.execute("SELECT position FROM analytics_inbox ORDER BY position LIMIT 1")
        return cursor.fetchone() is not None


def _batch(limit: int) -> EnrichReport:
    # Durable: the working tables are emptied by COMMIT, so two batches in one transaction would be stored twice.
    with transaction.atomic(durable=True), single_writer("enrich") as alone, connection.cursor() as cursor:
        return _enrich(cursor, limit) if alone else EnrichReport()


def _enrich(cursor: CursorWrapper, limit: int) -> EnrichReport:
    cursor.execute(statement("enrich/oldest"), {"limit": limit})
    first, last = cursor.fetchone()
    if first is None:
        return EnrichReport()
    _prepare(cursor)
    cursor.execute(statement("enrich/take"), {"first": first, "last": last, "nobody": sorted(NOBODY)})
    claimed = cursor.rowcount
    repeated, refused = duplicates.drop(cursor)
    left = claimed - repeated - refused
    stored = _store(cursor, left, _offset(cursor, first, last)) if left else 0
    return EnrichReport(claimed, stored, repeated, refused)


def _prepare(cursor: CursorWrapper) -> None:
    """The connection's working tables, and how the statements on them are planned."""
    cursor.execute("SELECT to_regclass('pg_temp.touched') IS NULL")
    (missing,) = cursor.fetchone()
    if missing:
        cursor.execute(statement("enrich/tables"))
    cursor.execute(statement("enrich/planning"))


def _offset(cursor: CursorWrapper, first: int, last: int) -> int:
    """Sequences are positions moved on beyond all sequences so far: ordered by arrival, and by commit."""
    cursor.execute(statement("enrich/sequences"), {"span": last - first})
    (begin,) = cursor.fetchone()
    return int(begin) - first


def _store(cursor: CursorWrapper, rows: int, offset: int) -> int:
    cursor.execute(statement("enrich/mentioned"))
    _tell_planner(cursor, "mentioned", rows)
    identified = identify.identify(cursor, offset)
    agents.describe(cursor)
    cursor.execute(statement("enrich/placed"), {"pageview": PAGEVIEW_EVENT})
    _find_sessions(cursor, rows)
    identify.count(cursor, identified)
    cursor.execute(statement("enrich/ledger"))
    return insert.store(cursor, offset)


def _tell_planner(cursor: CursorWrapper, table: str, rows: int) -> None:
    if rows >= MANY:
        cursor.execute(f"ANALYZE {table}")


def _find_sessions(cursor: CursorWrapper, rows: int) -> None:
    cursor.execute("SELECT bool_or(client_session IS NOT NULL), bool_or(client_session IS NULL) FROM placed")
    named, unnamed = cursor.fetchone()
    if named:
        cursor.execute(statement("enrich/sessions"))
        _tell_planner(cursor, "visit", rows)
        cursor.execute(statement("enrich/visits"))
    if unnamed:
        cursor.execute(statement("enrich/joined"))


def _refuse(error: Exception) -> EnrichReport:
    with single_writer("enrich") as alone:
        return EnrichReport(claimed=1, refused=poison.refuse_first(error)) if alone else EnrichReport()
