"""Empty the installation: no rows, no lake. Ids go on from where they were, so that no cache knows them."""

import shutil
import time
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection, transaction

from analytics.lake import table

# Of Django's and the migrations', not of tests.
KEPT = ["django_migrations", "django_content_type", "auth_permission"]

# To empty all tables takes longer than most modules that use none of them.
TABLES = """
SELECT string_agg(quote_ident(relname), ', ') FILTER (WHERE NOT relispartition) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relname = ANY(%s)
HAVING bool_or(pg_relation_size(oid) > 0)
"""


def empty() -> None:
    deadline = time.monotonic() + 60
    while not _truncated():
        assert time.monotonic() < deadline, "some transaction holds a table and does not end"
    shutil.rmtree(Path(settings.LAKE_URL), ignore_errors=True)
    # A lake that is younger than its process: elsewhere a version of it never changes.
    table._listing.cache_clear()
    table._watermark_at.cache_clear()


def _truncated() -> bool:
    """Whether all tables could be locked. Ingest reads and writes several, too, in another order."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Shorter than PostgreSQL's deadlock_timeout, so that it is never ingest's transaction that is ended.
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
            cursor.execute(TABLES, [KEPT])
            if used := cursor.fetchone():
                cursor.execute(f"TRUNCATE {used[0]}")
    except OperationalError:
        return False
    return True
