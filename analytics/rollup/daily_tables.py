"""Recomputes activity and facts of the dirty days from events, and replaces them in the lake."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, Layout, of_any_project, with_project
from analytics.metrics.facts import assertions
from analytics.metrics.periods import EPOCH, local_day
from analytics.metrics.sources import of_people
from analytics.models import DataVersion
from analytics.rollup.dirty_days import A_DAY, DirtyDays

FACT_ROWS = 4_096
"""Facts in a batch. Their values can be as large as a person's properties (identity/property_limits.py), and Arrow
cannot hold 2 GB of text in one batch."""


@dataclass(frozen=True, slots=True)
class Days:
    """The local days to recompute, of the time zone: from `first` to `last`, without gaps if `dirty` is None."""

    zone: ZoneInfo
    first: dt.date
    last: dt.date
    dirty: frozenset[dt.date] | None
    whole_months: bool


def replace(dirty: DirtyDays, at: DataVersion) -> None:
    """Recompute the dirty days from the events as of `at`, and set its new versions of activity and facts."""
    first, last = _date_range(dirty, at)
    days = Days(dirty.project.zone, first, last, dirty.days, dirty.whole_months)
    # A day more on both sides: files are partitioned by UTC day, and local days differ from it by at most one.
    with engine.snapshot(dirty.project.pk, at, days=(first - A_DAY, last + A_DAY)) as tables:
        counted = tables.stream(activity(tables.events, days))
        at.activity_version = _replace_rows(ACTIVITY, counted, dirty, at.activity_version)
        asserted = tables.stream(facts(tables.events, days), FACT_ROWS)
        at.facts_version = _replace_rows(FACTS, asserted, dirty, at.facts_version)


# Remembered, here and in the other rollups: building an expression and compiling it takes Ibis several times as long
# as DuckDB needs to run it on the events of a few seconds. No expression names its project, so projects share them.
@lru_cache(maxsize=64)
def activity(events: ir.Table, days: Days) -> ir.Table:
    """The activity of the days, without the columns of its partition that name the project."""
    rows = _on_days(_near(events, days).select("person_id", "event", at="timestamp"), days)
    found = rows.group_by("number", "person_id", "event").agg(
        count=rows.count(), first_at=rows["at"].min(), last_at=rows["at"].max()
    )
    return _with_dates(ACTIVITY, found, days).order_by("day", "person_id", "event")


@lru_cache(maxsize=64)
def facts(events: ir.Table, days: Days) -> ir.Table:
    """The facts of the days, like `activity`."""
    rows = _on_days(assertions(of_people(_near(events, days))), days)
    before = (
        rows["value"]
        .lag()
        .over(
            group_by=[rows["number"], rows["person_id"], rows["property"], rows["once"]],
            order_by=[rows["at"], rows["sequence"]],
        )
    )
    marked = rows.mutate(before=before)
    # Some clients send the same facts with every page: without this they would fill the table.
    found = marked.filter(~marked["value"].identical_to(marked["before"]))
    return _with_dates(FACTS, found, days).order_by("day", "person_id", "property", "at", "sequence", "once")


def _near(events: ir.Table, days: Days) -> ir.Table:
    return events.filter(events["day"].between(days.first - A_DAY, days.last + A_DAY))


def _on_days(rows: ir.Table, days: Days) -> ir.Table:
    """The rows on dirty days, with `number`, the local day of `at`."""
    numbered = rows.mutate(number=local_day(rows["at"], days.zone, days.first, days.last))
    if days.dirty is None:
        return numbered
    return numbered.filter(numbered["number"].isin([(day - EPOCH).days for day in sorted(days.dirty)]))


def _with_dates(layout: Layout, found: ir.Table, days: Days) -> ir.Table:
    day = (ibis.date(1970, 1, 1) + found["number"].as_interval("D")).cast("date")
    month = day.strftime("%Y-%m" if days.whole_months else "%Y-%m-%d")
    return found.mutate(month=month, day=day).select(of_any_project(layout))


def _date_range(dirty: DirtyDays, at: DataVersion) -> tuple[dt.date, dt.date]:
    if dirty.days is not None:
        return min(dirty.days), max(dirty.days)
    files = table.files(EVENTS, dirty.project.pk, at.lake_version)
    days = [day for file in files for day in (file.first_day, file.last_day)] or [EPOCH]
    return min(days) - A_DAY, max(days) + A_DAY


def _replace_rows(layout: Layout, rows: pa.RecordBatchReader, dirty: DirtyDays, at: int | None) -> int:
    """The table's new version, or its current one when there are no rows, before or now."""
    before = table.NEVER if at is None else at
    present = {file.month for file in table.files(layout, dirty.project.pk, before)}
    # Looks for a first row before it writes: a project without facts must not add an empty commit with every run.
    found = next((batch for batch in rows if batch.num_rows), None)
    if found is None and not present:
        return before
    # Passed on as a stream: the activity of a whole project may not fit in memory.
    batches = chain([] if found is None else [found], rows)
    whole = pa.RecordBatchReader.from_batches(rows.schema, batches)
    return table.replace(layout, with_project(dirty.project.pk, whole), _where(dirty, present), at=before)


def _where(dirty: DirtyDays, present: set[str]) -> str:
    """The predicate of the rows to replace.

    A day has a partition of its own, so that its whole month is not rewritten every few seconds. Its rows may also
    still be in the partition of its month, where compaction put them.
    """
    project = f"project_id = {dirty.project.pk}"
    if dirty.days is None:
        return project
    months = {f"{day:%Y-%m}" for day in dirty.days}
    if dirty.whole_months:
        # Also the partitions of single days in these months: their rows would otherwise be counted twice.
        named = {month for month in present if month[:7] in months} | months
        return f"{project} AND month IN ({table.listed(named)})"
    named = months & present | {f"{day}" for day in dirty.days}
    return f"{project} AND month IN ({table.listed(named)}) AND day IN ({table.day_list(dirty.days)})"
