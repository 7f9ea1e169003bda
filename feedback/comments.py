"""The verbs of comments: keyword arguments in, dataclass out, no request."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection, transaction

from analytics.record import COMMENT_EVENT, EventColumns, record
from feedback import notifications
from feedback.models import Comment, new_receipt

LOCK = 0x46480001
URL_LIMIT = 8_000
FACT_LIMIT = 500


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
    )
    said = {"comment": str(comment.message_id), "reaction": reaction, "text": text}
    record(COMMENT_EVENT, columns, {name: value for name, value in said.items() if value})
    notifications.comment_left(comment)
    return LeftComment(comment, is_new=True)


def _queue_up(project_id: int) -> None:
    """One comment of a project at a time, until commit.

    Without this, two requests with one message would both find nothing and one would fail, and a reader of "all
    after id 7" would miss an id 6 that commits later. People write slowly enough for a queue.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id])


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
