"""The only door to comments: whose project it is has been settled before, by projects.access or by a key."""

from django.db.models import QuerySet

from feedback.models import Comment
from projects.models import Project


def comments_of(project: Project) -> QuerySet[Comment]:
    """The project's comments, without the deleted ones."""
    return comments_and_tombstones_of(project).filter(deleted_at=None)


def comments_and_tombstones_of(project: Project) -> QuerySet[Comment]:
    return Comment.objects.filter(project=project)


def get_comment_for(project: Project, receipt: str) -> Comment:
    """Raises Comment.DoesNotExist, for another project's comment and a deleted one like for an unknown receipt."""
    # PostgreSQL takes no NUL in a text.
    return comments_of(project).get(receipt=receipt.replace("\0", ""))
