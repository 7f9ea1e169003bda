"""The people behind each figure: as many as it says, those whom it means, and in pages that hold still."""

import datetime as dt
from typing import Any

import pytest

from analytics.insights.questions import QueryError, Question
from analytics.insights.retention.answer import RetentionAnswer
from analytics.insights.trends.answer import TrendsAnswer
from analytics.insights.trends.question import Trends
from analytics.query import answers, members
from analytics.query.members import PeoplePage
from api import cursor
from tests import people as cast
from tests.analytics.query.questions import ask, send
from tests.feedback.saying import say
from tests.people import Team
from tests.reference import Happened

BEGIN = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
RANGE = {"from": "2026-03-02", "to": "2026-03-08"}
PRO = {"property": "plan", "op": "is", "value": "pro"}


def at(day: int, hour: int = 0) -> dt.datetime:
    return BEGIN + dt.timedelta(days=day, hours=hour)


@pytest.fixture(scope="module")
def office(_module_database: None) -> Team:
    """Ana signs up (pro) and writes every day; Bo (free) comes back on day 2; Cy never; Dee comments on day 1 and 3."""
    team = cast.assemble()
    history = [
        Happened("Ana", "sign up", at(0), {"plan": "pro"}),
        *(Happened("Ana", "write", at(day, 1), {"plan": "pro", "words": 10 * day}) for day in range(5)),
        Happened("Bo", "sign up", at(0, 2), {"plan": "free"}),
        Happened("Bo", "write", at(2), {"plan": "free"}),
        Happened("Cy", "sign up", at(0, 3)),
        Happened("Dee", "sign up", at(1)),
    ]
    say(team, "Dee", reaction="useful", at=at(1, 1))
    say(team, "Dee", reaction="confusing", at=at(3, 1))
    say(team, "Dee", reaction="confusing", at=at(3, 2))
    send(team, history)
    return team


def names(page: PeoplePage) -> set[str]:
    return {id for person in page.people for id in person.distinct_ids}


def behind(team: Team, query: Question, point: dict[str, Any]) -> set[str]:
    page = members.people(team.new.project, query, point)
    assert page.count == len(page.people)
    assert page.next is None
    return names(page)


RETENTIONS: list[dict[str, Any]] = [
    {},
    {"kind": "recurring"},
    {"start": {"event": "sign up"}, "return": {"event": "write"}},
    {"counting": "on_or_after", "return": {"event": "write"}},
    {"start": {"event": "sign up", "where": [PRO]}},
    {"kind": "first_ever", "start": {"event": "write", "where": [PRO]}},
    {"min_occurrences": 2},
    {"periods": 3},
]


@pytest.mark.parametrize("body", RETENTIONS)
def test_every_cell_is_the_number_of_its_people(office: Team, body: dict[str, Any]) -> None:
    query = answers.parse("retention", {"period": "day", **body, **RANGE})
    answer = answers.answer(office.new.project, query)
    assert isinstance(answer, RetentionAnswer)
    assert sum(cell.people for cohort in answer.cohorts for cell in cohort.values) > 0
    for cohort in answer.cohorts[:2]:
        for cell in cohort.values[:4]:
            page = members.people(office.new.project, query, {"cohort": cohort.start, "offset": cell.offset})
            assert (page.count, len(page.people)) == (cell.people, cell.people)


TRENDS: list[dict[str, Any]] = [
    {"series": [{}]},
    {"series": [{"event": "write", "measure": "people"}, {"event": "sign up"}]},
    {"series": [{"event": "write", "measure": "sum:words"}]},
    {"series": [{"measure": "people"}], "breakdown": {"property": "plan", "limit": 1}},
    {"series": [{"measure": "people"}], "where": [PRO]},
    {"series": [{}], "where": [PRO]},
    {"series": [{"event": "write", "measure": "avg:words", "where": [PRO]}, {"event": "sign up"}]},
    {"series": [{"measure": "per_person"}], "where": [PRO], "breakdown": {"property": "event"}},
    {"series": [{"event": "nobody did"}], "where": [PRO]},
    {"series": [{}], "interval": "hour", "from": "2026-03-02", "to": "2026-03-02"},
]


@pytest.mark.parametrize("body", TRENDS)
def test_every_bar_is_the_number_of_its_people(office: Team, body: dict[str, Any]) -> None:
    query = answers.parse("trends", RANGE | body)
    answer = answers.answer(office.new.project, query)
    assert isinstance(answer, TrendsAnswer)
    letters = [asked.event for asked in query.series] if isinstance(query, Trends) else []
    for series in answer.series:
        named = {"series": letters.index(series.event), "breakdown": series.breakdown}
        for point in series.points[:24:3]:
            page = members.people(office.new.project, query, named | {"start": point.start})
            assert (page.count, len(page.people)) == (point.people, point.people)
        if series.people is not None:
            assert members.people(office.new.project, query, named).count == series.people


