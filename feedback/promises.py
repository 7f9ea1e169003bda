"""Promises: made to the author of a comment, open until kept, withdrawn or declined.

Authors of duplicates are promised the same, each by a promise of their own, so that all of them are told.
"""

import datetime as dt
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from feedback.comment_changes import CommentError, existing, save
from feedback.models import Comment, Promise
from feedback.statuses import change_status
from projects.models import Project

TEXT_LIMIT = 2_000


class PromiseError(Exception):
    """The promise cannot be made or kept. Nothing was changed."""


@transaction.atomic
def make_promise(comment: Comment, *, member: User, text: str, due: dt.date | None = None) -> Promise:
    """The comment becomes promised. Raises CommentError, and PromiseError if it has an open promise."""
    if not text.strip():
        raise PromiseError("a promise needs a text")
    if len(text) > TEXT_LIMIT:
        raise PromiseError(f"a promise may have {TEXT_LIMIT:,} characters, and this one has {len(text):,}")
    current = existing(comment)
    if _open(current).exists():
        raise PromiseError("this comment has an open promise; keep it or withdraw it first")
    made = [_make(each, member, text, due) for each in _told(current) if not _open(each).exists()]
    return made[0]


@transaction.atomic
def keep_promise(comment: Comment, *, member: User) -> Promise:
    """The comment is done, and its author is asked whether it works. Raises CommentError and PromiseError."""
    current = existing(comment)
    if not _open(current).exists():
        raise PromiseError("this comment has no open promise")
    kept = [_close(each, Comment.Status.DONE, member, kept_at=now()) for each in _told(current)]
    return next(promise for promise in kept if promise is not None)


@transaction.atomic
def withdraw_promise(comment: Comment, *, member: User) -> None:
    """The comment is open again. Raises CommentError and PromiseError."""
    current = existing(comment)
    if not _open(current).exists():
        raise PromiseError("this comment has no open promise")
    for each in _told(current):
        _close(each, Comment.Status.OPEN, member, withdrawn_at=now())


@transaction.atomic
def decline(comment: Comment, *, member: User) -> Comment:
    """The comment is declined; an open promise is withdrawn. Raises CommentError."""
    current = existing(comment)
    for each in _told(current):
        _open(each).update(withdrawn_at=now())
        if change_status(each, Comment.Status.DECLINED, member):
            save(each)
    return current


def open_promises(project: Project) -> QuerySet[Promise]:
    """The most urgent first; those without a date last."""
    promises = Promise.objects.filter(
        comment__project=project, comment__deleted_at=None, kept_at=None, withdrawn_at=None
    )
    return promises.select_related("comment", "member").order_by(F("due").asc(nulls_last=True), "pk")


def _told(comment: Comment) -> Iterable[Comment]:
    return [comment, *comment.duplicates.filter(deleted_at=None).order_by("pk")]


def _open(comment: Comment) -> QuerySet[Promise]:
    return Promise.objects.filter(comment=comment, kept_at=None, withdrawn_at=None)


def _make(comment: Comment, member: User, text: str, due: dt.date | None) -> Promise:
    promise = Promise.objects.create(comment=comment, member=member, text=text, due=due)
    change_status(comment, Comment.Status.PROMISED, member)
    save(comment)
    return promise


def _close(comment: Comment, status: Comment.Status, member: User, **closed: dt.datetime) -> Promise | None:
    promise = _open(comment).first()
    if promise is None:
        return None
    Promise.objects.filter(pk=promise.pk).update(**closed)
    promise.refresh_from_db()
    change_status(comment, status, member)
    save(comment)
    return promise


__all__ = [
    "CommentError", "PromiseError", "decline", "keep_promise", "make_promise", "open_promises", "withdraw_promise",
]  # fmt: skip
