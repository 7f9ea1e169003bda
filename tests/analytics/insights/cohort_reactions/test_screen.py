"""/projects/<slug>/insights/cohort_reactions/: what each signup-week cohort said, and who is behind every figure."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from analytics.pipeline import until_idle
from tests import clock
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team, assemble

RANGE = "?interval=week&from=2020-06-08&to=2020-06-28"


def get(team: Team, query: str = RANGE, *, path: str = "beside/", status: int = 200) -> str:
    client = Client()
    client.force_login(team.ana)
    answer = client.get(f"/projects/{team.slug}/insights/cohort_reactions/{path}{query}")
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


def table(shown: str) -> list[list[str]]:
    """The texts of the table's cells, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", shown, re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


@pytest.fixture(scope="module")
def spoken(_module_database: None) -> Team:
    """Ana and Bo came in the first week, Cy in the second; Ana says more than one thing, Cy says nothing."""
    team = assemble()
    journey = Journey(team)
    for who, day in (("ana", 0), ("bo", 1), ("cy", 7)):
        journey.identify(who, at=clock.day(day), traits={"name": who.capitalize()})
    journey.send()
    say(team, "ana", reaction="confusing", at=clock.day(0, hours=1))
    say(team, "ana", reaction="useful", at=clock.day(9))
    say(team, "ana", reaction="useful", at=clock.day(10))
    say(team, "bo", reaction="confusing", at=clock.day(2))
    say(team, "bo", "words only", at=clock.day(3))
    until_idle()
    return team


def test_it_works(spoken: Team) -> None:
    """Useful, confusing, exciting, forgettable; people are counted, not comments, and named while they are few."""
    assert table(get(spoken)) == [
        ["8 Jun 2020", "2 Ana, Bo", "1 of 2 Ana", "2 of 2 Ana, Bo", "0 of 2", "0 of 2"],
        ["15 Jun 2020", "1 Cy", "0 of 1", "0 of 1", "0 of 1", "0 of 1"],
        ["22 Jun 2020", "0", "", "", "", ""],
    ]


def test_each_figure_opens_into_its_people(spoken: Team) -> None:
    shown = get(spoken)
    links = set(re.findall(r'href="(/projects/[^"]+/cohort_reactions/people/[^"]+)"', shown))
    assert len(links) == 4
    counted = {link: len(people(spoken, link)) for link in links}
    assert sorted(counted.values()) == [1, 1, 2, 2]
    [both] = [link for link in links if "confusing" in link]
    assert people(spoken, both) == ["Ana", "Bo"]


def people(team: Team, link: str) -> list[str]:
    client = Client()
    client.force_login(team.ana)
    shown = client.get(link).content.decode()
    return sorted(re.findall(r'<span class="name" dir="auto">([^<]+)</span>', shown))


def test_from_thirty_people_on_it_is_a_rate_with_its_interval(team: Team) -> None:
    journey = Journey(team)
    for number in range(40):
        journey.track(f"user-{number}", "signup", at=clock.day(0, minutes=number))
    journey.send()
    for number in range(10):
        say(team, f"user-{number}", reaction="useful", at=clock.day(1))
    until_idle()
    [first, *_] = table(get(team))
    assert first[:3] == ["8 Jun 2020", "40", "25 % 14–40 %"]
    assert first[4] == "0 % 0–9 %"


def test_the_address_of_a_triangle_is_understood(spoken: Team) -> None:
    monthly = table(get(spoken, "?interval=month&from=2020-06-01&to=2020-06-30"))
    assert monthly == [["Jun 2020", "3 Ana, Bo, Cy", "1 of 3 Ana", "2 of 3 Ana, Bo", "0 of 3", "0 of 3"]]


def test_it_is_a_page_of_its_own_too(spoken: Team) -> None:
    shown = get(spoken, path="")
    assert "<title>Reactions" in shown
    assert table(shown) == table(get(spoken))
    assert "<html" not in get(spoken)


def test_nothing_said_yet(team: Team) -> None:
    Journey(team).track("ana", "signup").through()
    assert "No reactions yet" in get(team)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?interval=fortnight", "fortnight"),
        ("?interval=week&from=2020-06-20&to=2020-06-01", "From"),
        ("?interval=week&from=soon&to=2020-06-01", "From"),
    ],
)
def test_what_cannot_be_asked(team: Team, query: str, says: str) -> None:
    assert says in get(team, query, status=400)


@pytest.mark.parametrize(
    "point", ["", "&cohort=2020-06-09&reaction=useful", "&cohort=2020-06-08&reaction=meh"]
)
def test_a_figure_that_is_not_there(spoken: Team, point: str) -> None:
    assert "This link is not valid" in get(spoken, RANGE + point, path="people/", status=400)


def test_only_members_see_it(spoken: Team) -> None:
    client = Client()
    assert client.get(f"/projects/{spoken.slug}/insights/cohort_reactions/{RANGE}").status_code == 302
    client.force_login(spoken.dee)
    for path in ("", "beside/", "people/"):
        answer: Any = client.get(f"/projects/{spoken.slug}/insights/cohort_reactions/{path}{RANGE}")
        assert answer.status_code == 404
