from django.db import migrations, models

# When a property was set is not known for those who are here already: not after the person was last seen. Who was
# merged away gets an earlier time, for the other one has had the last word so far.
FILL = """
UPDATE analytics_person SET assertions = (
    SELECT jsonb_object_agg(key, jsonb_build_array(
        (extract(epoch FROM CASE WHEN merged_into_id IS NULL THEN last_seen ELSE first_seen END) * 1000000)::bigint,
        CASE WHEN merged_into_id IS NULL THEN 1 ELSE 0 END, false, value
    ))
    FROM jsonb_each(properties)
)
WHERE properties <> '{}'
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0010_facts")]

    operations = [
        migrations.AddField(
            model_name="person",
            name="assertions",
            field=models.JSONField(
                blank=True, default=dict, editable=False,
                help_text="where the properties come from: [microseconds, sequence, once, value] by name, of events"
                " that are stored as this person",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
