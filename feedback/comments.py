"""Creating, editing and deleting comments."""

import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.utils.timezone import now
from msgspec import structs

from analytics.record import COMMENT_EVENT, EventColumns, record
from dashboard.live import changes as live
from feedback import notifications
from feedback.models import Comment, new_receipt

# Locks with two keys never collide with the one-key locks of analytics/locks.py.
LOCK = 0x46480001
URL_LIMIT = 8_000
FACT_LIMIT = 500


class CommentError(Exception):
    """The comment cannot be changed this way. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class LeftComment:
    """`is_new` is False if the message was already stored."""

    comment: Comment
    is_new: bool


@transaction.atomic
def leave_comment(columns: EventColumns, *, reaction: str, text: str, timezone: str = "") -> LeftComment:
    """Store a comment and its `$comment` event, both or neither. A message that is already stored changes nothing.

    `columns` are those of the event. The endpoint has validated all values.
    """
    _lock_project(columns.project_id)
    kept = Comment.objects.filter(project=columns.project_id, message_id=columns.id).first()
    if kept is not None:
        return LeftComment(kept, is_new=False)
    comment = Comment.objects.create(
        project_id=columns.project_id,
        message_id=columns.id,
        receipt=_free_receipt(columns.project_id),
        reaction=reaction,
        text=text,
        url=_page_url(columns.url),
        distinct_id=columns.distinct_id,
        session=columns.client_session,
        context=_context(columns, timezone),
        created_at=columns.timestamp,
        received_at=columns.received_at,
        change=_next_change(columns.project_id),
    )
    # Never the text: copies in events could not be edited or deleted.
    properties = {"comment": str(comment.message_id), "reaction": reaction}
    # An id of its own: a client may have sent an event with the comment's id, and of two events with one id the second
    # is dropped as a duplicate. The comment would be there, but never be counted.
    event = structs.replace(columns, id=uuid.uuid4())
    record(COMMENT_EVENT, event, {name: value for name, value in properties.items() if value})
    notifications.comment_left(comment)
    return LeftComment(comment, is_new=True)


@transaction.atomic
def edit_comment(comment: Comment, *, text: str) -> Comment:
    """Replace the text. The old text is not kept. Raises CommentError."""
    current = _existing(comment)
    # No new change number: readers of changes would get the comment again for nothing.
    if text == current.text:
        return current
    if not (text.strip() or current.reaction):
        raise CommentError("a comment without a reaction needs a text; delete it instead")
    current.text = text
    current.edited_at = current.updated_at = now()
    return _changed(current)


@transaction.atomic
def set_status(comment: Comment, status: Comment.Status) -> Comment:
    """Raises CommentError if the comment was deleted."""
    current = _existing(comment)
    if status == current.status:
        return current
    current.status, current.updated_at = status, now()
    return _changed(current)


@transaction.atomic
def delete_comment(comment: Comment) -> Comment:
    """Delete its text, page and context. Deleting twice changes nothing.

    A tombstone stays with receipt, reaction, distinct ID and times, which filters of the API need. The `$comment`
    event stays too; it never contains the text.
    """
    current = _locked(comment)
    if current.deleted_at is not None:
        return current
    current.text, current.url, current.context = "", "", {}
    current.deleted_at = current.updated_at = now()
    return _changed(current)


def _lock_project(project_id: int) -> None:
    """Lock the project's comments until commit.

    Without the lock, two requests with the same message would both insert it and one would fail. And a reader of
    "all changes after 7" would miss change 6 if it commits later.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id])


def _next_change(project_id: int) -> int:
    """Only under the lock: a number must not become visible after a greater one. Tells open pages of the change."""
    live.publish(project_id)
    with connection.cursor() as cursor:
        # A rollback leaves a gap. Readers ask for what follows a number, so gaps do not matter.
        cursor.execute("SELECT nextval('feedback_comment_change')")
        [number] = cursor.fetchone()
    return int(number)


def _locked(comment: Comment) -> Comment:
    """The comment, read again under the lock: it may have changed since the caller read it."""
    _lock_project(comment.project_id)
    return Comment.objects.get(pk=comment.pk)


def _existing(comment: Comment) -> Comment:
    current = _locked(comment)
    if current.deleted_at is not None:
        raise CommentError("the comment was deleted in the meantime")
    return current


def _changed(comment: Comment) -> Comment:
    comment.change = _next_change(comment.project_id)
    # Saves all columns, which is safe only because the row was read under the lock.
    comment.save()
    return comment


def _free_receipt(project_id: int) -> str:
    receipt = new_receipt()
    # Called under the lock, so no other comment can take the receipt before this one is stored.
    while Comment.objects.filter(project=project_id, receipt=receipt).exists():
        receipt = new_receipt()
    return receipt


def _page_url(url: str) -> str:
    """The page's URL, or "" if it cannot be parsed: readers may rely on a valid one."""
    try:
        return urlsplit(url[:URL_LIMIT]).geturl() and url[:URL_LIMIT]
    except ValueError:
        return ""


def _context(columns: EventColumns, timezone: str) -> dict[str, str]:
    """Browser, system and device families only: the full user agent could identify a person."""
    browser, system, device = columns.agent or (None, None, None)
    facts = {
        "title": columns.title,
        "referrer": columns.referrer,
        "locale": columns.locale,
        "timezone": timezone,
        "browser": browser,
        "os": system,
        "device": device,
    }
    return {name: fact[:FACT_LIMIT] for name, fact in facts.items() if fact}
