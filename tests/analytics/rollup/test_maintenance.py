"""Lake maintenance: fewer files and months, and the same numbers."""

import datetime as dt
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import override_settings

from analytics import engine, pipeline
from analytics.lake import load, table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS
from analytics.models import DataVersion, PeriodCount
from analytics.rollup import maintenance
from analytics.rollup.refresh import rollup
from tests.clock import day
from tests.people import Team
from tests.stored import Happened, person, store

TODAY = day(400).date()


def often(team: Team, loads: int) -> int:
    """Ana writes and Bo reads, in as many loads."""
    ana, bo = (person(team.new.project, name, day(0)) for name in ("Ana", "Bo"))
    for n in range(loads):
        store(team.new.project, [Happened(bo, "read", day(n % 3)), Happened(ana, "wrote", day(n % 5))])
        load.load()
    rollup()
    return ana


def files(team: Team) -> list[table.File]:
    return list(table.files(EVENTS, team.id, table.version(EVENTS)))


def events(team: Team) -> list[dict[str, Any]]:
    with engine.snapshot(team.id) as tables:
        return list(tables.run(tables.events.order_by("sequence")).to_pylist())


def test_many_small_files_become_one_sorted_file(team: Team) -> None:
    often(team, 10)
    before, version = events(team), rollup().data_version
    assert len(files(team)) == 10
    assert maintenance.compact(TODAY) >= 1
    after = rollup()
    assert (after.days, after.data_version > version) == (0, True)
    assert len(files(team)) == 1
    assert events(team) == before
    with engine.snapshot(team.id) as tables:
        stored = tables.run(tables.stored).to_pylist()
    assert stored == sorted(stored, key=lambda r: (r["day"], r["person_id"], r["timestamp"], r["sequence"]))


