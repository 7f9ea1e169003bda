"""The interface through which timelines read comments. feedback implements it; analytics must not import feedback."""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from msgspec import Struct

from projects.models import Project


class TimelineComment(Struct, frozen=True):
    """A comment in its current state. `id` is the property `comment` of its event. Deleted comments have no text.

    `edited_at` is null if the comment was never edited. `verified`: an identity token proved the author.
    """

    id: uuid.UUID
    receipt: str
    reaction: str | None
    text: str
    status: str
    edited_at: dt.datetime | None
    deleted: bool
    verified: bool = False


class CommentReader(Protocol):
    """Implemented by the class in settings.COMMENT_READER."""

    def read(self, project: Project, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, TimelineComment]:
        """Comments of the project by ID, in one query. Unknown IDs are left out."""

    def latest_change(self, project: Project, distinct_ids: Collection[str]) -> int:
        """A number that grows with every change of a comment of these distinct IDs."""


def comment_reader() -> CommentReader:
    reader: CommentReader = import_string(settings.COMMENT_READER)()
    return reader
