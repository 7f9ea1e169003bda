"""What was said, on a person's page: the words of now, in the first paint, by one query."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.models import DistinctId
from analytics.pipeline import until_idle
from feedback.comments import delete_comment, edit_comment
from feedback.models import Comment
from tests import clock
from tests.analytics.console.pages import Page, signed_in, visit
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def ana(team: Team) -> Client:
    return signed_in(team.ana)


@pytest.fixture
def said(team: Team) -> list[Comment]:
    """Mina comments during a visit and two days later."""
    Journey(team).page("mina", "/notes", at=clock.day(0), session="s1").send()
    first = say(team, "mina", "Where is it?", reaction="confusing", at=clock.day(0, minutes=1), session="s1")
    second = say(team, "mina", "I like it.", reaction="useful", at=clock.day(2))
    until_idle()
    return [first, second]


def address(team: Team) -> str:
    mina = DistinctId.objects.get(project=team.new.project, distinct_id="mina").person_id
    return f"/projects/{team.slug}/people/{mina}/"


def lines(page: Page) -> list[str]:
    """The comments of the timeline, newest first, without their times."""
    found = [
        line.one("div", "entry-body").text for line in page.content.one("ol", "timeline").all("li", "said")
    ]
    return [re.sub(r" \d\d:\d\d$", "", text) for text in found]


def test_it_works(ana: Client, team: Team, said: list[Comment]) -> None:
    assert lines(visit(ana, address(team))) == [
        "left a comment useful I like it.",
        "left a comment confusing Where is it?",
    ]


def test_edited_and_deleted_it_is_so_at_once(ana: Client, team: Team, said: list[Comment]) -> None:
    edit_comment(said[0], text="There it is.")
    delete_comment(said[1])
    assert lines(visit(ana, address(team))) == [
        "left a comment (deleted) useful",
        "left a comment confusing edited There it is.",
    ]


def test_a_page_that_is_being_looked_at_hears_of_it(ana: Client, team: Team, said: list[Comment]) -> None:
    page = visit(ana, address(team))
    badge = page.content.one("span", "live")
    news, token = badge.attributes["data-live"], badge.attributes["data-token"]
    assert ana.get(news, {"seen": token}).status_code == 204
    delete_comment(said[1])
    answer = ana.get(news, {"seen": token})
    assert answer.status_code == 200
    assert "(deleted)" in answer.content.decode()
    assert "I like it." not in answer.content.decode()


def test_however_much_was_said_it_is_asked_for_once(ana: Client, team: Team, said: list[Comment]) -> None:
    for number in range(20):
        say(team, "mina", f"thought {number}", at=clock.day(3, minutes=number))
    until_idle()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = visit(ana, address(team))
    assert len(lines(page)) == 22
    of_comments = [query["sql"] for query in asked if '"feedback_comment"."text"' in query["sql"]]
    assert len(of_comments) == 1
