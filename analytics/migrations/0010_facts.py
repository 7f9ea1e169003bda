from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0009_shared_cache")]

    operations = [
        migrations.AddField(
            model_name="dataversion",
            name="facts_version",
            field=models.BigIntegerField(
                help_text="null: made before the lake had facts, so all of them are still to be computed", null=True
            ),
        ),
    ]
