"""Case 9 of the definitions, from POST /batch/ to POST /api/v1/insights/lifecycle; and its people, figure by figure."""

import datetime as dt
from typing import Any

import pytest

from tests.analytics.query.questions import ask, happened, send
from tests.people import Team

STATUSES = ("new", "returning", "resurrecting", "dormant")
RANGE = {"from_": "2020-01-12", "to": "2020-01-19"}


def january(*days: int) -> list[dt.datetime]:
    return [dt.datetime(2020, 1, day, 5, tzinfo=dt.UTC) for day in days]


@pytest.fixture
def case_nine(team: Team) -> Team:
    came = {"p1": (11, 12, 13, 15, 17, 19), "p2": (9, 12), "p3": (12,), "p4": (15,)}
    send(team, happened("view", {person: january(*days) for person, days in came.items()}))
    return team


def test_who_is_new_returning_resurrecting_and_dormant(case_nine: Team) -> None:
    answer = ask(case_nine, "insights/lifecycle", event=None, interval="day", **RANGE)
    assert [point["start"] for point in answer["points"]][::7] == ["2020-01-12", "2020-01-19"]
    assert {status: [point[status] for point in answer["points"]] for status in STATUSES} == {
        "new": [1, 0, 0, 1, 0, 0, 0, 0],
        "returning": [1, 1, 0, 0, 0, 0, 0, 0],
        "resurrecting": [1, 0, 0, 1, 0, 1, 0, 1],
        "dormant": [0, 2, 1, 0, 2, 0, 1, 0],
    }
    assert all(point["complete"] for point in answer["points"])
    assert answer["definition"]["insight"] == "lifecycle"


def test_every_figure_is_its_people(case_nine: Team) -> None:
    answer = ask(case_nine, "insights/lifecycle", event="view", interval="day", **RANGE)
    behind: dict[tuple[str, str], list[str]] = {}
    for point in answer["points"]:
        for status in STATUSES:
            at: Any = {"start": point["start"], "status": status}
            page = ask(
                case_nine, "insights/lifecycle/people", event="view", interval="day", point=at, **RANGE
            )
            assert page["count"] == len(page["people"]) == point[status]
            behind[point["start"], status] = [
                id for person in page["people"] for id in person["distinct_ids"]
            ]
    assert behind["2020-01-12", "returning"] == ["p1"]
    assert behind["2020-01-12", "resurrecting"] == ["p2"]
    assert sorted(behind["2020-01-13", "dormant"]) == ["p2", "p3"]
    assert sorted(behind["2020-01-16", "dormant"]) == ["p1", "p4"]


def test_new_is_who_was_never_seen_before_whatever_they_did(team: Team) -> None:
    """Ana reads on the 10th and writes on the 12th: among those who write, she comes back rather than being new."""
    send(
        team,
        happened("read", {"ana": january(10)}) + happened("write", {"ana": january(12), "bo": january(12)}),
    )
    answer = ask(team, "insights/lifecycle", event="write", interval="day", **RANGE)
    assert {status: answer["points"][0][status] for status in STATUSES} == {
        "new": 1,
        "returning": 0,
        "resurrecting": 1,
        "dormant": 0,
    }


def test_hours_are_counted_from_events(team: Team) -> None:
    moments = [dt.datetime(2020, 1, 12, hour, 30, tzinfo=dt.UTC) for hour in (3, 4, 6)]
    send(team, happened("view", {"p1": moments}))
    answer = ask(team, "insights/lifecycle", interval="hour", from_="2020-01-12", to="2020-01-12")
    assert [[point[status] for status in STATUSES] for point in answer["points"]][2:8] == [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]
