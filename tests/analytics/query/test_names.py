"""Names in the cells of small cohorts: always those of the cell's own list of people."""

import pytest

from analytics.insights.retention.answer import RetentionAnswer
from analytics.insights.retention.question import Retention
from analytics.query import names
from analytics.query.answers import answer, parse
from analytics.query.members import people
from tests import clock
from tests.journey import Journey
from tests.people import Team, assemble

SPAN = {"from": "2020-06-10", "to": "2020-09-20", "period": "day"}
"""More days than one whole number has bits."""
OFFSETS = {0, 1, 2, 3, *range(61, 68), 70, 98, 100, 102}
"""First and last days, days on which somebody is active, and days around the end of a whole number."""


def question(**asked: object) -> Retention:
    query = parse("retention", SPAN | asked)
    assert isinstance(query, Retention)
    return query


@pytest.fixture(scope="module")
def cast(_module_database: None) -> Team:
    return three_people(assemble())


def three_people(team: Team) -> Team:
    journey = Journey(team)
    for day in (0, 1, 2, 63, 70, 100):
        journey.track("ana", "wrote", at=clock.day(day))
    for day in (0, 2, 64):
        journey.track("bo", "wrote" if day else "read", at=clock.day(day))
    journey.track("cy", "wrote", at=clock.day(65)).track("cy", "read", at=clock.day(100))
    journey.through()
    return team


def listed(team: Team, query: Retention, found: RetentionAnswer) -> dict[tuple[str, int], tuple[str, ...]]:
    """The names behind the cells that are not empty, at OFFSETS, each by its own question."""
    project = team.new.project
    cells = [
        (c.start, v.offset)
        for c in found.cohorts
        for v in c.values
        if c.people and v.people and v.offset in OFFSETS
    ]
    pages = {cell: people(project, query, {"cohort": cell[0], "offset": cell[1]}) for cell in cells}
    return {cell: tuple(sorted(person.name for person in page.people)) for cell, page in pages.items()}


@pytest.mark.parametrize("kind", ["first_time", "first_ever", "recurring"])
@pytest.mark.parametrize("counting", ["on", "on_or_after"])
def test_it_names_whom_the_cell_lists(cast: Team, kind: str, counting: str) -> None:
    query = question(kind=kind, counting=counting, start={"event": "wrote"})
    found = answer(cast.new.project, query)
    named = names.of_small_figures(cast.new.project, query, found, below=30)
    asked = {cell: who for cell, who in named.items() if who and cell[1] in OFFSETS}
    assert asked == listed(cast, query, found)


def test_cells_of_nobody_have_no_names(cast: Team) -> None:
    query = question()
    found = answer(cast.new.project, query)
    named = names.of_small_figures(cast.new.project, query, found, below=30)
    assert named["2020-06-10", 0] == ("ana", "bo")
    assert ("2020-06-10", 3) not in named


def test_great_cohorts_are_left_alone(cast: Team) -> None:
    query = question()
    found = answer(cast.new.project, query)
    named = names.of_small_figures(cast.new.project, query, found, below=2)
    assert {start for start, _ in named} == {"2020-08-14"}
    assert names.of_small_figures(cast.new.project, query, found, below=1) == {}


def test_people_known_by_name_come_first(team: Team) -> None:
    journey = Journey(team).page("aaa-device", at=clock.day(0), known=False)
    journey.identify("z", traits={"name": "Zoe"}, at=clock.day(0)).through()
    query = question()
    named = names.of_small_figures(team.new.project, query, answer(team.new.project, query), below=30)
    assert named["2020-06-10", 0][0] == "Zoe"


def test_a_name_that_changes_is_the_new_one_at_once(team: Team) -> None:
    query = question()
    found = answer(three_people(team).new.project, query)
    names.of_small_figures(team.new.project, query, found, below=30)
    Journey(team).identify("ana", traits={"name": "Ana Lindqvist"}, at=clock.day(101)).enriched()
    named = names.of_small_figures(team.new.project, query, found, below=30)
    assert named["2020-06-10", 0] == ("Ana Lindqvist", "bo")
