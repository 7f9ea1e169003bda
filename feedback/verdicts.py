"""The author's answer to whether it works now."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from msgspec import structs

from analytics.record import PROVED, VERDICT_EVENT, EventColumns, record
from feedback.comment_changes import existing, save
from feedback.models import Comment, Verdict
from feedback.statuses import change_status


class VerdictError(Exception):
    """Nothing was asked, or the message belongs to something else. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """`is_new` is False if the message was already stored."""

    verdict: Verdict
    is_new: bool


@transaction.atomic
def give_verdict(
    comment: Comment, columns: EventColumns, *, verdict: Verdict.Kind, text: str = ""
) -> GivenVerdict:
    """It works confirms the comment as done, still not reopens it. Raises CommentError and VerdictError."""
    current = existing(comment)
    kept = Verdict.objects.filter(project=current.project_id, message_id=columns.id).first()
    if kept is not None:
        if kept.comment_id != current.pk:
            raise VerdictError("this messageId belongs to another message; send a new one")
        return GivenVerdict(kept, is_new=False)
    if current.asked_at is None:
        raise VerdictError("nothing is asked about this comment; send a message instead")
    given = Verdict.objects.create(
        project_id=current.project_id, comment=current, message_id=columns.id, verdict=verdict, text=text,
        verified=columns.user_known == PROVED, created_at=columns.received_at,
    )  # fmt: skip
    if verdict == Verdict.Kind.STILL_NOT:
        change_status(current, Comment.Status.OPEN, None)
    current.asked_at = None
    said = {"comment": str(current.message_id), "verdict": str(verdict)}
    record(VERDICT_EVENT, structs.replace(columns, id=uuid.uuid4()), said)
    save(current)
    return GivenVerdict(given, is_new=True)
