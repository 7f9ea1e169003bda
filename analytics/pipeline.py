"""The pipeline's stages in order: enrich, load, rollup. Called by `manage.py pipeline` and by the worker's tasks."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import connection

from analytics import pruning
from analytics.enrich import isolation, partitions
from analytics.enrich.batches import enrich
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.lake.load import load
from analytics.rollup import maintenance
from analytics.rollup.refresh import RollupReport, rollup
from projects import rates

POLL_INTERVAL = 0.02
"""Seconds between two checks while another process does the work."""

ENRICHABLE = """
SELECT count(*) FROM analytics_inbox WHERE project_id NOT IN (
    SELECT project_id FROM analytics_stage_failure WHERE stage = 'enrich' AND stopped
)
"""

LOADABLE = """
SELECT count(*) FROM (SELECT FROM analytics_event WHERE sequence > %s AND sequence <= %s LIMIT 1) AS first
"""


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """Events stored and duplicates dropped by enrich, events quarantined by enrich or load, events loaded into the
    lake, and events still waiting in the inbox: at the end, those of projects for which enrich has stopped.
    `data_version` is the newest one at the end."""

    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    loaded: int = 0
    waiting: int = 0
    data_version: int = 0


SMALL_BATCH = 10_000
GATHER_SECONDS = 0.5
"""A batch costs as much as several hundred events more, so small ones wait for each other."""

_enriching = threading.Lock()
Progress = Callable[[PipelineReport], None]


def until_idle(progress: Progress | None = None) -> PipelineReport:
    """Run all stages until nothing is left. Where a worker holds a stage's lock, wait until it has done the work.

    `progress` is called after each batch with the totals so far.
    """
    on_progress = progress or (lambda _: None)
    report = _load_all(_enrich_all(PipelineReport(), on_progress), on_progress)
    return replace(report, data_version=_roll_up().data_version)


def enrich_for(seconds: float) -> None:
    """Enrich until nothing is left or the time is up. Returns at once if another thread is at it."""
    if not _enriching.acquire(blocking=False):
        return
    try:
        until = time.monotonic() + seconds
        while (claimed := enrich().claimed) and time.monotonic() < until:
            if claimed < SMALL_BATCH:
                time.sleep(GATHER_SECONDS)
    finally:
        _enriching.release()


def load_and_roll_up() -> None:
    """Load everything that enrich has stored, then update the rollups."""
    while load().processed:
        pass
    rollup()


def maintain() -> None:
    """Create and drop partitions, expire old months, compact and vacuum the lake. Only expiry changes numbers."""
    today = dt.datetime.now(dt.UTC).date()
    partitions.ensure([today, today + dt.timedelta(days=1)])
    rates.prune()
    pruning.prune()
    partitions.expire(table.watermark(EVENTS), today)
    maintenance.expire(today)
    maintenance.compact(today)
    # Rollup before vacuum: only then does the newest data version no longer need the files just replaced.
    rollup()
    maintenance.vacuum()


def _enrich_all(report: PipelineReport, on_progress: Progress) -> PipelineReport:
    # The first time stopped projects are tried again at once: this command is how to resume after a fix.
    retry_seconds = 0.0
    while waiting := _count("SELECT count(*) FROM analytics_inbox"):
        on_progress(replace(report, waiting=waiting))
        done, retry_seconds = enrich(retry_seconds=retry_seconds), isolation.RETRY_SECONDS
        report = replace(
            report,
            stored=report.stored + done.stored,
            duplicates=report.duplicates + done.duplicates,
            quarantined=report.quarantined + done.quarantined,
        )
        if not done.claimed and not _count(ENRICHABLE):
            return replace(report, waiting=waiting)
        if not done.claimed:
            time.sleep(POLL_INTERVAL)
    return report


def _load_all(report: PipelineReport, on_progress: Progress) -> PipelineReport:
    # Read once: events that are stored meanwhile could keep this loop from ending.
    newest = _count("SELECT coalesce(max(sequence), 0) FROM analytics_event")
    # Not until the watermark is `newest`: that event may go into quarantine.
    while _count(LOADABLE, table.watermark(EVENTS), newest):
        done = load()
        report = replace(
            report, loaded=report.loaded + done.rows, quarantined=report.quarantined + done.quarantined
        )
        on_progress(report)
        if not done.processed:
            time.sleep(POLL_INTERVAL)
    return report


def _roll_up() -> RollupReport:
    # Projects that failed are tried again at once: this command is how to resume after a fix.
    while (report := rollup(retry_seconds=0)).busy:
        time.sleep(POLL_INTERVAL)
    return report


def _count(query: str, *values: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return int(cursor.fetchone()[0])
