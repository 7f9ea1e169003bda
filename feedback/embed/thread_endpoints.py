"""Below /v1/threads: what the author of a comment sees of it, and says next. Only ever the caller's own threads."""

import uuid
from typing import Any, Literal

import msgspec
from msgspec import Struct

from analytics.record.visitors import InvalidFieldError, Reply, Visit, VisitorError, unless_unchanged
from feedback import browsers, replies, threads
from feedback.comments import CommentError, delete_comment, edit_comment
from feedback.embed.comment_form import own_pictures
from feedback.models import TEXT_LIMIT, Comment, Verdict
from feedback.models import Reply as StoredReply
from feedback.replies import ReplyError
from feedback.verdicts import VerdictError, give_verdict

NOBODY = "send the header Firsthand-Identity or Firsthand-Browser"
NO_THREAD = "you have no such thread"
NO_MESSAGE = "you have no such message in this thread"


class Words(Struct):
    """A message, or its new text."""

    text: str | None = None
    pictures: list[uuid.UUID] | None = None


class Seen(Struct):
    """The newest message that was shown."""

    message: uuid.UUID


class VerdictBody(Struct):
    verdict: Literal["works", "still_not"]
    text: str | None = None


def read_words(body: bytes) -> Words:
    """Raises InvalidFieldError and msgspec.ValidationError."""
    given = msgspec.json.decode(body, type=Words)
    text = given.text or ""
    if not text.strip() and not given.pictures:
        raise InvalidFieldError("text", "empty; send a text")
    if len(text) > TEXT_LIMIT:
        raise InvalidFieldError("text", f"{len(text):,} characters; a message may have {TEXT_LIMIT:,}")
    return given


def read_seen(body: bytes) -> Seen:
    return msgspec.json.decode(body, type=Seen)


def read_verdict(body: bytes) -> VerdictBody:
    given = msgspec.json.decode(body, type=VerdictBody)
    if len(given.text or "") > TEXT_LIMIT:
        raise InvalidFieldError("text", f"a text may have {TEXT_LIMIT:,} characters")
    return given


def list_threads(visit: Visit, _: None) -> Reply:
    signed_in(visit)
    return unless_unchanged(visit, threads.version(visit.caller), lambda: _threads(visit))


def _threads(visit: Visit) -> dict[str, Any]:
    return {"threads": msgspec.to_builtins(threads.read(visit.caller))}


def post_message(visit: Visit, given: Words) -> Reply:
    thread = _thread(visit)
    found = own_pictures(visit, given.pictures or [])
    try:
        left = replies.reply_as_person(
            thread, _as_author(visit, thread), text=given.text or "", pictures=found
        )
    except (CommentError, ReplyError) as error:
        raise VisitorError(409, "conflict", str(error)) from None
    return Reply(201 if left.is_new else 200, {"id": str(left.reply.message_id)})


def post_read(visit: Visit, given: Seen) -> Reply:
    thread = _thread(visit)
    if given.message != thread.message_id:
        replies.mark_read(thread, _reply(thread, str(given.message)))
    return Reply(200, {"success": True})


def post_verdict(visit: Visit, given: VerdictBody) -> Reply:
    thread = _thread(visit)
    try:
        result = give_verdict(
            thread, _as_author(visit, thread), verdict=Verdict.Kind(given.verdict), text=given.text or ""
        )
    except (CommentError, VerdictError) as error:
        raise VisitorError(409, "conflict", str(error)) from None
    return Reply(201 if result.is_new else 200, {"verdict": result.verdict.verdict})


def edit_message(visit: Visit, given: Words) -> Reply:
    thread, text = _thread(visit), given.text or ""
    try:
        if _is_head(visit, thread):
            edit_comment(thread, text=text)
        else:
            replies.edit_reply(_own_reply(visit, thread), text=text)
    except (CommentError, ReplyError) as error:
        raise VisitorError(409, "conflict", str(error)) from None
    return Reply(200, {"success": True})


def delete_message(visit: Visit, _: None) -> Reply:
    """The first message is the comment: the whole thread goes with it."""
    thread = _thread(visit)
    if _is_head(visit, thread):
        delete_comment(thread)
    else:
        replies.delete_reply(_own_reply(visit, thread))
    return Reply(204, None)


def signed_in(visit: Visit) -> None:
    """Raises VisitorError for callers whom nothing proves."""
    if not visit.caller.known:
        raise VisitorError(401, "identity_missing", NOBODY)
    browsers.sign_in(visit.caller)


def _thread(visit: Visit) -> Comment:
    signed_in(visit)
    try:
        return threads.get_thread(visit.caller, visit.names["thread"])
    except Comment.DoesNotExist:
        # The same for those of others: whether a thread exists is nobody else's business.
        raise VisitorError(404, "not_found", NO_THREAD) from None


def _is_head(visit: Visit, thread: Comment) -> bool:
    return visit.names["message"] == str(thread.message_id)


def _reply(thread: Comment, message: str) -> StoredReply:
    try:
        return thread.replies.get(message_id=uuid.UUID(message), deleted_at=None)
    except (ValueError, StoredReply.DoesNotExist):
        raise VisitorError(404, "not_found", NO_MESSAGE) from None


def _own_reply(visit: Visit, thread: Comment) -> StoredReply:
    found = _reply(thread, visit.names["message"])
    if found.author != StoredReply.Author.PERSON:
        raise VisitorError(404, "not_found", NO_MESSAGE)
    return found


def _as_author(visit: Visit, thread: Comment) -> Any:
    """The event's columns. A browser that is not signed in goes on under the id of its comment."""
    if visit.caller.verified:
        return visit.event
    return msgspec.structs.replace(
        visit.event, distinct_id=thread.distinct_id, user_known=int(thread.user_known)
    )
