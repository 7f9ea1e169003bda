import django.db.models.deletion
from django.db import migrations, models
from django.utils.timezone import now

import projects.models

# The only secret of a project becomes its first one, so that tokens that are signed with it stay valid.
MOVE = """
INSERT INTO projects_identitysecret (project_id, kid, secret, name, created_at)
SELECT id, 'k' || substr(md5(random()::text), 1, 10), identity_secret, 'first identity secret', created_at
FROM projects_project
WHERE length(identity_secret) >= 32;
-- A table with pending checks of foreign keys cannot be altered.
SET CONSTRAINTS ALL IMMEDIATE;
"""
BACK = """
UPDATE projects_project SET identity_secret = (
    SELECT secret FROM projects_identitysecret
    WHERE project_id = projects_project.id AND revoked_at IS NULL ORDER BY id LIMIT 1
)
WHERE EXISTS (SELECT FROM projects_identitysecret WHERE project_id = projects_project.id AND revoked_at IS NULL)
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_rates")]

    operations = [
        migrations.AddField(
            "project",
            "identity_enforced",
            models.BooleanField(
                default=False, help_text="refuse a userId of a browser that no identity token proves"
            ),
        ),
        migrations.CreateModel(
            "IdentitySecret",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kid", models.CharField(max_length=32, help_text="the `kid` in the header of a token")),
                ("secret", models.CharField(max_length=80, default=projects.models.new_identity_secret)),
                ("name", models.CharField(max_length=120, default="", blank=True)),
                ("created_at", models.DateTimeField(default=now)),
                ("last_used_at", models.DateTimeField(null=True, blank=True)),
                ("revoked_at", models.DateTimeField(null=True, blank=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="identity_secrets",
                        to="projects.project",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.RunSQL(MOVE, BACK),
        migrations.AddConstraint(
            "identitysecret",
            models.UniqueConstraint(fields=["project", "kid"], name="one_identity_secret_per_kid"),
        ),
        migrations.AddConstraint(
            "identitysecret",
            models.CheckConstraint(name="an_identity_secret_is_long", condition=models.Q(secret__regex=r"^.{32}")),
        ),
        migrations.RemoveField("project", "identity_secret"),
    ]
