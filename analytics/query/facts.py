"""What is known about people, for questions that filter or divide by it: from PostgreSQL, as small tables."""

import pyarrow as pa
from django.db import connection

from analytics.query.spec import CohortValues, Query, Trends
from projects.models import Project

SCHEMA = pa.schema([("person_id", pa.int64()), ("value", pa.string())])

VALUES = """
SELECT id, properties ->> %(name)s
FROM analytics_person
WHERE project_id = %(project)s AND properties ->> %(name)s IS NOT NULL
"""


def named(query: Query) -> list[str]:
    """The properties of people that a question is about, each once."""
    if isinstance(query, CohortValues):
        return []
    if isinstance(query, Trends):
        conditions = [item for series in query.series for item in query.meant(series).where]
    else:
        conditions = [*query.start.where, *query.return_.where]
    names = [item.property for item in conditions if item.on == "person"]
    if isinstance(query, Trends) and query.breakdown is not None and query.breakdown.on == "person":
        names.append(query.breakdown.property)
    return list(dict.fromkeys(names))


def values(project: Project, name: str) -> pa.Table:
    """person_id and the text of a property, of everyone who has it."""
    with connection.cursor() as cursor:
        cursor.execute(VALUES, {"project": project.pk, "name": name})
        rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else ([], [])
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
