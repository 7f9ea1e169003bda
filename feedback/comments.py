"""The verbs of comments: keyword arguments in, dataclass out, no request."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.utils.timezone import now

from analytics.record import COMMENT_EVENT, EventColumns, record
from feedback import notifications
from feedback.models import Comment, new_receipt

LOCK = 0x46480001
URL_LIMIT = 8_000
FACT_LIMIT = 500


class CommentError(Exception):
    """A change that this comment does not allow; the message says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class LeftComment:
    """What came of leaving a comment; `is_new` is false when this message had been kept before."""

    comment: Comment
    is_new: bool


@transaction.atomic
def leave_comment(columns: EventColumns, *, reaction: str, text: str, timezone: str = "") -> LeftComment:
    """Keep a comment and its `$comment` event, both or neither; a message that is already kept changes nothing.

    `columns` are those of its event. The values are trusted: the door through which they came has checked them.
    """
    _queue_up(columns.project_id)
    kept = Comment.objects.filter(project=columns.project_id, message_id=columns.id).first()
    if kept is not None:
        return LeftComment(kept, is_new=False)
    comment = Comment.objects.create(
        project_id=columns.project_id,
        message_id=columns.id,
        receipt=_free_receipt(columns.project_id),
        reaction=reaction,
        text=text,
        url=_address(columns.url),
        distinct_id=columns.distinct_id,
        session=columns.client_session,
        context=_context(columns, timezone),
        created_at=columns.timestamp,
        received_at=columns.received_at,
        change=_next_change(),
    )
    # Never the words: they live in one place, so that an edit or a deletion is one everywhere at once.
    said = {"comment": str(comment.message_id), "reaction": reaction}
    record(COMMENT_EVENT, columns, {name: value for name, value in said.items() if value})
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


def _free_receipt(project_id: int) -> str:
    receipt = new_receipt()
    while Comment.objects.filter(project=project_id, receipt=receipt).exists():
        receipt = new_receipt()
    return receipt


def _address(url: str) -> str:
    """The page's address; "" for what is none, so that nothing behind this has to expect a broken one."""
    try:
        return urlsplit(url[:URL_LIMIT]).geturl() and url[:URL_LIMIT]
    except ValueError:
        return ""


def _context(columns: EventColumns, timezone: str) -> dict[str, str]:
    """Of the user agent only its families are kept, as for events."""
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
