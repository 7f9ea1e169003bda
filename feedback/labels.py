"""Who takes care of a comment, and its tags."""

from django.contrib.auth.models import User
from django.db import transaction

from feedback.comment_changes import existing, save
from feedback.models import Comment, Tag
from projects.access import can_edit

MAX_TAG = 40
MAX_TAGS = 20
"""Tags of one comment."""


class LabelError(Exception):
    """The comment cannot be assigned or tagged this way. Nothing was changed."""


@transaction.atomic
def assign(comment: Comment, member: User | None) -> Comment:
    """None takes the assignment back. Raises CommentError, and LabelError for users who cannot edit the project."""
    current = existing(comment)
    if member is not None and not can_edit(member, current.project):
        raise LabelError(f"{member} cannot take care of comments; make them a member of the project first")
    if current.assignee_id == (member.pk if member else None):
        return current
    current.assignee = member
    return save(current)


@transaction.atomic
def add_tag(comment: Comment, name: str) -> Tag:
    """Raises CommentError and LabelError."""
    name = " ".join(name.replace("\0", "").split())
    if not name or len(name) > MAX_TAG:
        raise LabelError(f"a tag has 1 to {MAX_TAG} characters")
    current = existing(comment)
    # Under the lock of `existing`, so two requests cannot both create it.
    tag = Tag.objects.filter(project=current.project, name__iexact=name).first()
    if tag is None:
        tag = Tag.objects.create(project=current.project, name=name)
    if current.tags.filter(pk=tag.pk).exists():
        return tag
    if current.tags.count() >= MAX_TAGS:
        raise LabelError(f"a comment can have {MAX_TAGS} tags; remove one first")
    current.tags.add(tag)
    save(current)
    return tag


@transaction.atomic
def remove_tag(comment: Comment, name: str) -> None:
    """A tag that no comment has any more is deleted. Raises CommentError."""
    current = existing(comment)
    tag = current.tags.filter(name__iexact=name).first()
    if tag is None:
        return
    current.tags.remove(tag)
    if not tag.comments.exists():
        tag.delete()
    save(current)
