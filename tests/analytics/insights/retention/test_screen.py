"""The triangle: what each cell says, and that it opens exactly the people whom it counts."""

import re
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

CAST = ["Ana", "Bo", "Cy", "Dee", "Emeka"]
SPAN = {"from": "2020-06-10", "to": "2020-07-01", "period": "week"}


@pytest.fixture(scope="module")
def five(database: Open) -> Team:
    """All five come in the first week; Ana, Bo and Cy again in the second, Ana in the third."""
    with database():
        team = assemble()
        journey = Journey(team)
        for name in CAST:
            journey.identify(name.lower(), traits={"name": f"{name} Example"}, at=clock.day(0))
        for name in ("ana", "bo", "cy"):
            journey.track(name, "wrote", at=clock.day(7))
        journey.track("ana", "wrote", at=clock.day(14))
        journey.through()
    return team


def triangle(team: Team, **asked: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in (SPAN | asked).items())
    return visit(signed_in(team.ana), f"{reverse('insight', args=[team.slug, 'retention'])}?{query}")


def rows(page: Page) -> list[list[Node]]:
    [table] = page.content.all("table", "triangle")
    return [row.all("td") for row in table.one("tbody").all("tr")]


def test_it_works(five: Team) -> None:
    page = triangle(five)
    assert page.status == 200
    assert [[cell.text.split(" of ")[0].split()[0] for cell in row if cell.text] for row in rows(page)] == [
        ["5", "3", "1", "0"],
        ["0"],
        ["0"],
        ["0"],
    ]


def test_few_people_are_shown_by_name(five: Team) -> None:
    first = rows(triangle(five))[0]
    assert first[1].text == "3 of 5 Ana, Bo, Cy"
    assert first[2].text == "1 of 5 Ana"
    assert first[1].one("a").attributes["title"] == "3 of 5: Ana Example, Bo Example, Cy Example"
    assert "%" not in "".join(cell.text for cell in first)


def test_every_figure_is_a_list_of_people(five: Team) -> None:
    page = triangle(five)
    opened = 0
    for row in rows(page):
        for cell in row:
            for link in cell.all("a"):
                people = visit(signed_in(five.ana), urljoin(page.address, link.href))
                counted = int(re.match(r"\d+", cell.text)[0])  # type: ignore[index]
                assert people_count(people) == counted == len(people.names)
                opened += 1
    assert opened == 3


def test_the_list_names_whom_the_cell_names(five: Team) -> None:
    page = triangle(five)
    people = visit(signed_in(five.ana), urljoin(page.address, rows(page)[0][1].one("a").href))
    assert sorted(people.names) == ["Ana Example", "Bo Example", "Cy Example"]
    assert visit(signed_in(five.ana), people.link("Back to insight")).status == 200


def test_a_cell_opens_beside_the_triangle_too(five: Team) -> None:
    page = triangle(five)
    address = urljoin(page.address, rows(page)[0][1].one("a").attributes["hx-get"])
    answer = signed_in(five.ana).get(address, headers={"HX-Request": "true"})
    panel = Page.of(answer, address)
    assert not panel.root.all("main")
    assert "Bo Example" in panel.root.text
    assert "HX-Request" in answer.headers["Vary"]


def test_many_people_are_a_rate_with_its_interval(team: Team) -> None:
    journey = Journey(team)
    for number in range(40):
        journey.track(f"p{number}", "came", at=clock.day(0) + timedelta(minutes=number))
    for number in range(10):
        journey.track(f"p{number}", "came", at=clock.day(7))
    journey.through()
    size, first = rows(triangle(team))[0][:2]
    assert size.text == "40"
    assert first.text == "25 % 14–40 %"
    assert first.one("a").attributes["title"] == "25 %, 10 of 40; 95 % interval 14–40 %"


def test_thirty_is_where_names_end(team: Team) -> None:
    journey = Journey(team)
    for number in range(29):
        journey.track(f"p{number}", "came", at=clock.day(0))
        journey.track(f"p{number}", "came", at=clock.day(7))
    for number in range(30):
        journey.track(f"q{number}", "came", at=clock.day(7))
        journey.track(f"q{number}", "came", at=clock.day(14))
    journey.through()
    first, second = rows(triangle(team))[:2]
    assert first[1].text.startswith("29 of 29 ")
    assert second[1].text.startswith("100 % ")


