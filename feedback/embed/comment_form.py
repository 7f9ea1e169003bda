"""POST /v1/comments: the fields that only comments have. All others are read as for events."""

import uuid
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from analytics.record import REACTIONS
from analytics.record.visitors import InvalidFieldError, Reply, Visit
from feedback import browsers, pictures
from feedback.comments import leave_comment
from feedback.models import TEXT_LIMIT, Picture
from feedback.pictures import PictureError

MAX_ELEMENT = 2_000
"""Characters of the selector and of the visible text of the element that a comment is about."""


class CommentBody(Struct):
    """The fields that only comments have."""

    reaction: str | None = None
    text: str | None = None
    context: Any = None
    pictures: list[uuid.UUID] | None = None


class Box(Struct, frozen=True):
    """Where the element was, in CSS pixels of the page."""

    x: float
    y: float
    width: float
    height: float


class Element(Struct, frozen=True):
    """The element that the comment is about, and where it was."""

    selector: str
    text: str = ""
    box: Box | None = None


class CommentInput(NamedTuple):
    """A validated comment: a reaction, a text, or both."""

    reaction: str
    text: str
    timezone: str
    pictures: list[uuid.UUID]
    element: Element | None


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
    context = given.context if isinstance(given.context, dict) else {}
    return CommentInput(
        reaction, text if text.strip() else "", _timezone(context), given.pictures or [], _element(context)
    )


def _timezone(context: dict[str, Any]) -> str:
    # A malformed context must not reject the comment. It is reported as an ingestion warning, as for events.
    found = context.get("timezone")
    return found if isinstance(found, str) else ""


def _element(context: dict[str, Any]) -> Element | None:
    try:
        found = msgspec.convert(context.get("element"), Element)
    except msgspec.ValidationError:
        return None
    return Element(found.selector[:MAX_ELEMENT], found.text[:MAX_ELEMENT], found.box)


def handle(visit: Visit, given: CommentInput) -> Reply:
    """201 for a new comment, 200 with the same ID and receipt if it was already stored."""
    browsers.sign_in(visit.caller)
    browser = browsers.remember(visit.caller, visit.event.distinct_id)
    left = leave_comment(
        visit.event,
        reaction=given.reaction,
        text=given.text,
        timezone=given.timezone,
        browser=browser,
        pictures=own_pictures(visit, given.pictures),
        details={"element": msgspec.to_builtins(given.element)} if given.element else {},
    )
    answer = {"id": str(left.comment.message_id), "receipt": left.comment.receipt}
    return Reply(201 if left.is_new else 200, answer)


def own_pictures(visit: Visit, ids: list[uuid.UUID]) -> list[Picture]:
    """Raises InvalidFieldError for pictures of others."""
    try:
        return pictures.own(visit.caller, browsers.find(visit.caller), ids)
    except PictureError as error:
        raise InvalidFieldError("pictures", str(error)) from None
