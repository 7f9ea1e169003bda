"""Answers: what is complete by when, averages, formulas, facts about people, and what is remembered."""

import datetime as dt
from typing import Any
from unittest.mock import patch

import pytest

from analytics import engine
from analytics.insights.retention.answer import RetentionAnswer
from analytics.insights.trends.answer import TrendsAnswer
from analytics.metrics.facts import as_of
from analytics.models import DataVersion
from analytics.query import answer_cache, answers
from analytics.query.plan import plan
from tests.analytics.query.questions import ask, send
from tests.journey import Journey
from tests.people import Team, assemble
from tests.reference import Happened

BEGIN = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
RANGE = {"from": "2026-03-02", "to": "2026-03-04"}


def at(day: int, hour: int = 0) -> dt.datetime:
    return BEGIN + dt.timedelta(days=day, hours=hour)


def trends(team: Team, now: dt.datetime | None = None, **body: Any) -> TrendsAnswer:
    query = answers.parse("trends", {"series": [{}], **RANGE, **body})
    answer = answers.answer(team.new.project, query, now=now)
    assert isinstance(answer, TrendsAnswer)
    return answer


def retention(team: Team, now: dt.datetime | None = None, **body: Any) -> RetentionAnswer:
    query = answers.parse("retention", {"period": "day", **RANGE, **body})
    answer = answers.answer(team.new.project, query, now=now)
    assert isinstance(answer, RetentionAnswer)
    return answer


@pytest.fixture
def office(team: Team) -> Team:
    """Ana and Bo come on day 0, Cy and Dee on day 1; Ana is back on days 1 and 2, Cy on day 2."""
    came = {"Ana": (0, 1, 2), "Bo": (0,), "Cy": (1, 2), "Dee": (1,)}
    send(team, [Happened(who, "open", at(day)) for who, days in came.items() for day in days])
    return team


def test_a_cell_is_complete_once_its_day_is_over_in_the_projects_zone() -> None:
    """Noon of March 4th in New York is the evening of UTC; the 4th ends there at 5 o'clock of the 5th in UTC."""
    team = assemble(timezone="America/New_York")
    last_second = dt.datetime(2026, 3, 5, 4, 59, 59, tzinfo=dt.UTC)
    before = retention(team, last_second)
    after = retention(team, last_second + dt.timedelta(seconds=1))
    assert [cell.complete for cell in before.cohorts[0].values] == [True, True, False]
    assert [cell.complete for cell in after.cohorts[0].values] == [True, True, True]
    assert [point.complete for point in trends(team, last_second).series[0].points] == [True, True, False]


def test_the_average_is_weighted_over_complete_cells(office: Team) -> None:
    """On the evening of day 2: of the four who came, two had a whole next day, and one of them came back then."""
    answer = retention(office, now=at(2, 8))
    assert [(cell.people, cell.of) for cell in answer.average] == [(4, 4), (1, 2), (0, 0)]
    assert answer.average[1].rate == 0.5
    assert (answer.average[2].rate, answer.average[2].interval, answer.average[2].complete) == (
        None,
        None,
        False,
    )
    later = retention(office, now=at(9))
    assert [(cell.people, cell.of) for cell in later.average] == [(4, 4), (2, 4), (1, 2)]


def test_completeness_is_told_anew_though_the_figures_are_remembered(office: Team) -> None:
    assert not retention(office, now=at(2)).cohorts[0].values[2].complete
    with patch.object(answers, "figures", side_effect=AssertionError("counted again")):
        assert retention(office, now=at(9)).cohorts[0].values[2].complete


def test_new_events_are_a_new_version_and_counted(office: Team) -> None:
    before = retention(office)
    send(office, [Happened("Bo", "open", at(1))])
    after = retention(office)
    assert after.stamp.data_version > before.stamp.data_version
    assert [before.cohorts[0].values[1].people, after.cohorts[0].values[1].people] == [1, 2]


