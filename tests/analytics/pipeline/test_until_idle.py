"""The pipeline in the foreground: when it returns, all waiting events are counted."""

import datetime as dt
import os
import threading
import uuid
from contextlib import suppress
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils.timezone import now

from analytics import engine, pipeline, tasks
from analytics.models import DataVersion, Heartbeat, PeriodCount
from tests.clock import day
from tests.journey import Journey
from tests.people import Team

KILL_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def counted(team: Team) -> list[tuple[str, int, int]]:
    rows = PeriodCount.objects.filter(project_id=team.id, interval="day", event="").order_by("start")
    return [(f"{row.start}", row.events, row.people) for row in rows]


def story(team: Team) -> Journey:
    journey = Journey(team)
    journey.track("ana", "signup", at=day(0)).track("ana", "wrote", at=day(1)).track(
        "bo", "signup", at=day(1)
    )
    return journey.send()


def test_it_works(team: Team) -> None:
    story(team)
    heard: list[pipeline.PipelineReport] = []
    report = pipeline.until_idle(heard.append)
    assert report.stored >= 3
    assert report.loaded >= 3
    assert heard[0].waiting >= 3
    assert counted(team) == [("2020-06-10", 1, 1), ("2020-06-11", 2, 2)]
    with engine.snapshot(team.id) as tables:
        assert tables.version.pk == report.data_version


def test_the_same_events_again_change_nothing(team: Team) -> None:
    story(team).through()
    version = pipeline.until_idle().data_version
    same = uuid.uuid4()
    Journey(team).track("cy", "read", at=day(2), id=same).through()
    Journey(team).track("cy", "read", at=day(2), id=same).through()
    assert counted(team)[2:] == [("2020-06-12", 1, 1)]
    assert pipeline.until_idle().data_version == version + 1


def test_a_merge_joins_the_history_of_two_ids(team: Team) -> None:
    journey = Journey(team).page("laptop", at=day(0), known=False).track("ana", "wrote", at=day(0))
    journey.through()
    assert counted(team) == [("2020-06-10", 2, 2)]
    Journey(team).identify("ana", device="laptop", at=day(1)).through()
    assert counted(team)[0] == ("2020-06-10", 2, 1)


def test_two_at_a_time_do_everything_once(team: Team) -> None:
    story(team)
    both = [threading.Thread(target=_until_idle) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert counted(team) == [("2020-06-10", 1, 1), ("2020-06-11", 2, 2)]


def _until_idle() -> None:
    try:
        pipeline.until_idle()
    finally:
        connection.close()


def test_the_command_says_what_it_did(team: Team) -> None:
    story(team)
    said = StringIO()
    call_command("pipeline", until_idle=True, stdout=said)
    assert "3 events stored, 0 duplicates dropped, 3 loaded; data version" in said.getvalue()


def test_without_its_option_the_command_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="--until-idle"):
        call_command("pipeline")


def test_the_workers_tasks_do_the_same(team: Team) -> None:
    story(team)
    tasks.enrich()
    tasks.load()
    assert counted(team) == [("2020-06-10", 1, 1), ("2020-06-11", 2, 2)]
    tasks.maintain()
    tasks.rollup()
    assert counted(team) == [("2020-06-10", 1, 1), ("2020-06-11", 2, 2)]


def rolled_up_since(began: dt.datetime) -> bool:
    """One scheduled run. If it fails, it has changed nothing, and the next one does its work."""
    with suppress(OperationalError):
        tasks.load()
        return DataVersion.objects.filter(created_at__gt=began).exists()
    return False


def test_tasks_continue_after_a_restart_of_the_database(team: Team) -> None:
    # Threads of other tests may have taken connections with them when they ended.
    connection.close_pool()  # type: ignore[attr-defined]
    story(team)
    tasks.enrich()
    began = now()
    connection.close()  # as the worker does between two tasks: the connection goes back to its pool
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as control:
        control.execute(KILL_OTHERS)
    assert any(rolled_up_since(began) for _ in range(5))
    assert counted(team) == [("2020-06-10", 1, 1), ("2020-06-11", 2, 2)]
    # Ingest lost its connection too: with this it reconnects, and later tests do not meet its spool.
    Journey(team).track("ana", "back", at=day(2)).send()


def test_the_worker_sends_a_heartbeat() -> None:
    tasks.heartbeat()
    first = Heartbeat.objects.get(part="worker").at
    tasks.heartbeat()
    assert Heartbeat.objects.get(part="worker").at > first
