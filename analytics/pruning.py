"""Deletes what is only kept for a while: ingestion warnings and the marks of replayed spool files."""

from django.db import connection

WARNINGS = 1_000
"""Warnings that each project keeps, the newest ones. The ledger counts all."""

REPLAY_MARK_DAYS = 30
"""A spool file is removed right after its replay. Its mark matters only if a crash in between leaves the file."""

WARNINGS_SQL = """
DELETE FROM analytics_warning w USING (
    SELECT project_id, (array_agg(id ORDER BY id DESC))[%(kept)s] AS oldest_kept
    FROM analytics_warning
    GROUP BY project_id
    HAVING count(*) > %(kept)s
) AS full_projects
WHERE w.project_id = full_projects.project_id AND w.id < full_projects.oldest_kept
"""
MARKS_SQL = "DELETE FROM analytics_spool_replayed WHERE replayed_at < now() - make_interval(days => %(days)s)"


def prune() -> int:
    """Returns how many rows were deleted."""
    with connection.cursor() as cursor:
        cursor.execute(WARNINGS_SQL, {"kept": WARNINGS})
        warnings = cursor.rowcount
        cursor.execute(MARKS_SQL, {"days": REPLAY_MARK_DAYS})
        return int(warnings + cursor.rowcount)
