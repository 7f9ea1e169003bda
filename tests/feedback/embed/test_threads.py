"""The thread of a comment, as its author meets it at the visitors' door."""

import uuid

import pytest

from analytics.ingest.local import LocalIngest
from analytics.ingest.rates import Rates
from feedback.comments import set_status
from feedback.models import Comment
from feedback.replies import reply_as_team
from tests.analytics.console.pages import signed_in
from tests.feedback.embed.sending import front
from tests.feedback.embed.visiting import Visitor, token
from tests.feedback.inbox_rows import waiting
from tests.people import Team


@pytest.fixture
def ana(team: Team, door: LocalIngest) -> Visitor:
    """Ana's browser, signed in."""
    return Visitor(team, door, token(team, "ana"))


def comment(team: Team) -> Comment:
    return Comment.objects.get(project=team.id)


def test_ana_and_the_maker_talk(team: Team, ana: Visitor) -> None:
    left = ana.say("Where is the export?", reaction="confusing")
    said = comment(team)
    assert (said.distinct_id, said.verified, said.user_known) == ("ana", True, True)
    reply_as_team(said, member=team.bo, text="Top right. Can you see it?")
    [thread] = ana.threads()
    assert (thread["id"], thread["receipt"], thread["reaction"]) == (left["id"], left["receipt"], "confusing")
    assert [(each["from"], each["text"]) for each in thread["messages"]] == [
        ("person", "Where is the export?"), ("team", "Top right. Can you see it?"),
    ]  # fmt: skip
    assert (thread["unread"], thread["status"], thread["promise"], thread["asks"]) == (1, "open", None, None)
    assert ana.reply(left["id"], "Yes, thank you!").status_code == 201
    [thread] = ana.threads()
    assert [each["text"] for each in thread["messages"]][-1] == "Yes, thank you!"
    assert [event["event"] for event in waiting(team.id)] == ["$comment", "$reply"]
    assert all(b"thank" not in str(event).encode() for event in waiting(team.id)), (
        "words live in feedback only"
    )


def test_a_reply_sent_five_times_is_there_once(team: Team, ana: Visitor) -> None:
    left = ana.say()
    message = str(uuid.uuid4())
    statuses = [ana.reply(left["id"], "Still there?", messageId=message).status_code for _ in range(5)]
    assert statuses == [201, 200, 200, 200, 200]
    assert len(ana.threads()[0]["messages"]) == 2
    assert len(waiting(team.id)) == 2


