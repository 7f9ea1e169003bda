"""Rollup: from the lake's events to `activity` and `facts`, to the served tables, to a new data version.

1. Find the days that changed since the last data version, by comparing states (dirty_days.py).
2. Recompute activity and facts of those days and replace them in the lake (daily_tables.py). Update the first days of
   people (firsts.py).
3. Write the served tables, the new state and the data versions of the changed projects in one transaction. After a
   crash the old state still points at the old lake versions, and the next run computes the same again.

Rollup is a pure function of the events: running it twice changes nothing, and a run from scratch gives the same.

A project that fails is recomputed from scratch by later runs, with growing pauses. The others are updated meanwhile.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max

from analytics import engine, failures, versions
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, FIRSTS
from analytics.locks import single_writer
from analytics.models import DataVersion, Redirect, RollupCalendar, Stage
from analytics.rollup import daily_tables, dirty_days, firsts, served_tables
from analytics.rollup.dirty_days import DirtyDays

log = logging.getLogger(__name__)

ROLLUP = Stage.ROLLUP
RETRY_SECONDS = 10
MAX_RETRY_SECONDS = 300
"""Pause after a project's first failure, and the longest one. It doubles with each failure, because a whole project may
have to be recomputed."""

NOBODYS_FAULT = (table.LakeChangedError, OperationalError, InterfaceError)
"""Another process wrote to the lake, or the database is unreachable. The next run does it all."""

Errors = dict[int, Exception]
"""By project."""


class AllFailedError(Exception):
    """No project with changes could be updated."""

    def __init__(self, errors: Errors) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True, slots=True)
class RollupReport:
    """The newest data version, how many local days of all projects were recomputed, and whether the version is new.

    `busy`: nothing was done, because another process holds the lock.
    """

    data_version: int
    days: int = 0
    changed: bool = False
    busy: bool = False


def rollup(*, everything: bool = False, retry_seconds: float = RETRY_SECONDS) -> RollupReport:
    """Update all rollups from the lake. `everything` recomputes them from scratch.

    Projects that failed wait for `retry_seconds`, longer after each failure; with 0 or `everything` they do not. Raises
    if it failed for all projects with changes; then nothing is published.
    """
    if everything:
        failures.clear(ROLLUP)
    try:
        return _rollup(everything, retry_seconds)
    except AllFailedError as failed:
        # Here, because the error has rolled back the transaction of the run.
        _record(failed.errors)
        raise next(iter(failed.errors.values())) from failed


def _rollup(everything: bool, retry_seconds: float) -> RollupReport:
    with single_writer("rollup") as alone:
        # Read under the lock: read earlier, it could be a state that another run has replaced meanwhile.
        before = DataVersion.objects.order_by("-id").first() or engine.NOTHING
        if not alone:
            return RollupReport(before.pk, busy=True)
        after = _current_state()
        found = dirty_days.find(before, after, everything=everything)
        paused = _paused(retry_seconds)
        dirty = [each for each in found if each.project.pk not in paused]
        errors: Errors = {}
        dirty = _each_alone(dirty, errors, lambda each: _update_lake(each, after))
        # After all projects: each commit changes the versions in `after` that served tables are computed from.
        dirty = _each_alone(dirty, errors, lambda each: _refresh_served_tables(each, after))
        if errors and not dirty:
            # A fault of the lake fails for all. Nothing is published, so their days are still dirty.
            raise AllFailedError(errors)
        _record(errors)
        # Their days are published as clean, so all of them are recomputed by a later run.
        left_out = {*errors, *(each.project.pk for each in found if each.project.pk in paused)}
        RollupCalendar.objects.filter(project__in=left_out).update(firsts_version=None)
        # Last: from here on readers may ask for these lake versions, and all of them are complete.
        return _publish(before, after, dirty)


def _paused(retry_seconds: float) -> set[int]:
    """The projects whose last failure was too recent to try again."""
    return {
        project
        for project, failure in failures.known(ROLLUP).items()
        if not failures.is_due(failure, _pause(failure.failures, retry_seconds))
    }


def _pause(failures_in_succession: int, retry_seconds: float) -> float:
    # The exponent is bounded, because the number of failures is not.
    return min(float(MAX_RETRY_SECONDS), retry_seconds * (1 << min(failures_in_succession - 1, 10)))


def _record(errors: Errors) -> None:
    for project, error in errors.items():
        failures.record(ROLLUP, project, error)


def _update_lake(each: DirtyDays, after: DataVersion) -> None:
    daily_tables.replace(each, after)
    firsts.update(each, after)


def _each_alone(dirty: list[DirtyDays], errors: Errors, work: Callable[[DirtyDays], None]) -> list[DirtyDays]:
    """Do the work for each project, and return those for which it succeeded. The others are added to `errors`."""
    done = []
    for each in dirty:
        try:
            # A savepoint: after an error of PostgreSQL the others could not go on in the same transaction.
            with transaction.atomic():
                work(each)
            done.append(each)
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            log.exception("rollup: failed for project %s", each.project.pk)
            errors[each.project.pk] = error
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
