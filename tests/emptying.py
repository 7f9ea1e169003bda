"""Empty the installation: no rows, no lake. Ids go on from where they were, so that no cache knows them."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from analytics.lake import table

# Of Django's and the migrations', not of tests.
KEPT = ["django_migrations", "django_content_type", "auth_permission"]

TABLES = """
SELECT string_agg(quote_ident(relname), ', ') FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND NOT relname = ANY(%s)
"""


def empty() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # A test that left a transaction open would hold this up for ever.
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        cursor.execute(TABLES, [KEPT])
        cursor.execute(f"TRUNCATE {cursor.fetchone()[0]}")
    shutil.rmtree(Path(settings.LAKE_URL), ignore_errors=True)
    # A lake that is younger than its process: elsewhere a version of it never changes.
    table._listing.cache_clear()
    table._watermark_at.cache_clear()
