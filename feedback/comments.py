"""The verbs of comments: keyword arguments in, dataclass out, no request."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from analytics.record import record
from analytics.schema import COMMENT_EVENT
from feedback import notifications
from feedback.models import Comment, new_receipt
from projects.models import Project

LOCK = 0x46480001


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
    _queue_up(project)
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
    )
    _record(comment, user_known=user_known)
    notifications.comment_left(comment)
    return LeftComment(comment, is_new=True)


def _queue_up(project: Project) -> None:
    """One comment of a project at a time, until commit.

    Without this, two requests with one message would both find nothing and one would fail, and a reader of "all
    after id 7" would miss an id 6 that commits later. People write slowly enough for a queue.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project.pk])


def _free_receipt(project: Project) -> str:
    receipt = new_receipt()
    while Comment.objects.filter(project=project, receipt=receipt).exists():
        receipt = new_receipt()
    return receipt


def _record(comment: Comment, *, user_known: bool) -> None:
    said = {"comment": str(comment.message_id), "reaction": comment.reaction, "text": comment.text}
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
