"""Property filters on rows from PostgreSQL.

The engine evaluates them, as it does for the lake: filters in SQL would match differently in details.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from ibis.expr import types as ir

from analytics import engine
from analytics.lake.columns import values
from analytics.metrics.filters import TEXT_COLUMNS, Filter, matches_filter, property_text
from api import portions

CHUNK = 5_000

Row = tuple[Any, ...]
Where = tuple[Filter, ...]


def conditions(events: ir.Table, where: Where) -> list[ir.BooleanValue]:
    """The filters as expressions on a table of events."""
    return [matches_filter(property_text(events, item.property), item) for item in where]


def events(project_id: int, columns: Sequence[str], rows: list[Row], where: Where) -> list[Row]:
    """The matching events, in the same order. `columns` are the columns of `rows`."""
    needed = {name: columns.index(name) for name in (*TEXT_COLUMNS, "properties")}
    texts = {name: [row[index] for row in rows] for name, index in needed.items()}
    return _matching(project_id, rows, texts, lambda table: conditions(table, where))


def people(project_id: int, rows: list[Row], where: Where) -> list[Row]:
    """The matching people. A row is an ID and, for each filter, the text of its property."""
    names = [f"fact_{index}" for index in range(len(where))]
    texts = {name: [row[index] for row in rows] for index, name in enumerate(names, start=1)}
    return _matching(
        project_id,
        rows,
        texts,
        lambda table: [matches_filter(table[name], item) for name, item in zip(names, where, strict=True)],
    )


def walk(
    after: Callable[[int], tuple[list[Row], bool]],
    number: int,
    matching: Callable[[list[Row]], list[Row]],
    limit: int,
) -> tuple[list[Row], bool]:
    """The next matching rows, at most `limit` and about a portion, and whether there may be more.

    after    the next rows after a number, and whether there may be more; 0 for the beginning
    number   the index of the number in a row
    """
    found: list[Row] = []
    beyond, more, full = 0, True, False
    while more and not full:
        rows, more = after(beyond)
        beyond = rows[-1][number] if rows else beyond
        found += matching(rows)
        _, full = portions.take(iter(found), limit)
    return found[:limit], more or len(found) > limit


def _matching(
    project_id: int,
    rows: list[Row],
    texts: dict[str, list[str | None]],
    tests: Callable[[ir.Table], list[ir.BooleanValue]],
) -> list[Row]:
    if not rows:
        return []
    # The engine does not keep the order of rows, so each carries its number.
    numbers = pa.array(range(len(rows)), pa.int64())
    columns = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    # NOTHING saves a query for the newest state: no table of the lake is read.
    with engine.snapshot(project_id, engine.NOTHING) as tables:
        table = tables.table(pa.table({"row_number": numbers} | columns))
        found = tables.run(table.filter(*tests(table)).select("row_number").order_by("row_number"))
    return [rows[number] for number in values(found["row_number"], int)]
