"""The page: a figure for every status and period, each with its people, named while they are few."""

from datetime import timedelta
from urllib.parse import urljoin

import pytest
from django.urls import reverse
from django.utils.timezone import now

from tests import clock
from tests.analytics.conftest import Open
from tests.analytics.console.pages import Node, Page, people_count, signed_in, visit
from tests.journey import Journey
from tests.people import Team, assemble

SPAN = {"from": "2020-06-10", "to": "2020-06-13"}


@pytest.fixture(scope="module")
def four(database: Open) -> Team:
    """Ana comes every day, Bo on the first and the last, Cy from the second on, Dee once."""
    with database():
        team = assemble()
        journey = Journey(team)
        for name, days in {"Ana": (0, 1, 2, 3), "Bo": (0, 3), "Cy": (1, 2, 3), "Dee": (1,)}.items():
            journey.identify(name.lower(), traits={"name": name}, at=clock.day(days[0]))
            for day in days:
                journey.track(name.lower(), "wrote", at=clock.day(day, minutes=1))
        journey.through()
    return team


def page_of(team: Team, **asked: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in (SPAN | asked).items())
    return visit(signed_in(team.ana), f"{reverse('insight', args=[team.slug, 'lifecycle'])}?{query}")


def rows(page: Page) -> list[list[Node]]:
    [table] = page.content.all("table", "triangle")
    return [row.all("td") for row in table.one("tbody").all("tr")]


def test_it_works(four: Team) -> None:
    page = page_of(four)
    assert page.status == 200
    assert [[cell.text for cell in row] for row in rows(page)] == [
        ["2 Ana, Bo", "0", "0", "0"],
        ["2 Cy, Dee", "1 Ana", "0", "1 Bo"],
        ["0", "2 Ana, Cy", "0", "1 Dee"],
        ["0", "2 Ana, Cy", "1 Bo", "0"],
    ]


def test_every_figure_is_a_list_of_people(four: Team) -> None:
    page, opened = page_of(four), 0
    for cell in (cell for row in rows(page) for cell in row):
        for link in cell.all("a"):
            people = visit(signed_in(four.ana), urljoin(page.address, link.href))
            assert people_count(people) == int(cell.text.split()[0]) == len(people.names)
            assert sorted(people.names) == sorted(link.attributes["title"].split(", "))
            opened += 1
    assert opened == 8


def test_bars_stand_on_the_line_and_dormant_ones_hang_below(four: Team) -> None:
    chart = page_of(four).content.one("div", "stacked")
    second = chart.all("svg", "stacked-column")[1]
    titles = second.all("title")
    assert [child for title in titles for child in title.children] == [
        "Thu 11 Jun: 1 returning: Ana",
        "Thu 11 Jun: 2 new: Cy, Dee",
        "Thu 11 Jun: 1 dormant: Bo",
    ]
    stay, new, gone = second.all("rect")
    bottom = float(stay.attributes["y"].rstrip("%")) + float(stay.attributes["height"].rstrip("%"))
    assert bottom == pytest.approx(float(gone.attributes["y"].rstrip("%")), abs=0.02)
    assert float(new.attributes["y"].rstrip("%")) == pytest.approx(0, abs=0.02)


def test_a_running_day_is_paler(team: Team) -> None:
    Journey(team).track("mina", "came", at=now() - timedelta(days=1)).track(
        "mina", "came", at=now()
    ).through()
    chart = page_of(
        team, **{"from": (now() - timedelta(days=1)).date().isoformat(), "to": now().date().isoformat()}
    )
    stacks = chart.content.all("svg", "stacked-column")
    assert ["running" in stack.attributes["class"] for stack in stacks] == [False, True]


def test_nothing_between_these_dates(four: Team) -> None:
    assert (
        "No activity between these dates"
        in page_of(four, **{"from": "2010-01-01", "to": "2010-01-03"}).content.text
    )


@pytest.mark.parametrize("asked", [{"interval": "fortnight"}, {"from": "soon"}, {"from": "2020-07-01"}])
def test_what_cannot_be_asked_is_said(four: Team, asked: dict[str, str]) -> None:
    page = page_of(four, **asked)
    assert page.status == 400
    assert page.content.all("p", "error")


@pytest.mark.parametrize(
    "point", ["", "start=2020-06-10", "start=2020-06-10&status=bored", "start=2020-06-09&status=new"]
)
def test_a_figure_that_is_not_there(four: Team, point: str) -> None:
    address = reverse("insight-people", args=[four.slug, "lifecycle"])
    page = visit(signed_in(four.ana), f"{address}?from=2020-06-10&to=2020-06-13&{point}")
    assert page.status == 400
