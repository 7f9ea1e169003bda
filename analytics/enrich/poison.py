"""A row that PostgreSQL will not store as an event: out of the inbox, into the books, a sample to the warnings."""

from django.db import connection

from analytics.statements import statement

REASON = "not_storable"


def refuse_first(error: Exception) -> int:
    """Refuse the oldest row of the inbox, in the caller's transaction. Returns how many were there: 1 or 0."""
    said = str(error).splitlines()
    with connection.cursor() as cursor:
        cursor.execute(
            statement("enrich/refuse"),
            {"reason": REASON, "message": said[0] if said else type(error).__name__},
        )
        return int(cursor.fetchone()[0])