def test_the_people_are_the_ones_who_are_meant(office: Team) -> None:
    body = {"period": "day", "start": {"event": "sign up"}, "return": {"event": "write"}, **RANGE}
    query = answers.parse("retention", body)
    assert behind(office, query, {"cohort": "2026-03-02", "offset": 0}) == {"Ana", "Bo", "Cy"}
    assert behind(office, query, {"cohort": "2026-03-02", "offset": 2}) == {"Ana", "Bo"}
    assert behind(office, query, {"cohort": "2026-03-03", "offset": 1}) == set()


def test_the_people_of_a_breakdown(office: Team) -> None:
    query = answers.parse("trends", {"series": [{}], "breakdown": {"property": "plan", "limit": 1}, **RANGE})
    answer = answers.answer(office.new.project, query)
    assert isinstance(answer, TrendsAnswer)
    assert [(series.breakdown, series.label) for series in answer.series] == [
        ("pro", "any event · pro"),
        ("$other", "any event · other"),
        ("$none", "any event · none"),
    ]
    found = {
        name: behind(office, query, {"series": 0, "breakdown": name}) for name in ("pro", "$other", "$none")
    }
    assert found == {"pro": {"Ana"}, "$other": {"Bo"}, "$none": {"Cy", "Dee"}}


def test_reactions_by_the_day_on_which_people_first_came(office: Team) -> None:
    body = {"interval": "day", "from": "2026-03-02", "to": "2026-03-04"}
    query = answers.parse("cohort_reactions", body)
    answer = answers.answer(office.new.project, query)
    assert [(cohort.start, cohort.people) for cohort in answer.cohorts] == [
        ("2026-03-02", 3),
        ("2026-03-03", 1),
        ("2026-03-04", 0),
    ]
    assert [[value.people for value in cohort.values] for cohort in answer.cohorts] == [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    assert behind(office, query, {"cohort": "2026-03-03", "reaction": "confusing"}) == {"Dee"}
    assert behind(office, query, {"cohort": "2026-03-02"}) == {"Ana", "Bo", "Cy"}


def test_pages_hold_still_while_new_people_come(team: Team) -> None:
    send(team, [Happened(f"user {number}", "open", at(0)) for number in range(5)])
    query = answers.parse("trends", {"series": [{}], **RANGE})
    bar = {"start": "2026-03-02"}
    first = members.people(team.new.project, query, bar, limit=2)
    send(team, [Happened("late", "open", at(0))])
    second = members.people(team.new.project, query, bar, limit=2, after=first.next)
    third = members.people(team.new.project, query, bar, limit=2, after=second.next)
    assert [page.count for page in (first, second, third)] == [5, 5, 5]
    assert names(first) | names(second) | names(third) == {f"user {number}" for number in range(5)}
    assert third.next is None
    assert members.people(team.new.project, query, bar).count == 6


@pytest.mark.parametrize(
    ("kind", "point", "says"),
    [
        ("retention", {"cohort": "2026-03-01"}, "point.cohort: no week of the answer starts at '2026-03-01'"),
        (
            "retention",
            {"cohort": "2026-03-02", "offset": 1},
            "point.offset: this cohort has offsets from 0 to 0",
        ),
        ("retention", {"cohort": "2026-03-02", "offset": -1}, "point.offset"),
        ("retention", {}, "point: Object missing required field `cohort`"),
        ("retention", [], "point: Expected `object`"),
        ("trends", {"series": 1}, "point.series: name a series from 0 to 0"),
        ("trends", {"start": "yesterday"}, "point.start: no day of the answer starts at 'yesterday'"),
        ("trends", {"breakdown": "pro"}, "point.breakdown: leave it out"),
        ("trends", {"row": 3}, "unknown field `row`"),
    ],
)
def test_a_point_that_the_answer_does_not_have_is_named(
    office: Team, kind: str, point: Any, says: str
) -> None:
    series: dict[str, Any] = {"series": [{}]} if kind == "trends" else {}
    with pytest.raises(QueryError) as refused:
        members.people(office.new.project, answers.parse(kind, series | RANGE), point)
    assert says in str(refused.value)


def test_a_cursor_of_another_list_is_refused(office: Team) -> None:
    with pytest.raises(cursor.CursorError):
        members.people(
            office.new.project, answers.parse("retention", RANGE), {"cohort": "2026-03-02"}, after="nonsense"
        )


def test_another_projects_people_are_not_in_the_list(office: Team, team: Team) -> None:
    query = answers.parse("trends", {"series": [{}], **RANGE})
    assert members.people(team.new.project, query, {}).count == 0
    assert members.people(office.new.project, query, {}).count == 4


def test_the_api_gives_the_same_people(office: Team) -> None:
    body = {"period": "day", **RANGE, "point": {"cohort": "2026-03-02", "offset": 2}}
    page = ask(office, "insights/retention/people", **body)
    assert page["count"] == 2
    assert {id for person in page["people"] for id in person["distinct_ids"]} == {"Ana", "Bo"}