def with_essays(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine loads of small events, and six events that count as wide: three are more than a row group."""
    monkeypatch.setattr(maintenance, "WIDE", 5_000)
    monkeypatch.setattr(maintenance, "MAX_WIDE_BYTES", 40_000)
    monkeypatch.setattr(maintenance, "MAX_GROUP_BYTES", 25_000)
    ana = often(team, 9)
    essays = [Happened(ana, "wrote", day(n), properties={"essay": "x" * 10_000}) for n in range(6)]
    store(team.new.project, essays)
    load.load()
    rollup()


def test_months_of_wide_events_get_small_row_groups(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted and written at once, they would all be in memory; so would a part of a row group for readers."""
    with_essays(team, monkeypatch)
    before = events(team)
    maintenance.compact(TODAY)
    footers = [pq.read_metadata(file.path) for file in files(team)]
    groups = [[each.row_group(n).num_rows for n in range(each.num_row_groups)] for each in footers]
    assert sorted(groups) == [[2, 2, 2], [18]]
    assert rollup().days == 0
    assert events(team) == before


def test_files_of_wide_months_are_read_like_others(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """By deltalake, too: late events are looked up with it. A later load and compaction meet no difference either."""
    with_essays(team, monkeypatch)
    maintenance.compact(TODAY)
    ids = {event["id"] for event in events(team)}
    scanned = table.scan(EVENTS, ["id"], f"project_id = {team.id} AND day <= DATE '{day(9).date()}'")
    assert {id for batch in scanned for id in batch["id"].to_pylist()} == ids
    often(team, 9)
    assert maintenance.compact(TODAY) >= 1
    assert len(files(team)) == 2
    assert ids < {event["id"] for event in events(team)}


def test_nor_does_a_rewrite_of_a_wide_month_lose_events(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    with_essays(team, monkeypatch)
    before = table.version(EVENTS)
    ana = person(team.new.project, "Ana", day(0))
    store(team.new.project, [Happened(ana, "late", day(1))])
    load.load()
    rollup()
    whole = events(team)
    with suppress(table.LakeChangedError):
        maintenance._rewrite(EVENTS, team.id, "2020-06", before)
    rollup()
    assert events(team) == whole


def test_few_files_are_left_alone(team: Team) -> None:
    often(team, 3)
    before = files(team)
    maintenance.compact(TODAY)
    assert files(team) == before


def test_a_large_file_is_not_rewritten_for_a_few_rows(team: Team) -> None:
    ana = often(team, 1)
    store(team.new.project, [Happened(ana, "wrote", day(1, seconds=n)) for n in range(100)])
    load.load()
    for n in range(9):
        store(team.new.project, [Happened(ana, "wrote", day(2, seconds=n))])
        load.load()
    before = files(team)
    maintenance.compact(TODAY)
    assert files(team) == before


def test_the_same_rows_give_the_same_bytes(team: Team) -> None:
    often(team, 8)
    maintenance.compact(TODAY)
    first = content(files(team))
    at = table.version(EVENTS)
    maintenance._rewrite(EVENTS, team.id, "2020-06", at)
    assert content(files(team)) == first


def content(found: list[table.File]) -> list[bytes]:
    return [Path(file.path).read_bytes() for file in found]


def test_a_rewrite_never_loses_events_that_arrived_meanwhile(team: Team) -> None:
    ana = often(team, 2)
    before = table.version(EVENTS)
    store(team.new.project, [Happened(ana, "late", day(1))])
    load.load()
    with pytest.raises(table.LakeChangedError):
        maintenance._rewrite(EVENTS, team.id, "2020-06", before)
    rollup()
    assert [row["event"] for row in events(team)] == ["read", "wrote", "read", "wrote", "late"]


def test_a_merge_can_still_be_undone_afterwards(team: Team) -> None:
    """Compaction keeps the ids that events were stored under."""
    ana = often(team, 8)
    ids = {row["person_id"] for row in events(team)}
    maintenance.compact(TODAY)
    rollup()
    assert {row["person_id"] for row in events(team)} == ids == {ana, ana + 1}


@override_settings(KEEP_MONTHS=2)
def test_expired_months_are_dropped_with_their_numbers(team: Team) -> None:
    ana = often(team, 2)
    store(team.new.project, [Happened(ana, "wrote", day(100))])
    load.load()
    rollup()
    assert "2020-06" in maintenance.expire(dt.date(2020, 9, 30))
    rollup()
    assert [row["timestamp"] for row in events(team)] == [day(100)]
    starts = PeriodCount.objects.filter(project_id=team.id).values_list("start", flat=True)
    assert {f"{start:%Y-%m}" for start in starts} == {"2020-09"}


def test_nothing_expires_by_default(team: Team) -> None:
    often(team, 1)
    assert maintenance.expire(dt.date(2090, 1, 1)) == []


def test_vacuum_deletes_what_no_version_in_use_needs(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    often(team, 8)
    replaced = [file.path for file in files(team)]
    maintenance.compact(TODAY)
    rollup()
    monkeypatch.setattr(maintenance, "KEEP_HOURS", 0)
    maintenance.vacuum()
    assert not any(exists(path) for path in replaced)
    assert len(events(team)) == 16


def exists(path: str) -> bool:
    return Path(path).exists()


def test_files_that_the_current_data_version_needs_are_kept(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    often(team, 8)
    needed = [file.path for file in files(team)]
    maintenance.compact(TODAY)
    monkeypatch.setattr(maintenance, "KEEP_HOURS", 0)
    maintenance.vacuum()
    newest = DataVersion.objects.latest("id")
    assert newest.lake_version < table.version(EVENTS)
    assert all(exists(path) for path in needed)
    assert len(events(team)) == 16


def test_activity_and_facts_of_closed_months_are_compacted_too(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    for n in range(9):
        store(team.new.project, [Happened(ana, "wrote", day(n), properties={"$set": {"day": n}})])
        load.load()
        rollup()
    assert [len(table.files(layout, team.id, table.version(layout))) for layout in (ACTIVITY, FACTS)] == [
        9,
        9,
    ]
    pipeline.maintain()
    assert [len(table.files(layout, team.id, table.version(layout))) for layout in (ACTIVITY, FACTS)] == [
        1,
        1,
    ]
    with engine.snapshot(team.id) as tables:
        assert tables.run(tables.facts)["value"].to_pylist() == [str(n) for n in range(9)]
    assert PeriodCount.objects.filter(project_id=team.id, interval="day", event="").count() == 9
