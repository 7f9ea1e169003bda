"""The JSON form of a comment (Segment's shape) and what is read out of it."""

import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from analytics.schema import REACTIONS, means_nobody
from feedback.embed.refusal import Refusal
from feedback.models import TEXT_LIMIT

ID_LIMIT = 200
URL_LIMIT = 8_000
FACT_LIMIT = 500

Id = str | int | float | None


class Page(Struct):
    url: str | None = None
    title: str | None = None
    referrer: str | None = None


class Context(Struct, rename="camel"):
    page: Page | None = None
    session_id: Id = None
    locale: str | None = None
    timezone: str | None = None
    user_agent: str | None = None


class CommentBody(Struct, rename="camel"):
    """A comment as it is sent. Fields that are not named here are let pass and not kept."""

    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    reaction: str | None = None
    text: str | None = None
    context: Context | None = None
    timestamp: str | None = None
    sent_at: str | None = None
    write_key: str | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """Under which id a comment was left; `warning` says what was wrong with the ids, if anything."""

    distinct_id: str
    user_known: bool
    warning: str = ""


def decode(raw: bytes) -> CommentBody:
    """Raises Refusal (400) that says what is wrong, and where."""
    try:
        return msgspec.json.decode(raw, type=CommentBody)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise Refusal(400, message, where=where.rstrip("`").removeprefix("$.")) from error
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8: byte {error.start} cannot be read") from error
    except msgspec.DecodeError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Refusal(400, "the body is nested too deeply; send less context") from error


def reaction(body: CommentBody) -> str:
    given = body.reaction or ""
    if given and given not in REACTIONS:
        raise Refusal(
            400, f"{given[:40]!r} is not a reaction; write one of {', '.join(REACTIONS)}", where="reaction"
        )
    return given


def text(body: CommentBody) -> str:
    given = body.text or ""
    if len(given) > TEXT_LIMIT:
        raise Refusal(400, f"{len(given):,} characters; a comment may have {TEXT_LIMIT:,}", where="text")
    if not given.strip() and not body.reaction:
        raise Refusal(400, "says nothing; send a text, a reaction, or both", where="text")
    return given if given.strip() else ""


def message_id(body: CommentBody, project_id: int) -> uuid.UUID:
    """The client's UUID; one derived from the project and any other text; a new one when there is none."""
    given = _text(body.message_id)
    if not given:
        return uuid.uuid4()
    try:
        return uuid.UUID(given)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{project_id}:{given}")


def speaker(body: CommentBody) -> Speaker:
    user, anonymous = _id(body.user_id), _id(body.anonymous_id)
    if user and not means_nobody(user):
        return Speaker(user, user_known=True)
    if not user and not anonymous:
        raise Refusal(400, "is missing; send userId, anonymousId, or both", where="userId")
    warning = f"userId {user!r} means nobody; the comment is kept as anonymous" if user else ""
    return Speaker(anonymous or user, user_known=False, warning=warning)


def session(context: Context) -> str:
    return _id(context.session_id)


def url(context: Context) -> str:
    """The page's address; "" for what is none, so that nothing behind this has to expect a broken one."""
    given = ((context.page and context.page.url) or "")[:URL_LIMIT]
    try:
        return urlsplit(given).geturl() and given
    except ValueError:
        return ""


def _id(value: Id) -> str:
    """Blank is none; longer than ID_LIMIT is cut, as it is for events."""
    given = _text(value)
    return "" if given.isspace() else given[:ID_LIMIT]


def _text(value: Id) -> str:
    """Numbers are written out; 42.0 is 42, since JSON does not tell them apart."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
