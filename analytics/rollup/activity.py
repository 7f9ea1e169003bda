"""Activity: how often each person did what on each local day, computed from events and put in place of what was."""

import datetime as dt
from collections.abc import Iterable

import ibis
from ibis.expr import types as ir

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS
from analytics.metrics.periods import EPOCH, local_day
from analytics.models import DataVersion
from analytics.rollup.dirt import A_DAY, Dirt
from projects.models import Project


def replace(dirt: Dirt, at: DataVersion) -> int:
    """Recompute the days from the events of a version; the new version of activity."""
    first, last = _span(dirt, at)
    with engine.snapshot(dirt.project.pk, at, days=(first - A_DAY, last + A_DAY)) as tables:
        computed = activity(tables.events, dirt.project, dirt.days, first, last)
        return table.replace(ACTIVITY, tables.stream(computed), _where(dirt), at=at.activity_version)


def activity(
    events: ir.Table, project: Project, days: Iterable[dt.date] | None, first: dt.date, last: dt.date
) -> ir.Table:
    """The activity table of the local days, all of them between `first` and `last`; None is all days between."""
    near = events.filter(events["day"].between(first - A_DAY, last + A_DAY))
    number = local_day(near["timestamp"], project.zone, first, last)
    rows = near.select("person_id", "event", "timestamp", number=number)
    if days is not None:
        rows = rows.filter(rows["number"].isin([(day - EPOCH).days for day in sorted(days)]))
    found = rows.group_by("number", "person_id", "event").agg(
        count=rows.count(), first_at=rows["timestamp"].min(), last_at=rows["timestamp"].max()
    )
    day = (ibis.date(1970, 1, 1) + found["number"].as_interval("D")).cast("date")
    whole = found.mutate(project_id=ibis.literal(project.pk, "int32"), month=day.strftime("%Y-%m"), day=day)
    return whole.select(ACTIVITY.columns.names).order_by("day", "person_id", "event")


def _span(dirt: Dirt, at: DataVersion) -> tuple[dt.date, dt.date]:
    if dirt.days is not None:
        return min(dirt.days), max(dirt.days)
    files = table.files(EVENTS, dirt.project.pk, at.lake_version)
    days = [day for file in files for day in (file.first_day, file.last_day)] or [EPOCH]
    return min(days) - A_DAY, max(days) + A_DAY


def _where(dirt: Dirt) -> str:
    project = f"project_id = {dirt.project.pk}"
    if dirt.days is None:
        return project
    within = f"{project} AND month IN ({table.month_list(dirt.days)})"
    return within if _whole_months(dirt.days) else f"{within} AND day IN ({table.day_list(dirt.days)})"


def _whole_months(days: frozenset[dt.date]) -> bool:
    return all((day + A_DAY) in days or (day + A_DAY).day == 1 for day in days) and all(
        day.replace(day=1) in days for day in days
    )
