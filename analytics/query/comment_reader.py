"""The port through which timelines read comments: their words live in feedback, which stands above analytics."""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from msgspec import Struct

from projects.models import Project


class TimelineComment(Struct, frozen=True):
    """A comment as it is by now; `id` is its event's id. One that is `deleted` has no text any more.

    `edited_at` is null as long as nobody edited it.
    """

    id: uuid.UUID
    receipt: str
    reaction: str | None
    text: str
    status: str
    edited_at: dt.datetime | None
    deleted: bool


class CommentReader(Protocol):
    """What feedback offers under settings.COMMENT_READER."""

    def read(self, project: Project, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, TimelineComment]:
        """These comments of the project by id, in one query; those that there are not are left out."""

    def latest_change(self, project: Project, distinct_ids: Collection[str]) -> int:
        """A number that grows when anything about a comment of these ids changes."""


def comment_reader() -> CommentReader:
    reader: CommentReader = import_string(settings.COMMENT_READER)()
    return reader
