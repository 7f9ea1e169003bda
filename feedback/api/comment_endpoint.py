"""GET /api/v1/comments: everything that anybody said, in the order of changes."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from msgspec import Meta, Struct, structs
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.query import persons
from analytics.record import REACTIONS
from api import cursor, describe, listing, parameters, places
from api.auth import project_of
from api.growing import GrowingPlace
from feedback import inbox
from feedback.comment_access import comments_and_tombstones_of
from feedback.inbox import Entry
from feedback.models import Comment
from projects.models import Project

Reaction = Literal["useful", "confusing", "exciting", "forgettable"]


class CommentPlace(GrowingPlace, tag="comments", frozen=True, kw_only=True):
    """After the change `number`. `begun` is the newest change of when the reader began with nothing.

    Cursors from before comments followed changes hold a comment's id, which became its first change.
    """

    begun: cursor.Number = 0


class CommentRow(Struct, frozen=True):
    """A comment. `id` is its message's id, `person` is null in the second before its event has been enriched.

    One that is `deleted` has no text, url and context any more. `edited_at` is null as long as nobody edited it.
    """

    id: uuid.UUID
    receipt: str
    reaction: str | None
    text: str
    status: str
    url: str | None
    person: int | None
    distinct_id: str
    client_session: str | None
    created_at: dt.datetime
    received_at: dt.datetime
    updated_at: dt.datetime
    edited_at: dt.datetime | None
    deleted: bool
    context: dict[str, Any]


class CommentParameters(parameters.Dated, frozen=True, kw_only=True):
    """Which comments: `from` and `to` are about when it was said."""

    reaction: Annotated[Reaction | None, Meta(description=f"One of {', '.join(REACTIONS)}.")] = None
    person: Annotated[
        parameters.Number | None,
        Meta(description="A person's id: all that they said, under any of their ids."),
    ] = None
    distinct_id: Annotated[str | None, Meta(description="The id under which it was said.")] = None


class CommentPage(Struct, frozen=True):
    """`next` is always there: hand it back as `since`, now while `more` is true, later for what changed."""

    comments: list[CommentRow]
    next: str
    more: bool


class CommentSource:
    """Comments in the order of their latest changes: from the beginning those that exist, later all that changed.

    A comment that changes while somebody reads moves to the end and comes there, so that nobody misses it.
    """

    name = "comments"
    row = CommentRow

    def __init__(self, project: Project, which: QuerySet[Comment], since: str | None) -> None:
        newest = inbox.newest_change(project)
        self.project = project
        self.at = (
            CommentPlace(0, project=project.pk, begun=newest)
            if since is None
            else places.read("since", since, CommentPlace, project)
        )
        self.newest = max(newest, self.at.number)
        # A reader who began after a deletion never saw the comment, and needs no tombstone of it.
        self.which = which.exclude(deleted_at__isnull=False, change__lte=self.at.begun).order_by("change")
        self.more = True

    def take(self, limit: int) -> list[CommentRow]:
        found = list(self.which.filter(change__gt=self.at.number)[:limit])
        self.more = len(found) == limit
        last = found[-1].change if found else 0
        self.at = structs.replace(self.at, number=last if self.more else max(last, self.newest))
        return [_row(entry) for entry in inbox.with_people(self.project, found)]

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        return cursor.write(structs.replace(self.at, number=self.newest))


class Comments(APIView):
    """Comments in the order of their latest changes; `since` brings edits, new statuses and deletions too."""

    scope = "comments:read"
    formats = listing.FORMATS

    @describe.operation("Comments", parameters=CommentParameters, answer=CommentPage, row=CommentRow)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, CommentParameters)
        project = project_of(request)
        source = CommentSource(project, _selected(project, asked), asked.since)
        return listing.respond(request, source, asked.format, asked.limit)


def _selected(project: Project, asked: CommentParameters) -> QuerySet[Comment]:
    start, end = asked.span(project.zone)
    limits = {
        "created_at__gte": start,
        "created_at__lt": end,
        "reaction": asked.reaction,
        "distinct_id": asked.distinct_id,
        "distinct_id__in": None
        if asked.person is None
        else persons.get_person(project, asked.person).distinct_ids,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    return comments_and_tombstones_of(project).filter(**given)


def _row(entry: Entry) -> CommentRow:
    comment = entry.comment
    return CommentRow(
        id=comment.message_id,
        receipt=comment.receipt,
        reaction=comment.reaction or None,
        text=comment.text,
        status=comment.status,
        url=comment.url or None,
        person=entry.person.id if entry.person else None,
        distinct_id=comment.distinct_id,
        client_session=comment.session or None,
        created_at=comment.created_at,
        received_at=comment.received_at,
        updated_at=comment.updated_at,
        edited_at=comment.edited_at,
        deleted=comment.deleted_at is not None,
        context=comment.context,
    )
