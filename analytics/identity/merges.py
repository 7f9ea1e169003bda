"""Merging two persons by hand, and taking a merge apart again. Both append; nothing that was said is unsaid."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils.timezone import now

from analytics.identity import redirects
from analytics.models import DistinctId, IdentityLink, Person, Redirect
from analytics.statements import statement
from projects.models import Project


class MergeError(Exception):
    """These two cannot be merged, or this merge cannot be undone; the message says why."""


def merge(project: Project, person: int, other: int, *, by: str) -> IdentityLink:
    """`other` becomes part of `person`, with all events, ids, sessions and facts; of two facts the time decides.

    `by` is who decided it. Numbers of persons who were merged away stand for who they are now. Raises MergeError.
    """
    with _alone() as cursor:
        kept, gone = _current(project, person), _current(project, other)
        if kept == gone:
            raise MergeError(f"{kept} and {gone} are one person already")
        link = _record(project, IdentityLink.Cause.BY_HAND, gone, kept, by)
        past = [gone.pk, *Person.objects.filter(merged_into=gone).order_by("pk").values_list("pk", flat=True)]
        moved = [
            {"project_id": project.pk, "person_id": moved, "target_id": kept.pk, "link_id": link.pk}
            for moved in past
        ]
        cursor.execute(statement("identity/moved"), {"moved": msgspec.json.encode(moved).decode()})
        _count_again(cursor, kept)
    return link


def undo(link: IdentityLink, *, by: str) -> IdentityLink:
    """The person whom this link merged away is a person again, with what began as theirs, then and since.

    Events, ids, sessions, counters and facts go back exactly.
    Clients that go on to identify the one as the other are refused. Raises MergeError.
    """
    with _alone() as cursor:
        part = _merged_away(link)
        whole = _current(link.project, part.pk)
        back = Person.objects.filter(
            pk__in=Redirect.objects.filter(link=link).values("person_id"), merged_into=whole
        ).values_list("pk", flat=True)
        persons = sorted(back)
        undone = _record(link.project, IdentityLink.Cause.UNDO, part, whole, by, link)
        cursor.execute(
            statement("identity/parted"),
            {
                "project": link.project_id,
                "part": part.pk,
                "whole": whole.pk,
                "link": undone.pk,
                "persons": persons,
            },
        )
        _count_again(cursor, part, whole)
    return undone


@contextmanager
def _alone() -> Iterator[CursorWrapper]:
    """No batch is enriched meanwhile: it would count for a person who is about to be somebody else."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('firsthand.enrich'))")
        yield cursor


def _current(project: Project, number: int) -> Person:
    found = Person.objects.filter(project=project, pk=redirects.current(project.pk, number)).first()
    if found is None:
        raise MergeError(f"there is no person {number} in {project}")
    return found


def _merged_away(link: IdentityLink) -> Person:
    other = link.other
    if other is None:
        raise MergeError(f"{link.linked_id} was new when it was linked: there never was a second person")
    if link.refused or link.cause == IdentityLink.Cause.UNDO:
        raise MergeError(f"link {link.pk} did not merge two people, so there is nothing to undo")
    other.refresh_from_db()
    if other.merged_into_id is None:
        raise MergeError(f"{other} is a person of their own already; the merge was undone")
    return other


def _record(
    project: Project,
    cause: IdentityLink.Cause,
    part: Person,
    whole: Person,
    by: str,
    undone: IdentityLink | None = None,
) -> IdentityLink:  # fmt: skip
    """An undo carries the ids of the link that it undoes, so that clients who repeat it are recognised."""
    return IdentityLink.objects.create(
        project=project, cause=cause, person=whole, other=part, by=by, happened_at=now(),
        linked_id=undone.linked_id if undone else _first_id(part),
        distinct_id=undone.distinct_id if undone else _first_id(whole),
    )  # fmt: skip


def _first_id(person: Person) -> str:
    ids = DistinctId.objects.filter(person=person).order_by(F("is_user").desc(), "pk")
    return ids.values_list("distinct_id", flat=True).first() or ""


def _count_again(cursor: CursorWrapper, *people: Person) -> None:
    numbers = {"people": [person.pk for person in people]}
    cursor.execute(statement("identity/fold"), numbers)
    cursor.execute(statement("identity/names"), numbers)
