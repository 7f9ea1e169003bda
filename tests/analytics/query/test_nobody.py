"""Events that are nobody's, through the whole pipeline: in totals and exports, in no figure of people."""

import datetime as dt
from typing import Any

import pytest

from analytics.doctor import balance
from analytics.models import PeriodCount
from analytics.query import answers
from analytics.query.overview import overview
from analytics.query.plan import plan
from analytics.rollup.refresh import rollup
from tests import people
from tests.analytics.api.client import Api
from tests.analytics.query.questions import ask, send
from tests.people import Team
from tests.reference import Happened

BEGIN = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
RANGE = {"from": "2026-03-02", "to": "2026-03-04"}
WHERE = [{"property": "plan", "op": "is", "value": "pro"}]


@pytest.fixture(scope="module")
def office(_module_database: None) -> Team:
    """On each of three days Ana writes twice and a server three times, under three ids that nobody is known by."""
    team = people.assemble()
    send(
        team,
        [
            Happened(
                who, "write", BEGIN + dt.timedelta(days=day), {"plan": "pro", "words": 5, "$set": {"seat": 1}}
            )
            for day in range(3)
            for who in ("Ana", "Ana", None, None, None)
        ],
    )
    return team


SERIES: list[dict[str, Any]] = [{}, {"where": WHERE}, {"breakdown": {"property": "plan"}}]


@pytest.mark.parametrize("more", SERIES, ids=["any", "filtered", "broken down"])
@pytest.mark.parametrize(
    ("measure", "value", "whole"),
    [("total", 5, 15), ("people", 1, 1), ("per_person", 5.0, 15.0), ("sum:words", 25.0, 75.0)],
)
def test_totals_count_them_and_people_do_not(
    office: Team, measure: str, value: float, whole: float, more: dict[str, Any]
) -> None:
    body = {"series": [{"event": "write", "measure": measure}], "interval": "day", **RANGE, **more}
    (series,) = ask(office, "insights/trends", **body)["series"]
    assert [(point["value"], point["people"]) for point in series["points"]] == [(value, 1)] * 3
    assert series["total"] == whole
    part = {"breakdown": "pro"} if "breakdown" in more else {}
    for start in ({}, {"start": "2026-03-03"}):
        listed = ask(office, "insights/trends/people", **body, point={"series": 0, **start, **part})
        assert (listed["count"], len(listed["people"])) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("retention", {"cohort": "2026-03-02", "offset": 0}),
        ("lifecycle", {"start": "2026-03-02", "status": "new"}),
        ("stickiness", {"intervals": 3}),
        ("cohort_reactions", {"cohort": "2026-03-02"}),
    ],
)
def test_they_are_behind_no_figure(office: Team, kind: str, point: dict[str, Any]) -> None:
    body = {("period" if kind == "retention" else "interval"): "day", **RANGE}
    listed = ask(office, f"insights/{kind}/people", **body, point=point)
    assert (listed["count"], len(listed["people"])) == (1, 1)


def test_every_place_gives_the_same_numbers(office: Team) -> None:
    body = {"series": [{"event": "write", "measure": "people"}], "interval": "day", **RANGE}
    planned = plan(office.new.project, answers.parse("trends", body))
    found = [answers.figures(planned, place).found.series[0] for place in ("activity", "events")]
    assert [series.people for series in found] == [[1, 1, 1]] * 2
    served = PeriodCount.objects.filter(project_id=office.id, interval="day", event="write").order_by("start")
    assert list(served.values_list("events", "people")) == [(5, 1)] * 3


def test_they_are_exported_without_a_person(office: Team) -> None:
    api = Api(office.api_key)
    rows = api.rows("events", limit=4)
    assert sorted(str(row["person"]) for row in rows).count("None") == 9
    assert all(row["session"] is None for row in rows if row["person"] is None)
    assert [row["person"] for row in api.get("events", format="csv").table].count("") == 9
    (ana,) = api.rows("people")
    assert [person["events"] for person in (ana,)] == [6]
    assert len(api.rows("events", person=ana["id"])) == 6
    assert api.rows("sessions") == []


def test_they_are_in_the_overview_and_the_doctors_balance(office: Team) -> None:
    found = overview(office.new.project)
    assert (found.events, found.people, found.sessions) == (15, 1, 0)
    findings = {finding.part.rpartition(": ")[2]: finding for finding in balance.check(office.new.project)}
    assert {finding.state for finding in findings.values()} == {"ok"}
    assert findings["people"].detail == "people count 6 events; 9 events have no person"


def test_a_rebuild_gives_the_same(office: Team) -> None:
    def served() -> list[tuple[Any, ...]]:
        counts = PeriodCount.objects.filter(project_id=office.id).order_by("interval", "event", "start")
        return list(counts.values_list("interval", "event", "start", "events", "people"))

    before = served()
    rollup(everything=True)
    assert served() == before
