"""What became of one person's facts, from the lake and from what is not in it yet."""

import datetime as dt
from typing import Any

from analytics import engine
from analytics.identity.merges import merge, undo
from analytics.models import DistinctId
from analytics.query import fact_history
from analytics.query.fact_history import FactPlace
from analytics.query.timeline import EventEntry, SessionEntry, timeline
from tests import clock
from tests.journey import Journey
from tests.people import Team, assemble


def person(team: Team, distinct_id: str) -> int:
    return DistinctId.objects.get(project=team.id, distinct_id=distinct_id).person_id


def told(team: Team, who: str = "ana", **asked: Any) -> list[tuple[str, Any, Any]]:
    found, _ = fact_history.history(team.new.project, person(team, who), **asked)
    return [(change.property, change.before, change.after) for change in found]


def known(team: Team, who: str, day: int) -> dict[str, Any]:
    return fact_history.as_of(team.new.project, person(team, who), clock.day(day).date())


def a_year(team: Team) -> Journey:
    journey = Journey(team).identify("ana", at=clock.day(0), traits={"plan": "free", "city": "Rome"})
    journey.identify("ana", at=clock.day(1), traits={"plan": "free"})
    journey.track("ana", "upgraded", at=clock.day(5), properties={"$set": {"plan": "pro", "seats": [1]}})
    return journey.identify("ana", at=clock.day(9), traits={"city": None, "plan": "pro"})


STEPS = [
    ("city", "Rome", None),
    ("plan", "free", "pro"),
    ("seats", None, [1]),
    ("city", None, "Rome"),
    ("plan", None, "free"),
]


def test_it_works(team: Team) -> None:
    a_year(team).through()
    assert told(team) == STEPS
    assert told(team, name="plan") == [("plan", "free", "pro"), ("plan", None, "free")]
    [*_, first], _more = fact_history.history(team.new.project, person(team, "ana"))
    assert (first.at, first.once) == (clock.day(0), False)


def test_what_is_not_in_the_lake_yet_belongs_to_it(team: Team) -> None:
    """Also an old event that only comes now, between those that the lake has."""
    a_year(team).enriched()
    assert told(team) == STEPS
    Journey(team).through()
    journey = Journey(team).identify("ana", at=clock.day(3), traits={"plan": "trial"})
    journey.identify("ana", at=clock.day(10), traits={"plan": "team"}).enriched()
    late = [
        ("plan", "pro", "team"),
        ("plan", "trial", "pro"),
        ("plan", "free", "trial"),
        ("plan", None, "free"),
    ]
    assert told(team, name="plan") == late
    Journey(team).through()
    assert told(team, name="plan") == late


def test_page_by_page(team: Team) -> None:
    a_year(team).through()
    found: list[tuple[str, Any, Any]] = []
    place, more = None, True
    while more:
        page, more = fact_history.history(team.new.project, person(team, "ana"), before=place, limit=2)
        found += [(change.property, change.before, change.after) for change in page]
        place = FactPlace(page[-1].at, page[-1].sequence, page[-1].property)
    assert found == STEPS


def test_the_properties_at_the_end_of_a_day(team: Team) -> None:
    a_year(team).through()
    assert known(team, "ana", -1) == {}
    assert known(team, "ana", 0) == {"plan": "free", "city": "Rome"}
    assert known(team, "ana", 5) == {"plan": "pro", "city": "Rome", "seats": [1]}
    assert known(team, "ana", 99) == {"plan": "pro", "seats": [1]}


def test_days_end_in_the_projects_time_zone() -> None:
    team = assemble("Pacific/Auckland")
    noon = dt.datetime(2020, 6, 10, 12, tzinfo=dt.UTC)
    Journey(team).identify("ana", at=noon, traits={"plan": "pro"}).through()
    project, ana = team.new.project, person(team, "ana")
    assert fact_history.as_of(project, ana, dt.date(2020, 6, 10)) == {}
    assert fact_history.as_of(project, ana, dt.date(2020, 6, 11)) == {"plan": "pro"}


def test_merged_they_have_one_history_and_parted_each_their_own(team: Team) -> None:
    journey = Journey(team).identify("ana", at=clock.day(0), traits={"plan": "free"})
    journey.identify("bo", at=clock.day(1), traits={"plan": "team"}).through()
    ana, bo = person(team, "ana"), person(team, "bo")
    link = merge(team.new.project, ana, bo, by="cy")
    one = [("plan", "free", "team"), ("plan", None, "free")]
    assert told(team) == one
    Journey(team).through()
    assert told(team) == one

    undo(link, by="cy")
    Journey(team).through()
    assert (told(team), told(team, "bo")) == ([("plan", None, "free")], [("plan", None, "team")])


def test_the_timeline_says_what_an_event_changed(team: Team) -> None:
    journey = a_year(team)
    journey.page("ana", at=clock.day(11), session="s1")
    journey.track(
        "ana", "paid", at=clock.day(11, minutes=1), session="s1", properties={"$set": {"plan": "team"}}
    )
    journey.through()
    found = []
    for entry in timeline(team.new.project, person(team, "ana")).entries:
        shown = (
            [entry.event]
            if isinstance(entry, EventEntry)
            else entry.events
            if isinstance(entry, SessionEntry)
            else []
        )
        found += [
            [(change.property, change.before, change.after) for change in event.changes] for event in shown
        ]
    assert found == [
        [("plan", "pro", "team")], [], [("city", "Rome", None)], [("plan", "free", "pro"), ("seats", None, [1])],
        [], [("city", None, "Rome"), ("plan", None, "free")],
    ]  # fmt: skip


def test_a_question_about_somebody_else_needs_no_new_sql(team: Team) -> None:
    """Compiling takes several times as long as running."""
    a_year(team).identify("bo", at=clock.day(0), traits={"plan": "free"}).through()
    project, times = team.new.project, []
    for who, day in (("ana", 3), ("bo", 4)):
        [*_, last], _more = fact_history.history(project, person(team, who))
        fact_history.history(
            project, person(team, who), before=FactPlace(last.at, last.sequence, last.property)
        )
        fact_history.by_event(project, person(team, who), [last.event])
        known(team, who, day)
        times.append(engine._sql.cache_info().misses)
    assert times[0] == times[1]
