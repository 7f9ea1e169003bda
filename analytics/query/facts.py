"""What is known about people, for questions that filter or divide by it: from PostgreSQL, as small tables."""

import pyarrow as pa
from django.db import connection

from projects.models import Project

SCHEMA = pa.schema([("person_id", pa.int64()), ("value", pa.string())])

VALUES = """
SELECT id, properties ->> %(name)s
FROM analytics_person
WHERE project_id = %(project)s AND properties ->> %(name)s IS NOT NULL
"""


def values(project: Project, name: str) -> pa.Table:
    """person_id and the text of a property, of everyone who has it."""
    with connection.cursor() as cursor:
        cursor.execute(VALUES, {"project": project.pk, "name": name})
        rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else ([], [])
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
