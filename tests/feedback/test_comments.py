"""Leaving a comment: one row, one event, one receipt, however often and from however many sides it is sent."""

import datetime as dt
import re
import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from feedback import comments
from feedback.comments import (
    CommentError,
    LeftComment,
    delete_comment,
    edit_comment,
    leave_comment,
    set_status,
)
from feedback.models import Comment
from tests.feedback.inbox_rows import waiting
from tests.feedback.saying import said
from tests.people import Team, assemble

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def says(team: Team, **changed: Any) -> LeftComment:
    words: dict[str, Any] = {"reaction": "confusing", "text": "Where did my note go?"}
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
    assert (event["event"], event["timestamp"]) == ("$comment", NOON)
    assert event["id"] != left.comment.message_id, "another event may have that id"
    assert (event["distinct_id"], event["user_known"], event["client_session"]) == (
        "ana@example.com",
        1,
        "s1",
    )
    assert (event["url"], event["path"]) == ("https://notes.example/write", "/write")
    assert event["properties"] == {"comment": str(left.comment.message_id), "reaction": "confusing"}


def test_it_keeps_neither_when_the_transaction_fails(team: Team) -> None:
    with pytest.raises(RuntimeError):
        says_and_fails(team)
    assert not Comment.objects.filter(project=team.new.project).exists()
    assert waiting(team.id) == []


def test_its_words_are_in_no_event(team: Team) -> None:
    says(team, reaction="")
    [event] = waiting(team.id)
    assert set(event["properties"]) == {"comment"}
    assert "my note" not in str(event)


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


def test_edited_it_has_the_new_words_and_says_so(team: Team) -> None:
    comment = says(team).comment
    edited = edit_comment(comment, text="I found my note.")
    kept = Comment.objects.get(pk=comment.pk)
    assert kept.text == edited.text == "I found my note."
    assert kept.edited_at is not None
    assert kept.updated_at >= kept.edited_at
    assert kept.change > comment.change
    assert len(waiting(team.id)) == 1


def test_a_reaction_alone_may_stay_of_it(team: Team) -> None:
    assert edit_comment(says(team).comment, text="").text == ""
    with pytest.raises(CommentError, match="needs a text"):
        edit_comment(says(team, reaction="").comment, text=" ")


def test_its_status_changes(team: Team) -> None:
    comment = says(team).comment
    for status in Comment.Status:
        assert set_status(comment, status).status == status
    kept = Comment.objects.get(pk=comment.pk)
    assert (kept.status, kept.edited_at, kept.text) == ("declined", None, "Where did my note go?")


def test_what_changes_nothing_is_no_change(team: Team) -> None:
    comment = says(team).comment
    same = [edit_comment(comment, text=comment.text), set_status(comment, Comment.Status.NEW)]
    assert [one.change for one in same] == [comment.change] * 2
    gone = delete_comment(comment)
    assert delete_comment(comment).change == gone.change


def test_deleted_it_leaves_a_tombstone_without_words(team: Team) -> None:
    comment = says(team, title="My note").comment
    delete_comment(comment)
    kept = Comment.objects.get(pk=comment.pk)
    assert (kept.text, kept.url, kept.context) == ("", "", {})
    assert kept.deleted_at is not None
    assert kept.change > comment.change
    stays = ("receipt", "reaction", "distinct_id", "created_at", "message_id")
    assert [getattr(kept, name) for name in stays] == [getattr(comment, name) for name in stays]


def test_what_is_deleted_stays_deleted(team: Team) -> None:
    comment = says(team).comment
    delete_comment(comment)
    again = says(team, id=comment.message_id)
    assert (again.is_new, again.comment.receipt, again.comment.text) == (False, comment.receipt, "")
    with pytest.raises(CommentError, match="was deleted"):
        edit_comment(comment, text="back again")
    with pytest.raises(CommentError, match="was deleted"):
        set_status(comment, Comment.Status.DONE)


def test_two_who_change_it_at_once_both_count(team: Team) -> None:
    """Bo sets the status while its author edits: neither writes back what they had read before."""
    comment = says(team).comment
    stale = Comment.objects.get(pk=comment.pk)
    edit_comment(comment, text="I found my note.")
    set_status(stale, Comment.Status.DONE)
    kept = Comment.objects.get(pk=comment.pk)
    assert (kept.text, kept.status) == ("I found my note.", "done")
