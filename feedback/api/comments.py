"""GET /api/v1/comments: everything that anybody said, in the order of keeping."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.query import persons
from analytics.record import REACTIONS
from api import describe, listing, parameters
from api.auth import project_of
from api.growing import Growing, GrowingPlace
from feedback import inbox
from feedback.inbox import Entry
from feedback.models import Comment
from projects.models import Project

Reaction = Literal["useful", "confusing", "exciting", "forgettable"]


class CommentPlace(GrowingPlace, tag="comments", frozen=True):
    """A place in the list of comments: the number under which one was kept."""


class CommentRow(Struct, frozen=True):
    """A comment. `id` is its message's id, `person` is null in the second before its event has been enriched."""

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
    """`next` is always there: hand it back as `since`, now while `more` is true, later for what is new."""

    comments: list[CommentRow]
    next: str
    more: bool


class CommentSource(Growing[CommentRow]):
    """Comments in the order of keeping."""

    name = "comments"
    row = CommentRow
    kind = CommentPlace

    def __init__(self, project: Project, which: QuerySet[Comment], since: str | None) -> None:
        super().__init__(project, since)
        self.which = which.order_by("id")

    def newest(self) -> int:
        return inbox.newest_id(self.project)

    def read(self, limit: int) -> list[tuple[int, CommentRow]]:
        comments = self.which.filter(id__gt=self.after, id__lte=self.upto)[:limit]
        return [(entry.comment.pk, _row(entry)) for entry in inbox.with_people(self.project, comments)]


class Comments(APIView):
    """Comments in the order in which they were kept, each exactly once."""

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
    return Comment.objects.filter(project=project, **given)


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
        context=comment.context,
    )
