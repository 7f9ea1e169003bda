"""Bars: their heights, their scale, and the people behind each."""

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

SPAN = {"from": "2020-06-10", "to": "2020-06-14"}


@pytest.fixture(scope="module")
def week(database: Open) -> Team:
    """Mina every day from the 10th on, Noor on the 11th twice, nobody on the 13th."""
    with database():
        team = assemble()
        journey = Journey(team)
        for day in (0, 1, 2, 4):
            journey.track("mina", "wrote", at=clock.day(day))
        journey.track("noor", "wrote", at=clock.day(1)).track("noor", "read", at=clock.day(1, hours=1))
        journey.through()
    return team


def chart(team: Team, **asked: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in (SPAN | asked).items())
    return visit(signed_in(team.ana), f"{reverse('insight', args=[team.slug, 'trends'])}?{query}")


def bars(page: Page) -> list[Node]:
    return page.content.one("ol", "bars").all("li")


def values(page: Page) -> list[str]:
    """Of the table that screen readers read, and eyes on demand."""
    table = page.content.one("table")
    return [row.all("td")[0].text for row in table.one("tbody").all("tr")]


def test_it_works(week: Team) -> None:
    page = chart(week)
    assert page.status == 200
    assert values(page) == ["1", "2", "1", "0", "1"]
    assert page.content.one("dl", "totals").text == "Total people 2"


def test_bars_are_as_high_as_their_numbers(week: Team) -> None:
    heights = [float(bar.one("svg").attributes["height"].rstrip("%")) for bar in bars(chart(week))]
    assert heights == [50, 100, 50, 0, 50]


def test_every_bar_is_a_list_of_people(week: Team) -> None:
    page = chart(week)
    counts = []
    for bar in bars(page):
        for link in bar.all("a"):
            people = visit(signed_in(week.ana), urljoin(page.address, link.href))
            assert people_count(people) == len(people.names)
            counts.append(people_count(people))
    assert counts == [1, 2, 1, 1]


def test_the_whole_range_is_a_list_of_people_too(week: Team) -> None:
    page = chart(week)
    everyone = visit(
        signed_in(week.ana), urljoin(page.address, page.content.one("dl", "totals").one("a").href)
    )
    assert sorted(everyone.names) == ["mina", "noor"]


@pytest.mark.parametrize(
    ("measure", "event", "expected"),
    [
        ("total", "", ["1", "3", "1", "0", "1"]),
        ("total", "read", ["0", "1", "0", "0", "0"]),
        ("people", "wrote", ["1", "2", "1", "0", "1"]),
        ("per_person", "", ["1", "1.50", "1", "0", "1"]),
    ],
)
def test_measures(week: Team, measure: str, event: str, expected: list[str]) -> None:
    assert values(chart(week, measure=measure, event=event)) == expected


@pytest.mark.parametrize(("interval", "expected"), [("week", ["2"]), ("month", ["2"])])
def test_intervals(week: Team, interval: str, expected: list[str]) -> None:
    assert values(chart(week, interval=interval)) == expected


def test_hours(week: Team) -> None:
    page = chart(week, interval="hour", to="2020-06-11")
    assert len(values(page)) == 48
    assert values(page)[29:31] == ["2", "1"]


def test_a_running_day_is_hatched(team: Team) -> None:
    today = now()
    Journey(team).track("mina", "came", at=today).through()
    span = {"from": (today - timedelta(days=1)).date().isoformat(), "to": today.date().isoformat()}
    yesterday, running = bars(chart(team, **span))
    assert "unknown" not in yesterday.one("svg").attributes["class"]
    assert "unknown" in running.one("svg").attributes["class"]
    assert running.one("a").attributes["aria-label"].endswith("1 person so far")


def test_the_form_offers_what_people_did(week: Team) -> None:
    page = chart(week)
    [choice] = [node for node in page.content.all("select") if node.attributes["id"] == "event"]
    assert [option.text for option in choice.all("option")] == ["Any event", "wrote", "read"]


def test_an_event_that_nobody_did(week: Team) -> None:
    page = chart(week, event="flew")
    assert page.status == 200
    assert "No events between these dates" in page.content.text
    assert [option.text for option in page.content.all("option") if "selected" in option.attributes][
        1
    ] == "flew"


@pytest.mark.parametrize(
    "asked", [{"interval": "decade"}, {"measure": "sum"}, {"from": "2020-13-01"}, {"to": "0"}]
)
def test_a_question_without_an_answer_says_what_is_wrong(week: Team, asked: dict[str, str]) -> None:
    page = chart(week, **asked)
    assert page.status == 400
    [name] = asked
    assert name in page.content.one("p", "error").text.lower()


@pytest.mark.parametrize("start", ["2020-06-20", "x"])
def test_a_bar_that_is_none(week: Team, start: str) -> None:
    address = reverse("insight-people", args=[week.slug, "trends"])
    assert signed_in(week.ana).get(address, SPAN | {"start": start}).status_code == 400


def test_many_people_are_listed_a_page_at_a_time(team: Team) -> None:
    journey = Journey(team)
    for number in range(70):
        journey.track(f"p{number:02}", "came", at=clock.day(0))
    journey.through()
    page = chart(team)
    first = visit(signed_in(team.ana), urljoin(page.address, bars(page)[0].one("a").href))
    rest = visit(signed_in(team.ana), first.link("Next"))
    assert people_count(first) == people_count(rest) == 70
    assert sorted(first.names + rest.names) == [f"p{number:02}" for number in range(70)]
