"""Sessions as PostgreSQL keeps them: who came, when, for how long, from where and with what."""

import datetime as dt
from collections.abc import Iterable

from msgspec import Struct

from analytics.models import Session
from analytics.query import redirects


class SessionRow(Struct, frozen=True):
    """One visit. `seconds` runs from its first event to its last; `client_id` is the client's own session id."""

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


COPIED = [name for name in SessionRow.__struct_fields__ if name not in {"person", "seconds"}]


def rows(project_id: int, sessions: Iterable[Session]) -> list[SessionRow]:
    """With the person whom each session belongs to by now."""
    listed = list(sessions)
    now = redirects.canonical(project_id, {session.person_id for session in listed})
    return [row(session, now.get(session.person_id, session.person_id)) for session in listed]


def row(session: Session, person: int) -> SessionRow:
    seconds = int((session.ended_at - session.started_at).total_seconds())
    return SessionRow(person=person, seconds=seconds, **{name: getattr(session, name) for name in COPIED})
