from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("analytics", "0006_firsts")]

    operations = [
        migrations.RenameModel("RetentionCell", "ReturnCell"),
        migrations.AlterModelTable("ReturnCell", "analytics_rollup_return"),
    ]