def test_what_is_not_over_is_not_yet_known(team: Team) -> None:
    today = now()
    journey = Journey(team)
    journey.track("mina", "came", at=today - timedelta(days=7))
    journey.track("noor", "came", at=today - timedelta(days=7))
    journey.track("noor", "came", at=today)
    journey.through()
    span = {"from": (today - timedelta(days=7)).date().isoformat(), "to": today.date().isoformat()}
    unknown = rows(triangle(team, **span))[0][1]
    assert "unknown" in unknown.attributes["class"]
    assert unknown.text.startswith("1 of 2")
    assert unknown.one("a").attributes["title"] == "1 of 2: this period has not ended"


def test_a_young_cohort_is_not_zero(team: Team) -> None:
    today = now()
    Journey(team).track("mina", "came", at=today - timedelta(days=7)).through()
    span = {"from": (today - timedelta(days=7)).date().isoformat(), "to": today.date().isoformat()}
    unknown = rows(triangle(team, **span))[0][1]
    assert "0" not in unknown.text
    assert "not yet known" in unknown.text


def test_the_average_leaves_out_what_is_not_known(five: Team) -> None:
    [table] = triangle(five).content.all("table", "triangle")
    average = [cell.text for cell in table.one("tfoot").all("td")]
    assert average[1:4] == ["3 of 5", "1 of 5", "0 of 5"]


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("kind", ["first_time", "first_ever", "recurring"])
def test_every_question_of_the_form_has_an_answer(five: Team, period: str, kind: str) -> None:
    page = triangle(five, period=period, kind=kind, start="wrote", **{"return": "wrote"})
    assert page.status == 200
    assert page.content.all("table", "triangle")
    selected = [node for node in page.content.all("option") if "selected" in node.attributes]
    chosen = [node.attributes.get("value") or node.text for node in selected]
    assert {period, kind, "wrote"} <= set(chosen)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"from": "2020-07-02", "to": "2020-07-01"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"period": "fortnight"}, "period"),
        ({"kind": "often"}, "kind"),
        ({"period": "day", "from": "1990-01-01", "to": "2020-01-01"}, "10,958 days"),
    ],
)
def test_a_question_without_an_answer_says_what_is_wrong(
    five: Team, asked: dict[str, str], said: str
) -> None:
    page = triangle(five, **asked)
    assert page.status == 400
    assert said in page.content.one("p", "error").text.lower()
    assert page.content.all("form", "filters")


@pytest.mark.parametrize("offset", ["-1", "99", "x", "", "²", "1.5"])
def test_a_figure_that_is_none(five: Team, offset: str) -> None:
    address = reverse("insight-people", args=[five.slug, "retention"])
    assert (
        signed_in(five.ana).get(address, SPAN | {"cohort": "2020-06-08", "offset": offset}).status_code == 400
    )
    assert signed_in(five.ana).get(address, SPAN | {"cohort": "2020-06-09", "offset": "0"}).status_code == 400
    assert signed_in(five.ana).get(address, SPAN).status_code == 400


def test_unasked_it_looks_where_people_were(five: Team) -> None:
    page = visit(signed_in(five.ana), reverse("insight", args=[five.slug, "retention"]))
    assert rows(page)[0][0].text.startswith("5 ")


@pytest.mark.parametrize("insight", ["retention", "trends"])
def test_before_anything_is_counted_it_says_so(team: Team, insight: str) -> None:
    page = visit(signed_in(team.ana), reverse("insight", args=[team.slug, insight]))
    assert page.status == 200
    assert "No data yet" in page.content.text
    assert page.link("Send your first event") == reverse("start", args=[team.slug])


def test_nobody_is_said_in_words(team: Team) -> None:
    Journey(team).track("x", "came", at=clock.day(0)).through()
    page = visit(
        signed_in(team.ana),
        f"{reverse('insight', args=[team.slug, 'retention'])}?from=2010-01-01&to=2010-02-01",
    )
    assert page.status == 200
    assert "No people in these cohorts" in page.content.text


def test_hostile_names_stay_text(team: Team) -> None:
    name = "<script>alert(1)</script>"
    journey = Journey(team).identify("x", traits={"name": name}, at=clock.day(0))
    journey.track("x", "</option><script>", at=clock.day(7)).through()
    page = triangle(team, start='"><script>')
    assert "<script>alert" not in page.html
    assert "</option><script>" not in page.html
    assert '"><script>' not in page.html
