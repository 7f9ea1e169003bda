"""Activity: how often each person did what on each local day, computed from events and put in place of what was."""

import datetime as dt

import ibis
from ibis.expr import types as ir

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS
from analytics.metrics.periods import EPOCH, local_day
from analytics.models import DataVersion
from analytics.rollup.dirt import A_DAY, Dirt


def replace(dirt: Dirt, at: DataVersion) -> int:
    """Recompute the days from the events of a version; the new version of activity."""
    first, last = _span(dirt, at)
    with engine.snapshot(dirt.project.pk, at, days=(first - A_DAY, last + A_DAY)) as tables:
        computed = activity(tables.events, dirt, first, last)
        where = _where(dirt, at.activity_version)
        return table.replace(ACTIVITY, tables.stream(computed), where, at=at.activity_version)


def activity(events: ir.Table, dirt: Dirt, first: dt.date, last: dt.date) -> ir.Table:
    """The activity table of the dirty local days, all of which lie between `first` and `last`."""
    near = events.filter(events["day"].between(first - A_DAY, last + A_DAY))
    number = local_day(near["timestamp"], dirt.project.zone, first, last)
    rows = near.select("person_id", "event", "timestamp", number=number)
    if dirt.days is not None:
        rows = rows.filter(rows["number"].isin([(day - EPOCH).days for day in sorted(dirt.days)]))
    found = rows.group_by("number", "person_id", "event").agg(
        count=rows.count(), first_at=rows["timestamp"].min(), last_at=rows["timestamp"].max()
    )
    day = (ibis.date(1970, 1, 1) + found["number"].as_interval("D")).cast("date")
    month = day.strftime("%Y-%m" if dirt.whole_months else "%Y-%m-%d")
    whole = found.mutate(project_id=ibis.literal(dirt.project.pk, "int32"), month=month, day=day)
    return whole.select(ACTIVITY.columns.names).order_by("day", "person_id", "event")


def _span(dirt: Dirt, at: DataVersion) -> tuple[dt.date, dt.date]:
    if dirt.days is not None:
        return min(dirt.days), max(dirt.days)
    files = table.files(EVENTS, dirt.project.pk, at.lake_version)
    days = [day for file in files for day in (file.first_day, file.last_day)] or [EPOCH]
    return min(days) - A_DAY, max(days) + A_DAY


def _where(dirt: Dirt, at: int) -> str:
    """What is to be replaced. A single day has a partition of its own, so that the rest of its month is not rewritten
    with it every few seconds; it may also still lie in that of its month."""
    project = f"project_id = {dirt.project.pk}"
    if dirt.days is None:
        return project
    months = {f"{day:%Y-%m}" for day in dirt.days}
    present = {file.month for file in table.files(ACTIVITY, dirt.project.pk, at)}
    if dirt.whole_months:
        named = {month for month in present if month[:7] in months} | months
        return f"{project} AND month IN ({table.listed(named)})"
    named = months & present | {f"{day}" for day in dirt.days}
    return f"{project} AND month IN ({table.listed(named)}) AND day IN ({table.day_list(dirt.days)})"
