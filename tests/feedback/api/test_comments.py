"""GET /api/v1/comments."""

import base64
import threading
from typing import Any

import msgspec
import pytest
from django.db import connection

from analytics.pipeline import until_idle
from feedback.comments import delete_comment, edit_comment, set_status
from feedback.models import Comment
from projects import keys
from projects.models import Key
from tests import clock
from tests.analytics.api.client import Api
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team, assemble


def test_it_works(team: Team, api: Api) -> None:
    said = say(
        team,
        "ana",
        "Where did it go?",
        reaction="confusing",
        at=clock.day(0, hours=1),
        url="https://notes.example/write",
        session="s1",
        locale="de-AT",
    )
    until_idle()
    [ana] = api.rows("people")

    [comment] = api.get("comments").json["comments"]

    assert comment.pop("received_at").endswith("Z")
    assert comment.pop("updated_at").endswith("Z")
    assert comment == {
        "id": str(said.message_id),
        "receipt": said.receipt,
        "reaction": "confusing",
        "text": "Where did it go?",
        "status": "new",
        "url": "https://notes.example/write",
        "person": ana["id"],
        "distinct_id": "ana",
        "client_session": "s1",
        "created_at": "2020-06-10T06:00:00Z",
        "edited_at": None,
        "deleted": False,
        "context": {"locale": "de-AT"},
        "verified": False,
        "tags": [],
        "merged_into": None,
        "pictures": [],
        "thread": [],
        "promise": None,
        "verdict": None,
    }


def test_the_comment_is_an_event_of_its_person_too(team: Team, api: Api) -> None:
    said = say(team, "ana", "Hello!", reaction="useful")
    until_idle()
    [ana] = api.rows("people")
    [event] = api.rows("events", event="$comment")
    assert event["person"] == ana["id"]
    assert event["properties"] == {"comment": str(said.message_id), "reaction": "useful"}
    assert api.get("project").json["comments"] == 1


def test_it_is_there_before_its_person_is(team: Team, api: Api) -> None:
    say(team, "ana", "Anybody there?")
    [comment] = api.rows("comments")
    assert (comment["person"], comment["reaction"], comment["url"]) == (None, None, None)


def test_filters(team: Team, api: Api) -> None:
    say(team, "ana", "one", reaction="useful", at=clock.day(0))
    say(team, "bo", "two", reaction="exciting", at=clock.day(3))
    say(team, "laptop", "three", user_known=False, at=clock.day(5))
    until_idle()

    def found(**query: Any) -> list[str]:
        return [row["text"] for row in api.rows("comments", **query)]

    assert found(reaction="useful") == ["one"]
    assert found(from_="2020-06-12", to="2020-06-14") == ["two"]
    assert found(distinct_id="laptop") == ["three"]
    assert found(reaction="forgettable") == []


def test_a_person_s_comments_are_those_of_all_their_ids(team: Team, api: Api) -> None:
    say(team, "laptop", "before signing up", user_known=False)
    say(team, "bo", "somebody else")
    Journey(team).identify("ana", device="laptop", at=clock.day(1)).send()
    say(team, "ana", "afterwards", at=clock.day(2))
    until_idle()
    [ana] = api.rows("people", distinct_id="ana")
    assert [row["text"] for row in api.rows("comments", person=ana["id"])] == [
        "before signing up",
        "afterwards",
    ]
    assert {row["person"] for row in api.rows("comments", person=ana["id"])} == {ana["id"]}


def test_pages_and_streams_tell_the_same(team: Team, api: Api) -> None:
    texts = [f"thought {number}" for number in range(7)]
    for number, text in enumerate(texts):
        say(team, "ana", text, at=clock.day(-number))
    until_idle()
    assert [row["text"] for row in api.rows("comments", limit=3)] == texts
    assert api.get("comments", format="ndjson").lines == api.rows("comments")
    assert [row["text"] for row in api.get("comments", format="csv").table] == texts


def test_since_brings_what_is_new(team: Team, api: Api) -> None:
    say(team, "ana", "old")
    stream = api.get("comments", format="ndjson")
    assert len(stream.lines) == 1
    say(team, "bo", "new, but of long ago", at=clock.day(-300))
    assert [row["text"] for row in api.rows("comments", since=stream.headers["X-Next-Cursor"])] == [
        "new, but of long ago"
    ]


def test_no_comment_is_missed_while_many_are_written(team: Team, api: Api) -> None:
    """An id that is smaller than one already read must not appear later."""

    def write(author: str) -> None:
        for number in range(10):
            say(team, author, f"{author} {number}")
        connection.close()

    authors = [threading.Thread(target=write, args=(name,)) for name in ("ana", "bo", "cy", "dee")]
    for author in authors:
        author.start()
    read, since = [], api.get("comments", limit=3)
    while any(author.is_alive() for author in authors) or since.json["more"]:
        read += since.json["comments"]
        since = api.get("comments", limit=3, since=since.json["since"])
    read += since.json["comments"] + api.rows("comments", since=since.json["since"])
    assert len(read) == len({row["id"] for row in read}) == 40


