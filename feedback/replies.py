"""Replies in a comment's thread, by its author and by the team."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now
from msgspec import structs

from analytics.record import PROVED, REPLY_EVENT, EventColumns, record
from feedback import pictures as picture_files
from feedback.comment_changes import CommentError, existing, save
from feedback.models import Comment, Picture, Reply
from feedback.statuses import change_status

TEXT_LIMIT = 20_000
MAX_REPLIES = 1_000
"""Replies of one thread, deleted ones included."""


class ReplyError(Exception):
    """The reply cannot be stored or changed. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class LeftReply:
    """`is_new` is False if the message was already stored."""

    reply: Reply
    is_new: bool


@transaction.atomic
def reply_as_person(
    comment: Comment, columns: EventColumns, *, text: str, pictures: Sequence[Picture] = ()
) -> LeftReply:
    """A message of the comment's author, with its `$reply` event. Raises CommentError and ReplyError."""
    current = existing(comment)
    kept = _kept(current, columns.id, Reply.Author.PERSON)
    if kept is not None:
        return LeftReply(kept, is_new=False)
    _check_room(current)
    reply = Reply.objects.create(
        project_id=current.project_id, comment=current, message_id=columns.id, author=Reply.Author.PERSON,
        text=text, verified=columns.user_known == PROVED, created_at=columns.received_at,
    )  # fmt: skip
    picture_files.attach(pictures, current, reply)
    said = {"comment": str(current.message_id), "reply": str(reply.message_id)}
    record(REPLY_EVENT, structs.replace(columns, id=uuid.uuid4()), said)
    save(current)
    return LeftReply(reply, is_new=True)


@transaction.atomic
def reply_as_team(
    comment: Comment, *, member: User, text: str, message_id: uuid.UUID | None = None
) -> LeftReply:
    """A member's message to the comment's author. A new comment becomes open. Raises CommentError and ReplyError.

    It makes no event: people are not active when they are answered.
    """
    if not text.strip():
        raise ReplyError("a reply needs a text")
    if len(text) > TEXT_LIMIT:
        raise ReplyError(f"a reply may have {TEXT_LIMIT:,} characters, and this one has {len(text):,}")
    current = existing(comment)
    id = message_id or uuid.uuid4()
    kept = _kept(current, id, Reply.Author.TEAM)
    if kept is not None:
        return LeftReply(kept, is_new=False)
    _check_room(current)
    reply = Reply.objects.create(
        project_id=current.project_id, comment=current, message_id=id, author=Reply.Author.TEAM, member=member,
        name=public_name(member), text=text,
    )  # fmt: skip
    if current.status == Comment.Status.NEW:
        change_status(current, Comment.Status.OPEN, member)
    save(current)
    return LeftReply(reply, is_new=True)


@transaction.atomic
def edit_reply(reply: Reply, *, text: str) -> Reply:
    """Replace the text. The old text is not kept. Raises CommentError and ReplyError."""
    comment = existing(reply.comment)
    current = Reply.objects.get(pk=reply.pk)
    if current.deleted_at is not None:
        raise ReplyError("the reply was deleted in the meantime")
    if not text.strip():
        raise ReplyError("a reply needs a text; delete it instead")
    if text != current.text:
        current.text, current.edited_at = text, now()
        current.save(update_fields=["text", "edited_at"])
        save(comment)
    return current


@transaction.atomic
def delete_reply(reply: Reply) -> None:
    """Delete its text and pictures. Deleting twice changes nothing. A message sent again does not bring it back."""
    comment = existing(reply.comment)
    if Reply.objects.filter(pk=reply.pk, deleted_at=None).update(text="", deleted_at=now()):
        picture_files.discard(Picture.objects.filter(reply=reply))
        save(comment)


@transaction.atomic
def mark_read(comment: Comment, reply: Reply) -> None:
    """The author has seen the thread up to this reply."""
    current = existing(comment)
    if reply.pk > current.read_reply:
        current.read_reply = reply.pk
        save(current)


def public_name(member: User) -> str:
    """What the author of a comment calls a member: never an email address."""
    return member.get_full_name() or member.get_username().partition("@")[0]


def _kept(comment: Comment, message_id: uuid.UUID, author: Reply.Author) -> Reply | None:
    kept = Reply.objects.filter(project=comment.project_id, message_id=message_id).first()
    if kept is not None and (kept.comment_id != comment.pk or kept.author != author):
        raise ReplyError("this messageId belongs to another message; send a new one")
    return kept


def _check_room(comment: Comment) -> None:
    if Reply.objects.filter(comment=comment).count() >= MAX_REPLIES:
        raise ReplyError(f"a thread can have {MAX_REPLIES:,} replies; start a new one")


__all__ = [
    "CommentError", "LeftReply", "ReplyError", "delete_reply", "edit_reply", "mark_read", "reply_as_person",
    "reply_as_team",
]  # fmt: skip
