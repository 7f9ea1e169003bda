"""Threads as their authors see them."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable

from django.db.models import Count, Max, Prefetch, Q, QuerySet
from msgspec import Struct

from analytics.record.callers import Caller
from feedback import browsers
from feedback.models import Comment, Promise, Reply

MAX_THREADS = 50
"""The newest threads that one person gets."""

MAX_MESSAGES = 200
"""The newest messages of a thread that one person gets."""


class Message(Struct, frozen=True, rename={"author": "from"}):
    """Something that was said. The first message of a thread is the comment itself."""

    id: uuid.UUID
    author: str
    name: str | None
    text: str
    at: dt.datetime
    edited_at: dt.datetime | None
    verified: bool
    pictures: list[uuid.UUID]


class PromiseMade(Struct, frozen=True):
    text: str
    due: dt.date | None
    kept_at: dt.datetime | None


class Thread(Struct, frozen=True):
    """A comment and what followed. `asks` is "works" while its author is asked whether it works now."""

    id: uuid.UUID
    receipt: str
    reaction: str | None
    status: str
    unread: int
    verified: bool
    created_at: dt.datetime
    messages: list[Message]
    promise: PromiseMade | None
    asks: str | None


def threads_of(caller: Caller) -> QuerySet[Comment]:
    """The caller's own: of the user whom a token proves, and of the browser as long as nobody has signed in on it.

    A user id alone opens nothing: anybody can send one.
    """
    if caller.verified:
        # Not the browser's, too: those of another user may be among them. The rest has joined at the sign-in.
        own = Q(verified_user=caller.user)
    else:
        browser = browsers.find(caller)
        own = Q(browser=browser, verified_user="") if browser is not None else Q(pk__in=[])
    return Comment.objects.filter(own, project=caller.project_id, deleted_at=None)


def get_thread(caller: Caller, id: str) -> Comment:
    """Raises Comment.DoesNotExist, also for threads of others."""
    try:
        message = uuid.UUID(id)
    except ValueError:
        raise Comment.DoesNotExist from None
    return threads_of(caller).get(message_id=message)


def version(caller: Caller) -> str:
    """An ETag: every change of a thread gives it a greater number."""
    found = threads_of(caller).aggregate(newest=Max("change"), count=Count("pk"))
    # With the caller: a shared browser cache must not give the threads of one user to another.
    seen = f"{caller.project_id} {caller.verified and caller.user} {caller.browser} {found['newest']} {found['count']}"
    return f'"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'


def read(caller: Caller) -> list[Thread]:
    """The newest first."""
    replies = Prefetch("replies", Reply.objects.order_by("pk").prefetch_related("pictures"))
    promises = Prefetch("promises", Promise.objects.filter(withdrawn_at=None).order_by("-pk"))
    found = threads_of(caller).order_by("-created_at", "-pk").prefetch_related(replies, promises, "pictures")
    return [_thread(comment) for comment in found[:MAX_THREADS]]


def _thread(comment: Comment) -> Thread:
    replies = [reply for reply in comment.replies.all() if reply.deleted_at is None]
    promise = next(iter(comment.promises.all()), None)
    return Thread(
        id=comment.message_id,
        receipt=comment.receipt,
        reaction=comment.reaction or None,
        status=comment.status,
        unread=sum(_unread(comment, reply) for reply in replies),
        verified=comment.verified,
        created_at=comment.created_at,
        messages=[_head(comment), *map(_message, replies[-MAX_MESSAGES:])],
        promise=PromiseMade(promise.text, promise.due, promise.kept_at) if promise else None,
        asks="works" if comment.asked_at else None,
    )


def _unread(comment: Comment, reply: Reply) -> bool:
    return reply.author == Reply.Author.TEAM and reply.pk > comment.read_reply


def _head(comment: Comment) -> Message:
    pictures = [each.message_id for each in comment.pictures.all() if each.reply_id is None]
    return Message(
        comment.message_id, "person", None, comment.text, comment.created_at, comment.edited_at,
        comment.verified, pictures,
    )  # fmt: skip


def _message(reply: Reply) -> Message:
    pictures: Iterable[uuid.UUID] = (each.message_id for each in reply.pictures.all())
    return Message(
        reply.message_id, reply.author, reply.name or None, reply.text, reply.created_at, reply.edited_at,
        reply.verified, list(pictures),
    )  # fmt: skip
