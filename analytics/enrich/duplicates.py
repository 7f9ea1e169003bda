"""Drops duplicates of events that are stored already, in PostgreSQL or in the lake."""

import numpy as np
import pyarrow as pa
from django.db.backends.utils import CursorWrapper

from analytics.lake.seen import already_stored
from analytics.statements import statement


def drop(cursor: CursorWrapper) -> tuple[int, int]:
    """Drop duplicates and rows of deleted projects from the batch. Returns (duplicates, refused)."""
    cursor.execute(statement("enrich/duplicates"))
    _drop_duplicates_in_lake(cursor)
    cursor.execute(
        "SELECT count(DISTINCT position), count(*) FILTER (WHERE outcome = 'refused') FROM dropped"
    )
    dropped, refused = cursor.fetchone()
    if dropped:
        cursor.execute(statement("enrich/drop"))
    return dropped - refused, refused


def _drop_duplicates_in_lake(cursor: CursorWrapper) -> None:
    """Events older than two days may have left PostgreSQL, so the lake is searched, by day."""
    cursor.execute(statement("enrich/candidates"))
    projects, ids, days, positions = cursor.fetchone()
    if projects is None:
        return
    found = already_stored(_candidates(projects, ids, days))
    if found.num_rows:
        stored = {
            (project, id)
            for project, id in zip(*(column.to_pylist() for column in found.columns), strict=True)
        }
        known = [
            int(position)
            for position, project, id in zip(
                _numbers(positions, 8), _numbers(projects, 4), _ids(ids), strict=True
            )
            if (int(project), id) in stored
        ]
        cursor.execute("INSERT INTO dropped SELECT unnest(%s::bigint[]), 'duplicate', ''", [known])


def _candidates(projects: bytes, ids: bytes, days: bytes) -> pa.Table:
    columns = [
        # Arrow does not accept the big-endian integers that PostgreSQL sends, so astype() swaps their bytes.
        pa.array(_numbers(projects, 4).astype("int32")),
        pa.array(_ids(ids), pa.binary()),
        pa.array(_numbers(days, 4).astype("int32"), pa.date32()),
    ]
    return pa.table(columns, names=["project_id", "id", "day"])


def _numbers(column: bytes, width: int) -> "np.ndarray[tuple[int], np.dtype[np.signedinteger]]":
    return np.frombuffer(column, dtype=f">i{width}")


def _ids(column: bytes) -> list[bytes]:
    return [column[start : start + 16] for start in range(0, len(column), 16)]
