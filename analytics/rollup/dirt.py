"""What a rollup has to compute anew: local days of projects, found by comparing two states of the facts.

Nothing marks a day as dirty. Loads name the UTC days they touched in their commits, merges name the persons they
moved, and a project's calendar is compared with the one that its rollups were cut with.
"""

import datetime as dt
from dataclasses import dataclass

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FIRSTS
from analytics.models import DataVersion, Redirect, RollupCalendar
from projects.models import Project

A_DAY = dt.timedelta(days=1)
MANY = 40
"""Beyond so many days whole months are replaced, each of which is then one partition and one file."""


@dataclass(frozen=True, slots=True)
class Dirt:
    """Local days of one project; `days` None means every day that there is. Many days are made up to whole months."""

    project: Project
    days: frozenset[dt.date] | None

    @property
    def whole_months(self) -> bool:
        return self.days is None or len(self.days) > MANY


def find(before: DataVersion, after: DataVersion, *, everything: bool) -> list[Dirt]:
    """By project; those whose numbers cannot have changed are left out."""
    present = table.projects(EVENTS, after.lake_version)
    known = Project.objects.in_bulk({*present, *table.projects(ACTIVITY, after.activity_version)})
    changes = table.changes(EVENTS, before.lake_version, after.lake_version)
    if (
        everything
        or not changes.known
        or _lost(before.activity_version, after.activity_version)
        or _lost(before.facts_version, after.facts_version)
    ):
        return [Dirt(project, None) for project in known.values()]
    cut, firsts = RollupCalendar.objects.in_bulk(), table.version(FIRSTS)
    found = (
        Dirt(
            project, None if _recut(project, cut.get(id), firsts) else _days(project, before, after, changes)
        )
        for id, project in known.items()
    )
    return [dirt for dirt in found if dirt.days is None or dirt.days]


def _lost(before: int | None, after: int | None) -> bool:
    """Whether a table that rollup keeps is older than the version that numbers came from, or never was computed."""
    return before is None or after is None or before > after


def _recut(project: Project, calendar: RollupCalendar | None, firsts: int) -> bool:
    if calendar is None or calendar.firsts_version is None or calendar.firsts_version > firsts:
        return True
    return (calendar.timezone, calendar.week_start) != (project.timezone, project.week_start)


def _days(
    project: Project, before: DataVersion, after: DataVersion, changes: table.Changes
) -> frozenset[dt.date]:
    loaded = {local for day in changes.days.get(project.pk, ()) for local in local_days(project, day)}
    days = frozenset(loaded | _moved(project, before, after))
    return days if len(days) <= MANY else frozenset(day for month in days for day in _month(month))


def local_days(project: Project, day: dt.date) -> set[dt.date]:
    """The local days that begin, last or end within a UTC day."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    last = start + A_DAY - dt.timedelta(microseconds=1)
    return {moment.astimezone(project.zone).date() for moment in (start, last)}


def _moved(project: Project, before: DataVersion, after: DataVersion) -> set[dt.date]:
    """The days on which persons were active who have since turned out to be somebody else, or not to be."""
    new = Redirect.objects.filter(project=project, link_id__gt=before.link_id, link_id__lte=after.link_id)
    moved = set(new.values_list("person_id", flat=True))
    if not moved:
        return set()
    with engine.snapshot(project.pk, before) as tables:
        then = {*moved, *(engine.targets(project.pk, before.link_id, moved))}
        days = tables.activity.filter(tables.activity.person_id.isin(sorted(then))).select("day").distinct()
        return set(tables.run(days)["day"].to_pylist())


def _month(day: dt.date) -> list[dt.date]:
    first = day.replace(day=1)
    return [first + n * A_DAY for n in range(31) if (first + n * A_DAY).month == first.month]
