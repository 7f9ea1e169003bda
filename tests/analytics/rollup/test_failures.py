"""One project whose data cannot be read keeps no other project's numbers from being updated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from analytics import failures
from analytics.doctor import balance
from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from analytics.models import PeriodCount, StageFailure
from analytics.rollup.refresh import rollup
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, person, store


def wrote(team: Team, at: float) -> None:
    ana = person(team.new.project, "Ana", day(0))
    store(team.new.project, [Happened(ana, "wrote", day(at))])
    while load.load().rows:
        pass


def counted(team: Team) -> int:
    return sum(
        PeriodCount.objects.filter(project_id=team.id, interval="day", event="").values_list(
            "events", flat=True
        )
    )


@contextmanager
def damaged_file(team: Team) -> Iterator[None]:
    """The newest file of the project, as a failing disk would leave it."""
    files = table.files(EVENTS, team.id, table.version(EVENTS))
    path = max((Path(file.path) for file in files), key=lambda path: path.stat().st_mtime)
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    try:
        yield
    finally:
        path.write_bytes(whole)


def test_the_others_go_on_and_it_catches_up(team: Team) -> None:
    other = assemble()
    rollup()
    wrote(team, 0)
    with damaged_file(team):
        wrote(other, 0)
        rollup()
        assert (counted(team), counted(other)) == (0, 1)
        found = {each.part.rpartition(" ")[2]: each for each in balance.check(other.new.project)}
        assert found["stages"].state == "ok"
        failure = failures.known(StageFailure.Stage.ROLLUP)[team.id]
        assert not failure.stopped
        wrote(other, 1)
        rollup()
        assert counted(other) == 2
        assert failures.known(StageFailure.Stage.ROLLUP)[team.id].failures == 2
    wrote(other, 2)
    rollup()
    assert (counted(team), counted(other)) == (1, 3)
    assert team.id not in failures.known(StageFailure.Stage.ROLLUP)


def test_when_all_fail_nothing_is_published(team: Team) -> None:
    before = rollup().data_version
    wrote(team, 0)
    with damaged_file(team), pytest.raises(duckdb.Error):
        rollup()
    assert rollup().data_version == before + 1
    assert counted(team) == 1
