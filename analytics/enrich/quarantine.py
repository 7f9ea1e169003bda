"""Quarantine: acknowledged events that cannot be stored are kept whole, counted in the ledger, and can be replayed."""

from django.db import connection

from analytics.failures import summary
from analytics.models import QuarantinedEvent
from analytics.schema import INBOX, names
from analytics.statements import statement

PORTION = 1_000
COLUMNS = ", ".join(f'"{name}"' for name in names(INBOX))
REPLAY = f"""
WITH chosen AS (
    DELETE FROM analytics_quarantine WHERE id IN (
        SELECT id FROM analytics_quarantine WHERE id <= %(last)s ORDER BY id LIMIT %(portion)s FOR UPDATE
    )
    RETURNING *
), returned AS (
    -- A new position, because a later event may have been enriched already.
    INSERT INTO analytics_inbox ({COLUMNS})
    SELECT {COLUMNS.replace('"', 'r."', 1).replace(', "', ', r."')}
    FROM chosen CROSS JOIN LATERAL json_populate_record(NULL::analytics_inbox, chosen.row::json) AS r
    ORDER BY chosen.id
), counted AS (
    INSERT INTO analytics_ledger AS ledger (project_id, hour, outcome, reason, count)
    SELECT project_id, date_trunc('hour', received_at, 'UTC'), 'quarantined', '', -count(*)
    FROM chosen
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count
)
SELECT count(*) FROM chosen
"""  # noqa: S608 (names from schema.py)


def move(position: int, error: Exception) -> int:
    """Move the row at this position into quarantine. Returns 0 when it is no longer in the inbox."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    names = {"position": position, "sqlstate": state, "message": summary(error)}
    with connection.cursor() as cursor:
        cursor.execute(statement("enrich/quarantine"), names)
        return int(cursor.fetchone()[0])


def replay() -> int:
    """Return all quarantined events to the inbox. Returns how many."""
    # Only those that are there now: an event that fails again would be replayed for ever.
    last = QuarantinedEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    total = 0
    while count := _replay(last):
        total += count
    return total


def _replay(last: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REPLAY, {"last": last, "portion": PORTION})
        return int(cursor.fetchone()[0])
