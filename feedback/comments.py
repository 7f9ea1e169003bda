"""Creating, editing and deleting comments."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now
from msgspec import structs

from analytics.record import COMMENT_EVENT, PROVED, EventColumns, record
from feedback import notifications
from feedback.comment_changes import CommentError, existing, lock_project, locked, next_change, save
from feedback.models import Browser, Comment, Picture, Reply, Verdict, new_receipt
from feedback.pictures import attach, discard
from feedback.statuses import change_status

__all__ = ["CommentError", "delete_comment", "edit_comment", "leave_comment", "set_status"]

URL_LIMIT = 8_000
FACT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class LeftComment:
    """`is_new` is False if the message was already stored."""

    comment: Comment
    is_new: bool


@transaction.atomic
def leave_comment(
    columns: EventColumns,
    *,
    reaction: str,
    text: str,
    timezone: str = "",
    browser: Browser | None = None,
    pictures: Sequence[Picture] = (),
    details: Mapping[str, Any] | None = None,
) -> LeftComment:
    """Store a comment and its `$comment` event, both or neither. A message that is already stored changes nothing.

    `columns` are those of the event. The endpoint has validated all values. `details` are more facts about the page.
    """
    lock_project(columns.project_id)
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
        user_known=columns.user_known > 0,
        verified_user=columns.distinct_id if columns.user_known == PROVED else "",
        browser=browser,
        session=columns.client_session,
        context=_context(columns, timezone) | dict(details or {}),
        created_at=columns.timestamp,
        received_at=columns.received_at,
        change=next_change(columns.project_id),
    )
    attach(pictures, comment)
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
    current = existing(comment)
    # No new change number: readers of changes would get the comment again for nothing.
    if text == current.text:
        return current
    if not (text.strip() or current.reaction):
        raise CommentError("a comment without a reaction needs a text; delete it instead")
    current.text = text
    current.edited_at = now()
    return save(current, at=current.edited_at)


@transaction.atomic
def set_status(comment: Comment, status: Comment.Status, *, by: User | None = None) -> Comment:
    """Set it, also that of its duplicates. Done asks its author whether it works. Raises CommentError."""
    current = existing(comment)
    for each in (current, *current.duplicates.filter(deleted_at=None)):
        if change_status(each, status, by):
            save(each)
    return current


@transaction.atomic
def delete_comment(comment: Comment) -> Comment:
    """Delete its text, page and context. Deleting twice changes nothing.

    A tombstone stays with receipt, reaction, distinct ID and times, which filters of the API need. The `$comment`
    event stays too; it never contains the text. The thread goes with it: replies, notes, promises and pictures.
    """
    current = locked(comment)
    if current.deleted_at is not None:
        return current
    Reply.objects.filter(comment=current, deleted_at=None).update(text="", deleted_at=now())
    Verdict.objects.filter(comment=current).update(text="")
    current.notes.all().delete()
    current.promises.all().delete()
    discard(Picture.objects.filter(comment=current))
    current.text, current.url, current.context = "", "", {}
    current.deleted_at = now()
    return save(current, at=current.deleted_at)


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
