"""Quarantine: acknowledged events that cannot be stored are kept whole, counted in the ledger, and can be replayed."""

import datetime as dt
import time

from django.db import connection

from analytics.enrich import partitions
from analytics.failures import summary
from analytics.locks import single_writer
from analytics.models import QuarantinedEvent, Stage
from analytics.schema import EVENT, INBOX, NO_PERSON, Column, names
from analytics.statements import statement

PORTION = 1_000
POLL_INTERVAL = 0.05
"""Seconds between two attempts while another process enriches."""


def _replay_statement(stage: Stage, returned: str, counted: str) -> str:
    return f"""
        WITH chosen AS (
            DELETE FROM analytics_quarantine WHERE id IN (
                SELECT id FROM analytics_quarantine WHERE id <= %(last)s AND stage = '{stage}'
                ORDER BY id LIMIT %(portion)s FOR UPDATE
            )
            RETURNING *
        ), returned AS (
            {returned}
        ), counted AS (
            INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
            SELECT project_id, date_trunc('hour', received_at, 'UTC'), entry.outcome, entry.reason, sum(entry.count)
            FROM chosen CROSS JOIN LATERAL (VALUES {counted}) AS entry (outcome, reason, count)
            GROUP BY 1, 2, 3, 4
            ORDER BY 1, 2, 3, 4
            ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count
        )
        SELECT count(*) FROM chosen
    """  # noqa: S608 (names from schema.py)


def _listed(columns: tuple[Column, ...], values: dict[str, str]) -> tuple[str, str]:
    """The columns, and where each comes from: `values`, or the quarantined row `r`."""
    return (
        ", ".join(f'"{name}"' for name in names(columns)),
        ", ".join(values.get(name, f'r."{name}"') for name in names(columns)),
    )


INBOX_COLUMNS, INBOX_VALUES = _listed(INBOX, {})
# A new position, because a later event may have been enriched already.
REPLAY_WAITING = _replay_statement(
    Stage.ENRICH,
    f"""
    INSERT INTO analytics_inbox ({INBOX_COLUMNS})
    SELECT {INBOX_VALUES}
    FROM chosen CROSS JOIN LATERAL json_populate_record(NULL::analytics_inbox, chosen.row::json) AS r
    ORDER BY chosen.id
    """,  # noqa: S608 (names from schema.py)
    "('quarantined', '', -1)",
)

EVENT_COLUMNS, EVENT_VALUES = _listed(EVENT, {"sequence": "nextval('analytics_event_sequence')"})
# A new sequence, because load has passed the old one. Not through the inbox: people and sessions have counted them.
REPLAY_STORED = _replay_statement(
    Stage.LOAD,
    f"""
    INSERT INTO analytics_event (stored_on, {EVENT_COLUMNS})
    SELECT (now() AT TIME ZONE 'UTC')::date, {EVENT_VALUES}
    FROM chosen CROSS JOIN LATERAL json_populate_record(NULL::analytics_event, chosen.row::json) AS r
    """,  # noqa: S608 (names from schema.py)
    f"""
    ('quarantined', '', -1),
    ('stored', CASE WHEN chosen.row::json ->> 'person_id' IS NULL THEN '{NO_PERSON}' ELSE '' END, 1)
    """,
)


def move(position: int, error: Exception) -> int:
    """Move the row at this position into quarantine. Returns 0 when it is no longer in the inbox."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    names = {"position": position, "sqlstate": state, "message": summary(error)}
    with connection.cursor() as cursor:
        cursor.execute(statement("enrich/quarantine"), names)
        return int(cursor.fetchone()[0])


def replay() -> int:
    """Return all quarantined events to the inbox, or to load. Returns how many."""
    # Only those that are there now: an event that fails again would be replayed for ever.
    last = QuarantinedEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    total = 0
    while count := _replay(REPLAY_WAITING, last):
        total += count
    while count := _replay_stored(last):
        total += count
    return total


def _replay(replay: str, last: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(replay, {"last": last, "portion": PORTION})
        return int(cursor.fetchone()[0])


def _replay_stored(last: int) -> int:
    today = dt.datetime.now(dt.UTC).date()
    partitions.ensure([today, today + dt.timedelta(days=1)])
    while True:
        # As enrich: two transactions that assign sequences could commit in another order, and load would miss events.
        with single_writer("enrich") as alone:
            if alone:
                return _replay(REPLAY_STORED, last)
        time.sleep(POLL_INTERVAL)
