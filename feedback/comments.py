"""The verbs of comments: keyword arguments in, dataclass out, no request."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from analytics.record import record
from analytics.schema import COMMENT_EVENT
from feedback import notifications
from feedback.models import Comment, new_receipt
from projects.models import Project

LOCK = 0x46480001


class CommentError(Exception):
    """A change that this comment does not allow; the message says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class LeftComment:
    """What came of leaving a comment; `is_new` is false when this message had been kept before."""

    comment: Comment
    is_new: bool


@transaction.atomic
def leave_comment(  # noqa: PLR0913 (a comment has so many sides)
    project: Project,
    *,
    message_id: uuid.UUID,
    distinct_id: str,
    user_known: bool,
    reaction: str,
    text: str,
    created_at: dt.datetime,
    url: str = "",
    session: str = "",
    context: Mapping[str, Any] | None = None,
) -> LeftComment:
    """Keep a comment and its `$comment` event, both or neither; a message that is already kept changes nothing.

    The values are trusted: the door through which they came has checked them.
    """
    _queue_up(project.pk)
    kept = Comment.objects.filter(project=project, message_id=message_id).first()
    if kept is not None:
        return LeftComment(kept, is_new=False)
    comment = Comment.objects.create(
        project=project,
        message_id=message_id,
        receipt=_free_receipt(project),
        reaction=reaction,
        text=text,
        url=url,
        distinct_id=distinct_id,
        session=session,
        context=dict(context or {}),
        created_at=created_at,
        change=_next_change(),
    )
    _record(comment, user_known=user_known)
    notifications.comment_left(comment)
    return LeftComment(comment, is_new=True)


@transaction.atomic
def edit_comment(comment: Comment, *, text: str) -> Comment:
    """Put other words in the place of the old ones, which are not kept; that it was edited is. Raises CommentError."""
    current = _existing(comment)
    if text == current.text:
        return current
    if not (text.strip() or current.reaction):
        raise CommentError("a comment without a reaction needs a text; delete it instead")
    current.text = text
    current.edited_at = current.updated_at = now()
    return _changed(current)


@transaction.atomic
def set_status(comment: Comment, status: Comment.Status) -> Comment:
    """Say what becomes of it. Raises CommentError."""
    current = _existing(comment)
    if status == current.status:
        return current
    current.status, current.updated_at = status, now()
    return _changed(current)


@transaction.atomic
def delete_comment(comment: Comment) -> Comment:
    """Take its words, its page and its context out for good; deleted once more, nothing changes.

    The tombstone keeps what filters ask for: receipt, reaction, distinct id and times. Its `$comment` event stays a
    fact of the person: that they said something, never what.
    """
    current = _newest(comment)
    if current.deleted_at is not None:
        return current
    current.text, current.url, current.context = "", "", {}
    current.deleted_at = current.updated_at = now()
    return _changed(current)


def _queue_up(project_id: int) -> None:
    """One comment of a project at a time, until commit.

    Without this, two requests with one message would both find nothing and one would fail, and a reader of "all
    after change 7" would miss a change 6 that commits later. People write slowly enough for a queue.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id])


def _next_change() -> int:
    """Only inside the queue: its number must not become visible after a greater one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('feedback_comment_change')")
        [number] = cursor.fetchone()
    return int(number)


def _newest(comment: Comment) -> Comment:
    """As it is by now, when it is this caller's turn: what the caller read may have changed since."""
    _queue_up(comment.project_id)
    return Comment.objects.get(pk=comment.pk)


def _existing(comment: Comment) -> Comment:
    current = _newest(comment)
    if current.deleted_at is not None:
        raise CommentError("the comment was deleted in the meantime")
    return current


def _changed(comment: Comment) -> Comment:
    comment.change = _next_change()
    comment.save()
    return comment


def _free_receipt(project: Project) -> str:
    receipt = new_receipt()
    while Comment.objects.filter(project=project, receipt=receipt).exists():
        receipt = new_receipt()
    return receipt


def _record(comment: Comment, *, user_known: bool) -> None:
    # Never the words: they live in one place, so that an edit or a deletion is one everywhere at once.
    said = {"comment": str(comment.message_id), "reaction": comment.reaction}
    record(
        comment.project_id,
        COMMENT_EVENT,
        distinct_id=comment.distinct_id,
        message_id=comment.message_id,
        timestamp=comment.created_at,
        properties={name: value for name, value in said.items() if value},
        session=comment.session or None,
        url=comment.url or None,
        user_known=user_known,
    )
