"""Queries of comments. Access to the project was checked before, by projects.access or by a key."""

from django.db.models import QuerySet

from feedback.models import Comment
from projects.models import Project


def comments_of(project: Project) -> QuerySet[Comment]:
    """The project's comments without deleted ones."""
    return comments_and_tombstones_of(project).filter(deleted_at=None)


def comments_and_tombstones_of(project: Project) -> QuerySet[Comment]:
    return Comment.objects.filter(project=project)


def get_comment_for(project: Project, receipt: str) -> Comment:
    """Raises Comment.DoesNotExist, also for comments of other projects and deleted ones."""
    # PostgreSQL rejects NUL in text: a crafted URL would cause a 500.
    return comments_of(project).get(receipt=receipt.replace("\0", ""))
