"""The last step of a batch: inserts its events, in one statement."""

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
"""The SQL for the columns that enrich computes. All others come from the inbox."""


def _statement() -> str:
    columns = ", ".join(f'"{column.name}"' for column in EVENT)
    values = ", ".join(ENRICHED.get(column.name, f'c."{column.name}"') for column in EVENT)
    return f"""
        -- The planner must hash the narrow tables: too little memory to hash the wide one, and no sort of it.
        SET LOCAL work_mem = '16MB';
        SET LOCAL enable_mergejoin = off;
        INSERT INTO analytics_event (stored_on, {columns})
        SELECT (now() AT TIME ZONE 'UTC')::date, {values}
        FROM claimed c
        LEFT JOIN batch_events p USING (position)
        LEFT JOIN in_session s USING (position)
        LEFT JOIN agent a ON a.user_agent = c.user_agent
        LEFT JOIN place l ON l.ip = c.ip
    """  # noqa: S608 (names from schema.py)


STORE = _statement()


def store(cursor: CursorWrapper, offset: int) -> int:
    """Insert the batch. Sequence = position in the inbox + `offset`. Returns how many events were stored."""
    cursor.execute(STORE, {"offset": offset})
    # rowcount is that of the current result. The INSERT's is the last.
    while cursor.nextset():
        pass
    return int(cursor.rowcount)
