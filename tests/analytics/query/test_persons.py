"""The list of people that screens show: sorted, searched, a page at a time."""

import pytest

from analytics.query import persons
from api import cursor
from api.cursor import CursorError
from tests import clock
from tests.journey import Journey
from tests.people import Team, assemble


def five_people(team: Team) -> None:
    """Ana is early and busy, Eve late; Bo, Cy and Dee come at the same moment."""
    journey = Journey(team).identify(
        "u-1", at=clock.day(0), traits={"name": "Ana", "email": "ana@example.com"}
    )
    journey.page("u-1", "/", at=clock.day(1), session="s1").page("u-1", "/", at=clock.day(2), session="s2")
    for number, name in enumerate(("Bo", "Cy", "Dee"), start=2):
        journey.identify(f"u-{number}", at=clock.day(3), traits={"name": name})
    journey.identify("u-5", at=clock.day(9), traits={"name": "Eve"}).enriched()


def listed(team: Team, sort: str, limit: int, search: str = "") -> list[str]:
    names: list[str] = []
    after = None
    while True:
        page = persons.list_people(team.new.project, sort=sort, search=search, after=after, limit=limit)
        names += [person.name for person in page.people]
        if (after := page.next) is None:
            return names


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_every_order_shows_everybody_once(team: Team, limit: int) -> None:
    five_people(team)

    assert listed(team, "name", limit) == ["Ana", "Bo", "Cy", "Dee", "Eve"]
    assert listed(team, "-name", limit) == ["Eve", "Dee", "Cy", "Bo", "Ana"]
    assert listed(team, "-last_seen", limit)[0] == "Eve"
    assert listed(team, "first_seen", limit)[0] == "Ana"
    assert listed(team, "-events", limit)[0] == "Ana"
    assert listed(team, "-sessions", limit)[0] == "Ana"
    for column in persons.SORTS:
        up, down = listed(team, column, limit), listed(team, f"-{column}", limit)
        assert up == down[::-1]
        assert sorted(up) == ["Ana", "Bo", "Cy", "Dee", "Eve"]


@pytest.mark.parametrize("search", ["Ana", "ana", " aNA ", "ana@exa", "u-1", "example.com", "\0ana"])
def test_search_finds_parts_of_names_addresses_and_ids(team: Team, search: str) -> None:
    five_people(team)
    assert listed(team, "-last_seen", 50, search) == ["Ana"]


@pytest.mark.parametrize("search", ["%", "_", "\\", "nobody", "Ana Bo"])
def test_search_takes_signs_as_they_are(team: Team, search: str) -> None:
    five_people(team)
    assert listed(team, "-last_seen", 50, search) == []


def test_who_was_merged_away_is_not_listed(team: Team) -> None:
    Journey(team).page("laptop", "/", known=False).track("ana", "signup").enriched()
    Journey(team).identify("ana", device="laptop").enriched()

    [ana] = persons.list_people(team.new.project).people

    assert sorted(ana.distinct_ids) == ["ana", "laptop"]
    assert persons.find_person(team.new.project, "laptop") == ana.id
    assert persons.refs(team.id, [ana.id, 0]) == [ana]


def test_a_cursor_belongs_to_its_order(team: Team) -> None:
    five_people(team)
    after = persons.list_people(team.new.project, sort="name", limit=1).next
    with pytest.raises(CursorError, match="sorted by name"):
        persons.list_people(team.new.project, sort="-events", after=after)
    with pytest.raises(CursorError):
        persons.list_people(team.new.project, after="nonsense")
    for value in ("2020-01-01T00:00:00", "a\0b", -1, 2**63):
        for sort in persons.SORTS:
            forged = cursor.write(persons.PersonPlace(sort, value, 0))
            if (sort, value) != ("name", "2020-01-01T00:00:00"):
                with pytest.raises(CursorError):
                    persons.list_people(team.new.project, sort=sort, after=forged)
    with pytest.raises(ValueError, match="cannot be sorted by 'age'"):
        persons.list_people(team.new.project, sort="age")


def test_nobody_of_another_project_is_found(team: Team) -> None:
    five_people(team)
    [ana] = persons.list_people(team.new.project, search="ana").people
    foreign = assemble().new.project

    assert persons.list_people(foreign).people == []
    assert persons.refs(foreign.pk, [ana.id]) == []
    with pytest.raises(persons.PersonNotFoundError):
        persons.get_person(foreign, ana.id)
    with pytest.raises(persons.PersonNotFoundError):
        persons.find_person(foreign, "u-1")
