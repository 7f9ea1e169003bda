"""The pipeline's stages in order: enrich, load, rollup. The foreground command and the worker's tasks call the same."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import connection

from analytics.enrich import partitions
from analytics.enrich.batches import enrich
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.lake.load import load
from analytics.rollup import upkeep
from analytics.rollup.refresh import RollupReport, rollup

PAUSE = 0.02
"""Seconds between two looks at work that another process is doing at the moment."""


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """What was done: events stored and duplicates dropped by enrich, events loaded; and what is still `waiting` in
    the inbox. `data_version` is the one that holds at the end."""

    stored: int = 0
    duplicates: int = 0
    loaded: int = 0
    waiting: int = 0
    data_version: int = 0


Progress = Callable[[PipelineReport], None]


def until_idle(progress: Progress | None = None) -> PipelineReport:
    """Everything that waits now goes through all stages, whoever does the work: a running worker is waited for.

    `progress` hears after each batch what has been done so far.
    """
    tell = progress or (lambda _: None)
    report = _load_all(_enrich_all(PipelineReport(), tell), tell)
    return replace(report, data_version=_rolled_up().data_version)


def enrich_for(seconds: float) -> None:
    """Enrich until nothing is left or the time is over."""
    until = time.monotonic() + seconds
    while enrich().claimed and time.monotonic() < until:
        pass


def load_and_roll_up() -> None:
    """Load all that enrich has stored, then bring the numbers up to it."""
    while load().rows:
        pass
    rollup()


def maintain() -> None:
    """What keeps the installation small and quick. Numbers change only by what has expired."""
    today = dt.datetime.now(dt.UTC).date()
    partitions.ensure([today, today + dt.timedelta(days=1)])
    partitions.expire(table.mark(EVENTS), today)
    upkeep.expire(today)
    upkeep.compact(today)
    rollup()
    upkeep.vacuum()


def _enrich_all(report: PipelineReport, tell: Progress) -> PipelineReport:
    while waiting := _count("SELECT count(*) FROM analytics_inbox"):
        tell(replace(report, waiting=waiting))
        done = enrich()
        report = replace(
            report, stored=report.stored + done.stored, duplicates=report.duplicates + done.duplicates
        )
        if not done.claimed:
            time.sleep(PAUSE)
    return report


def _load_all(report: PipelineReport, tell: Progress) -> PipelineReport:
    newest = _count("SELECT coalesce(max(sequence), 0) FROM analytics_event")
    while table.mark(EVENTS) < newest:
        done = load()
        report = replace(report, loaded=report.loaded + done.rows)
        tell(report)
        if not done.rows:
            time.sleep(PAUSE)
    return report


def _rolled_up() -> RollupReport:
    while (report := rollup()).busy:
        time.sleep(PAUSE)
    return report


def _count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
