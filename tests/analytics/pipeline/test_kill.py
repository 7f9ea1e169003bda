"""kill -9 between the stages: unfinished work is done again, exactly once."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db.models import Sum

from analytics import pipeline
from analytics.doctor import balance
from analytics.lake import load, table
from analytics.lake.columns import ACTIVITY, EVENTS
from analytics.models import DataVersion, PeriodCount
from tests.clock import day
from tests.journey import Journey
from tests.people import Team

ROOT = Path(__file__).parents[3]
HELD_UP = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ %s
"""


@contextmanager
def killed_at(held: str, waiting_in: str) -> Iterator[None]:
    """Runs the pipeline in another process and kills it where it waits for a locked table. Inside, it is dead."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {held} IN ACCESS EXCLUSIVE MODE")
        command = [sys.executable, "manage.py", "pipeline", "--until-idle"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
            _wait_until_held_up(waiting_in, running)
            running.kill()
        yield


def _wait_until_held_up(waiting_in: str, running: subprocess.Popen[bytes]) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as looker:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert running.poll() is None, "the pipeline ended before it could be killed"
            if (looker.execute(HELD_UP, [waiting_in]).fetchone() or (0,))[0]:
                return
            time.sleep(0.05)
    running.kill()
    raise AssertionError("the pipeline never came to where it should be killed")


def everything_is_there_once(team: Team, events: int) -> None:
    pipeline.until_idle()
    findings = balance.check(team.new.project)
    assert [finding for finding in findings if finding.state == "error"] == []
    counts = PeriodCount.objects.filter(project_id=team.id, interval="day", event="")
    assert counts.aggregate(all=Sum("events"))["all"] == events


def journey(team: Team) -> Journey:
    sent = Journey(team)
    for n in range(20):
        sent.track(f"person {n % 4}", "wrote", at=day(n))
    return sent


def test_killed_while_it_loads(team: Team) -> None:
    journey(team).enriched()
    before = table.version(EVENTS)
    with killed_at("analytics_event", "analytics_event"):
        assert table.version(EVENTS) == before
    everything_is_there_once(team, 20)


def test_killed_between_the_lakes_commit_and_the_rollup(team: Team) -> None:
    journey(team).enriched()
    with killed_at("analytics_redirect", "analytics_redirect"):
        assert load.load().rows == 0
        assert not PeriodCount.objects.filter(project_id=team.id).exists()
    everything_is_there_once(team, 20)


def test_killed_between_activity_and_the_served_tables(team: Team) -> None:
    journey(team).through()
    journey(team).enriched()
    versions, before = DataVersion.objects.count(), table.version(ACTIVITY)
    with killed_at("analytics_rollup_return", "analytics_rollup_return"):
        assert table.version(ACTIVITY) > before
        assert DataVersion.objects.count() == versions
    everything_is_there_once(team, 40)
    assert table.files(ACTIVITY, team.id, DataVersion.objects.latest("id").activity_version)
