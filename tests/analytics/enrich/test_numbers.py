"""Merges and duplicates, as seen in answers."""

import datetime as dt

from django.db import connection

from analytics.identity.merges import merge, undo
from analytics.insights.trends.question import Series, Trends
from analytics.models import DistinctId, LedgerEntry
from analytics.query import answers
from tests import clock
from tests.journey import Journey
from tests.people import Team

DAYS = Trends(series=(Series(measure="people"),), from_=clock.D0.date(), to=clock.day(2).date())


def people_per_day(team: Team) -> list[int | None]:
    (series,) = answers.answer(team.new.project, DAYS, now=dt.datetime.now(dt.UTC)).series
    return [point.people for point in series.points]


def events(team: Team) -> int:
    every = Trends(series=(Series(),), from_=dt.date(2020, 1, 1), to=dt.date(2020, 12, 31), interval="month")
    (series,) = answers.answer(team.new.project, every).series
    return int(series.total or 0)


def test_a_merge_counts_for_the_past_and_an_undo_takes_it_back(team: Team) -> None:
    journey = Journey(team)
    for day in range(3):
        journey.track("ana", "wrote", at=clock.day(day)).track(
            "phone", "read", at=clock.day(day), known=False
        )
    journey.through()
    assert people_per_day(team) == [2, 2, 2]

    ana, phone = (
        DistinctId.objects.get(project=team.id, distinct_id=id).person_id for id in ("ana", "phone")
    )
    link = merge(team.new.project, ana, phone, by="bo")
    journey.track("phone", "read", at=clock.day(2, hours=1), known=False).through()
    assert people_per_day(team) == [1, 1, 1]

    undo(link, by="bo")
    journey.through()
    assert people_per_day(team) == [2, 2, 2]


def test_old_events_sent_again_after_they_left_postgres_are_known_to_the_lake(team: Team) -> None:
    journey = Journey(team)
    for day in range(40):
        journey.track(f"user-{day % 7}", "wrote", at=clock.day(day))
    journey.through()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_event WHERE project_id = %s", [team.id])
    journey.send_again().track("user-0", "wrote", at=clock.day(3)).through()
    assert events(team) == 41
    counts = dict(LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "count"))
    assert counts == {"received": 81, "stored": 41, "duplicate": 40}
