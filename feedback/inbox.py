"""Reading comments: the inbox, newest first, and who wrote what."""

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
    """After the comment `id`, which was made at `at`."""

    at: dt.datetime
    id: cursor.Number


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment and who wrote it; `person` is None in the second before their event has been enriched."""

    comment: Comment
    person: PersonRef | None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page; `next` is None on the last one."""

    entries: list[Entry]
    next: str | None


def inbox(project: Project, *, reaction: str = "", after: str | None = None, limit: int = 30) -> InboxPage:
    """Comments of a project, newest first.

    Raises cursor.CursorError for an `after` that is no `next` of this list, ValueError for a reaction that nobody has.
    """
    if reaction not in {"", *REACTIONS}:
        raise ValueError(f"{reaction[:40]!r} is not a reaction; there are: {', '.join(REACTIONS)}")
    comments = comments_of(project)
    if reaction:
        comments = comments.filter(reaction=reaction)
    if after is not None:
        comments = _beyond(comments, cursor.read(after, InboxPlace))
    rows = list(comments.order_by("-created_at", "-id")[: limit + 1])
    page = rows[:limit]
    place = cursor.write(InboxPlace(page[-1].created_at, page[-1].pk)) if len(rows) > limit else None
    return InboxPage(with_people(project, page), place)


def counts(project: Project) -> dict[str, int]:
    """Comments by reaction, and all of them under ""."""
    rows = comments_of(project).values_list("reaction").annotate(Count("id"))
    by_reaction = dict(rows)
    return {"": sum(by_reaction.values())} | {name: by_reaction.get(name, 0) for name in REACTIONS}


def with_people(project: Project, comments: Iterable[Comment]) -> list[Entry]:
    listed = list(comments)
    people = persons.by_distinct_ids(project, (comment.distinct_id for comment in listed))
    return [Entry(comment, people.get(comment.distinct_id)) for comment in listed]


def newest_change(project: Project) -> int:
    """The latest change of any comment. They are in the order of committing, so none below it is yet to come."""
    return comments_and_tombstones_of(project).aggregate(newest=Max("change"))["newest"] or 0


def _beyond(comments: QuerySet[Comment], place: InboxPlace) -> QuerySet[Comment]:
    """The bound on the time alone lets the index start at the right place; the second one settles ties by id."""
    return comments.filter(created_at__lte=place.at).exclude(created_at=place.at, id__gte=place.id)
