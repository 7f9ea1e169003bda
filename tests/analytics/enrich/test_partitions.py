"""The days of analytics_event come before they are needed and go when the lake has them."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import connection

from analytics.enrich import partitions
from tests.journey import Journey
from tests.people import Team

LONG_AGO = dt.date(2001, 2, 3)
TODAY = dt.date(2001, 2, 7)


def days() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'analytics_event'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def old_event(team: Team) -> Iterator[int]:
    """The sequence of an event that was stored long ago."""
    partitions.ensure([LONG_AGO])
    Journey(team).track("ana", "signup").enriched()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_event SET stored_on = %s WHERE project_id = %s RETURNING sequence",
            [LONG_AGO, team.id],
        )
        yield cursor.fetchone()[0]
        cursor.execute(f"DROP TABLE IF EXISTS {partitions.name(LONG_AGO)}")


def test_today_and_tomorrow_are_there_after_the_first_event(team: Team) -> None:
    Journey(team).track("ana", "signup").enriched()
    today = dt.datetime.now(dt.UTC).date()
    assert {partitions.name(today), partitions.name(today + dt.timedelta(days=1))} <= days()


def test_making_a_day_twice_changes_nothing(old_event: int) -> None:
    partitions.ensure([LONG_AGO])
    assert partitions.name(LONG_AGO) in days()


def test_a_day_that_the_lake_has_is_dropped(old_event: int) -> None:
    assert partitions.expire(old_event, TODAY) == [LONG_AGO]
    assert partitions.name(LONG_AGO) not in days()


def test_a_day_that_the_lake_lacks_stays_however_old(old_event: int) -> None:
    assert partitions.expire(old_event - 1, TODAY) == []
    assert partitions.name(LONG_AGO) in days()


def test_a_day_within_the_hot_days_stays(old_event: int) -> None:
    assert partitions.expire(old_event, LONG_AGO + dt.timedelta(days=3)) == []


def test_a_drop_that_was_interrupted_is_finished(old_event: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE analytics_event DETACH PARTITION {partitions.name(LONG_AGO)}")
    assert partitions.expire(old_event, TODAY) == [LONG_AGO]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [partitions.name(LONG_AGO)])
        assert cursor.fetchone() == (None,)
