"""Notes of members about a comment. Nothing of them ever leaves the dashboard."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now

from dashboard.live import changes as live
from feedback.comment_changes import existing
from feedback.models import Comment, Note

TEXT_LIMIT = 20_000


class NoteError(Exception):
    """The note cannot be stored. Nothing was changed."""


@transaction.atomic
def add_note(comment: Comment, *, member: User, text: str) -> Note:
    """Raises CommentError and NoteError."""
    _check(text)
    current = existing(comment)
    # No change number: readers of the API do not get notes, so nothing has changed for them.
    live.publish(current.project_id)
    return Note.objects.create(comment=current, member=member, text=text)


@transaction.atomic
def edit_note(note: Note, *, text: str) -> Note:
    """Raises NoteError."""
    _check(text)
    Note.objects.filter(pk=note.pk).update(text=text, edited_at=now())
    live.publish(note.comment.project_id)
    note.refresh_from_db()
    return note


@transaction.atomic
def delete_note(note: Note) -> None:
    live.publish(note.comment.project_id)
    Note.objects.filter(pk=note.pk).delete()


def _check(text: str) -> None:
    if not text.strip():
        raise NoteError("a note needs a text")
    if len(text) > TEXT_LIMIT:
        raise NoteError(f"a note may have {TEXT_LIMIT:,} characters, and this one has {len(text):,}")
