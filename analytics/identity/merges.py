"""Merging two people manually, and undoing a merge. Both only append to the history of links."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils.timezone import now

from analytics.identity import redirects
from analytics.identity.property_limits import LIMITS
from analytics.models import DistinctId, IdentityLink, Person, Redirect
from analytics.statements import statement
from dashboard.live import changes as live
from projects.models import Project


class MergeError(Exception):
    """The two cannot be merged, or the merge cannot be undone. The message says why."""


def merge(project: Project, person: int, other: int, *, by: str) -> IdentityLink:
    """Merge `other` into `person`: events, ids, sessions and facts. Of two values of a fact the newer one counts.

    `by` is the member who did it. Both ids may be those of merged people and stand for the current ones. Raises
    MergeError.
    """
    with _enrich_locked() as cursor:
        # Read under the lock: another merge may have just moved one of them.
        kept, absorbed = _current(project, person), _current(project, other)
        if kept == absorbed:
            raise MergeError(f"{kept} and {absorbed} are the same person already")
        link = _record(project, IdentityLink.Cause.BY_HAND, absorbed, kept, by)
        earlier = Person.objects.filter(merged_into=absorbed).order_by("pk").values_list("pk", flat=True)
        moved = [
            {"project_id": project.pk, "person_id": moved, "target_id": kept.pk, "link_id": link.pk}
            for moved in (absorbed.pk, *earlier)
        ]
        cursor.execute(statement("identity/redirect"), {"moved": msgspec.json.encode(moved).decode()})
        _recount(cursor, kept)
    return link


def undo(link: IdentityLink, *, by: str) -> IdentityLink:
    """Undo a merge: the merged person is separate again, with all events, ids, sessions, counters and facts of theirs.

    That includes what arrived under their ids since the merge. Later identify calls for the pair are refused. Raises
    MergeError.
    """
    with _enrich_locked() as cursor:
        part = _merged_away(link)
        whole = _current(link.project, part.pk)
        # Only those who are still part of `whole`: another undo may have returned some of them since.
        returning = Person.objects.filter(
            pk__in=Redirect.objects.filter(link=link).values("person_id"), merged_into=whole
        ).values_list("pk", flat=True)
        persons = sorted(returning)
        undone = _record(link.project, IdentityLink.Cause.UNDO, part, whole, by, link)
        cursor.execute(
            statement("identity/unmerge"),
            {
                "project": link.project_id,
                "part": part.pk,
                "whole": whole.pk,
                "link": undone.pk,
                "persons": persons,
            },
        )
        _recount(cursor, part, whole)
    return undone


@contextmanager
def _enrich_locked() -> Iterator[CursorWrapper]:
    """Holds the lock of enrich: a batch at the same time would count events for a person who is being merged."""
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
        raise MergeError(
            f"{link.linked_id} was new when it was linked, so there is no second person to restore"
        )
    if link.refused or link.cause == IdentityLink.Cause.UNDO:
        raise MergeError(f"link {link.pk} did not merge two people, so there is nothing to undo")
    # The link was read before the lock, and another member may have undone it since.
    other.refresh_from_db()
    if other.merged_into_id is None:
        raise MergeError(f"{other} is a separate person already; the merge was undone before")
    return other


def _record(
    project: Project,
    cause: IdentityLink.Cause,
    part: Person,
    whole: Person,
    by: str,
    undone: IdentityLink | None = None,
) -> IdentityLink:  # fmt: skip
    """An undo keeps the ids of its link, so that clients that repeat the identify call are recognized."""
    live.publish(project.pk)
    return IdentityLink.objects.create(
        project=project, cause=cause, person=whole, other=part, by=by, happened_at=now(),
        linked_id=undone.linked_id if undone else _first_id(part),
        distinct_id=undone.distinct_id if undone else _first_id(whole),
    )  # fmt: skip


def _first_id(person: Person) -> str:
    ids = DistinctId.objects.filter(person=person).order_by(F("is_user").desc(), "pk")
    return ids.values_list("distinct_id", flat=True).first() or ""


def _recount(cursor: CursorWrapper, *people: Person) -> None:
    numbers = {"people": [person.pk for person in people]}
    cursor.execute(statement("identity/recount"), {**numbers, **LIMITS})
    cursor.execute(statement("identity/display_names"), numbers)
