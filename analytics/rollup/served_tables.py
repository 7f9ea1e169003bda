"""The served tables: counts and return cells in PostgreSQL, for the questions that screens ask most.

Computed from activity; only rows that differ are written. The counts of a period depend on its own days only. A return
cell (cohort + offset = a period) also depends on when its people were first seen, but a changed first day changes no
cell before that day. So rollup recomputes the periods of the dirty days, and the cells from the first of those on.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import ibis
import pyarrow as pa
from django.db import connection
from ibis.expr import types as ir

from analytics.engine import Tables
from analytics.lake import table
from analytics.lake.columns import FIRSTS
from analytics.metrics.expressions import int64
from analytics.metrics.periods import Calendar, period_of_day
from analytics.rollup.dirty_days import DirtyDays

Interval = Literal["day", "week", "month"]
Periods = tuple[int, ...]
INTERVALS: tuple[Interval, ...] = get_args(Interval)

COUNTS = Path(__file__).with_name("counts.sql").read_text(encoding="utf-8")
CELLS = Path(__file__).with_name("cells.sql").read_text(encoding="utf-8")
"""Each script creates a temporary table to fill. The statements that apply it follow after the divider."""
DIVIDER = "\n----\n"


def refresh(tables: Tables, dirty: DirtyDays) -> None:
    """Update the project's served tables from `tables.activity`, in the caller's transaction."""
    calendar = Calendar(dirty.project.zone, dirty.project.week_start)
    first = tables.lake(FIRSTS, table.version(FIRSTS))
    for interval in INTERVALS:
        touched = None if dirty.days is None else _period_numbers(calendar, interval, dirty.days)
        names = {"project": dirty.project.pk, "interval": interval}
        _replace_counts(tables, calendar, interval, touched, names)
        _replace_cells(tables, first, calendar, interval, touched, names)


@lru_cache(maxsize=128)
def counts(activity: ir.Table, interval: Interval, calendar: Calendar, touched: Periods | None) -> ir.Table:
    """period, event ('' is any), events, people."""
    rows = _periods(_days_of(activity, interval, calendar, touched), interval, calendar)
    # Periods without gaps need no second filter: their range of days has already selected them.
    if touched is not None and len(touched) <= touched[-1] - touched[0]:
        rows = rows.filter(rows["period"].isin(touched))
    # nunique leaves out null: events of nobody count as events only.
    figures = {"events": rows["count"].sum(), "people": rows["person_id"].nunique()}
    named = rows.group_by("period", "event").agg(**figures)
    # Counted on its own, not summed: a person with two different events would count twice.
    any_event = rows.group_by("period").agg(**figures)
    return ibis.union(named, any_event.mutate(event=ibis.literal("")).select(named.columns))


@lru_cache(maxsize=128)
def cells(
    activity: ir.Table, first: ir.Table, interval: Interval, calendar: Calendar, since: int | None
) -> ir.Table:
    """cohort, offset, people: first-time cohorts of any event; the cells of period `since` and later."""
    cohorts = first.select("person_id", cohort=_period(first["day"], interval, calendar))
    # Open-ended: a first day that moved also changes the cells of all later periods.
    recent = _days_of(activity, interval, calendar, None if since is None else (since,), open_end=True)
    active = _periods(recent, interval, calendar).select("person_id", "period").distinct()
    both = active.join(cohorts, "person_id")
    return both.group_by("cohort", offset=both["period"] - both["cohort"]).agg(people=both.count())


def _periods(activity: ir.Table, interval: Interval, calendar: Calendar) -> ir.Table:
    return activity.select("person_id", "event", "count", period=_period(activity["day"], interval, calendar))


def _period(day: ir.DateValue, interval: Interval, calendar: Calendar) -> ir.IntegerValue:
    return int64(period_of_day(interval, int64(day.epoch_days()), calendar.week_start))


def _days_of(
    activity: ir.Table,
    interval: Interval,
    calendar: Calendar,
    touched: Periods | None,
    *,
    open_end: bool = False,
) -> ir.Table:
    """Activity from the first touched period to the last. Other files and row groups are not read."""
    if touched is None:
        return activity
    first, last = calendar.days(interval, range(touched[0], touched[-1] + 1))
    return activity.filter(activity["day"] >= first, (activity["day"] <= last) | open_end)


def _period_numbers(calendar: Calendar, interval: Interval, days: Iterable[dt.date]) -> Periods:
    return tuple(sorted({calendar.number(interval, day) for day in days}))


def _replace_counts(
    tables: Tables, calendar: Calendar, interval: Interval, touched: Periods | None, names: dict[str, Any]
) -> None:
    found = tables.run(counts(tables.activity, interval, calendar, touched))
    starts = None if touched is None else [calendar.first_day(interval, number) for number in touched]
    rows = (
        (calendar.first_day(interval, row["period"]), row["event"], row["events"], row["people"])
        for row in _rows(found)
    )
    _apply(COUNTS, rows, names | {"starts": starts})


def _replace_cells(
    tables: Tables,
    first: ir.Table,
    calendar: Calendar,
    interval: Interval,
    touched: Periods | None,
    names: dict[str, Any],
) -> None:
    since = None if touched is None else touched[0]
    found = tables.run(cells(tables.activity, first, interval, calendar, since))
    rows = (
        (calendar.first_day(interval, row["cohort"]), row["offset"], row["people"]) for row in _rows(found)
    )
    start = None if since is None else calendar.first_day(interval, since)
    _apply(CELLS, rows, names | {"since": start})


def _rows(found: pa.Table) -> Iterator[dict[str, Any]]:
    # In batches: all rows as Python objects would take many times the memory of the Arrow table.
    for batch in found.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _apply(script: str, rows: Iterable[tuple[Any, ...]], names: dict[str, Any]) -> None:
    """Fill the script's temporary table and apply it to the served table."""
    prepare, apply = script.split(DIVIDER)
    with connection.cursor() as cursor:
        cursor.execute(prepare)
        with cursor.copy("COPY computed FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(apply, names)
