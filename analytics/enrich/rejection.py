"""Rejects a row that PostgreSQL cannot store: deletes it, counts it in the ledger and keeps a sample as a warning."""

from django.db import connection

from analytics.statements import statement

REASON = "not_storable"


def reject_oldest(error: Exception) -> int:
    """Reject the oldest row of the inbox, in the caller's transaction. Returns 1, or 0 when the inbox is empty."""
    lines = str(error).splitlines()
    with connection.cursor() as cursor:
        cursor.execute(
            statement("enrich/reject_oldest"),
            {"reason": REASON, "message": lines[0] if lines else type(error).__name__},
        )
        return int(cursor.fetchone()[0])