def test_since_brings_edits_statuses_and_deletions(team: Team, api: Api) -> None:
    ana, bo, cy = (say(team, who, f"{who} was here") for who in ("ana", "bo", "cy"))
    until_idle()
    begun = api.get("comments").json["since"]

    edit_comment(ana, text="Ana was here")
    set_status(bo, Comment.Status.OPEN)
    delete_comment(cy)

    edited, opened, gone = api.rows("comments", since=begun)
    assert (edited["text"], edited["deleted"]) == ("Ana was here", False)
    assert edited["edited_at"] == edited["updated_at"]
    assert (opened["text"], opened["status"], opened["edited_at"]) == ("bo was here", "open", None)
    assert (gone["id"], gone["deleted"], gone["receipt"]) == (str(cy.message_id), True, cy.receipt)
    assert (gone["text"], gone["url"], gone["context"]) == ("", None, {})
    assert [row["text"] for row in api.rows("comments")] == ["Ana was here", "bo was here"]


def test_a_tombstone_is_found_by_the_filters_of_its_comment(team: Team, api: Api) -> None:
    gone = say(team, "ana", "Forget this.", reaction="confusing", at=clock.day(2))
    begun = api.get("comments").json["since"]
    delete_comment(gone)
    for query in (
        {"reaction": "confusing"},
        {"distinct_id": "ana"},
        {"from_": "2020-06-12", "to": "2020-06-12"},
    ):
        assert [row["deleted"] for row in api.rows("comments", since=begun, **query)] == [True]
    assert api.rows("comments", since=begun, reaction="useful") == []


def test_deleted_between_two_pages_it_is_taken_back(team: Team, api: Api) -> None:
    read = say(team, "ana", "one")
    unread = say(team, "bo", "two")
    first = api.get("comments", limit=1).json
    assert [row["text"] for row in first["comments"]] == ["one"]
    for comment in (unread, read):
        delete_comment(comment)
    rest = api.rows("comments", since=first["next"])
    assert {row["id"]: row["deleted"] for row in rest}[str(read.message_id)] is True
    assert {row["text"] for row in rest} == {""}
    assert api.rows("comments") == []


def test_a_cursor_from_before_changes_still_means_its_place(team: Team, api: Api) -> None:
    """It holds a comment's id, which the migration made its first change, and no `begun`."""
    known, new = say(team, "ana", "known"), say(team, "bo", "new")
    old = (
        base64.urlsafe_b64encode(msgspec.json.encode(["comments", known.change, team.id]))
        .rstrip(b"=")
        .decode()
    )
    assert [row["id"] for row in api.rows("comments", since=old)] == [str(new.message_id)]


def test_a_formula_in_a_comment_is_no_formula_in_a_spreadsheet(team: Team, api: Api) -> None:
    say(team, "ana", "=HYPERLINK(A1)")
    [row] = api.get("comments", format="csv").table
    assert row["text"] == "'=HYPERLINK(A1)"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"reaction": "meh"}, "reaction"),
        ({"since": "nonsense"}, "since"),
        ({"from_": "soon"}, "from"),
        ({"limit": 0}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_asked(api: Api, query: dict[str, object], where: str) -> None:
    answer = api.get("comments", **query)
    assert answer.status == 400
    assert answer.json.get("where", "") == where


def test_an_unknown_person(api: Api) -> None:
    assert api.get("comments", person=2**62).status == 404


def test_a_key_needs_its_scope(team: Team) -> None:
    blind = keys.create(team.new.project, Key.Kind.API, scopes=("events:read",)).text
    answer = Api(blind).get("comments")
    assert answer.status == 403
    assert "comments:read" in answer.json["detail"]


@pytest.mark.parametrize("key", ["", "fhk_nobody"])
def test_a_stranger_reads_nothing(key: str) -> None:
    assert Api(key).get("comments").status == 401


def test_a_write_key_reads_nothing(team: Team) -> None:
    assert Api(team.write_key).get("comments").status == 401


def test_other_projects_stay_unseen(team: Team, api: Api) -> None:
    neighbours = assemble()
    say(neighbours, "ana", "not for you")
    until_idle()
    [ana] = Api(neighbours.api_key).rows("people")
    assert api.rows("comments") == []
    assert api.get("comments", person=ana["id"]).status == 404
    assert [row["text"] for row in Api(neighbours.api_key).rows("comments")] == ["not for you"]


def test_it_is_in_the_schema(api: Api) -> None:
    described = api.get("schema").json["paths"]["/api/v1/comments"]["get"]
    assert {"from", "to", "reaction", "person", "distinct_id", "since", "limit", "format"} == {
        parameter["name"] for parameter in described["parameters"]
    }


@pytest.mark.parametrize("name", ["person", "reaction"])
def test_null_is_nobody_and_never_everybody(name: str, api: Api) -> None:
    answer = api.get("comments", **{name: "null"})
    assert (answer.status, answer.json["where"]) == (400, name)
    assert "leave the parameter out" in answer.json["detail"]
