"""Late events are looked for in the lake before they are stored."""

import datetime as dt
import uuid

import pyarrow as pa

from analytics.lake import load, seen
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, person, store

NEVER_SENT = uuid.UUID(int=7)


def candidates(team: Team, *late: tuple[uuid.UUID, dt.date]) -> pa.Table:
    columns = [[team.id] * len(late), [id.bytes for id, _ in late], [on for _, on in late]]
    return pa.table(columns, schema=seen.CANDIDATES)


def found(team: Team, *late: tuple[uuid.UUID, dt.date]) -> list[uuid.UUID]:
    return [uuid.UUID(bytes=row["id"]) for row in seen.already_stored(candidates(team, *late)).to_pylist()]


def loaded(team: Team, *days: float) -> list[uuid.UUID]:
    ana = person(team.new.project, "Ana", day(0))
    events = [Happened(ana, "wrote", day(each)) for each in days]
    store(team.new.project, events)
    load.load()
    return [event.id for event in events]


def test_it_works(team: Team) -> None:
    first, _ = loaded(team, 0, 40)
    assert found(team, (first, day(0).date()), (NEVER_SENT, day(0).date())) == [first]


def test_a_clock_that_was_corrected_across_midnight_does_not_hide_it(team: Team) -> None:
    (last_of_month,) = loaded(team, 20.7)
    assert found(team, (last_of_month, day(21.7).date())) == [last_of_month]
    assert found(team, (last_of_month, day(19.7).date())) == [last_of_month]
    assert found(team, (last_of_month, day(25).date())) == []


def test_it_finds_them_across_months_and_only_once(team: Team) -> None:
    ids = loaded(team, 0, 40, 80, 120)
    late = [(id, day(each).date()) for id, each in zip(ids, (0, 40, 80, 120), strict=True)]
    assert sorted(found(team, *late, *late)) == sorted(ids)


def test_the_same_id_in_another_project_is_another_event(team: Team) -> None:
    (theirs,) = loaded(assemble(), 0)
    loaded(team, 0)
    assert found(team, (theirs, day(0).date())) == []


def test_nothing_to_look_for(team: Team) -> None:
    assert seen.already_stored(candidates(team)).schema == seen.FOUND
