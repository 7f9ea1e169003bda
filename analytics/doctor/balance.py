"""Are all events of a project there, each once, and do the numbers count them?

The lake is looked at first and the database after it, in one snapshot: an event that load moves meanwhile lies in both,
and is taken from the side of the lake's watermark on which it belongs.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction

from analytics import engine
from analytics.doctor.finding import FaultError, Finding, look
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.metrics.periods import EPOCH, local_day
from analytics.models import DataVersion, PeriodCount
from projects.models import Project

BOOKS = Path(__file__).with_name("balance.sql").read_text(encoding="utf-8")
SAMPLE = 5
A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Books:
    """What the database says of one project; `hot` are its events beyond the lake's watermark."""

    received: int
    stored: int
    duplicates: int
    refused: int
    waiting: int
    hot: int
    hot_ids: list[bytes]
    of_people: int
    of_ids: int


def examine(project: Project) -> list[Finding]:
    at = table.version(EVENTS)
    lake = DataVersion(lake_version=at, activity_version=table.NEVER, link_id=0)
    books = _books(project, table.watermark(EVENTS, at=at))
    checks = {
        "books": lambda: _balance(books),
        "lake": lambda: _lake(project, lake, books),
        "people": lambda: _people(books),
        "rollup": lambda: _rollup(project),
    }
    return [look(f"project {project.slug}: {part}", check) for part, check in checks.items()]


def _books(project: Project, watermark: int) -> Books:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(BOOKS, {"project": project.pk, "watermark": watermark})
        row = dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))
    ids = [bytes(id) for id in row.pop("hot_ids") or ()]
    return Books(hot_ids=ids, **{name: int(number) for name, number in row.items()})


def _balance(books: Books) -> str:
    parts = {
        "stored": books.stored,
        "duplicates": books.duplicates,
        "refused": books.refused,
        "waiting": books.waiting,
    }
    said = " + ".join(f"{number} {name}" for name, number in parts.items())
    difference = books.received - sum(parts.values())
    if difference:
        raise FaultError(f"{books.received} received, but {said}: {abs(difference)} {_too(difference)}")
    return f"{books.received} received = {said}"


def _lake(project: Project, lake: DataVersion, books: Books) -> str:
    with engine.snapshot(project.pk, lake) as tables:
        seen = tables.stored.agg(rows=tables.stored.count(), ids=tables.stored["id"].nunique())
        (found,) = tables.run(seen).to_pylist()
        hot = tables.table(pa.table({"id": pa.array(books.hot_ids, pa.binary())}))
        both = tables.run(tables.stored.semi_join(hot, "id").count().as_table()).to_pylist()
    twice = found["rows"] - found["ids"] + books.hot - len(set(books.hot_ids)) + next(iter(both[0].values()))
    if twice:
        raise FaultError(f"{twice} events are stored more than once")
    difference = books.stored - found["rows"] - books.hot
    said = f"{books.stored} stored, {found['rows']} in the lake and {books.hot} on their way there"
    expired = difference > 0 and settings.KEEP_MONTHS
    if difference and not expired:
        raise FaultError(f"{said}: {abs(difference)} {_too(difference)}")
    return f"{said}, {difference} expired" if expired else said


def _people(books: Books) -> str:
    if not books.stored == books.of_people == books.of_ids:
        raise FaultError(
            f"{books.stored} events stored, but people count {books.of_people} and their ids {books.of_ids}"
        )
    return f"people count {books.of_people} events"


def _rollup(project: Project) -> str:
    """Some days, counted anew from the events of the same data version."""
    served = PeriodCount.objects.filter(project=project, interval="day", event="").order_by("start")
    known = {row.start: (row.events, row.people) for row in served}
    days = sorted(known)
    sample = [days[n * (len(days) - 1) // max(SAMPLE - 1, 1)] for n in range(SAMPLE)] if days else []
    for day in dict.fromkeys(sample):
        counted = _recount(project, day)
        if counted != known[day]:
            raise FaultError(
                f"{day}: {_said(known[day])} are served, {_said(counted)} are in the lake; run: manage.py rebuild"
            )
    return f"{len(days)} days are served; {len(set(sample))} of them, counted again from the events, agree"


def _recount(project: Project, day: dt.date) -> tuple[int, int]:
    with engine.snapshot(project.pk, days=(day - A_DAY, day + A_DAY)) as tables:
        number = local_day(tables.events["timestamp"], project.zone, day, day)
        found = tables.events.filter(
            tables.events["day"].between(day - A_DAY, day + A_DAY), number == (day - EPOCH).days
        )
        row: dict[str, Any] = tables.run(
            found.agg(events=found.count(), people=found["person_id"].nunique())
        ).to_pylist()[0]
    return row["events"], row["people"]


def _said(counted: tuple[int, int]) -> str:
    return f"{counted[0]} events of {counted[1]} people"


def _too(difference: int) -> str:
    return "are missing" if difference > 0 else "are too many"
