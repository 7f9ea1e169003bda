"""Leaving a comment: one row, one event, one receipt, however often and from however many sides it is sent."""

import datetime as dt
import re
import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from feedback import comments
from feedback.comments import LeftComment, leave_comment
from feedback.models import Comment
from tests.feedback.inbox_rows import waiting
from tests.feedback.saying import said
from tests.people import Team, assemble

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def says(team: Team, **changed: Any) -> LeftComment:
    words = {"reaction": "confusing", "text": "Where did my note go?"}
    words |= {name: changed.pop(name) for name in ("reaction", "text", "timezone") if name in changed}
    columns = {"url": "https://notes.example/write", "session": "s1"} | changed
    return leave_comment(said(team, "ana@example.com", at=NOON, **columns), **words)


@transaction.atomic
def says_and_fails(team: Team) -> None:
    says(team)
    raise RuntimeError


def test_it_works(team: Team) -> None:
    left = says(team)
    assert left.is_new
    comment = Comment.objects.get(project=team.new.project)
    assert (comment.text, comment.reaction, comment.status) == ("Where did my note go?", "confusing", "new")
    assert re.fullmatch(r"FH-[2-9A-Z]{5}", comment.receipt)


def test_it_records_the_event_in_the_same_transaction(team: Team) -> None:
    left = says(team)
    [event] = waiting(team.id)
    assert (event["event"], event["id"], event["timestamp"]) == ("$comment", left.comment.message_id, NOON)
    assert (event["distinct_id"], event["user_known"], event["client_session"]) == (
        "ana@example.com",
        1,
        "s1",
    )
    assert (event["url"], event["path"]) == ("https://notes.example/write", "/write")
    properties = {
        "comment": str(left.comment.message_id),
        "reaction": "confusing",
        "text": "Where did my note go?",
    }
    assert event["properties"] == properties


def test_it_keeps_neither_when_the_transaction_fails(team: Team) -> None:
    with pytest.raises(RuntimeError):
        says_and_fails(team)
    assert not Comment.objects.filter(project=team.new.project).exists()
    assert waiting(team.id) == []


def test_it_leaves_out_what_was_not_said(team: Team) -> None:
    says(team, text="")
    assert set(waiting(team.id)[0]["properties"]) == {"comment", "reaction"}


def test_it_answers_a_repeated_message_with_the_first_receipt(team: Team) -> None:
    first = says(team)
    again = says(team, id=first.comment.message_id, text="other words, sent too late")
    assert not again.is_new
    assert again.comment == first.comment
    assert again.comment.text == "Where did my note go?"
    assert len(waiting(team.id)) == 1


def test_two_projects_may_hold_the_same_message(team: Team) -> None:
    neighbours = assemble()
    message = says(team).comment.message_id
    assert says(neighbours, id=message).is_new
    assert len(waiting(team.id)) == len(waiting(neighbours.id)) == 1


def test_it_keeps_one_of_many_sent_at_once(team: Team) -> None:
    message, left = uuid.uuid4(), list[LeftComment]()
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        left.append(says(team, id=message))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.is_new for one in left) == [False] * 7 + [True]
    assert len({one.comment.receipt for one in left}) == 1
    assert len(waiting(team.id)) == 1


def test_no_receipt_is_given_twice(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = says(team).comment.receipt
    drawn = iter([taken, taken, "FH-23456"])
    monkeypatch.setattr(comments, "new_receipt", lambda: next(drawn))
    assert says(team).comment.receipt == "FH-23456"
