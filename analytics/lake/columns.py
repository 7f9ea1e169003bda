"""The lake's tables: columns, partitions, and the columns whose ranges are in the file statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pyarrow as pa

from analytics import schema

ARROW: dict[str, pa.DataType] = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "binary": pa.binary(),
    "string": pa.string(),
    # Microseconds, like PostgreSQL: with milliseconds a copy would no longer equal its event.
    "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
}

PARTITION = ("project_id", "month")
"""`month` is 'YYYY-MM': of the UTC timestamp in events, of the local day in the other tables.

In activity and facts a day that still changes has a partition of its own, 'YYYY-MM-DD'. Compaction later merges it
into its month.
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """A table: its folder in the lake, its columns in order, and the columns with per-file statistics."""

    name: str
    columns: pa.Schema
    ranges: tuple[str, ...]


T = TypeVar("T")


def values(column: "pa.ChunkedArray[Any] | pa.Array[Any]", kind: type[T]) -> list[T]:
    """The values of a column without nulls, which are of this type in Python."""
    return cast("list[T]", column.to_pylist())


def arrow_schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


def _required(*, nullable: str = "", **columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, type, nullable=name == nullable) for name, type in columns.items()])


EVENTS = Layout(
    "events",
    pa.schema(
        [
            *(pa.field(column.name, ARROW[column.arrow], column.nullable) for column in schema.EVENT),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("month", pa.string(), nullable=False),
        ]
    ),
    ("sequence", "timestamp", "person_id", "day"),
)
"""All events: schema.EVENT, and `day`, the UTC day of the timestamp."""

ACTIVITY = Layout(
    "activity",
    _required(
        nullable="person_id",
        project_id=pa.int32(),
        month=pa.string(),
        day=pa.date32(),
        person_id=pa.int64(),
        event=pa.string(),
        count=pa.int64(),
        first_at=pa.timestamp("us", tz="UTC"),
        last_at=pa.timestamp("us", tz="UTC"),
    ),
    ("day", "person_id"),
)
"""How often a person (merges applied) did an event on a local day of the project, and when first and last.

person_id is null for the events that are nobody's.
"""

FACTS = Layout(
    "facts",
    _required(
        project_id=pa.int32(),
        month=pa.string(),
        day=pa.date32(),
        person_id=pa.int64(),
        property=pa.string(),
        value=pa.string(),
        once=pa.bool_(),
        at=pa.timestamp("us", tz="UTC"),
        sequence=pa.int64(),
        event_id=pa.binary(),
    ),
    ("day", "person_id"),
)
"""What events set about a person (merges applied), see metrics.facts. `value` is JSON text.

`once` is true for $set_once. A value that repeats the one before it on the same local day is left out.
"""

FIRSTS = Layout(
    "firsts",
    _required(
        project_id=pa.int32(),
        month=pa.string(),
        day=pa.date32(),
        person_id=pa.int64(),
    ),
    ("day", "person_id"),
)
"""The first local day of each person in activity."""


def of_any_project(layout: Layout) -> list[str]:
    """The layout's columns after the first one, `project_id`."""
    return [name for name in layout.columns.names if name != "project_id"]


def with_project(project_id: int, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The rows of one project with their first column, `project_id`."""
    columns = pa.schema([pa.field("project_id", pa.int32()), *rows.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            project = pa.repeat(pa.scalar(project_id, pa.int32()), batch.num_rows)
            yield pa.RecordBatch.from_arrays([project, *batch.columns], schema=columns)

    return pa.RecordBatchReader.from_batches(columns, batches())
