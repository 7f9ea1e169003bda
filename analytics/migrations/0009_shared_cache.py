from django.db import migrations

TABLE = """
CREATE UNLOGGED TABLE analytics_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX analytics_cache_expires ON analytics_cache (expires);
"""
"""As Django's database cache wants it. Unlogged: what a crash empties is computed again."""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0008_project_versions")]

    operations = [migrations.RunSQL(TABLE, "DROP TABLE analytics_cache")]
