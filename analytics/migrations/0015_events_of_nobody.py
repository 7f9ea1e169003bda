from pathlib import Path
from typing import Any

from django.db import migrations, models

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def allow_nobody_in_lake(apps: Any, schema_editor: Any) -> None:
    """A change of metadata only: no file of the lake is written again."""
    from analytics.lake import table
    from analytics.lake.columns import ACTIVITY, EVENTS

    for layout in (EVENTS, ACTIVITY):
        table.allow_nulls(layout)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0014_undone_links")]

    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.AddField("session", "device_id", models.TextField(null=True, blank=True)),
        migrations.AlterField(
            "ledgerentry",
            "reason",
            models.CharField(
                max_length=40,
                default="",
                help_text="why it was refused; `no_person` if it was stored without one",
            ),
        ),
        migrations.RunPython(allow_nobody_in_lake, migrations.RunPython.noop),
    ]
