from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0017_fewer_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='active_until',
            field=models.DateTimeField(null=True),
        ),
        # Rewrites the table once. An UPDATE would leave it twice as large.
        migrations.RunSQL(
            "ALTER TABLE analytics_session ALTER COLUMN active_until TYPE timestamptz USING ended_at",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='session',
            name='active_until',
            field=models.DateTimeField(),
        ),
    ]
