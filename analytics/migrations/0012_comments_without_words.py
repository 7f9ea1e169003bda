"""Takes the words of comments out of events that were stored with them: PostgreSQL's rows and the lake's files.

Decision 006. It changes no number and may run again: a start that failed halfway goes on where it stopped.
"""

import json
import uuid
from typing import Any

from django.db import migrations

COMMENT_EVENT = "$comment"
REACTIONS = ("useful", "confusing", "exciting", "forgettable")

ROWS = """
UPDATE {table}
SET properties = jsonb_strip_nulls(jsonb_build_object(
    'comment', id,
    'reaction', CASE WHEN properties::json ->> 'reaction' = ANY(%(reactions)s) THEN properties::json ->> 'reaction' END
))::text
WHERE event = %(event)s
"""


def clean_rows(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for table in ("analytics_inbox", "analytics_event"):
            cursor.execute(
                ROWS.format(table=table), {"event": COMMENT_EVENT, "reactions": list(REACTIONS)}
            )


def clean_lake(apps: Any, schema_editor: Any) -> None:
    """One commit for each month of a project in which somebody said something."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from analytics.lake import table
    from analytics.lake.columns import EVENTS

    names = EVENTS.columns.names
    batches = table.scan(EVENTS, names, f"event = '{COMMENT_EVENT}'")
    said = pa.Table.from_batches(list(batches), EVENTS.columns)
    for part in said.group_by(["project_id", "month"]).aggregate([]).to_pylist():
        project, month = part["project_id"], part["month"]
        rows = said.filter(pc.and_(pc.equal(said["project_id"], project), pc.equal(said["month"], month)))
        properties = pa.array([without_words(row["id"], row["properties"]) for row in rows.to_pylist()])
        if properties != rows["properties"].combine_chunks():
            place = names.index("properties")
            clean = rows.set_column(place, EVENTS.columns.field(place), properties)
            where = f"project_id = {project} AND month = '{month}' AND event = '{COMMENT_EVENT}'"
            table.replace(EVENTS, clean.to_reader(), where, at=table.version(EVENTS))


def without_words(id: bytes, properties: str) -> str:
    # Python refuses to read whole numbers of thousands of digits, which any client could send under this name.
    reaction = json.loads(properties, parse_int=str).get("reaction")
    said = {"comment": str(uuid.UUID(bytes=id))}
    return json.dumps(said | ({"reaction": reaction} if reaction in REACTIONS else {}), separators=(",", ":"))


class Migration(migrations.Migration):
    dependencies = [("analytics", "0011_assertions")]

    operations = [
        migrations.RunPython(clean_lake, migrations.RunPython.noop),
        migrations.RunPython(clean_rows, migrations.RunPython.noop),
    ]
