"""Case 10 of the definitions, from POST /batch/ to POST /api/v1/insights/stickiness; and its people."""

import datetime as dt
from typing import Any

import pytest

from tests.analytics.api.client import Api
from tests.analytics.query.questions import ask, happened, send
from tests.people import Team

RANGE: dict[str, Any] = {"interval": "day", "from_": "2020-01-11", "to": "2020-01-19"}


def january(*days: int) -> list[dt.datetime]:
    return [dt.datetime(2020, 1, day, 5, tzinfo=dt.UTC) for day in days]


@pytest.fixture
def case_ten(team: Team) -> Team:
    came = {"p1": range(11, 20), "p2": (11, 13, 15, 17, 19)}
    send(team, happened("view", {person: january(*days) for person, days in came.items()}))
    return team


def test_exactly_so_many_days(case_ten: Team) -> None:
    answer = ask(case_ten, "insights/stickiness", event="view", **RANGE)
    assert {value["intervals"]: value["people"] for value in answer["values"]} == {
        **dict.fromkeys(range(1, 10), 0),
        5: 1,
        9: 1,
    }
    five = answer["values"][4]
    assert (five["of"], five["rate"], answer["complete"]) == (2, 0.5, True)
    assert five["interval"] == pytest.approx([0.0945, 0.9055], abs=1e-3)


def test_every_figure_is_its_people(case_ten: Team) -> None:
    behind = {
        intervals: ask(case_ten, "insights/stickiness/people", point={"intervals": intervals}, **RANGE)
        for intervals in (4, 5, 9)
    }
    assert {n: [person["distinct_ids"] for person in page["people"]] for n, page in behind.items()} == {
        4: [],
        5: [["p2"]],
        9: [["p1"]],
    }
    assert [page["count"] for page in behind.values()] == [0, 1, 1]


def test_only_the_range_counts(case_ten: Team) -> None:
    answer = ask(case_ten, "insights/stickiness", interval="week", from_="2020-01-13", to="2020-01-19")
    assert [(value["intervals"], value["people"]) for value in answer["values"]] == [(1, 2)]


@pytest.mark.parametrize(
    ("intervals", "where"), [(0, "point.intervals"), (10, "point.intervals"), ("5", "point.intervals")]
)
def test_a_figure_that_is_not_there_is_named(case_ten: Team, intervals: Any, where: str) -> None:
    body = {"interval": "day", "from": "2020-01-11", "to": "2020-01-19", "point": {"intervals": intervals}}
    answer = Api(case_ten.api_key).post("insights/stickiness/people", body)
    assert (answer.status, answer.json["where"]) == (400, "point.intervals")
