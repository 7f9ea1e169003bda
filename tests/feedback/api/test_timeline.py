"""What was said, in GET /api/v1/people/{id}/timeline: for keys that may read comments."""

from typing import Any

import pytest

from analytics.pipeline import until_idle
from feedback.comments import delete_comment, edit_comment
from feedback.models import Comment
from projects import keys
from projects.models import Key
from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def said(team: Team) -> list[Comment]:
    """Ana says one thing during a visit, and one a day later, by mail."""
    Journey(team).page("ana", "/notes", at=clock.day(0), session="s1").send()
    first = say(team, "ana", "Where is it?", reaction="confusing", at=clock.day(0, minutes=1), session="s1")
    second = say(team, "ana", "I like it.", at=clock.day(1))
    until_idle()
    return [first, second]


def told(key: str, **query: Any) -> list[list[dict[str, Any]] | None]:
    """The comments of each entry, newest first."""
    api = Api(key)
    [ana] = api.rows("people", distinct_id="ana")
    answer = api.get(f"people/{ana['id']}/timeline", **query)
    return [entry["comments"] for entry in answer.json["entries"]]


def test_it_works(team: Team, said: list[Comment]) -> None:
    first, second = said
    assert told(team.api_key) == [
        [
            {
                "id": str(second.message_id),
                "receipt": second.receipt,
                "reaction": None,
                "text": "I like it.",
                "status": "new",
                "edited_at": None,
                "deleted": False,
                "verified": False,
            }
        ],
        [
            {
                "id": str(first.message_id),
                "receipt": first.receipt,
                "reaction": "confusing",
                "text": "Where is it?",
                "status": "new",
                "edited_at": None,
                "deleted": False,
                "verified": False,
            }
        ],
    ]


def test_a_key_that_may_not_read_comments_gets_none(team: Team, said: list[Comment]) -> None:
    blind = keys.create(team.new.project, Key.Kind.API, scopes=("people:read", "events:read")).text
    assert told(blind) == [None, None]


def test_edited_and_deleted_it_is_so_at_once(team: Team, said: list[Comment]) -> None:
    edit_comment(said[0], text="There it is.")
    delete_comment(said[1])
    [[gone], [edited]] = (comments or [] for comments in told(team.api_key))
    assert (edited["text"], edited["edited_at"] is None) == ("There it is.", False)
    assert (gone["text"], gone["deleted"], gone["receipt"]) == ("", True, said[1].receipt)


def test_words_are_the_newest_also_beside_events_in_the_lake(team: Team, said: list[Comment]) -> None:
    expire()
    edit_comment(said[0], text="There it is.")
    [_, [edited]] = (comments or [] for comments in told(team.api_key))
    assert edited["text"] == "There it is."
