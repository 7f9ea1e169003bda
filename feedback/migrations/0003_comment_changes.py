from django.db import migrations, models
from django.db.models import Q
from django.utils.timezone import now

# A comment's first change is its ID: cursors of older versions hold an ID and keep their position.
FILL = """
UPDATE feedback_comment SET change = id, updated_at = received_at;
CREATE SEQUENCE feedback_comment_change OWNED BY feedback_comment.change;
SELECT setval('feedback_comment_change', greatest(1, (SELECT max(id) FROM feedback_comment)));
"""


class Migration(migrations.Migration):
    dependencies = [("feedback", "0002_webhooks")]

    operations = [
        migrations.AddField("comment", "change", models.BigIntegerField(null=True)),
        migrations.AddField("comment", "updated_at", models.DateTimeField(null=True)),
        migrations.AddField("comment", "edited_at", models.DateTimeField(null=True, blank=True, help_text="when its words were changed last")),
        migrations.AddField("comment", "deleted_at", models.DateTimeField(null=True, blank=True)),
        migrations.RunSQL(FILL, "DROP SEQUENCE feedback_comment_change"),
        migrations.AlterField(
            "comment",
            "change",
            models.BigIntegerField(
                help_text="from the sequence feedback_comment_change, anew with every change; in the order of committing"
            ),
        ),
        migrations.AlterField(
            "comment", "updated_at", models.DateTimeField(default=now, help_text="when anything about it changed last")
        ),
        migrations.AlterField(
            "comment",
            "status",
            models.CharField(
                max_length=8,
                default="new",
                choices=[("new", "New"), ("open", "Open"), ("promised", "Promised"), ("done", "Done"), ("declined", "Declined")],
            ),
        ),
        migrations.RemoveIndex("comment", "comment_in_order"),
        migrations.RemoveConstraint("comment", "a_comment_says_something"),
        migrations.AddConstraint(
            "comment",
            models.CheckConstraint(
                name="a_comment_says_something", condition=~Q(reaction="", text="") | Q(deleted_at__isnull=False)
            ),
        ),
        migrations.AddConstraint(
            "comment",
            models.CheckConstraint(
                name="a_deleted_comment_has_no_words", condition=Q(deleted_at=None) | Q(text="", url="", context={})
            ),
        ),
        migrations.AddConstraint(
            "comment",
            models.CheckConstraint(
                name="one_of_the_statuses", condition=Q(status__in=["new", "open", "promised", "done", "declined"])
            ),
        ),
        migrations.AddConstraint(
            "comment", models.UniqueConstraint(fields=["project", "change"], name="one_comment_per_change")
        ),
    ]
