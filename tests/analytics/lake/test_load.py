"""Load: every stored event is in the lake exactly once, even after crashes."""

import threading
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection

from analytics import schema
from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, person, store


def lake(team: Team) -> list[dict[str, Any]]:
    batches = table.scan(EVENTS, EVENTS.columns.names, f"project_id = {team.id}")
    return sorted(pa.Table.from_batches(batches, EVENTS.columns).to_pylist(), key=lambda row: row["sequence"])


def everything() -> int:
    """Load until nothing is left, because other tests leave events behind. Returns the number of rows."""
    rows = 0
    while moved := load.load().rows:
        rows += moved
    return rows


def wrote(team: Team, *days: float) -> list[Happened]:
    ana = person(team.new.project, "Ana", day(0))
    events = [Happened(ana, "wrote", day(each)) for each in days]
    store(team.new.project, events)
    return events


def test_it_copies_every_column_as_it_is(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    signup = Happened(ana, "signup", day(0), properties={"plan": "früh 😀", "quote": "'\"\\"})
    store(team.new.project, [signup])
    assert everything() >= 1
    names = schema.names(schema.EVENT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM analytics_event WHERE id = %s", [signup.id])
        expected = dict(zip(names, cursor.fetchone() or (), strict=True))
    assert lake(team) == [{**expected, "id": signup.id.bytes, "day": day(0).date(), "month": "2020-06"}]


def test_a_second_load_adds_nothing(team: Team) -> None:
    wrote(team, 0, 1)
    everything()
    watermark = table.watermark(EVENTS)
    assert load.load() == load.LoadReport(0, watermark)
    assert len(lake(team)) == 2


def test_it_goes_on_where_the_last_batch_ended(team: Team) -> None:
    everything()
    sent = wrote(team, 0, 50, 100)
    assert [load.load(limit=2).rows for _ in range(3)] == [2, 1, 0]
    assert [row["id"] for row in lake(team)] == [event.id.bytes for event in sent]


def test_a_portion_is_bounded_in_bytes(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow cannot hold a column of 2 GB: a backlog of events of a megabyte each must not be read at once."""
    everything()
    monkeypatch.setattr(load, "MAX_BYTES", 3_000_000)
    ana = person(team.new.project, "Ana", day(0))
    essays = [Happened(ana, "wrote", day(n), properties={"essay": "x" * 1_000_000}) for n in range(8)]
    store(team.new.project, essays)
    assert [load.load().rows for _ in range(4)] == [3, 3, 2, 0]
    assert [row["id"] for row in lake(team)] == [each.id.bytes for each in essays]


def test_an_event_larger_than_a_portion_is_loaded_alone(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    everything()
    monkeypatch.setattr(load, "MAX_BYTES", 10)
    wrote(team, 0, 1)
    assert [load.load().rows for _ in range(3)] == [1, 1, 0]


def test_each_commit_names_the_days_it_touched(team: Team) -> None:
    everything()
    before = table.version(EVENTS)
    other = assemble()
    wrote(team, 0, 0.9, 40)
    wrote(other, 0)
    everything()
    days = table.changes(EVENTS, before, table.version(EVENTS)).days
    assert days[team.id] == {day(0).date(), day(0.9).date(), day(40).date()}
    assert days[other.id] == {day(0).date()}


def test_a_loader_that_died_after_its_commit_is_not_repeated(team: Team) -> None:
    """The commit is the last step: the next loader finds its watermark."""
    everything()
    wrote(team, 0)
    after = table.watermark(EVENTS)
    rows = load._read_new_events(after, after + 1)
    assert table.append(EVENTS, rows, after=after, until=after + 1, days=load._days_by_project(rows))
    assert everything() == 0
    assert len(lake(team)) == 1


def test_of_two_loaders_one_does_the_work(team: Team) -> None:
    everything()
    wrote(team, *range(20))
    reports: list[load.LoadReport] = []
    both = [threading.Thread(target=_load, args=(reports,)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    everything()
    assert len(lake(team)) == 20
    assert sum(report.rows for report in reports) in {0, 20}


def _load(reports: list[load.LoadReport]) -> None:
    try:
        reports.append(load.load())
    finally:
        connection.close()


def test_a_slow_loader_that_lost_its_lock_cannot_add_twice(team: Team) -> None:
    """It has read events beyond a watermark that has since moved."""
    everything()
    wrote(team, 0)
    after = table.watermark(EVENTS)
    rows = load._read_new_events(after, after + 1)
    everything()
    assert not table.append(EVENTS, rows, after=after, until=after + 1, days=load._days_by_project(rows))
    assert len(lake(team)) == 1