def test_what_was_counted_is_kept_under_its_own_version(office: Team) -> None:
    """Another version appears while figures are computed: they are remembered for theirs, not for it."""
    query = answers.parse("trends", {"series": [{}], **RANGE})
    planned = plan(office.new.project, query)
    old = answers.figures(planned, "events")
    send(office, [Happened("Bo", "open", at(1))])
    assert answer_cache.get_or_compute(planned, lambda: old) == old
    assert trends(office).series[0].total == 8


def test_periods_clip_the_columns_and_rates_carry_their_counts(office: Team) -> None:
    answer = retention(office, periods=2)
    assert [len(cohort.values) for cohort in answer.cohorts] == [2, 2, 1]
    cell = answer.cohorts[0].values[1]
    assert (cell.people, cell.of, cell.rate) == (1, 2, 0.5)
    assert cell.interval == pytest.approx((0.0945, 0.9055), abs=1e-3)
    empty = answer.cohorts[2].values[0]
    assert (empty.people, empty.rate, empty.interval) == (0, None, None)


def test_a_formula_follows_the_series_that_it_is_made_of(office: Team) -> None:
    send(office, [Happened("Ana", "buy", at(0)), Happened("Bo", "buy", at(2))])
    answer = trends(
        office, series=[{"event": "buy"}, {"event": "open", "measure": "people"}], formula="100*A/B"
    )
    shown = answer.series[-1]
    assert (shown.label, shown.measure, shown.people) == ("100*A/B", "formula", None)
    assert [point.value for point in shown.points] == [50, 0, 50]
    assert shown.total == 100 * 2 / 4


def test_a_formula_divides_all_its_series_by_the_same_values(team: Team) -> None:
    """Most open from Peru, where few buy; most buy in Chile: with one value, it is the one with the most of both."""
    at = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    send(
        team,
        [Happened("Ana", "open", at, {"land": "Peru"}) for _ in range(5)]
        + [Happened("Ana", "open", at, {"land": "Chile"}) for _ in range(2)]
        + [Happened("Bo", "buy", at, {"land": "Chile", "price": 3}) for _ in range(2)]
        + [Happened("Cy", "buy", at, {"land": "Peru"})],
    )
    opened, bought = {"event": "open"}, {"event": "buy"}
    body: dict[str, Any] = {
        "series": [bought, opened],
        "breakdown": {"property": "land", "limit": 1},
        "from_": "2026-03-02",
        "to": "2026-03-02",
    }
    alone = ask(team, "insights/trends", **body)["series"]
    assert [(one["breakdown"], one["total"]) for one in alone if one["event"] == "buy"] == [
        ("Chile", 2),
        ("$other", 1),
    ]
    joined = ask(team, "insights/trends", formula="A/B", **body)["series"]
    assert {one["breakdown"]: one["total"] for one in joined if one["measure"] == "formula"} == {
        "Peru": 1 / 5,
        "$other": 1,
    }
    point = {"series": 0, "breakdown": "Peru"}
    behind = ask(team, "insights/trends/people", formula="A/B", point=point, **body)
    assert [person["distinct_ids"] for person in behind["people"]] == [["Cy"]]


def test_a_formula_knows_no_average_of_what_did_not_happen(team: Team) -> None:
    at = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    send(team, [Happened("Ana", "open", at, {"land": "Peru"})])
    answer = ask(
        team,
        "insights/trends",
        series=[{"event": "open"}, {"event": "buy", "measure": "avg:price"}],
        breakdown={"property": "land"},
        formula="A+B",
        from_="2026-03-02",
        to="2026-03-02",
    )
    [peru] = [one for one in answer["series"] if one["measure"] == "formula"]
    assert (peru["breakdown"], peru["total"]) == ("Peru", None)


