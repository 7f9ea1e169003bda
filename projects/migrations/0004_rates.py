from django.db import migrations

TABLE = """
DROP TABLE projects_key_rate;
CREATE UNLOGGED TABLE projects_rate (
    bucket text PRIMARY KEY,
    busy_until timestamp with time zone NOT NULL
);
"""
"""Unlogged, because every counted request writes to it. A crash empties it, which only resets the rates."""

UNDO = """
DROP TABLE projects_rate;
CREATE UNLOGGED TABLE projects_key_rate (
    key_id bigint PRIMARY KEY REFERENCES projects_key ON DELETE CASCADE,
    busy_until timestamp with time zone NOT NULL
);
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_key_rate")]

    operations = [migrations.RunSQL(TABLE, UNDO)]