def test_a_client_that_has_it_all_gets_no_body(team: Team, ana: Visitor) -> None:
    thread = ana.say()["id"]
    first = ana.request("GET", "threads")
    again = ana.request("GET", "threads", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for change in (
        lambda: reply_as_team(comment(team), member=team.bo, text="Here."),
        lambda: ana.reply(thread, "Thanks."),
        lambda: ana.say("Another one."),
    ):
        known = ana.request("GET", "threads").headers["etag"]
        change()
        assert ana.request("GET", "threads", **{"if-none-match": known}).status_code == 200
    assert "private" in first.headers["cache-control"]


def test_no_two_people_share_an_etag(team: Team, door: LocalIngest, ana: Visitor) -> None:
    mine = ana.request("GET", "threads").headers["etag"]
    bo = Visitor(team, door, token(team, "bo"), secret=ana.secret)
    assert bo.request("GET", "threads", **{"if-none-match": mine}).status_code == 200


def test_what_was_read_is_not_new(team: Team, ana: Visitor) -> None:
    thread = ana.say()["id"]
    first, second = (
        reply_as_team(comment(team), member=team.bo, text=text).reply for text in ("One.", "Two.")
    )
    assert ana.threads()[0]["unread"] == 2
    assert (
        ana.request("POST", f"threads/{thread}/read", {"message": str(first.message_id)}).status_code == 200
    )
    assert ana.threads()[0]["unread"] == 1
    for message in (second, first):
        ana.request("POST", f"threads/{thread}/read", {"message": str(message.message_id)})
    assert ana.threads()[0]["unread"] == 0, "a late request makes nothing unread"
    assert ana.request("POST", f"threads/{thread}/read", {"message": str(uuid.uuid4())}).status_code == 404


def test_own_words_are_changed_and_deleted(team: Team, ana: Visitor) -> None:
    thread = ana.say("Where is teh export?")["id"]
    reply = ana.reply(thread, "Nevermind").json()["id"]
    assert (
        ana.request("PATCH", f"threads/{thread}/messages/{thread}", {"text": "Where is it?"}).status_code
        == 200
    )
    assert (
        ana.request("PATCH", f"threads/{thread}/messages/{reply}", {"text": "Found it."}).status_code == 200
    )
    assert [each["text"] for each in ana.threads()[0]["messages"]] == ["Where is it?", "Found it."]
    for _ in range(2):
        ana.request("DELETE", f"threads/{thread}/messages/{reply}")
    assert len(ana.threads()[0]["messages"]) == 1
    assert ana.request("DELETE", f"threads/{thread}/messages/{thread}").status_code == 204
    assert ana.threads() == []
    assert ana.reply(thread, "Hello?").status_code == 404


def test_the_words_of_the_team_are_not_hers(team: Team, ana: Visitor) -> None:
    thread = ana.say()["id"]
    answer = reply_as_team(comment(team), member=team.bo, text="Top right.").reply.message_id
    path = f"threads/{thread}/messages/{answer}"
    assert ana.request("PATCH", path, {"text": "We promise everything."}).status_code == 404
    assert ana.request("DELETE", path).status_code == 404
    assert ana.threads()[0]["messages"][1]["text"] == "Top right."


def test_it_works_or_still_not(team: Team, ana: Visitor) -> None:
    thread = ana.say()["id"]
    body = {"messageId": str(uuid.uuid4()), "verdict": "still_not", "text": "It hangs."}
    assert ana.request("POST", f"threads/{thread}/verdict", body).status_code == 409, "nothing is asked"
    set_status(comment(team), Comment.Status.DONE)
    assert ana.threads()[0]["asks"] == "works"
    assert [ana.request("POST", f"threads/{thread}/verdict", body).status_code for _ in range(2)] == [
        201,
        200,
    ]
    [answered] = ana.threads()
    assert (answered["asks"], answered["status"]) == (None, "open")
    assert [event["event"] for event in waiting(team.id)] == ["$comment", "$verdict"]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("messages", {"text": ""}, "text"),
        ("messages", {"text": "x" * 20_001}, "text"),
        ("messages", {"text": 5}, "text"),
        ("messages", {"text": "x", "pictures": ["no"]}, "pictures[0]"),
        ("messages", {"text": "x", "pictures": [str(uuid.uuid4())]}, "pictures"),
        ("read", {}, ""),
        ("read", {"message": "x"}, "message"),
        ("verdict", {"verdict": "maybe"}, "verdict"),
    ],
)
def test_bad_input_is_named(ana: Visitor, path: str, body: dict[str, object], where: str) -> None:
    thread = ana.say()["id"]
    response = ana.request("POST", f"threads/{thread}/{path}", body)
    assert (response.status_code, response.json().get("where", "")) == (400, where), response.text


@pytest.mark.parametrize("thread", ["x", "36a31d39-553a-4798-84db-36407f05a4e0", "%00", "..", "FH-AAAAA"])
def test_there_is_no_such_thread(ana: Visitor, thread: str) -> None:
    assert ana.reply(thread, "Hello?").status_code == 404


def test_markup_is_text_in_every_field(team: Team, ana: Visitor) -> None:
    """Whatever is stored comes back as JSON text. That pages show it as text is tested with the pages."""
    evil = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    context = {
        "page": {"url": f"https://x.example/{evil}", "title": evil, "referrer": evil}, "locale": evil,
        "timezone": evil, "element": {"selector": evil, "text": evil},
    }  # fmt: skip
    ana.token = token(team, "ana", name=evil, email=evil)
    thread = ana.say(evil, context=context)["id"]
    ana.reply(thread, evil)
    response = ana.request("GET", "threads")
    assert response.headers["content-type"] == "application/json"
    assert [each["text"] for each in response.json()["threads"][0]["messages"]] == [evil, evil]
    inbox = signed_in(team.ana).get(f"/projects/{team.slug}/inbox/").content.decode()
    assert "<img src=x" not in inbox
    assert "<script>alert" not in inbox


def test_a_comment_keeps_the_element_it_is_about(team: Team, ana: Visitor) -> None:
    element = {
        "selector": "#export > button",
        "text": "Export",
        "box": {"x": 1, "y": 2.5, "width": 80, "height": 30},
    }
    ana.say(context={"element": element})
    assert comment(team).context["element"] == element
    ana.say("Malformed ones are left out.", context={"element": {"selector": 5}})


def test_threads_are_read_less_often_than_the_bound(team: Team) -> None:
    with front(Rates(reads_per_minute=3)) as door:
        statuses = [Visitor(team, door).request("GET", "threads").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def test_messages_are_limited_like_comments(team: Team) -> None:
    with front(Rates(comments_per_minute=3)) as door:
        ana = Visitor(team, door, token(team, "ana"))
        thread = ana.say()["id"]
        answers = [ana.reply(thread, "And?") for _ in range(4)]
    assert [each.status_code for each in answers] == [201, 201, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
