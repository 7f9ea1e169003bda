"""What every change of a comment or its thread shares: a lock, and a number by which readers learn of it."""

import datetime as dt

from django.db import connection
from django.utils.timezone import now

from dashboard.live import changes as live
from feedback.models import Comment

# Locks with two keys never collide with the one-key locks of analytics/locks.py.
LOCK = 0x46480001


class CommentError(Exception):
    """The comment cannot be changed this way. Nothing was changed."""


def lock_project(project_id: int) -> None:
    """Lock the project's comments until commit.

    Without the lock, two requests with the same message would both insert it and one would fail. And a reader of
    "all changes after 7" would miss change 6 if it commits later.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id])


def next_change(project_id: int) -> int:
    """Only under the lock: a number must not become visible after a greater one. Tells open pages of the change."""
    live.publish(project_id)
    with connection.cursor() as cursor:
        # A rollback leaves a gap. Readers ask for what follows a number, so gaps do not matter.
        cursor.execute("SELECT nextval('feedback_comment_change')")
        [number] = cursor.fetchone()
    return int(number)


def locked(comment: Comment) -> Comment:
    """The comment, read again under the lock: it may have changed since the caller read it."""
    lock_project(comment.project_id)
    return Comment.objects.get(pk=comment.pk)


def existing(comment: Comment) -> Comment:
    """The same, unless it was deleted. Raises CommentError."""
    current = locked(comment)
    if current.deleted_at is not None:
        raise CommentError("the comment was deleted in the meantime")
    return current


def save(comment: Comment, *, at: dt.datetime | None = None) -> Comment:
    """Store a comment that was read under the lock, with the next number."""
    comment.change = next_change(comment.project_id)
    comment.updated_at = at or now()
    # Saves all columns, which is safe only because the row was read under the lock.
    comment.save()
    return comment