def test_a_formula_over_a_breakdown_is_one_of_each_value(team: Team) -> None:
    here, there = {"path": "/here"}, {"path": "/there"}
    send(
        team,
        [
            Happened("Ana", "open", at(0), here),
            Happened("Bo", "open", at(0), there),
            Happened("Bo", "buy", at(0), there),
        ],
    )
    body: dict[str, Any] = {"series": [{"event": "buy"}, {"event": "open"}], "formula": "A/B"}
    answer = trends(team, **body, breakdown={"property": "properties.path"})
    found = {series.breakdown: series.total for series in answer.series if series.measure == "formula"}
    assert found == {"/here": 0, "/there": 1}


def test_facts_about_people_choose_and_divide(team: Team) -> None:
    journey = Journey(team)
    for who, paid in {"ana": "pro", "bo": "free", "cy": None}.items():
        journey.identify(who, at=at(0), traits={"plan": paid} if paid else {})
        journey.track(who, "open", at=at(0, 1))
    journey.through()
    opened = {"event": "open", "measure": "people"}
    pro = {"property": "plan", "on": "person", "op": "is", "value": "pro"}
    assert trends(team, series=[opened | {"where": [pro]}]).series[0].total == 1
    assert trends(team, series=[opened | {"where": [pro | {"op": "is_not"}]}]).series[0].total == 2
    divided = trends(team, series=[opened], breakdown={"property": "plan", "on": "person"})
    assert {series.breakdown: series.total for series in divided.series} == {"free": 1, "pro": 1, "$none": 1}
    assert retention(team, start={"event": "open", "where": [pro]}).cohorts[0].people == 1


def test_facts_are_those_of_the_version_that_events_are_read_at(team: Team) -> None:
    journey = Journey(team).identify("ana", at=at(0), traits={"plan": "free"})
    journey.track("ana", "open", at=at(0, 1)).through()
    before = DataVersion.objects.latest("id")
    Journey(team).identify("ana", at=at(1), traits={"plan": "pro"}).enriched()
    free = {"property": "plan", "on": "person", "op": "is", "value": "free"}
    asked: dict[str, Any] = {"series": [{"event": "open", "measure": "people", "where": [free]}]}
    assert trends(team, **asked).series[0].total == 1
    Journey(team).through()
    assert trends(team, **asked).series[0].total == 0
    with engine.snapshot(team.id, before) as tables:
        assert tables.run(as_of(tables.facts, "plan"))["value"].to_pylist() == ["free"]


def test_a_project_without_events_has_zeros(team: Team) -> None:
    assert [point.value for point in trends(team).series[0].points] == [0, 0, 0]
    assert [point.value for point in trends(team, interval="hour", to="2026-03-02").series[0].points] == [
        0
    ] * 24
    assert [[cell.people for cell in cohort.values] for cohort in retention(team).cohorts] == [
        [0, 0, 0],
        [0, 0],
        [0],
    ]


def test_the_contracts_shape(office: Team) -> None:
    body = {"period": "day", "from": "2026-03-02", "to": "2026-03-03", "return": {"event": "open"}}
    answer = ask(office, "insights/retention", **body)
    assert set(answer) == {"cohorts", "average", "timezone", "data_version", "computed_at", "definition"}
    assert answer["definition"]["return"] == {"event": "open", "where": []}
    assert (answer["definition"]["kind"], answer["definition"]["from"]) == ("first_time", "2026-03-02")
    assert answer["cohorts"][0]["start"] == "2026-03-02"
    assert set(answer["cohorts"][0]["values"][0]) == {
        "offset",
        "people",
        "of",
        "rate",
        "interval",
        "complete",
    }
    drawn = ask(office, "insights/trends", series=[{"event": "open"}], **RANGE)
    assert set(drawn["series"][0]["points"][0]) == {"start", "value", "people", "complete"}
    assert drawn["series"][0]["points"][0] | {"complete": True} == {
        "start": "2026-03-02",
        "value": 2,
        "people": 2,
        "complete": True,
    }
