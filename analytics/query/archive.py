"""Events from the lake, for rows that have left the hot window. Person IDs are those stored, before merges."""

import datetime as dt
import functools
import operator
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from analytics import engine
from analytics.identity import redirects
from analytics.lake import table
from analytics.lake.columns import EVENTS, values
from analytics.models import DataVersion
from analytics.query import row_filters
from api import portions
from config.limits import PORTION_BYTES

Rows = Iterator[tuple[Any, ...]]
Days = tuple[dt.date, dt.date]
Moments = tuple[dt.datetime, dt.datetime]

BATCH = 2_000
READ_AHEAD_BYTES = 32 << 20


def mark() -> int:
    """The lake holds every event up to this sequence; 0 while it holds none."""
    return table.watermark(EVENTS)


def between(
    project_id: int,
    columns: Sequence[str],
    filters: dict[str, Any],
    where: row_filters.Where,
    *,
    after: int,
    upto: int,
    moments: Moments,
    limit: int,
) -> tuple[Rows, bool]:
    """Events ordered by sequence, and whether they are all of them: fewer come if they are large.

    filters   column: value, or a list of values
    where     filters on properties
    moments   start (inclusive) and end (exclusive)
    """
    start, end = moments
    with _stored(project_id, (start.date(), end.date())) as (tables, events):
        timely = (events.timestamp >= start) & (events.timestamp < end)
        asked = [*_equal(events, filters), *row_filters.conditions(events, where)]
        rows = events.filter(events.sequence > after, events.sequence <= upto, timely, *asked)
        # Sizes first: the engine holds a whole result in memory, of whatever size its rows are.
        sized = rows.order_by("sequence").limit(limit).select("sequence", size=_size(rows))
        found = tables.run(sized)
        count = portions.fitting(cast("list[int]", found["size"].to_pylist()), READ_AHEAD_BYTES)
        if count == 0:
            return iter(()), True
        fitting = rows.filter(rows.sequence <= found["sequence"][count - 1].as_py())
        whole = count == found.num_rows < limit
        return _rows(tables.run(fitting.order_by("sequence").select(*columns))), whole


def changed(project_id: int, column: str, *, after: int, upto: int, beyond: int, limit: int) -> list[int]:
    """The next distinct values of a column in a range of sequences, in order. Person IDs are after merges."""
    with _stored(project_id, link=redirects.newest_link()) as (tables, _):
        events = tables.events
        rows = events.filter(events.sequence > after, events.sequence <= upto, events[column] > beyond)
        found = tables.run(rows.select(column).distinct().order_by(column).limit(limit))
        return values(found[column], int)


def sessionless(
    project_id: int, columns: Sequence[str], persons: list[int], place: tuple[dt.datetime, int], limit: int
) -> Rows:
    """A person's events outside of sessions, before a time and sequence, newest first."""
    at, sequence = place
    with _stored(project_id, (dt.date.min, at.date())) as (tables, events):
        moment = ibis.literal(at)
        # By time and sequence: several events can have the same time, and pages would skip or repeat them.
        before = (events.timestamp < moment) | ((events.timestamp == moment) & (events.sequence < sequence))
        rows = events.filter(events.person_id.isin(persons), events.session_id.isnull(), before)
        newest = _newest_first(rows).limit(limit)
        return _rows(tables.run(_newest_first(_fitting(newest)).select(*columns)))


def of_sessions(
    project_id: int, columns: Sequence[str], filters: dict[str, Any], *, days: Days, limit: int
) -> Rows:
    """The newest `limit` events of each of some sessions, newest first."""
    with _stored(project_id, days) as (tables, events):
        rows = events.filter(*_equal(events, filters))
        # A limit per session: with one for all, a single long session would leave none for the others.
        place = ibis.row_number().over(
            group_by=rows.session_id, order_by=[rows.timestamp.desc(), rows.sequence.desc()]
        )
        ranked = rows.mutate(place=place)
        return _rows(
            tables.run(_newest_first(_fitting(ranked.filter(ranked.place < limit))).select(*columns))
        )


@contextmanager
def _stored(
    project_id: int, days: Days = (dt.date.min, dt.date.max), *, link: int = 0
) -> Iterator[tuple[engine.Tables, ir.Table]]:
    """The current lake, including events that no rollup has processed yet."""
    newest = DataVersion(lake_version=table.version(EVENTS), activity_version=table.NEVER, link_id=link)
    with engine.snapshot(project_id, newest, days=days) as tables:
        yield tables, tables.stored


def _equal(events: ir.Table, filters: dict[str, Any]) -> list[ir.BooleanValue]:
    return [
        events[name].isin(value) if isinstance(value, list) else events[name] == value
        for name, value in filters.items()
    ]


def _fitting(rows: ir.Table) -> ir.Table:
    """The newest rows, until they are a portion."""
    newest = ibis.window(  # type: ignore[no-untyped-call] # Ibis declares no types for it
        order_by=[rows.timestamp.desc(), rows.sequence.desc()], preceding=None, following=0
    )
    sized = rows.mutate(bytes_before=_size(rows).sum().over(newest) - _size(rows))
    return sized.filter(sized.bytes_before < PORTION_BYTES)


def _size(rows: ir.Table) -> ir.IntegerColumn:
    """Characters of text in each row."""
    texts = [name for name, kind in rows.schema().items() if kind.is_string()]
    size: ir.IntegerColumn = functools.reduce(
        operator.add, (rows[name].length().fill_null(0) for name in texts)
    )
    return size


def _newest_first(rows: ir.Table) -> ir.Table:
    return rows.order_by(rows.timestamp.desc(), rows.sequence.desc())


def _rows(found: pa.Table) -> Rows:
    """Rows in the types of PostgreSQL, converted batch by batch. The lake stores UUIDs as 16 bytes."""
    # Batch by batch: 50,000 events as Python objects take many times the memory of the columns.
    rows = min(BATCH, 1 + found.num_rows * PORTION_BYTES // max(1, found.nbytes))
    for batch in found.to_batches(max_chunksize=rows):
        columns = {name: batch[name].to_pylist() for name in found.column_names}
        if "id" in columns:
            columns["id"] = [uuid.UUID(bytes=value) for value in columns["id"]]
        yield from zip(*columns.values(), strict=True)
