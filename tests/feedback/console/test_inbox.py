"""/projects/<slug>/inbox/: what people said, as Ana reads it in the morning."""

import html

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.pipeline import until_idle
from tests import clock
from tests.feedback.saying import FIREFOX, say
from tests.journey import Journey
from tests.people import Team, assemble


def page(team: Team, user: User | None = None, *, status: int = 200, query: str = "") -> str:
    client = Client()
    client.force_login(user or team.ana)
    answer = client.get(f"/projects/{team.slug}/inbox/{query}")
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


def test_it_works(team: Team) -> None:
    Journey(team).identify("ana@example.com", traits={"name": "Ana Lima"}).send()
    said = say(
        team,
        "ana@example.com",
        "Where did my note go?",
        reaction="confusing",
        url="https://notes.example/write",
        title="Write",
        user_agent=FIREFOX,
        locale="pt-BR",
    )
    until_idle()
    shown = page(team)
    for text in (
        "Ana Lima",
        "Where did my note go?",
        said.receipt,
        "https://notes.example/write",
        "Write",
        "Firefox",
    ):
        assert text in shown
    assert 'class="badge confusing"' in shown


def test_the_person_is_one_step_away(team: Team) -> None:
    Journey(team).track("bo", "signup").send()
    say(team, "bo", "Nice.")
    until_idle()
    client = Client()
    client.force_login(team.ana)
    [link] = [
        word
        for word in page(team).split('"')
        if word.startswith(f"/projects/{team.slug}/people/") and word[-2].isdigit()
    ]
    answer = client.get(link)
    assert answer.status_code == 200
    assert "Nice." in answer.content.decode()


def test_it_is_there_before_its_person_is(team: Team) -> None:
    say(team, "browser-7", "Just now.", user_known=False)
    shown = page(team)
    assert "Just now." in shown
    assert "browser-7" in shown


def test_the_newest_is_first(team: Team) -> None:
    for number in range(3):
        say(team, "ana", f"thought {number}", at=clock.day(number))
    shown = page(team)
    assert shown.index("thought 2") < shown.index("thought 1") < shown.index("thought 0")


def test_it_shows_one_reaction(team: Team) -> None:
    say(team, "ana", "I use it daily.", reaction="useful")
    say(team, "bo", "I forgot it.", reaction="forgettable")
    shown = page(team, query="?reaction=useful")
    assert "I use it daily." in shown
    assert "I forgot it." not in shown
    assert "All 2" in shown
    assert "Useful 1" in shown


def test_a_reaction_says_enough_without_words(team: Team) -> None:
    say(team, "ana", reaction="exciting")
    assert 'class="badge exciting"' in page(team)


def test_pages_lead_through_all(team: Team) -> None:
    for number in range(65):
        say(team, "ana", f"thought {number:03}", at=clock.day(number // 2))
    read, query = list[str](), ""
    for _ in range(3):
        shown = page(team, query=query)
        read += [word[:11] for word in shown.split('<blockquote class="words break" dir="auto">')[1:]]
        query = next((part.split('"')[0] for part in shown.split('href="') if part.startswith("?after=")), "")
    assert sorted(read) == [f"thought {number:03}" for number in range(65)]
    assert not query
    assert "First page" not in page(team)


def test_an_empty_inbox_says_so(team: Team) -> None:
    assert "No comments yet" in page(team)
    say(team, "ana", "Hello.")
    assert "No comments with this reaction" in page(team, query="?reaction=useful")


def test_a_cursor_that_is_none(team: Team) -> None:
    assert "This link is not valid" in page(team, query="?after=nonsense", status=400)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7|add:7 }}"]
)
def test_hostile_words_are_only_words(team: Team, hostile: str) -> None:
    said = say(
        team, hostile, hostile, url=f"javascript:{hostile}", title=hostile, locale=hostile, user_agent=hostile
    )
    client = Client()
    client.force_login(team.ana)
    shown = client.get(f"/projects/{team.slug}/inbox/").content.decode()
    assert said.receipt in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert 'href="javascript:' not in shown
    assert "7|add:7" in shown or "{{" not in hostile


def test_every_member_may_read(team: Team) -> None:
    say(team, "ana", "Hello.")
    for member in (team.ana, team.bo, team.cy):
        assert "Hello." in page(team, member)


def test_a_stranger_finds_nothing(team: Team) -> None:
    say(team, "ana", "Hello.")
    assert "Hello." not in page(team, team.dee, status=404)


def test_who_is_not_signed_in_is_asked_to(team: Team) -> None:
    answer = Client().get(f"/projects/{team.slug}/inbox/")
    assert (answer.status_code, answer["Location"][:9]) == (302, "/sign-in/")


def test_other_projects_stay_unseen(team: Team) -> None:
    neighbours = assemble()
    say(neighbours, "ana", "Not for you.")
    assert "Not for you." not in page(team)


@pytest.mark.parametrize("reaction", ["boring", "x" * 3_000])
def test_a_reaction_that_there_is_not_is_told_with_those_that_there_are(team: Team, reaction: str) -> None:
    shown = page(team, status=400, query=f"?reaction={reaction}")
    assert "is not a reaction; choose one of useful, confusing, exciting, forgettable" in shown
