from pathlib import Path

from django.db import migrations, models

DROP = """
DROP FUNCTION analytics_person_search(text, jsonb, text);
DROP FUNCTION analytics_person_name(jsonb, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_events")]

    operations = [
        migrations.AddField("distinctid", "origin_id", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("distinctid", "events", models.BigIntegerField(default=0)),
        migrations.AddField("distinctid", "first_seen", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("distinctid", "last_seen", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("session", "origin_id", models.BigIntegerField(blank=True, null=True)),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), DROP),
    ]
