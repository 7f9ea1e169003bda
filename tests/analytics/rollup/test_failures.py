"""One project whose data cannot be read keeps no other project's numbers from being updated."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from django.db import OperationalError, connection
from django.utils.timezone import now

from analytics import failures, lag
from analytics.doctor import balance
from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from analytics.models import PeriodCount, Stage, StageFailure
from analytics.pipeline import until_idle
from analytics.rollup import refresh
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


def wait(team: Team, seconds: float) -> None:
    """So long ago the project failed the last time."""
    StageFailure.objects.filter(project_id=team.id).update(at=now() - dt.timedelta(seconds=seconds))


def failed(team: Team) -> int:
    """How often in succession."""
    failure = failures.known(Stage.ROLLUP).get(team.id)
    return failure.failures if failure else 0


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
        assert not failures.known(Stage.ROLLUP)[team.id].stopped
        wrote(other, 1)
        rollup(retry_seconds=0)
        assert counted(other) == 2
        assert failed(team) == 2
    wrote(other, 2)
    rollup(retry_seconds=0)
    assert (counted(team), counted(other)) == (1, 3)
    assert failed(team) == 0


def test_it_is_tried_again_after_a_pause(team: Team) -> None:
    """A failing project is recomputed from scratch each time: every ten seconds it would keep the others waiting."""
    other = assemble()
    rollup()
    wrote(team, 0)
    wrote(other, 0)
    with damaged_file(team):
        rollup()
        wait(team, 5)
        wrote(other, 1)
        rollup()
        assert (failed(team), counted(other)) == (1, 2)
        wait(team, 10)
        # It is due, and there is nothing new elsewhere.
        with pytest.raises(duckdb.Error):
            rollup()
        assert failed(team) == 2
    wait(team, 15)
    rollup()
    assert counted(team) == 0
    wait(team, 20)
    rollup()
    assert (failed(team), counted(team)) == (0, 1)


@pytest.mark.parametrize(
    ("failures_in_succession", "pause"), [(1, 10), (2, 20), (5, 160), (6, 300), (10**6, 300)]
)
def test_the_pause_doubles_up_to_five_minutes(failures_in_succession: int, pause: int) -> None:
    assert refresh._pause(failures_in_succession, refresh.RETRY_SECONDS) == pause


def test_a_rebuild_tries_at_once_and_so_does_the_command(team: Team) -> None:
    wrote(assemble(), 0)
    rollup()
    wrote(team, 0)
    with damaged_file(team):
        for _ in range(2):
            with pytest.raises(duckdb.Error):
                rollup(retry_seconds=0)
        rollup(everything=True)
        assert failed(team) == 1
        with pytest.raises(duckdb.Error):
            until_idle()
        assert failed(team) == 2
    rollup(everything=True)
    assert (failed(team), counted(team)) == (0, 1)


def test_its_age_is_told_though_the_others_are_up_to_date(team: Team) -> None:
    other = assemble()
    rollup()
    wrote(team, 0)
    wrote(other, 0)
    with damaged_file(team):
        rollup()
        StageFailure.objects.filter(project_id=team.id).update(since=now() - dt.timedelta(minutes=6))
        with connection.cursor() as cursor:
            since = lag.waiting_since("rollup", cursor)
        assert since
        assert now() - since > lag.MAX_LAG["rollup"]
        found = {each.part.rpartition(" ")[2]: each for each in balance.check(team.new.project)}
        assert found["lake"].state == "error"
        assert found["lake"].detail.startswith("cannot be checked: ")
        assert found["stages"].state == "warning"
        assert found["stages"].detail.startswith("rollup failed since ")
    rollup(retry_seconds=0)
    with connection.cursor() as cursor:
        assert lag.waiting_since("rollup", cursor) is None


def test_when_all_fail_nothing_is_published(team: Team) -> None:
    before = rollup().data_version
    wrote(team, 0)
    with damaged_file(team), pytest.raises(duckdb.Error):
        rollup()
    assert failed(team) == 1
    assert rollup(retry_seconds=0).data_version == before + 1
    assert counted(team) == 1


def test_a_lost_database_is_no_projects_fault(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    rollup()
    wrote(team, 0)

    def disconnect(*_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as lost:
        lost.setattr(refresh, "_update_lake", disconnect)
        with pytest.raises(OperationalError):
            rollup()
    connection.close()
    assert failed(team) == 0
    rollup()
    assert counted(team) == 1
