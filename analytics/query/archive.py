"""Events from the lake, for rows that have left the hot window. Person IDs are those stored, before merges."""

import datetime as dt
import functools
import operator
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import ibis
import pyarrow as pa
from django.db import connection
from ibis.expr import types as ir

from analytics import engine
from analytics.identity import redirects
from analytics.lake import table
from analytics.lake.columns import EVENTS, values
from analytics.models import DataVersion
from analytics.query import row_filters
from api import portions
from config.limits import EXPORT_READS, LAKE_READS, PORTION_BYTES

Rows = Iterator[tuple[Any, ...]]
Days = tuple[dt.date, dt.date]
Moments = tuple[dt.datetime, dt.datetime]

BATCH = 2_000
READ_AHEAD_BYTES = 16 << 20
"""Text of the events that are fetched from the lake at once."""

_reads = threading.BoundedSemaphore(LAKE_READS)
_export_reads = threading.BoundedSemaphore(EXPORT_READS)


def mark() -> int:
    """The lake holds every event up to this sequence; 0 while it holds none."""
    return table.watermark(EVENTS)


def between(
    project_id: int,
    columns: Sequence[str],
    filters: dict[str, Any],
    where: row_filters.Where,
    *,
    sequences: tuple[int, int],
    moments: Moments,
    limit: int,
    exported: bool,
) -> tuple[Rows, bool]:
    """The next `limit` events by sequence, read in portions as they are taken, and whether they are all of them.

    filters    column: value, or a list of values
    where      filters on properties
    sequences  after the first and up to the second
    moments    start (inclusive) and end (exclusive)
    exported   whether the rows are for an export, which leaves room for pages
    """

    def rows_of(stored: ir.Table) -> ir.Table:
        timely = (stored.timestamp >= moments[0]) & (stored.timestamp < moments[1])
        asked = [*_equal(stored, filters), *row_filters.conditions(stored, where)]
        return stored.filter(stored.sequence > sequences[0], stored.sequence <= sequences[1], timely, *asked)

    days = moments[0].date(), moments[1].date()
    with _stored(project_id, days, exported=exported) as (tables, stored):
        rows = rows_of(stored)
        # Sizes first, and selected before they are sorted: the engine holds all of a row that it sorts.
        sized = rows.select("sequence", size=_size(rows))
        found = tables.run(sized.order_by("sequence").limit(limit))

    def portion(first: int, last: int) -> pa.Table:
        with _stored(project_id, days, exported=exported) as (tables, stored):
            rows = rows_of(stored)
            near = rows.filter(rows.sequence >= first, rows.sequence <= last)
            return tables.run(near.order_by("sequence").select(*columns))

    ranges = _ranges(values(found["sequence"], int), values(found["size"], int))
    return (row for each in ranges for row in _rows(portion(*each))), found.num_rows < limit


def _ranges(sequences: list[int], sizes: list[int]) -> Iterator[tuple[int, int]]:
    """The first and last sequences of portions of READ_AHEAD_BYTES."""
    begin = 0
    while begin < len(sequences):
        end = begin + portions.fitting(sizes[begin:], READ_AHEAD_BYTES)
        yield sequences[begin], sequences[end - 1]
        begin = end


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
        newest = _newest_first(_sized(rows)).limit(limit)
        return _rows(tables.run(_newest_first(_fitting(tables, rows, newest)).select(*columns)))


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
        ranked = _sized(rows.mutate(place=place), "place")
        newest = ranked.filter(ranked.place < limit)
        return _rows(tables.run(_newest_first(_fitting(tables, rows, newest)).select(*columns)))


@contextmanager
def _stored(
    project_id: int, days: Days = (dt.date.min, dt.date.max), *, link: int = 0, exported: bool = False
) -> Iterator[tuple[engine.Tables, ir.Table]]:
    """The current lake, including events that no rollup has processed yet."""
    newest = DataVersion(lake_version=table.version(EVENTS), activity_version=table.NEVER, link_id=link)
    with _turn(exported=exported), engine.snapshot(project_id, newest, days=days) as tables:
        yield tables, tables.stored


@contextmanager
def _turn(*, exported: bool) -> Iterator[None]:
    """Wait until the process may read. Each read decodes tens of megabytes of large events."""
    # Those who wait hold no connection: pages that need no lake would wait for one behind them.
    if not connection.in_atomic_block:
        connection.close()
    with _export_reads if exported else nullcontext(), _reads:
        yield


def _equal(events: ir.Table, filters: dict[str, Any]) -> list[ir.BooleanValue]:
    return [
        events[name].isin(value) if isinstance(value, list) else events[name] == value
        for name, value in filters.items()
    ]


def _sized(rows: ir.Table, *more: str) -> ir.Table:
    """The order and the size of rows, without their texts: the engine holds all of a row that it sorts."""
    return rows.select("timestamp", "sequence", *more, size=_size(rows))


def _fitting(tables: engine.Tables, rows: ir.Table, sized: ir.Table) -> ir.Table:
    """The newest of the rows, until they are a portion."""
    newest = ibis.window(  # type: ignore[no-untyped-call] # Ibis declares no types for it
        order_by=[sized.timestamp.desc(), sized.sequence.desc()], preceding=None, following=0
    )
    summed = sized.mutate(bytes_before=sized["size"].sum().over(newest) - sized["size"])
    found = tables.run(summed.filter(summed.bytes_before < PORTION_BYTES).select("sequence"))
    return rows.semi_join(tables.table(found), "sequence")


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
