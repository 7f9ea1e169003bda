"""The status of a comment and its history."""

from django.contrib.auth.models import User
from django.utils.timezone import now

from feedback.models import Comment, StatusChange


def change_status(comment: Comment, status: str, by: User | None) -> bool:
    """Set the status of a comment that was read under the lock; the caller saves it. False if it has it already.

    Done asks the author whether it works now. Any other status takes the question back.
    """
    if comment.status == status:
        return False
    StatusChange.objects.create(comment=comment, before=comment.status, after=status, member=by)
    comment.status = status
    comment.asked_at = now() if status == Comment.Status.DONE else None
    return True
