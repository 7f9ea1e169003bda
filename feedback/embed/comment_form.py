"""POST /v1/comments: the fields that only comments have. All others are read as for events."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from analytics.record import REACTIONS, EventColumns
from analytics.record.visitors import InvalidFieldError, Reply
from feedback.comments import leave_comment
from feedback.models import TEXT_LIMIT


class CommentBody(Struct):
    """The fields that only comments have."""

    reaction: str | None = None
    text: str | None = None
    context: Any = None


class CommentInput(NamedTuple):
    """A validated comment: a reaction, a text, or both."""

    reaction: str
    text: str
    timezone: str


def read(body: bytes) -> CommentInput:
    """Raises InvalidFieldError and msgspec.ValidationError."""
    given = msgspec.json.decode(body, type=CommentBody)
    reaction, text = given.reaction or "", given.text or ""
    if reaction and reaction not in REACTIONS:
        message = f"{reaction[:40]!r} is not a reaction; write one of {', '.join(REACTIONS)}"
        raise InvalidFieldError("reaction", message)
    if len(text) > TEXT_LIMIT:
        raise InvalidFieldError("text", f"{len(text):,} characters; a comment may have {TEXT_LIMIT:,}")
    if not text.strip() and not reaction:
        raise InvalidFieldError("text", "empty; send a text, a reaction, or both")
    return CommentInput(reaction, text if text.strip() else "", _timezone(given.context))


def _timezone(context: Any) -> str:
    # A malformed context must not reject the comment. It is reported as an ingestion warning, as for events.
    found = context.get("timezone") if isinstance(context, dict) else None
    return found if isinstance(found, str) else ""


def handle(columns: EventColumns, given: CommentInput) -> Reply:
    """201 for a new comment, 200 with the same ID and receipt if it was already stored."""
    left = leave_comment(columns, reaction=given.reaction, text=given.text, timezone=given.timezone)
    answer = {"id": str(left.comment.message_id), "receipt": left.comment.receipt}
    return Reply(201 if left.is_new else 200, answer)
