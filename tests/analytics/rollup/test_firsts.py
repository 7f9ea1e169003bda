"""Firsts: stored first days always equal those computed from all of activity."""

import datetime as dt

import pytest
from django.db import transaction
from django.test import override_settings

from analytics import engine
from analytics.lake import load, table
from analytics.lake.columns import FIRSTS
from analytics.models import RollupCalendar
from analytics.rollup import firsts, maintenance
from analytics.rollup.dirty_days import DirtyDays
from analytics.rollup.refresh import rollup
from tests.clock import day
from tests.people import Team
from tests.stored import Happened, merge, person, store, undo


def kept(team: Team) -> dict[int, dt.date]:
    with engine.snapshot(team.id) as tables:
        rows = tables.run(tables.lake(FIRSTS, table.version(FIRSTS))).to_pylist()
    assert len({row["person_id"] for row in rows}) == len(rows)
    return {row["person_id"]: row["day"] for row in rows}


def scratch(team: Team) -> dict[int, dt.date]:
    """The same, from all of activity."""
    with engine.snapshot(team.id) as tables:
        rows = tables.run(firsts.first_days(tables.activity)).to_pylist()
    return {row["person_id"]: row["day"] for row in rows}


def happened(team: Team, who: int, *days: int) -> None:
    store(team.new.project, [Happened(who, "wrote", day(each)) for each in days])
    while load.load().rows:
        pass
    rollup()
    assert kept(team) == scratch(team)


def cast(team: Team) -> tuple[int, int]:
    return person(team.new.project, "Ana", day(0)), person(team.new.project, "Bo", day(0))


def test_a_first_day_stays_until_an_earlier_event_comes_late(team: Team) -> None:
    ana, _ = cast(team)
    happened(team, ana, 40)
    written = table.version(FIRSTS)
    happened(team, ana, 41, 80)
    assert table.version(FIRSTS) == written
    happened(team, ana, 3)
    assert kept(team) == {ana: day(3).date()}


def test_a_merge_takes_a_first_day_along_and_an_undone_one_gives_it_back(team: Team) -> None:
    ana, bo = cast(team)
    happened(team, ana, 40, 50)
    happened(team, bo, 3, 45)
    merge(team.new.project, bo, ana, day(60))
    rollup()
    assert kept(team) == {ana: day(3).date()}
    undo(team.new.project, bo, day(60))
    rollup()
    assert kept(team) == {ana: day(40).date(), bo: day(3).date()}


@override_settings(KEEP_MONTHS=1)
def test_after_expiry_a_first_day_is_the_first_one_left(team: Team) -> None:
    ana, bo = cast(team)
    happened(team, ana, 0, 100)
    happened(team, bo, 0)
    maintenance.expire(dt.date(2020, 9, 30))
    rollup()
    assert kept(team) == {ana: day(100).date()}


def test_the_next_run_repairs_a_crash(team: Team) -> None:
    """The lake was written, but the database was not."""
    ana, bo = cast(team)
    happened(team, ana, 40)
    store(team.new.project, [Happened(ana, "wrote", day(3)), Happened(bo, "wrote", day(3))])
    load.load()
    with pytest.raises(KeyboardInterrupt):
        crash()
    assert kept(team) == {ana: day(3).date(), bo: day(3).date()}
    happened(team, bo, 1)
    assert kept(team) == {ana: day(3).date(), bo: day(1).date()}


def crash() -> None:
    with transaction.atomic():
        rollup()
        raise KeyboardInterrupt


def test_the_same_update_twice_changes_nothing(team: Team) -> None:
    ana, _ = cast(team)
    happened(team, ana, 3, 40)
    before = table.version(FIRSTS)
    with engine.snapshot(team.id) as tables:
        at = tables.version
    firsts.update(DirtyDays(team.new.project, frozenset({day(3).date()})), at)
    assert (table.version(FIRSTS), kept(team)) == (before, {ana: day(3).date()})


def test_missing_firsts_are_computed(team: Team) -> None:
    """After an upgrade from a version without firsts, or with a lake older than its database."""
    ana, _ = cast(team)
    happened(team, ana, 3)
    for missing in (None, table.version(FIRSTS) + 100):
        table.drop(FIRSTS, f"project_id = {team.id}", {})
        RollupCalendar.objects.filter(project=team.new.project).update(firsts_version=missing)
        rollup()
        assert kept(team) == {ana: day(3).date()}
