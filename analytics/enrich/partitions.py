"""The daily partitions of analytics_event: created ahead, dropped once the lake has their events.

They are attached and detached without an exclusive lock on the parent table. Such a lock would wait for the longest
export, and every other query would wait behind it.
"""

import datetime as dt

from django.conf import settings
from django.db import connection, transaction

LISTING = """
SELECT c.relname, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relkind = 'r' AND c.relname ~ '^analytics_event_[0-9]{8}$' AND pg_table_is_visible(c.oid)
ORDER BY c.relname
"""


MISSING = """
SELECT day FROM unnest(%s::date[]) AS day
WHERE to_regclass('analytics_event_' || to_char(day, 'YYYYMMDD')) IS NULL
"""


def name(day: dt.date) -> str:
    return f"analytics_event_{day:%Y%m%d}"


def ensure(days: list[dt.date]) -> None:
    """Create the missing partitions of these days (UTC days on which events are stored)."""
    with connection.cursor() as cursor:
        cursor.execute(MISSING, [days])
        missing = [day for (day,) in cursor.fetchall()]
    for day in missing:
        _make(day)


def _make(day: dt.date) -> None:
    until = day + dt.timedelta(days=1)
    with transaction.atomic(), connection.cursor() as cursor:
        # Two workers at midnight: without the lock both attach the table, and one of them fails.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('firsthand.partitions'))")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {name(day)} (LIKE analytics_event INCLUDING DEFAULTS)")
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhrelid = %s::regclass", [name(day)])
        if not cursor.fetchone()[0]:
            cursor.execute(
                f"ALTER TABLE analytics_event ATTACH PARTITION {name(day)} FOR VALUES FROM ('{day}') TO ('{until}')"
            )


def expire(watermark: int, today: dt.date) -> list[dt.date]:
    """Drop partitions older than HOT_DAYS whose events are all in the lake. Returns the days dropped.

    Call it outside any transaction. A detach that was interrupted before is completed.
    """
    dropped = []
    for table, attached, pending in _partitions():
        day = dt.datetime.strptime(table[-8:], "%Y%m%d").replace(tzinfo=dt.UTC).date()
        # After this check no row can arrive, because enrich stores only in today's partition.
        if day >= today - dt.timedelta(days=settings.HOT_DAYS) or not _in_the_lake(table, watermark):
            continue
        # An interrupted run may have left a partition detached, or half detached (pending).
        if attached:
            _detach(table, pending)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")
        dropped.append(day)
    return dropped


def _partitions() -> list[tuple[str, bool, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(LISTING)
        return list(cursor.fetchall())


def _in_the_lake(table: str, watermark: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT NOT EXISTS (SELECT FROM {table} WHERE sequence > %s)", [watermark])  # noqa: S608
        return bool(cursor.fetchone()[0])


def _detach(table: str, pending: bool) -> None:
    how = "FINALIZE" if pending else "CONCURRENTLY"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE analytics_event DETACH PARTITION {table} {how}")
