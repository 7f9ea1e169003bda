"""Dirty days: the local days of each project whose rollups must be recomputed, found by comparing two states.

There are no dirty flags that could get lost. Lake commits name the UTC days they changed, redirects name the people
they moved, and a project's calendar is compared with the one its rollups were computed with.
"""

import datetime as dt
from dataclasses import dataclass

from analytics import engine
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FIRSTS, values
from analytics.models import DataVersion, Redirect, RollupCalendar
from projects.models import Project

A_DAY = dt.timedelta(days=1)
MAX_SINGLE_DAYS = 40
"""With more days than this, whole months are replaced: one partition and one file each."""


@dataclass(frozen=True, slots=True)
class DirtyDays:
    """Local days of one project; None means all days. Many days are extended to whole months."""

    project: Project
    days: frozenset[dt.date] | None

    @property
    def whole_months(self) -> bool:
        return self.days is None or len(self.days) > MAX_SINGLE_DAYS


def find(before: DataVersion, after: DataVersion, *, everything: bool) -> list[DirtyDays]:
    """The dirty days of each project, without projects where nothing changed."""
    present = table.projects(EVENTS, after.lake_version)
    # Also projects that only activity has: after all their events expired, their numbers must go too.
    known = Project.objects.in_bulk({*present, *table.projects(ACTIVITY, after.activity_version)})
    changes = table.changes(EVENTS, before.lake_version, after.lake_version)
    if (
        everything
        or not changes.known
        or _is_behind(before.activity_version, after.activity_version)
        or _is_behind(before.facts_version, after.facts_version)
    ):
        return [DirtyDays(project, None) for project in known.values()]
    calendars, firsts = RollupCalendar.objects.in_bulk(), table.version(FIRSTS)
    found = (
        DirtyDays(
            project,
            None
            if _calendar_changed(project, calendars.get(id), firsts)
            else _days(project, before, after, changes),
        )
        for id, project in known.items()
    )
    return [dirty for dirty in found if dirty.days is None or dirty.days]


def _is_behind(before: int | None, after: int | None) -> bool:
    """Whether a table must be recomputed: it never was, or the lake was restored to an older version of it."""
    return before is None or after is None or before > after


def _calendar_changed(project: Project, calendar: RollupCalendar | None, firsts: int) -> bool:
    # A higher version than the newest means that the lake was restored from a backup.
    if calendar is None or calendar.firsts_version is None or calendar.firsts_version > firsts:
        return True
    return (calendar.timezone, calendar.week_start) != (project.timezone, project.week_start)


def _days(
    project: Project, before: DataVersion, after: DataVersion, changes: table.Changes
) -> frozenset[dt.date]:
    loaded = {local for day in changes.days.get(project.pk, ()) for local in local_days(project, day)}
    days = frozenset(loaded | _days_of_moved_people(project, before, after))
    if len(days) <= MAX_SINGLE_DAYS:
        return days
    # A partition per day of an import of years would leave thousands of tiny files for compaction.
    return frozenset(day for month in days for day in _days_of_month(month))


def local_days(project: Project, day: dt.date) -> set[dt.date]:
    """The local days that overlap a UTC day."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    # The last moment of the day: the next midnight may belong to a local day on which nothing changed.
    last = start + A_DAY - dt.timedelta(microseconds=1)
    return {moment.astimezone(project.zone).date() for moment in (start, last)}


def _days_of_moved_people(project: Project, before: DataVersion, after: DataVersion) -> set[dt.date]:
    """The days on which people were active who were merged or unmerged since."""
    new = Redirect.objects.filter(project=project, link_id__gt=before.link_id, link_id__lte=after.link_id)
    moved = set(new.values_list("person_id", flat=True))
    if not moved:
        return set()
    # Activity has these people's rows under whoever they were merged into at that time.
    with engine.snapshot(project.pk, before) as tables:
        then = {*moved, *(engine.targets(project.pk, before.link_id, moved))}
        days = tables.activity.filter(tables.activity.person_id.isin(sorted(then))).select("day").distinct()
        return set(values(tables.run(days)["day"], dt.date))


def _days_of_month(day: dt.date) -> list[dt.date]:
    first = day.replace(day=1)
    return [first + n * A_DAY for n in range(31) if (first + n * A_DAY).month == first.month]
