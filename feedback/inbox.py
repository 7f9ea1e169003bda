"""Reading comments and their authors, newest first."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max, QuerySet

from analytics.query import persons
from analytics.query.persons import PersonRef
from analytics.record import REACTIONS
from api import cursor
from feedback.comment_access import comments_and_tombstones_of, comments_of
from feedback.models import Comment
from projects.models import Project


class InboxPlace(cursor.Place, tag="inbox", frozen=True):
    """After the comment `id`, created at `at`."""

    at: dt.datetime
    id: cursor.Number


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment and its author. `person` is None until the comment's event is enriched, about a second."""

    comment: Comment
    person: PersonRef | None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page; `next` is None on the last one."""

    entries: list[Entry]
    next: str | None


def inbox(project: Project, *, reaction: str = "", after: str | None = None, limit: int = 30) -> InboxPage:
    """Comments of a project, newest first.

    Raises cursor.CursorError for an invalid `after`, and ValueError for an unknown reaction.
    """
    if reaction not in {"", *REACTIONS}:
        raise ValueError(f"{reaction[:40]!r} is not a reaction; choose one of {', '.join(REACTIONS)}")
    comments = comments_of(project)
    if reaction:
        comments = comments.filter(reaction=reaction)
    if after is not None:
        comments = _beyond(comments, cursor.read(after, InboxPlace))
    # The ID breaks ties: a page that ends between comments of one time would skip or repeat some.
    rows = list(comments.order_by("-created_at", "-id")[: limit + 1])
    page = rows[:limit]
    place = cursor.write(InboxPlace(page[-1].created_at, page[-1].pk)) if len(rows) > limit else None
    return InboxPage(with_people(project, page), place)


def counts(project: Project) -> dict[str, int]:
    """Number of comments by reaction, with the total under ""."""
    rows = comments_of(project).values_list("reaction").annotate(Count("id"))
    by_reaction = dict(rows)
    return {"": sum(by_reaction.values())} | {name: by_reaction.get(name, 0) for name in REACTIONS}


def with_people(project: Project, comments: Iterable[Comment]) -> list[Entry]:
    listed = list(comments)
    people = persons.by_distinct_ids(project, (comment.distinct_id for comment in listed))
    return [Entry(comment, people.get(comment.distinct_id)) for comment in listed]


def newest_change(project: Project) -> int:
    """The latest change of any comment. Changes become visible in order, so no lower one can appear later."""
    return comments_and_tombstones_of(project).aggregate(newest=Max("change"))["newest"] or 0


def _beyond(comments: QuerySet[Comment], place: InboxPlace) -> QuerySet[Comment]:
    # Two conditions instead of an OR: the bound on the time alone lets PostgreSQL start inside the index.
    return comments.filter(created_at__lte=place.at).exclude(created_at=place.at, id__gte=place.id)
