"""The page: a bar for each number of days, each with its people, named while they are few."""

from urllib.parse import urljoin

import pytest
from django.urls import reverse

from tests import clock
from tests.analytics.conftest import Open
from tests.analytics.console.pages import Page, people_count, signed_in, visit
from tests.journey import Journey
from tests.people import Team, assemble

SPAN = {"from": "2020-06-10", "to": "2020-06-13"}


@pytest.fixture(scope="module")
def three(database: Open) -> Team:
    """Ana comes on all four days, Bo and Cy on two of them."""
    with database():
        team = assemble()
        journey = Journey(team)
        for name, days in {"Ana": (0, 1, 2, 3), "Bo": (0, 3), "Cy": (1, 2)}.items():
            journey.identify(name.lower(), traits={"name": name}, at=clock.day(days[0]))
            for day in days:
                journey.track(name.lower(), "wrote", at=clock.day(day, minutes=1))
        journey.through()
    return team


def page_of(team: Team, **asked: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in (SPAN | asked).items())
    return visit(signed_in(team.ana), f"{reverse('insight', args=[team.slug, 'stickiness'])}?{query}")


def test_it_works(three: Team) -> None:
    page = page_of(three)
    [table] = page.content.all("table", "table")
    rows = [(row.one("th").text, row.one("td").text) for row in table.one("tbody").all("tr")]
    assert rows == [
        ("1 day", "0"),
        ("2 days", "2 of 3 Bo, Cy"),
        ("3 days", "0"),
        ("4 days", "1 of 3 Ana"),
    ]
    bars = page.content.all("li", "bar")
    assert [bar.all("a")[0].attributes["title"] for bar in bars if bar.all("a")] == [
        "2 days: 2 people (Bo, Cy)",
        "4 days: 1 person (Ana)",
    ]


def test_every_figure_is_a_list_of_people(three: Team) -> None:
    page = page_of(three)
    [table] = page.content.all("table", "table")
    links = table.all("a")
    for link, count in zip(links, (2, 1), strict=True):
        people = visit(signed_in(three.ana), urljoin(page.address, link.href))
        assert people_count(people) == len(people.names) == count


def test_nothing_between_these_dates(three: Team) -> None:
    nothing = page_of(three, **{"from": "2010-01-01", "to": "2010-01-03"})
    assert "No activity between these dates" in nothing.content.text


@pytest.mark.parametrize("point", ["", "intervals=0", "intervals=5", "intervals=x", "intervals=\u00b2"])
def test_a_figure_that_is_not_there(three: Team, point: str) -> None:
    address = reverse("insight-people", args=[three.slug, "stickiness"])
    assert visit(signed_in(three.ana), f"{address}?from=2020-06-10&to=2020-06-13&{point}").status == 400
