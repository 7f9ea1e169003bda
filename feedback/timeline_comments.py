"""Comments for timelines: the implementation of analytics' CommentReader."""

import uuid
from collections.abc import Collection

from django.db.models import Max

from analytics.query.comment_reader import CommentReader, TimelineComment
from feedback.comment_access import comments_and_tombstones_of
from feedback.models import Comment
from projects.models import Project


class TimelineComments(CommentReader):
    """Set as settings.COMMENT_READER."""

    def read(self, project: Project, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, TimelineComment]:
        found = comments_and_tombstones_of(project).filter(message_id__in=ids)
        return {comment.message_id: _shown(comment) for comment in found}

    def latest_change(self, project: Project, distinct_ids: Collection[str]) -> int:
        # With tombstones: a deletion is a change that open pages must show.
        theirs = comments_and_tombstones_of(project).filter(distinct_id__in=distinct_ids)
        return theirs.aggregate(latest=Max("change"))["latest"] or 0


def _shown(comment: Comment) -> TimelineComment:
    return TimelineComment(
        id=comment.message_id,
        receipt=comment.receipt,
        reaction=comment.reaction or None,
        text=comment.text,
        status=comment.status,
        edited_at=comment.edited_at,
        deleted=comment.deleted_at is not None,
        verified=comment.verified,
    )
