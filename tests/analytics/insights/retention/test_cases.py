"""The first four cases of the definitions, from POST /batch/ to POST /api/v1/insights/retention."""

import datetime as dt
from typing import Any

import pytest

from tests.analytics.query.questions import happened, retention, send, triangle
from tests.clock import day
from tests.people import Team


def days(*numbers: float) -> list[dt.datetime]:
    """Moments that many days after day zero; the second of two equal ones an hour later."""
    return [day(number, hours=numbers[:index].count(number)) for index, number in enumerate(numbers)]


def in_2020(*dates: tuple[int, int]) -> list[dt.datetime]:
    return [dt.datetime(2020, month, number, 5, tzinfo=dt.UTC) for month, number in dates]


def test_recurring_by_day_with_a_person_under_two_ids(team: Team) -> None:
    views = happened("view", {"p1": days(0, 2, 5, 6), "p1-phone": days(1, 5.01), "p2": days(1, 2, 3, 6)})
    send(team, views, same={"p1-phone": "p1"})
    view = {"event": "view"}
    answer = retention(
        team, start=view, return_=view, kind="recurring", period="day", from_="2020-06-10", to="2020-06-20"
    )
    assert triangle(answer) == [
        [1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0],
        [2, 2, 1, 0, 1, 2, 0, 0, 0, 0],
        [2, 1, 0, 1, 2, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [2, 0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0],
        [0, 0],
        [0],
    ]
    assert [cohort["people"] for cohort in answer["cohorts"]] == [row[0] for row in triangle(answer)]


@pytest.mark.parametrize(("week_start", "first"), [(6, "2020-06-07"), (0, "2020-06-08")])
def test_recurring_by_week_from_sunday_and_from_monday(team: Team, week_start: int, first: str) -> None:
    project = team.new.project
    project.week_start = week_start
    project.save()
    p1 = in_2020((6, 10), (6, 11), (6, 17), (6, 24), (7, 4), (7, 11))
    p2 = in_2020((6, 10), (6, 11), (6, 17), (7, 4), (7, 11), (7, 25))
    send(team, happened("view", {"p1": p1, "p2": p2}))
    view = {"event": "view"}
    answer = retention(
        team, start=view, return_=view, kind="recurring", period="week", from_="2020-06-10", to="2020-07-20"
    )
    assert answer["cohorts"][0]["start"] == first
    assert triangle(answer) == [
        [2, 2, 1, 2, 2, 0, 1],
        [2, 1, 2, 2, 0, 1],
        [1, 1, 1, 0, 0],
        [2, 2, 0, 1],
        [2, 0, 1],
        [0, 0],
        [1],
    ]


@pytest.fixture
def starts_and_returns(team: Team) -> Team:
    send(
        team,
        happened("start", {"p1": days(0, 1, 2, 3), "p2": days(0, 1, 2, 3), "p3": days(5)})
        + happened("return", {"p1": days(5, 6), "p2": days(5)}),
    )
    return team


SEVEN_DAYS = {"kind": "recurring", "period": "day", "from_": "2020-06-10", "to": "2020-06-16"}


def test_start_and_return_may_differ(starts_and_returns: Team) -> None:
    answer = retention(
        starts_and_returns, start={"event": "start"}, return_={"event": "return"}, **SEVEN_DAYS
    )
    assert triangle(answer) == [
        [2, 0, 0, 0, 0, 2, 1],
        [2, 0, 0, 0, 2, 1],
        [2, 0, 0, 2, 1],
        [2, 0, 2, 1],
        [0, 0, 0],
        [1, 0],
        [0],
    ]


@pytest.mark.parametrize("anything", [{}, {"start": {"event": None}, "return_": {"event": None}}])
def test_null_is_any_event(starts_and_returns: Team, anything: dict[str, Any]) -> None:
    answer = retention(starts_and_returns, **anything, **SEVEN_DAYS)
    assert triangle(answer) == [
        [2, 2, 2, 2, 0, 2, 1],
        [2, 2, 2, 0, 2, 1],
        [2, 2, 0, 2, 1],
        [2, 0, 2, 1],
        [0, 0, 0],
        [3, 1],
        [1],
    ]


def test_first_time_leaves_out_who_started_before_the_range(team: Team) -> None:
    sign_ups = {"x": days(-5, -1), "p1": days(-1, 1, 2, 3, 4), "p2": days(-1), "p3": days(0), "p4": days(2)}
    views = {"p1": days(0, 1, 2, 5, 5, 6), "p2": days(1, 2, 3, 6), "p3": days(1, 3, 4, 5), "p4": days(3, 5)}
    send(team, happened("sign up", sign_ups) + happened("view", views))
    answer = retention(
        team,
        start={"event": "sign up"},
        return_={"event": "view"},
        kind="first_time",
        period="day",
        from_="2020-06-09",
        to="2020-06-15",
    )
    assert triangle(answer) == [
        [2, 1, 2, 2, 1, 0, 1],
        [1, 1, 0, 1, 1, 1],
        [0, 0, 0, 0, 0],
        [1, 1, 0, 1],
        [0, 0, 0],
        [0, 0],
        [0],
    ]
    assert answer["cohorts"][0]["start"] == "2020-06-09"
