"""The last step of a batch: its rows leave the inbox and become events, in one statement."""

from django.db.backends.utils import CursorWrapper

from analytics.schema import EVENT, Source

ENRICHED = {
    "sequence": "gone.sequence",
    "person_id": "gone.stored_as",
    "session_id": "s.session_id",
    "browser": "a.browser",
    "os": "a.os",
    "device": "a.device",
    "country": "l.country",
}
"""Where the columns come from that enrich is the first to know."""


def _statement() -> str:
    columns = ", ".join(f'"{column.name}"' for column in EVENT)
    values = ", ".join(
        ENRICHED[column.name] if column.source is Source.ENRICH else f'gone."{column.name}"'
        for column in EVENT
    )
    return f"""
        WITH gone AS (
            DELETE FROM analytics_inbox i USING placed p WHERE i.position = p.position
            RETURNING i.*, p.sequence, p.stored_as
        )
        INSERT INTO analytics_event (stored_on, {columns})
        SELECT (now() AT TIME ZONE 'UTC')::date, {values}
        FROM gone
        LEFT JOIN in_session s ON s.sequence = gone.sequence
        LEFT JOIN agent a ON a.user_agent = gone.user_agent
        LEFT JOIN place l ON l.ip = gone.ip
    """  # noqa: S608 (names from schema.py)


MOVE = _statement()


def move(cursor: CursorWrapper) -> int:
    """Returns how many events were stored."""
    cursor.execute(MOVE)
    return int(cursor.rowcount)
