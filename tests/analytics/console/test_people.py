"""The list of people: whom it shows, in which order, a page at a time."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests import clock
from tests.analytics.console.pages import Page, people_count, visit
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def three(team: Team) -> Team:
    """Mina came first and most often, Noor last, and somebody who never said who they are in between."""
    journey = Journey(team)
    journey.identify("mina", traits={"name": "Mina Haddad", "email": "mina@post.example"}, at=clock.day(0))
    for hour in range(5):
        journey.track("mina", "read", at=clock.day(0, hours=hour))
    journey.page("device-7", "/", known=False, session="s", at=clock.day(1))
    journey.identify("noor", traits={"name": "Noor Ali"}, at=clock.day(2))
    journey.enriched()
    return team


def listing(ana: Client, team: Team, **asked: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return visit(ana, f"{reverse('people', args=[team.slug])}?{query}")


def test_it_works(ana: Client, three: Team) -> None:
    page = listing(ana, three)
    assert page.status == 200
    assert [name.split()[0] for name in page.names] == ["Noor", "anonymous", "Mina"]


def test_a_row_says_who_how_often_and_leads_to_them(ana: Client, three: Team) -> None:
    [row] = [row for row in listing(ana, three).content.all("tr") if "Mina Haddad" in row.text]
    assert "mina" in row.one("span", "under").text
    assert row.all("td")[-1].text == "6"
    assert visit(ana, row.one("a").href).content.one("h1").text == "Mina Haddad"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-last_seen", ["Noor", "anonymous", "Mina"]),
        ("last_seen", ["Mina", "anonymous", "Noor"]),
        ("-events", ["Mina"]),
        ("first_seen", ["Mina", "anonymous", "Noor"]),
        ("-sessions", ["anonymous", "Noor", "Mina"]),
    ],
)
def test_it_sorts(ana: Client, three: Team, sort: str, order: list[str]) -> None:
    found = [name.split()[0] for name in listing(ana, three, sort=sort).names]
    assert found[: len(order)] == order


def test_a_head_sorts_and_turns_around(ana: Client, three: Team) -> None:
    page = listing(ana, three)
    by_events = visit(ana, page.link("Events"))
    assert by_events.names[0] == "Mina Haddad"
    assert visit(ana, by_events.link("Events")).names[-1] == "Mina Haddad"


@pytest.mark.parametrize("words", ["mina", "MINA", "Haddad", "post.example", "mina@post"])
def test_it_finds_by_name_address_and_id(ana: Client, three: Team, words: str) -> None:
    assert listing(ana, three, search=words).names == ["Mina Haddad"]


def test_who_is_not_there_is_not_found(ana: Client, three: Team) -> None:
    page = listing(ana, three, search="zacharias")
    assert page.status == 200
    assert "No people found" in page.content.text


def test_pages_hold_everybody_once(ana: Client, team: Team) -> None:
    journey = Journey(team)
    for number in range(120):
        journey.track(f"visitor-{number:03}", "came", at=clock.D0 + timedelta(minutes=number))
    journey.enriched()
    page, seen = listing(ana, team), list[str]()
    while True:
        seen += page.names
        if not any(link.text == "Next" for link in page.content.all("a")):
            break
        page = visit(ana, page.link("Next"))
    assert seen == [f"visitor-{number:03}" for number in reversed(range(120))]
    assert visit(ana, page.link("First page")).names[0] == "visitor-119"


@pytest.mark.parametrize("asked", [{"sort": "password"}, {"after": "nonsense"}, {"sort": "-"}])
def test_what_cannot_be_listed_is_said(ana: Client, three: Team, asked: dict[str, str]) -> None:
    page = listing(ana, three, **asked)
    assert page.status == 400
    assert "This link is not valid" in page.content.text
    assert visit(ana, page.link("Start over")).status == 200


def test_a_search_for_zero_bytes_finds_nobody(ana: Client, three: Team) -> None:
    assert listing(ana, three, search="%00").status in {200, 400}


def test_an_empty_project_begins_at_its_start(ana: Client, team: Team) -> None:
    assert listing(ana, team).address == reverse("start", args=[team.slug])


def test_it_says_how_many_there_are(ana: Client, three: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    assert people_count(listing(ana, three)) == 3
    monkeypatch.setattr("analytics.console.people_pages.COUNT_LIMIT", 2)
    assert "More than 2 people" in listing(ana, three).content.text


def test_names_and_searches_stay_text(ana: Client, team: Team) -> None:
    name = "<script>alert(1)</script>"
    Journey(team).identify("x", traits={"name": name}).enriched()
    for page in (listing(ana, team), listing(ana, team, search="%22%3E%3Cscript%3E")):
        assert "<script>alert" not in page.html
        assert '"><script' not in page.html
    assert listing(ana, team).names == [name]
