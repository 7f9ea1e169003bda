"""The last step of a batch: its rows are events, in one statement."""

from django.db.backends.utils import CursorWrapper

from analytics.schema import EVENT

ENRICHED = {
    "sequence": "c.position + %(offset)s",
    "person_id": "p.stored_as",
    "session_id": "s.session_id",
    "browser": "a.browser",
    "os": "a.os",
    "device": "a.device",
    "country": "l.country",
}
"""Where the columns come from that enrich is the first to know."""


def _statement() -> str:
    columns = ", ".join(f'"{column.name}"' for column in EVENT)
    values = ", ".join(ENRICHED.get(column.name, f'c."{column.name}"') for column in EVENT)
    return f"""
        -- Too little to hash the wide side of the join, enough for the narrow ones; and never sort the wide one.
        SET LOCAL work_mem = '16MB';
        SET LOCAL enable_mergejoin = off;
        INSERT INTO analytics_event (stored_on, {columns})
        SELECT (now() AT TIME ZONE 'UTC')::date, {values}
        FROM claimed c
        JOIN placed p USING (position)
        LEFT JOIN in_session s USING (position)
        LEFT JOIN agent a ON a.user_agent = c.user_agent
        LEFT JOIN place l ON l.ip = c.ip
    """  # noqa: S608 (names from schema.py)


STORE = _statement()


def store(cursor: CursorWrapper, offset: int) -> int:
    """`offset` leads from positions in the inbox to sequences. Returns how many events were stored."""
    cursor.execute(STORE, {"offset": offset})
    while cursor.nextset():
        pass
    return int(cursor.rowcount)
