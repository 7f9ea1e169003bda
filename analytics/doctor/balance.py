"""Checks that all events of a project are stored exactly once, and that the numbers count them.

The lake's version is read first, then the database in one snapshot. An event that is loaded meanwhile is then in
both, and the watermark of that lake version decides on which side it is counted.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction

from analytics import engine
from analytics.doctor.finding import CheckError, CheckWarning, Finding, run_check
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.metrics.expressions import equal
from analytics.metrics.periods import EPOCH, local_day
from analytics.models import DataVersion, PeriodCount, QuarantinedEvent, StageFailure
from analytics.schema import NO_PERSON
from projects.models import Project

COUNTS = Path(__file__).with_name("balance.sql").read_text(encoding="utf-8")
SAMPLE = 5
A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one project in the database.

    of_nobody       those of `stored` that have no person
    quarantined     by the ledger
    in_quarantine   rows in the quarantine
    unloadable      those of `in_quarantine` that people count, because only load failed
    hot             events beyond the lake's watermark, not loaded yet
    """

    received: int
    stored: int
    of_nobody: int
    duplicates: int
    refused: int
    quarantined: int
    in_quarantine: int
    unloadable: int
    waiting: int
    hot: int
    hot_ids: list[bytes]
    by_people: int
    by_ids: int


def check(project: Project) -> list[Finding]:
    at = table.version(EVENTS)
    lake = DataVersion(lake_version=at, activity_version=table.NEVER, link_id=0)
    counts = _counts(project, table.watermark(EVENTS, at=at))
    checks = {
        "ledger": lambda: _balance(counts),
        "lake": lambda: _lake(project, lake, counts),
        "quarantine": lambda: _quarantine(project, counts),
        "stages": lambda: _stages(project),
        "people": lambda: _people(counts),
        "rollup": lambda: _rollup(project),
    }
    return [run_check(f"project {project.slug}: {part}", check) for part, check in checks.items()]


def _counts(project: Project, watermark: int) -> Counts:
    with transaction.atomic(), connection.cursor() as cursor:
        # One snapshot of all tables: an event that moves between them would be counted twice or not at all.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(COUNTS, {"project": project.pk, "watermark": watermark, "no_person": NO_PERSON})
        row = dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))
    ids = [bytes(id) for id in row.pop("hot_ids") or ()]
    return Counts(hot_ids=ids, **{name: int(number) for name, number in row.items()})


def _balance(counts: Counts) -> str:
    parts = {
        "stored": counts.stored,
        "duplicates": counts.duplicates,
        "refused": counts.refused,
        "quarantined": counts.quarantined,
        "waiting": counts.waiting,
    }
    summary = " + ".join(f"{number} {name}" for name, number in parts.items())
    difference = counts.received - sum(parts.values())
    if difference:
        raise CheckError(
            f"{counts.received} received, but {summary}: {abs(difference)} {_verdict(difference)}"
        )
    return f"{counts.received} received = {summary}"


def _quarantine(project: Project, counts: Counts) -> str:
    """Events that cannot be stored, with the newest error."""
    if counts.quarantined != counts.in_quarantine:
        difference = counts.quarantined - counts.in_quarantine
        raise CheckError(
            f"the ledger counts {counts.quarantined} events in quarantine, but there are {counts.in_quarantine}:"
            f" {abs(difference)} {_verdict(difference)}"
        )
    newest = QuarantinedEvent.objects.filter(project_id=project.pk).order_by("-id").first()
    if newest:
        raise CheckWarning(
            f"{counts.in_quarantine} events cannot be stored and are kept; the newest ({newest.event!r} of"
            f" {newest.distinct_id!r}): {newest.message}; after fixing the cause, run: manage.py pipeline"
            " --replay-quarantine --until-idle"
        )
    return "empty"


def _stages(project: Project) -> str:
    """Stages that have stopped for the project, or failed since they last worked."""
    found = StageFailure.objects.filter(project_id=project.pk).order_by("stage")
    for failure in found:
        problem = f"{failure.stage} failed since {failure.since:%Y-%m-%d %H:%M} UTC: {failure.message}"
        if failure.stopped:
            raise CheckError(f"{failure.stage} has stopped; {problem}; it resumes when the cause is fixed")
        raise CheckWarning(problem)
    return "no failures"


def _lake(project: Project, lake: DataVersion, counts: Counts) -> str:
    with engine.snapshot(project.pk, lake) as tables:
        seen = tables.stored.agg(rows=tables.stored.count(), ids=tables.stored["id"].nunique())
        (found,) = tables.run(seen).to_pylist()
        hot = tables.table(pa.table({"id": pa.array(counts.hot_ids, pa.binary())}))
        both = tables.run(tables.stored.semi_join(hot, "id").count().as_table()).to_pylist()
    # Repeated ids in the lake, repeated ids beyond the watermark, and ids on both sides.
    twice = (
        found["rows"] - found["ids"] + counts.hot - len(set(counts.hot_ids)) + next(iter(both[0].values()))
    )
    if twice:
        raise CheckError(f"{twice} events are stored more than once")
    difference = counts.stored - found["rows"] - counts.hot
    summary = f"{counts.stored} stored, {found['rows']} in the lake and {counts.hot} not loaded yet"
    # Expiry takes events out of the lake but not out of the ledger, so a loss cannot be told from it.
    expired = difference > 0 and settings.KEEP_MONTHS
    if difference and not expired:
        raise CheckError(f"{summary}: {abs(difference)} {_verdict(difference)}")
    return f"{summary}, {difference} expired" if expired else summary


def _people(counts: Counts) -> str:
    of_people = counts.stored - counts.of_nobody + counts.unloadable
    if not of_people == counts.by_people == counts.by_ids:
        raise CheckError(
            f"{of_people} stored events have a person,"
            f" but people count {counts.by_people} and their ids {counts.by_ids}"
        )
    without = f"; {counts.of_nobody} events have no person" if counts.of_nobody else ""
    return f"people count {counts.by_people} events{without}"


def _rollup(project: Project) -> str:
    """Recounts a sample of days from the events of the same data version."""
    served = PeriodCount.objects.filter(project=project, interval="day", event="").order_by("start")
    known = {row.start: (row.events, row.people) for row in served}
    days = sorted(known)
    sample = [days[n * (len(days) - 1) // max(SAMPLE - 1, 1)] for n in range(SAMPLE)] if days else []
    for day in dict.fromkeys(sample):
        counted = _recount(project, day)
        if counted != known[day]:
            raise CheckError(
                f"{day}: the dashboard shows {_described(known[day])}, the lake has {_described(counted)};"
                " run: manage.py rebuild"
            )
    return f"{len(days)} days; recounted {len(set(sample))} of them from the events, and they agree"


def _recount(project: Project, day: dt.date) -> tuple[int, int]:
    # A local day can begin or end on the UTC day next to it.
    with engine.snapshot(project.pk, days=(day - A_DAY, day + A_DAY)) as tables:
        number = local_day(tables.events["timestamp"], project.zone, day, day)
        found = tables.events.filter(
            tables.events["day"].between(day - A_DAY, day + A_DAY), equal(number, (day - EPOCH).days)
        )
        row: dict[str, Any] = tables.run(
            found.agg(events=found.count(), people=found["person_id"].nunique())
        ).to_pylist()[0]
    return row["events"], row["people"]


def _described(counted: tuple[int, int]) -> str:
    return f"{counted[0]} events of {counted[1]} people"


def _verdict(difference: int) -> str:
    return "are missing" if difference > 0 else "are too many"
