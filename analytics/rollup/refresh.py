"""Rollup: from the lake's events to `activity` and `facts`, to the served tables, to a new data version.

1. Find the days that changed since the last data version, by comparing states (dirty_days.py).
2. Recompute activity and facts of those days and replace them in the lake (daily_tables.py). Update the first days of
   people (firsts.py).
3. Write the served tables, the new state and the data versions of the changed projects in one transaction. After a
   crash the old state still points at the old lake versions, and the next run computes the same again.

Rollup is a pure function of the events: running it twice changes nothing, and a run from scratch gives the same.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from analytics import engine, failures, versions
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, FIRSTS
from analytics.locks import single_writer
from analytics.models import DataVersion, Redirect, RollupCalendar, StageFailure
from analytics.rollup import daily_tables, dirty_days, firsts, served_tables
from analytics.rollup.dirty_days import DirtyDays

log = logging.getLogger(__name__)

ROLLUP = StageFailure.Stage.ROLLUP


@dataclass(frozen=True, slots=True)
class RollupReport:
    """The newest data version, how many local days of all projects were recomputed, and whether the version is new.

    `busy`: nothing was done, because another process holds the lock.
    """

    data_version: int
    days: int = 0
    changed: bool = False
    busy: bool = False


def rollup(*, everything: bool = False) -> RollupReport:
    """Update all rollups from the lake. `everything` recomputes them from scratch."""
    with single_writer("rollup") as alone:
        # Read under the lock: read earlier, it could be a state that another run has replaced meanwhile.
        before = DataVersion.objects.order_by("-id").first() or engine.NOTHING
        if not alone:
            return RollupReport(before.pk, busy=True)
        after = _current_state()
        dirty = dirty_days.find(before, after, everything=everything)
        dirty = _each_alone(dirty, lambda each: _update_lake(each, after))
        # After all projects: each commit changes the versions in `after` that served tables are computed from.
        dirty = _each_alone(dirty, lambda each: _refresh_served_tables(each, after))
        # Last: from here on readers may ask for these lake versions, and all of them are complete.
        return _publish(before, after, dirty)


def _update_lake(each: DirtyDays, after: DataVersion) -> None:
    daily_tables.replace(each, after)
    firsts.update(each, after)


def _each_alone(dirty: list[DirtyDays], work: Callable[[DirtyDays], None]) -> list[DirtyDays]:
    """Do the work for each project, and return those for which it succeeded. Raises if it failed for all of them."""
    done, errors = [], []
    for each in dirty:
        try:
            # A savepoint: after an error of PostgreSQL the others could not go on in the same transaction.
            with transaction.atomic():
                work(each)
            done.append(each)
        except table.LakeChangedError:
            # Nobody's fault, and the next run does it all.
            raise
        except Exception as error:
            log.exception("rollup: failed for project %s", each.project.pk)
            errors.append((each.project.pk, error))
    if errors and not done:
        # Nothing is published, so these days are still dirty. A fault of the lake or the database fails for all, too.
        raise errors[0][1]
    for project, cause in errors:
        failures.record(ROLLUP, project, cause)
        # Their days are published as clean, so all of them are recomputed by the next run.
        RollupCalendar.objects.filter(project_id=project).update(firsts_version=None)
    return done


def _current_state() -> DataVersion:
    newest = Redirect.objects.aggregate(link=Max("link_id"))["link"] or 0
    return DataVersion(
        lake_version=table.version(EVENTS),
        activity_version=table.version(ACTIVITY),
        facts_version=table.version(FACTS),
        # One link for the whole run. Merges that arrive during it count from the next version on, in all tables alike.
        link_id=newest,
    )


def _refresh_served_tables(each: DirtyDays, after: DataVersion) -> None:
    with engine.snapshot(each.project.pk, after) as tables:
        served_tables.refresh(tables, each)
    RollupCalendar.objects.update_or_create(
        project=each.project,
        defaults={
            "timezone": each.project.timezone,
            "week_start": each.project.week_start,
            "firsts_version": table.version(FIRSTS),
        },
    )
    failures.clear(ROLLUP, each.project.pk)


def _publish(before: DataVersion, after: DataVersion, dirty: list[DirtyDays]) -> RollupReport:
    days = sum(len(each.days or ()) for each in dirty)
    if _state(after) == _state(before):
        # No new version without a change: it would invalidate the cached answers.
        return RollupReport(before.pk, days)
    # A merge of people without events makes no day dirty, yet it changes who is behind a figure.
    links = Redirect.objects.filter(link_id__gt=before.link_id, link_id__lte=after.link_id)
    merged = links.values_list("project_id", flat=True).distinct()
    versions.publish(after, after=before, changed={*(each.project.pk for each in dirty), *merged})
    return RollupReport(after.pk, days, changed=True)


def _state(version: DataVersion) -> tuple[int | None, ...]:
    return version.lake_version, version.activity_version, version.facts_version, version.link_id
