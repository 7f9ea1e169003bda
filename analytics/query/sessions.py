"""Sessions from PostgreSQL."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import QuerySet
from msgspec import Struct

from analytics.identity import redirects
from analytics.models import Session
from projects.models import Project


class SessionRow(Struct, frozen=True):
    """A session. `seconds` is the time from its first to its last event, `client_id` the client's session ID.

    If the client sent none, `client_id` is a UUID made from the project, the browser's or app's ID and the start.
    """

    id: int
    person: int
    client_id: str
    started_at: dt.datetime
    ended_at: dt.datetime
    seconds: int
    events: int
    pageviews: int
    entry_path: str | None
    exit_path: str | None
    referring_domain: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    browser: str | None
    os: str | None
    device: str | None
    country: str | None


class SessionSelection(Struct, frozen=True, kw_only=True):
    """Which sessions: by start, from `start` (inclusive) to `end` (exclusive), and by person. None means any."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None
    person: int | None = None


COPIED = [name for name in SessionRow.__struct_fields__ if name not in {"person", "seconds"}]


def rows(project_id: int, sessions: Iterable[Session]) -> list[SessionRow]:
    """Sessions with their current persons, after merges."""
    listed = list(sessions)
    now = redirects.canonical(project_id, {session.person_id for session in listed})
    return [row(session, now.get(session.person_id, session.person_id)) for session in listed]


def row(session: Session, person: int) -> SessionRow:
    seconds = int((session.ended_at - session.started_at).total_seconds())
    return SessionRow(person=person, seconds=seconds, **{name: getattr(session, name) for name in COPIED})


def listed(project: Project, session_ids: Iterable[int]) -> list[SessionRow]:
    """These sessions of the project, by ID."""
    return rows(project.pk, Session.objects.filter(project=project, pk__in=list(session_ids)).order_by("id"))


def ids_after(project: Project, session_id: int, which: SessionSelection, *, limit: int) -> list[int]:
    """The next IDs of sessions, in order."""
    found = _matching(project, which).filter(pk__gt=session_id)
    return list(found.order_by("id").values_list("pk", flat=True)[:limit])


def matching(project: Project, session_ids: Iterable[int], which: SessionSelection) -> list[int]:
    """The IDs among these that match the selection, in order."""
    found = _matching(project, which).filter(pk__in=list(session_ids))
    return list(found.order_by("id").values_list("pk", flat=True))


def _matching(project: Project, which: SessionSelection) -> QuerySet[Session]:
    found = Session.objects.filter(project=project)
    if which.person is not None:
        found = found.filter(person__in=redirects.everyone(project.pk, which.person))
    if which.start is not None:
        found = found.filter(started_at__gte=which.start)
    if which.end is not None:
        found = found.filter(started_at__lt=which.end)
    return found
