import django.db.models.deletion
from django.db import migrations, models

ADOPT = """
INSERT INTO analytics_project_version (project_id, number)
SELECT cut.project_id, newest.id
FROM analytics_rollup_calendar AS cut, (SELECT max(id) AS id FROM analytics_data_version) AS newest
WHERE newest.id IS NOT NULL
"""
"""Projects that have numbers already are at the newest state."""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0007_returns"), ("projects", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="ProjectVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField(help_text="the first state that it held in, which may be forgotten by now")),
                ("last", models.ForeignKey(help_text="the last state that it held in; null while it is the current version", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="analytics.dataversion")),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project")),
            ],
            options={
                "db_table": "analytics_project_version",
                "constraints": [
                    models.UniqueConstraint(fields=("project", "number"), name="one_row_per_version"),
                    models.UniqueConstraint(condition=models.Q(("last", None)), fields=("project",), name="one_current_version"),
                ],
            },
        ),
        migrations.RunSQL(ADOPT, migrations.RunSQL.noop),
    ]
