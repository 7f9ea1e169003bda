"""A key without `comments:read` never sees a word of a comment, whatever it asks for and wherever the event lies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from analytics.api.urls import urlpatterns
from analytics.pipeline import until_idle
from feedback.api.urls import urlpatterns as feedback_urlpatterns
from feedback.comments import delete_comment, edit_comment
from projects import keys
from projects.models import Key
from tests import clock
from tests.analytics.api.client import Answer, Api
from tests.analytics.api.test_events import expire
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team

WORDS = (b"zebra", b"giraffe", b"okapi")
FORMATS = ("json", "ndjson", "csv")
SPAN = {"from": "2020-06-01", "to": "2020-06-30"}
SAID = {"event": "$comment", "where": [{"property": "text", "on": "event", "op": "set"}]}
BY_TEXT = {"property": "text", "on": "event"}
QUESTIONS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "trends",
        {"series": [{"event": "$comment"}], "breakdown": BY_TEXT, **SPAN},
        {"series": 0, "breakdown": "$none"},
    ),
    ("trends", {"series": [SAID], **SPAN}, {"series": 0, "start": "2020-06-10"}),
    (
        "retention",
        {"period": "day", "start": SAID, "return": {"event": None}, **SPAN},
        {"cohort": "2020-06-10", "offset": 0},
    ),
    (
        "cohort_reactions",
        {"interval": "day", **SPAN},
        {"cohort": "2020-06-10", "reaction": "useful"},
    ),
]
"""Insights, each with one of its figures."""

PATHS: dict[str, list[dict[str, Any]]] = {
    "project": [{}],
    "events": [{}, {"event": "$comment"}, {"property": "text:set"}, {"property": "text:contains:zebra"}],
    "sessions": [{}],
    "people": [{}, {"property": "text:set"}],
    "people/<int:person_id>": [{}],
    "people/<int:person_id>/timeline": [{}],
    "people/<int:person_id>/facts": [{}],
    "comments": [{}],
}


@pytest.fixture
def spoken(team: Team) -> Team:
    """Ana says something, edits something else, and takes a third thing back; some of it within a visit."""
    Journey(team).identify("ana", traits={"name": "Ana"}, at=clock.day(0), session="s1").send()
    say(team, "ana", "A zebra!", reaction="useful", at=clock.day(0, minutes=1), session="s1")
    edit_comment(say(team, "ana", "A zebra?", at=clock.day(1)), text="A giraffe, I mean.")
    delete_comment(say(team, "ana", "An okapi.", reaction="exciting", at=clock.day(2)))
    until_idle()
    return team


def blind(team: Team) -> Api:
    scopes = tuple(scope for scope in keys.READ if scope != "comments:read")
    return Api(keys.create(team.new.project, Key.Kind.API, scopes=scopes).text)


def answers(api: Api) -> dict[str, Answer]:
    """Everything that the API says to this key, by what was asked."""
    [ana] = api.rows("people", distinct_id="ana")
    found = {
        f"{path} {query} {format}": api.get(
            path.replace("<int:person_id>", str(ana["id"])), format=format, **query
        )
        for path, queries in PATHS.items()
        for query in queries
        for format in FORMATS
    }
    for kind, question, point in QUESTIONS:
        found[f"{kind} {question}"] = api.post(f"insights/{kind}", question)
        behind = question | {"point": point}
        found[f"people of {kind} {question}"] = api.post(f"insights/{kind}/people", behind)
    return found


def heard(answers: dict[str, Answer]) -> set[str]:
    return {asked for asked, answer in answers.items() if any(word in answer.body for word in WORDS)}


def test_every_address_is_tried_here() -> None:
    served = {str(pattern.pattern) for pattern in (*urlpatterns, *feedback_urlpatterns)}
    assert served == {*PATHS, "schema", "insights/<str:kind>", "insights/<str:kind>/people"}


@pytest.mark.parametrize("later", [lambda: None, expire], ids=["hot", "in the lake"])
def test_no_endpoint_says_a_word(spoken: Team, later: Callable[[], None]) -> None:
    later()
    told = answers(blind(spoken))
    assert heard(told) == set()
    refused = {asked for asked, answer in told.items() if answer.status != 200}
    assert refused == {f"comments {{}} {format}" for format in FORMATS}


def test_a_key_that_may_hears_what_was_not_taken_back(spoken: Team) -> None:
    """So that the test above would find words if they were there."""
    told = answers(Api(spoken.api_key))
    assert heard(told) == {
        f"{path} {{}} {format}"
        for path in ("comments", "people/<int:person_id>/timeline")
        for format in FORMATS
    }
    said = b"".join(answer.body for answer in told.values())
    assert b"A zebra!" in said
    assert b"A zebra?" not in said
    assert b"okapi" not in said


def test_no_table_but_one_holds_a_word(spoken: Team) -> None:
    """Not even for a moment: the event that waits in the inbox has no words either."""
    say(spoken, "ana", "One more zebra.", at=clock.day(3))
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        holding = set()
        for name in tables:
            cursor.execute(f'SELECT count(*) FROM "{name}" AS each WHERE each::text ~ %s', ["zebra|giraffe"])
            if cursor.fetchone()[0]:
                holding.add(name)
    assert holding == {"feedback_comment"}
