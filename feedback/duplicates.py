"""Merging comments that say the same, and undoing it. Each author keeps a thread of their own."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now

from feedback.comment_changes import existing, save
from feedback.models import Comment, Merge
from feedback.statuses import change_status


class DuplicateError(Exception):
    """The two cannot be merged, or the merge cannot be undone. Nothing was changed."""


@transaction.atomic
def merge_duplicate(duplicate: Comment, target: Comment, *, member: User) -> Merge:
    """`duplicate` takes the status of `target` from now on. What was merged into it before goes with it.

    Raises CommentError and DuplicateError.
    """
    if duplicate.project_id != target.project_id:
        raise DuplicateError("comments of two projects cannot be merged")
    kept, merged = existing(target), existing(duplicate)
    if kept.merged_into is not None:
        kept = existing(kept.merged_into)
    if kept.pk == merged.pk:
        raise DuplicateError("a comment cannot be merged into itself")
    if merged.merged_into_id is not None:
        raise DuplicateError(f"{merged.receipt} is a duplicate already; undo that first")
    for each in (*merged.duplicates.all(), merged):
        # One level only: whoever is told of the target is told at once.
        Merge.objects.filter(duplicate=each, undone_at=None).update(undone_at=now())
        merge = Merge.objects.create(duplicate=each, target=kept, status_before=each.status, member=member)
        each.merged_into = kept
        change_status(each, Comment.Status(kept.status), member)
        save(each)
    save(kept)
    return merge


@transaction.atomic
def undo_duplicate(duplicate: Comment, *, member: User) -> Comment:
    """The comment stands alone again, with the status that it had before. Raises CommentError and DuplicateError."""
    current = existing(duplicate)
    merge = Merge.objects.filter(duplicate=current, undone_at=None).first()
    if merge is None:
        raise DuplicateError(f"{current.receipt} is no duplicate")
    Merge.objects.filter(pk=merge.pk).update(undone_at=now())
    target, current.merged_into = current.merged_into, None
    change_status(current, Comment.Status(merge.status_before), member)
    save(current)
    if target is not None:
        save(existing(target))
    return current
