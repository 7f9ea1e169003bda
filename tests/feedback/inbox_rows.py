"""What lies in the inbox of events, as the pipeline will find it."""

from typing import Any

import msgspec
from django.db import connection


def waiting(project_id: int) -> list[dict[str, Any]]:
    """The project's events that wait for enrich, in order of arrival, with their properties decoded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM analytics_inbox WHERE project_id = %s ORDER BY position", [project_id])
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [row | {"properties": msgspec.json.decode(row["properties"])} for row in rows]
