"""The tables of the lake: their columns, how they are cut into partitions, and which ranges files declare."""

from dataclasses import dataclass

import pyarrow as pa

from analytics import schema

ARROW: dict[str, pa.DataType] = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "binary": pa.binary(),
    "string": pa.string(),
    "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
}

PARTITION = ("project_id", "month")
"""`month` is 'YYYY-MM': of the UTC timestamp in events, of the local day in the other tables.

In activity and facts it may also be 'YYYY-MM-DD': a day that still changes, until compaction joins it to its month.
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """A table: its folder under the lake, its columns in order, and those whose range each file declares."""

    name: str
    columns: pa.Schema
    ranges: tuple[str, ...]


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
"""Every event as schema.EVENT has it; `day` is the UTC day of its timestamp."""

ACTIVITY = Layout(
    "activity",
    pa.schema(
        [
            pa.field("project_id", pa.int32(), nullable=False),
            pa.field("month", pa.string(), nullable=False),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("person_id", pa.int64(), nullable=False),
            pa.field("event", pa.string(), nullable=False),
            pa.field("count", pa.int64(), nullable=False),
            pa.field("first_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("last_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    ),
    ("day", "person_id"),
)
"""How often a person (as they are known by now) did something on a local day of the project, and when first, last."""

FACTS = Layout(
    "facts",
    pa.schema(
        [
            pa.field("project_id", pa.int32(), nullable=False),
            pa.field("month", pa.string(), nullable=False),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("person_id", pa.int64(), nullable=False),
            pa.field("property", pa.string(), nullable=False),
            pa.field("value", pa.string(), nullable=False),
            pa.field("once", pa.bool_(), nullable=False),
            pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("sequence", pa.int64(), nullable=False),
            pa.field("event_id", pa.binary(), nullable=False),
        ]
    ),
    ("day", "person_id"),
)
"""What events assert about a person (as they are known by now): metrics.facts. `value` is JSON text.

`once` is true for $set_once. Left out is what repeats the assertion before it on the same local day.
"""

FIRSTS = Layout(
    "firsts",
    pa.schema(
        [
            pa.field("project_id", pa.int32(), nullable=False),
            pa.field("month", pa.string(), nullable=False),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("person_id", pa.int64(), nullable=False),
        ]
    ),
    ("day", "person_id"),
)
"""The first local day in activity of each person who is in it."""
