"""Wherever an answer is read, it is the same: served tables, activity and raw events, against the naive reference."""

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.insights.questions import Place, Question
from analytics.insights.registry import kind_of
from analytics.insights.retention.figures import Triangle
from analytics.insights.trends.answer import TrendsAnswer
from analytics.insights.trends.figures import TrendFigures
from analytics.query import answers
from analytics.query.plan import plan
from tests import people, reference
from tests.analytics.query.questions import send
from tests.people import Team
from tests.reference import Happened

CAST = ["Ana", "Bo", "Cy", "Dee", "Eve", "Fay"]
EVENTS = ["sign up", "write", "share"]
BEGIN = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2026, 3, 10), dt.date(2026, 4, 6)
RANGE = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
BERLIN = "Europe/Berlin"


@pytest.fixture(scope="module")
def told(_module_database: None) -> tuple[Team, list[Happened]]:
    """Two hundred random events of six people and of nobody over five weeks, in which Berlin's clocks change."""
    dice = random.Random(7)
    team = people.assemble(timezone=BERLIN)
    history = [
        Happened(
            dice.choice([*CAST, None]),
            dice.choice(EVENTS),
            BEGIN + dt.timedelta(minutes=15 * dice.randrange(4 * 24 * 36)),
            {"plan": dice.choice(["free", "pro"])},
        )
        for _ in range(200)
    ]
    send(team, history)
    return team, history


def cheapest_place(question: Question) -> Place:
    return kind_of(question).place(question)


def retention_figures(team: Team, body: dict[str, Any], place: Place) -> list[list[int]]:
    planned = plan(team.new.project, answers.parse("retention", body | RANGE))
    found = answers.figures(planned, place).found
    assert isinstance(found, Triangle)
    return found.cells


@pytest.mark.parametrize("kind", ["recurring", "first_time", "first_ever"])
@pytest.mark.parametrize("counting", ["on", "on_or_after"])
@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize(("start", "back"), [(None, None), ("sign up", "write"), ("write", None)])
def test_retention_is_the_same_everywhere(
    told: tuple[Team, list[Happened]],
    kind: str,
    counting: str,
    period: str,
    start: str | None,
    back: str | None,
) -> None:
    team, history = told
    body = {
        "start": {"event": start},
        "return": {"event": back},
        "kind": kind,
        "counting": counting,
        "period": period,
    }
    expected = reference.retention(
        history,
        first=FIRST,
        last=LAST,
        period=period,
        kind=kind,
        start=start,
        back=back,
        counting=counting,
        zone=ZoneInfo(BERLIN),
    )
    cheapest = cheapest_place(answers.parse("retention", body | RANGE))
    places: list[Place] = ["events", "activity", cheapest]
    assert {place: retention_figures(team, body, place) for place in places} == dict.fromkeys(
        places, expected
    )


@pytest.mark.parametrize("interval", ["day", "week", "month"])
@pytest.mark.parametrize("event", [None, "write", "never heard of"])
def test_trends_are_the_same_everywhere(
    told: tuple[Team, list[Happened]], interval: str, event: str | None
) -> None:
    team, history = told
    totals, active, everyone = reference.trend(
        history, first=FIRST, last=LAST, interval=interval, event=event, zone=ZoneInfo(BERLIN)
    )
    query = answers.parse("trends", {"series": [{"event": event}], "interval": interval, **RANGE})
    places: tuple[Place, ...] = ("served", "activity", "events")
    assert cheapest_place(query) == "served"
    for place in places:
        found = answers.figures(plan(team.new.project, query), place).found
        assert isinstance(found, TrendFigures)
        [series] = found.series
        assert (series.times, series.people) == (totals, active), place
        assert series.everyone == (None if place == "served" else everyone)


def test_what_any_event_in_a_first_time_cohort_asks_is_served(told: tuple[Team, list[Happened]]) -> None:
    team, history = told
    for period in ("day", "week", "month"):
        query = answers.parse("retention", {"period": period, **RANGE})
        assert cheapest_place(query) == "served"
        expected = reference.retention(
            history, first=FIRST, last=LAST, period=period, kind="first_time", zone=ZoneInfo(BERLIN)
        )
        assert retention_figures(team, {"period": period}, "served") == expected


@pytest.mark.parametrize(
    ("kind", "body", "place"),
    [
        ("retention", {}, "served"),
        ("retention", {"kind": "first_ever"}, "served"),
        ("retention", {"kind": "recurring"}, "activity"),
        ("retention", {"counting": "on_or_after"}, "activity"),
        ("retention", {"min_occurrences": 2}, "activity"),
        ("retention", {"start": {"event": "sign up"}}, "activity"),
        ("retention", {"start": {"where": [{"property": "plan", "op": "set", "on": "person"}]}}, "activity"),
        ("retention", {"start": {"where": [{"property": "plan", "op": "set"}]}}, "events"),
        ("retention", {"period": "hour"}, "events"),
        ("trends", {"series": [{}]}, "served"),
        ("trends", {"series": [{}, {"measure": "people"}]}, "activity"),
        ("trends", {"series": [{"measure": "per_person"}]}, "activity"),
        ("trends", {"series": [{}], "breakdown": {"property": "plan", "on": "person"}}, "activity"),
        ("trends", {"series": [{}], "breakdown": {"property": "path"}}, "events"),
        ("trends", {"series": [{"measure": "sum:price"}]}, "events"),
        ("trends", {"series": [{}], "where": [{"property": "plan", "op": "set"}]}, "events"),
        ("trends", {"series": [{}], "interval": "hour"}, "events"),
    ],
)
def test_the_cheapest_place_that_can_answer(kind: str, body: dict[str, Any], place: Place) -> None:
    assert cheapest_place(answers.parse(kind, {"from": "2026-03-10", "to": "2026-03-20", **body})) == place


def test_a_new_time_zone_counts_at_once_from_events(team: Team) -> None:
    """Ana writes at 23:30 in London, which is the next day in Berlin; no rollup ran since the zone was changed."""
    send(team, [Happened("Ana", "write", dt.datetime(2026, 1, 5, 23, 30, tzinfo=dt.UTC))])
    query = answers.parse("trends", {"series": [{}], "from": "2026-01-05", "to": "2026-01-06"})
    project = team.new.project

    def bars() -> list[float | None]:
        answer = answers.answer(project, query)
        assert isinstance(answer, TrendsAnswer)
        return [point.value for point in answer.series[0].points]

    assert bars() == [1, 0]
    project.timezone = BERLIN
    project.save()
    assert plan(project, query).place == "events"
    assert bars() == [0, 1]
