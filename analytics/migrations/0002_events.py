from pathlib import Path

from django.db import migrations

DROP = """
DROP INDEX person_search;
DROP TABLE analytics_spool_replayed, analytics_event, analytics_inbox;
DROP SEQUENCE analytics_event_sequence;
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), DROP)]
