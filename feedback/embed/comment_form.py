"""POST /v1/comments: what a comment's own fields may be, and its answer. All else is read as of an event."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from analytics.record import REACTIONS, EventColumns
from analytics.record.visitors import InvalidFieldError, Reply
from feedback.comments import leave_comment
from feedback.models import TEXT_LIMIT


class CommentBody(Struct):
    """The fields of the body that only a comment has."""

    reaction: str | None = None
    text: str | None = None
    context: Any = None


class Said(NamedTuple):
    """A reaction, a text, or both."""

    reaction: str
    text: str
    timezone: str


def read(body: bytes) -> Said:
    """Raises InvalidFieldError and msgspec.ValidationError."""
    given = msgspec.json.decode(body, type=CommentBody)
    reaction, text = given.reaction or "", given.text or ""
    if reaction and reaction not in REACTIONS:
        told = f"{reaction[:40]!r} is not a reaction; write one of {', '.join(REACTIONS)}"
        raise InvalidFieldError("reaction", told)
    if len(text) > TEXT_LIMIT:
        raise InvalidFieldError("text", f"{len(text):,} characters; a comment may have {TEXT_LIMIT:,}")
    if not text.strip() and not reaction:
        raise InvalidFieldError("text", "says nothing; send a text, a reaction, or both")
    return Said(reaction, text if text.strip() else "", _timezone(given.context))


def _timezone(context: Any) -> str:
    """A context of another shape costs nobody their words: what is wrong with it is a warning, as for events."""
    found = context.get("timezone") if isinstance(context, dict) else None
    return found if isinstance(found, str) else ""


def handle(columns: EventColumns, said: Said) -> Reply:
    """201 when it is kept, 200 when it had been kept before, with the same id and receipt."""
    left = leave_comment(columns, reaction=said.reaction, text=said.text, timezone=said.timezone)
    answer = {"id": str(left.comment.message_id), "receipt": left.comment.receipt}
    return Reply(201 if left.is_new else 200, answer)
