"""Activity and facts: computed from the events of local days, and put in the lake in the place of what was."""

import datetime as dt
from itertools import chain

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, Layout
from analytics.metrics.facts import assertions
from analytics.metrics.periods import EPOCH, local_day
from analytics.models import DataVersion
from analytics.rollup.dirt import A_DAY, Dirt


def replace(dirt: Dirt, at: DataVersion) -> None:
    """Recompute the days from the events of a version, which then names the new versions of the two tables."""
    first, last = _span(dirt, at)
    with engine.snapshot(dirt.project.pk, at, days=(first - A_DAY, last + A_DAY)) as tables:
        near = tables.events.filter(tables.events["day"].between(first - A_DAY, last + A_DAY))
        counted = activity(near, dirt, first, last)
        at.activity_version = _put(ACTIVITY, tables.stream(counted), dirt, at.activity_version)
        told = facts(near, dirt, first, last)
        at.facts_version = _put(FACTS, tables.stream(told), dirt, at.facts_version)


def activity(events: ir.Table, dirt: Dirt, first: dt.date, last: dt.date) -> ir.Table:
    """The activity table of the dirty local days, all of which lie between `first` and `last`."""
    rows = _on_days(events.select("person_id", "event", at="timestamp"), dirt, first, last)
    found = rows.group_by("number", "person_id", "event").agg(
        count=rows.count(), first_at=rows["at"].min(), last_at=rows["at"].max()
    )
    return _dated(ACTIVITY, found, dirt).order_by("day", "person_id", "event")


def facts(events: ir.Table, dirt: Dirt, first: dt.date, last: dt.date) -> ir.Table:
    """The facts table of the dirty local days, likewise."""
    rows = _on_days(assertions(events), dirt, first, last)
    before = (
        rows["value"]
        .lag()
        .over(
            group_by=[rows["number"], rows["person_id"], rows["property"], rows["once"]],
            order_by=[rows["at"], rows["sequence"]],
        )
    )
    marked = rows.mutate(before=before)
    # Clients that send the same facts with every page would fill the table.
    found = marked.filter(~marked["value"].identical_to(marked["before"]))
    return _dated(FACTS, found, dirt).order_by("day", "person_id", "property", "at", "sequence", "once")


def _on_days(rows: ir.Table, dirt: Dirt, first: dt.date, last: dt.date) -> ir.Table:
    """With the `number` of the local day of `at`; only those of dirty days."""
    numbered = rows.mutate(number=local_day(rows["at"], dirt.project.zone, first, last))
    if dirt.days is None:
        return numbered
    return numbered.filter(numbered["number"].isin([(day - EPOCH).days for day in sorted(dirt.days)]))


def _dated(layout: Layout, found: ir.Table, dirt: Dirt) -> ir.Table:
    day = (ibis.date(1970, 1, 1) + found["number"].as_interval("D")).cast("date")
    month = day.strftime("%Y-%m" if dirt.whole_months else "%Y-%m-%d")
    project = ibis.literal(dirt.project.pk, "int32")
    return found.mutate(project_id=project, month=month, day=day).select(layout.columns.names)


def _span(dirt: Dirt, at: DataVersion) -> tuple[dt.date, dt.date]:
    if dirt.days is not None:
        return min(dirt.days), max(dirt.days)
    files = table.files(EVENTS, dirt.project.pk, at.lake_version)
    days = [day for file in files for day in (file.first_day, file.last_day)] or [EPOCH]
    return min(days) - A_DAY, max(days) + A_DAY


def _put(layout: Layout, rows: pa.RecordBatchReader, dirt: Dirt, at: int | None) -> int:
    """The table's new version, or the present one where there was nothing and is nothing."""
    before = table.NEVER if at is None else at
    present = {file.month for file in table.files(layout, dirt.project.pk, before)}
    found = next((batch for batch in rows if batch.num_rows), None)
    if found is None and not present:
        return before
    batches = chain([] if found is None else [found], rows)
    whole = pa.RecordBatchReader.from_batches(rows.schema, batches)
    return table.replace(layout, whole, _where(dirt, present), at=before)


def _where(dirt: Dirt, present: set[str]) -> str:
    """What is to be replaced. A single day has a partition of its own, so that the rest of its month is not rewritten
    with it every few seconds; it may also still lie in that of its month."""
    project = f"project_id = {dirt.project.pk}"
    if dirt.days is None:
        return project
    months = {f"{day:%Y-%m}" for day in dirt.days}
    if dirt.whole_months:
        named = {month for month in present if month[:7] in months} | months
        return f"{project} AND month IN ({table.listed(named)})"
    named = months & present | {f"{day}" for day in dirt.days}
    return f"{project} AND month IN ({table.listed(named)}) AND day IN ({table.day_list(dirt.days)})"
