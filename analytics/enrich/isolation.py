"""Stores a portion without letting some of its rows stop the others.

A portion that fails because of its rows is retried in halves, down to the rows that cannot be stored. That takes no
longer than two portions. If an ordinary event of the same project can be stored (probe.py), the row is the cause and
goes into quarantine. If not, the database is the cause: the project is stopped, its rows stay in the inbox, and the
probe is repeated until it succeeds.
"""

import logging
from collections.abc import Callable

import msgspec
import pyarrow as pa
from django.db import DatabaseError

from analytics import failures
from analytics.enrich import portions, probe, quarantine
from analytics.enrich.enrich_report import EnrichReport
from analytics.enrich.portions import Portion
from analytics.models import Stage
from analytics.sqlstates import INTERNAL, OUT_OF_MEMORY, is_caused_by_data

log = logging.getLogger(__name__)

ENRICH = Stage.ENRICH
MAX_IN_SUCCESSION = 5
"""After so many quarantined rows of a project in succession it is stopped, in case the probe was wrong."""

RETRY_SECONDS = 10
"""Seconds between two probes of a stopped project."""

ROW_ERRORS = (msgspec.MsgspecError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
Batch = Callable[[Portion], EnrichReport]


def stopped_projects(store: probe.Store, *, retry_seconds: float = RETRY_SECONDS) -> list[int]:
    """The projects to leave out. Those that are due are probed, and resume if that succeeds."""
    stopped = [each for each in failures.known(ENRICH).values() if each.stopped]
    return [
        each.project_id
        for each in stopped
        if not (failures.is_due(each, retry_seconds) and _probe(each.project_id, store))
    ]


def isolate(portion: Portion, batch: Batch, store: probe.Store) -> EnrichReport:
    """Store a portion, or as much of it as can be stored. Raises errors that its rows did not cause."""
    try:
        return batch(portion)
    except Exception as error:
        if not _may_be_smaller(error):
            raise
        waiting = portions.positions(portion)
        if len(waiting) <= 1:
            if not _is_caused_by_row(error):
                raise
            return _blame(waiting[0], error, store) if waiting else EnrichReport()
    middle, report = len(waiting) // 2, EnrichReport()
    for half in (waiting[:middle], waiting[middle:]):
        # Asked again: the first half may have stopped a project, whose rows of the second half must stay.
        stopped = tuple(id for id, each in failures.known(ENRICH).items() if each.stopped)
        report += isolate(Portion(half[0], half[-1], len(half), stopped), batch, store)
    return report


def _blame(position: int, error: Exception, store: probe.Store) -> EnrichReport:
    """The row at this position fails alone: quarantine it, or stop its project."""
    project = portions.project_at(position)
    if project is None or not _probe(project, store):
        return EnrichReport()
    # By position, not the oldest row: another process may have moved rows since the failure.
    moved = quarantine.move(position, error)
    if moved:
        log.error("enrich: an event of project %s was quarantined: %s", project, failures.summary(error))
        failures.record(ENRICH, project, error, stop_after=MAX_IN_SUCCESSION)
    return EnrichReport(claimed=moved, quarantined=moved)


def _probe(project: int, store: probe.Store) -> bool:
    """Whether an ordinary event of the project can be stored. If not, the project is stopped."""
    try:
        works = probe.run(project, store)
    except probe.ProbeFailedError as error:
        if not isinstance(error.__cause__, Exception) or not _is_caused_by_row(error.__cause__):
            raise
        log.error("enrich: stopped for project %s: %s", project, failures.summary(error))  # noqa: TRY400
        failures.record(ENRICH, project, error, stop_after=1)
        return False
    if works:
        failures.resume(ENRICH, project)
    return works


def _is_caused_by_row(error: Exception) -> bool:
    if isinstance(error, DatabaseError):
        state = getattr(error.__cause__, "sqlstate", None)
        return is_caused_by_data(state) or state == INTERNAL
    # Arrow's errors are ValueErrors, but come from reading the lake.
    return isinstance(error, ROW_ERRORS) and not isinstance(error, pa.ArrowException)


def _may_be_smaller(error: Exception) -> bool:
    """Whether fewer rows may succeed. A lost connection or a full disk is nobody's fault."""
    out_of_memory = getattr(error.__cause__, "sqlstate", None) == OUT_OF_MEMORY
    return out_of_memory or isinstance(error, MemoryError) or _is_caused_by_row(error)
