from django.db import migrations

TABLE = """
CREATE UNLOGGED TABLE projects_key_rate (
    key_id bigint PRIMARY KEY REFERENCES projects_key ON DELETE CASCADE,
    busy_until timestamp with time zone NOT NULL
);
"""
"""Unlogged, because every request writes to it. A crash empties it, which only resets the rates."""


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_notify_comments")]

    operations = [migrations.RunSQL(TABLE, "DROP TABLE projects_key_rate")]
