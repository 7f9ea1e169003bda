"""GET /api/v1/comments."""

import datetime as dt
import uuid
from functools import reduce
from operator import add
from typing import Annotated, Any, Literal

from django.db.models import Func, IntegerField, OuterRef, QuerySet, Subquery, Sum, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce
from django.http.response import HttpResponseBase
from msgspec import Meta, Struct, structs
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.query import persons
from api import cursor, describe, listing, parameters, places, portions
from api.append_only import AppendOnlyPlace
from api.auth import project_of
from feedback import inbox
from feedback.comment_access import comments_and_tombstones_of
from feedback.inbox import Entry
from feedback.models import Comment, Reply
from projects.models import Project

PARTS = ("tags", "pictures", "replies__pictures", "promises", "verdicts")
Reaction = Literal["useful", "confusing", "exciting", "forgettable"]


class CommentPlace(AppendOnlyPlace, tag="comments", frozen=True, kw_only=True):
    """After the change `number`. `begun` is the newest change at the time of the reader's first request.

    Cursors of older versions hold a comment's ID. The migration made each ID the number of the first change.
    """

    begun: cursor.Number = 0


class ThreadMessage(Struct, frozen=True, rename={"author": "from"}):
    """A reply by the comment's author ("person") or by a member ("team"). Deleted ones are left out."""

    id: uuid.UUID
    author: str
    name: str | None
    text: str
    at: dt.datetime
    edited_at: dt.datetime | None
    verified: bool
    pictures: list[uuid.UUID]


class ThreadPromise(Struct, frozen=True):
    """The newest promise to the author that was not withdrawn."""

    text: str
    due: dt.date | None
    made_at: dt.datetime
    kept_at: dt.datetime | None


class CommentRow(Struct, frozen=True):
    """A comment. `id` is the ID of its message. `person` is null until its event is enriched, about a second.

    Deleted comments have no text, url and context. `edited_at` is null if the comment was never edited. `verified`: an
    identity token proved the author. `merged_into` is the comment that this one is a duplicate of.
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
    verified: bool
    tags: list[str]
    merged_into: uuid.UUID | None
    pictures: list[uuid.UUID]
    thread: list[ThreadMessage]
    promise: ThreadPromise | None
    verdict: str | None


class CommentParameters(parameters.Dated, frozen=True, kw_only=True):
    """Which comments. `from` and `to` apply to `created_at`."""

    reaction: Annotated[Reaction | None, Meta(description="Only comments with this reaction.")] = None
    person: Annotated[
        parameters.Number | None,
        Meta(description="Only comments by the person with this ID."),
    ] = None
    distinct_id: Annotated[str | None, Meta(description="Only comments sent with this distinct ID.")] = None


class CommentPage(Struct, frozen=True):
    """`next` is the cursor of the next page; null on the last one. Store `since` to get changes later."""

    comments: list[CommentRow]
    next: str | None
    since: str
    more: bool


class CommentSource:
    """Comments ordered by latest change.

    A comment that changes during a reading moves to the end, where the reader still gets it.
    """

    name = "comments"
    row = CommentRow

    def __init__(self, project: Project, which: QuerySet[Comment], since: str | None) -> None:
        # Read before any row: a change that commits later gets a greater number and is not skipped.
        newest = inbox.newest_change(project)
        self.project = project
        self.at = (
            CommentPlace(0, project=project.pk, begun=newest)
            if since is None
            else places.read("since", since, CommentPlace, project)
        )
        # Never behind the given cursor: the next one would go back and return changes twice.
        self.newest = max(newest, self.at.number)
        # Readers who started after a deletion never got the comment and need no tombstone of it.
        self.which = which.exclude(deleted_at__isnull=False, change__lte=self.at.begun).order_by("change")
        self.more = True

    def take(self, limit: int) -> list[CommentRow]:
        following = self.which.filter(change__gt=self.at.number)
        sizes = list(following.values_list(_size(), flat=True)[:limit])
        count = portions.fitting(sizes)
        found = list(following.select_related("merged_into").prefetch_related(*PARTS)[:count])
        self.more = len(sizes) == limit or count < len(sizes)
        last = found[-1].change if found else 0
        # At the end continue from `newest`: otherwise every poll would scan again what the filters leave out.
        self.at = structs.replace(self.at, number=last if self.more else max(last, self.newest))
        return [_row(entry) for entry in inbox.with_people(self.project, found)]

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        # Sent before the rows. A change during the stream comes again under `since`: none is missed.
        return cursor.write(structs.replace(self.at, number=self.newest))


class Comments(APIView):
    """Comments ordered by latest change. `since` also returns edits, status changes and deletions."""

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
        # Comments keep the ID they were sent with. The person's present IDs include those merged later.
        "distinct_id__in": None
        if asked.person is None
        else persons.get_person(project, asked.person).distinct_ids,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    return comments_and_tombstones_of(project).filter(**given)


def _size() -> Combinable:
    """Bytes of text that reading a comment and its thread takes."""
    length = Func("text", function="octet_length", output_field=IntegerField())
    said = Reply.objects.filter(comment=OuterRef("pk")).order_by().values("comment")
    replies = Coalesce(Subquery(said.annotate(bytes=Sum(length)).values("bytes")), 0)
    texts = ("text", "url", "context", "distinct_id", "session")
    return replies + reduce(
        add,
        (
            Func(Cast(name, TextField()), function="octet_length", output_field=IntegerField())
            for name in texts
        ),
    )


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
        verified=comment.verified,
        tags=sorted(tag.name for tag in comment.tags.all()),
        merged_into=comment.merged_into.message_id if comment.merged_into else None,
        pictures=[each.message_id for each in comment.pictures.all() if each.reply_id is None],
        thread=[_message(reply) for reply in comment.replies.all() if reply.deleted_at is None],
        promise=_promise(comment),
        verdict=next((each.verdict for each in reversed(list(comment.verdicts.all()))), None),
    )


def _message(reply: Reply) -> ThreadMessage:
    return ThreadMessage(
        id=reply.message_id,
        author=reply.author,
        name=reply.name or None,
        text=reply.text,
        at=reply.created_at,
        edited_at=reply.edited_at,
        verified=reply.verified,
        pictures=[each.message_id for each in reply.pictures.all()],
    )


def _promise(comment: Comment) -> ThreadPromise | None:
    standing = [each for each in comment.promises.all() if each.withdrawn_at is None]
    if not standing:
        return None
    last = standing[-1]
    return ThreadPromise(last.text, last.due, last.made_at, last.kept_at)
