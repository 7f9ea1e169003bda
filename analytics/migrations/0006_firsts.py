from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_links_by_ids")]

    operations = [
        migrations.AddField(
            model_name="rollupcalendar",
            name="firsts_version",
            field=models.BigIntegerField(
                help_text="from this version on the lake's firsts are right for the project", null=True
            ),
        ),
    ]
