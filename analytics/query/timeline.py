"""One person's timeline, newest first: sessions, events outside of sessions, and identity links."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import msgspec
from django.db import connection
from django.db.models import Q
from msgspec import Meta, Struct, structs

from analytics.identity import redirects
from analytics.models import IdentityLink, Session
from analytics.query import archive, events, fact_history, sessions
from analytics.query.comment_reader import CommentReader, TimelineComment
from analytics.query.events import Event
from analytics.query.fact_history import FactChange
from analytics.query.sessions import SessionRow
from analytics.schema import COMMENT_EVENT
from api import cursor, portions
from config.limits import PORTION_BYTES
from projects.models import Project

EVENTS_SHOWN = 200
LINK, SESSION, EVENT = 2, 1, 0
ASSERTS = b'"$set'
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
GREATEST = 2**63 - 1
# How many events outside of sessions are only in the lake: all events less those in sessions and in the hot window.
# Only the current person's counter is added, because it includes merged people.
LEFT = """
SELECT
    (SELECT coalesce(sum(events), 0) FROM analytics_person WHERE project_id = %(project)s AND id = ANY(%(persons)s)
                                                             AND merged_into_id IS NULL)
    - (SELECT coalesce(sum(events), 0) FROM analytics_session WHERE person_id = ANY(%(persons)s))
    - (SELECT count(*) FROM analytics_event WHERE person_id = ANY(%(persons)s) AND session_id IS NULL),
    (SELECT stored_on FROM analytics_event ORDER BY sequence LIMIT 1)
"""
HERE = Path(__file__).parent


def _statement(name: str) -> str:
    text = (HERE / name).read_text(encoding="utf-8")
    return text.replace("{columns}", events.SELECT).replace("{size}", events.SIZE)


SESSIONLESS, INSIDE = _statement("timeline.sql"), _statement("session_events.sql")


class TimelineEvent(Event, frozen=True, kw_only=True):
    """An event, with what it changed about its person."""

    changes: list[FactChange] = []

    @property
    def comment(self) -> uuid.UUID | None:
        """The id of the comment that a `$comment` event is about; None for all other events."""
        if self.event != COMMENT_EVENT:
            return None
        return msgspec.json.decode(self.properties, type=CommentProperties).comment


class CommentProperties(Struct):
    """What a `$comment` event says of its comment. Only Firsthand records these events, so it is always there."""

    comment: uuid.UUID


class SessionEntry(Struct, frozen=True, tag="session", tag_field="type"):
    """A session with its newest events. `session.events` is the total; `events` has 200 at most.

    comments   the comments of `events`; null if the reader may not see them
    """

    at: dt.datetime
    session: SessionRow
    events: list[TimelineEvent]
    comments: list[TimelineComment] | None = None
    type: ClassVar[str] = "session"


class EventEntry(Struct, frozen=True, tag="event", tag_field="type"):
    """An event outside of sessions.

    comments   the comment of a `$comment` event; null if the reader may not see it
    """

    at: dt.datetime
    event: TimelineEvent
    comments: list[TimelineComment] | None = None
    type: ClassVar[str] = "event"


class LinkEntry(Struct, frozen=True, tag="link", tag_field="type"):
    """A statement that two IDs belong to one person.

    other     the other person, if there was one
    refused   why the two were not merged; empty if they were
    undone    this entry undoes an earlier merge
    by        the user who merged by hand; empty if a client sent it
    merged    whether the two are one person now
    """

    at: dt.datetime
    id: int
    cause: str
    linked_id: str
    distinct_id: str
    other: int | None
    other_name: str
    refused: str
    undone: bool
    by: str
    merged: bool
    type: ClassVar[str] = "link"


Entry = SessionEntry | EventEntry | LinkEntry


class Timeline(Struct, frozen=True):
    """One page, newest first: fewer entries if they are large. `next` leads to older ones, null on the last page."""

    entries: list[Entry]
    next: str | None


class Inside(NamedTuple):
    """The events of a page's sessions; `full` if there may be more than fit."""

    events: dict[int, list[Event]]
    full: bool


class TimelinePlace(cursor.Place, tag="timeline", frozen=True):
    """Before the entry of this time, kind and number."""

    at: Annotated[dt.datetime, Meta(tz=True)]
    rank: int
    id: cursor.Number


def timeline(
    project: Project,
    person_id: int,
    *,
    before: str | None = None,
    limit: int = 100,
    comments: CommentReader | None = None,
) -> Timeline:
    """`person_id` is the ID from persons.get_person, `before` a page's `next`. Raises cursor.CursorError.

    `comments` reads the comments; without it they are left out. Sessions are ordered by their start: ordered by their
    end, a running one would move while somebody pages through the timeline.
    """
    place = cursor.read(before, TimelinePlace) if before else TimelinePlace(NEVER, LINK, GREATEST)
    ids = redirects.ids_of(person_id)
    outside, cut = _sessionless(project, ids, place, limit + 1)
    found: Iterator[Entry] = chain(
        _links(project, ids, place, limit + 1), _visits(project, ids, place, limit + 1), outside
    )
    entries = sorted(found, key=_order, reverse=True)
    if cut:
        # Events before the last one were not read: entries before it belong to the next page, with them.
        entries = entries[: entries.index(outside[-1]) + 1]
    inside = _inside(
        project, ids, [entry.session for entry in entries[:limit] if isinstance(entry, SessionEntry)]
    )
    page = _fitting(entries[:limit], inside)
    more = cut or len(page) < len(entries)
    following = cursor.write(TimelinePlace(*_order(page[-1]))) if more else None
    page = _with_events(project, person_id, page, inside)
    return Timeline(_with_comments(project, page, comments) if comments else page, following)


def _fitting(entries: list[Entry], inside: Inside) -> list[Entry]:
    """The entries up to the first session whose events did not fit on the page; at least one."""
    for index, entry in enumerate(entries):
        if index and isinstance(entry, SessionEntry) and _is_cut(entry.session, inside):
            return entries[:index]
    return entries


def _is_cut(session: SessionRow, inside: Inside) -> bool:
    return inside.full and len(inside.events[session.id]) < min(session.events, EVENTS_SHOWN)


def _order(entry: Entry) -> tuple[dt.datetime, int, int]:
    match entry:
        case LinkEntry():
            return entry.at, LINK, entry.id
        case SessionEntry():
            return entry.at, SESSION, entry.session.id
        case EventEntry():
            return entry.at, EVENT, entry.event.sequence


def _bound(rank: int, place: TimelinePlace) -> int:
    """Of entries of this kind with the same time as `place`, those below this number come after it."""
    return place.id if rank == place.rank else GREATEST if rank < place.rank else 0


def _links(project: Project, ids: list[int], place: TimelinePlace, limit: int) -> list[LinkEntry]:
    links = IdentityLink.objects.filter(Q(person__in=ids) | Q(other__in=ids), project=project)
    links = links.filter(happened_at__lte=place.at).exclude(happened_at=place.at, id__gte=_bound(LINK, place))
    return [
        _link(link, ids)
        for link in links.select_related("person", "other").order_by("-happened_at", "-id")[:limit]
    ]


def _link(link: IdentityLink, ids: list[int]) -> LinkEntry:
    other = link.other if link.person_id in ids else link.person
    return LinkEntry(
        at=link.happened_at,
        id=link.pk,
        cause=link.cause,
        linked_id=link.linked_id,
        distinct_id=link.distinct_id,
        other=other.pk if other else None,
        other_name=str(other) if other else "",
        refused=link.refused,
        undone=link.cause == IdentityLink.Cause.UNDO,
        by=link.by,
        merged=link.person_id in ids and (link.other_id is None or link.other_id in ids),
    )


def _visits(project: Project, ids: list[int], place: TimelinePlace, limit: int) -> list[SessionEntry]:
    # A bound on the time alone, then an exclusion: with an OR, PostgreSQL could not start inside the index.
    visits = Session.objects.filter(project=project, person__in=ids, started_at__lte=place.at)
    visits = visits.exclude(started_at=place.at, id__gte=_bound(SESSION, place)).order_by(
        "-started_at", "-id"
    )
    return [SessionEntry(row.started_at, row, []) for row in sessions.rows(project.pk, visits[:limit])]


def _sessionless(
    project: Project, ids: list[int], place: TimelinePlace, limit: int
) -> tuple[list[EventEntry], bool]:
    """Events outside of sessions, and whether there are more that did not fit on the page."""
    at, sequence = place.at, _bound(EVENT, place)
    wanted = {"project": project.pk, "persons": ids, "at": at, "id": sequence, "limit": limit}
    wanted |= {"budget": PORTION_BYTES}
    rows = events.fetch(SESSIONLESS, wanted)
    if _older_are_stored(project, ids, rows, limit):
        older = archive.sessionless(project.pk, events.COLUMNS, ids, (at, sequence), limit)
        rows = _united(rows, events.named(older))[:limit]
    count = portions.fitting(map(events.size, rows))
    entries = [
        EventEntry(row.timestamp, TimelineEvent(**structs.asdict(row)))
        for row in events.current(project.pk, rows[:count])
    ]
    full = sum(map(events.size, rows)) >= PORTION_BYTES
    return entries, count < len(rows) or (full and len(rows) < limit)


def _older_are_stored(project: Project, ids: list[int], rows: list[Event], limit: int) -> bool:
    """Whether the lake may hold events outside of sessions that belong among `rows`.

    Events that left the hot window are older than its first day, because timestamps may be one day ahead at most.
    """
    with connection.cursor() as database:
        database.execute(LEFT, {"project": project.pk, "persons": ids})
        left, first_day = database.fetchone()
    full = len(rows) == limit and first_day is not None
    return left > 0 and not (full and rows[-1].timestamp.date() > first_day)


def _united(rows: list[Event], more: list[Event]) -> list[Event]:
    """Newest first, without duplicates: an event may be in the hot window and in the lake at the same time."""
    once = {row.sequence: row for row in (*rows, *more)}
    return sorted(once.values(), key=lambda row: (row.timestamp, row.sequence), reverse=True)


def _with_events(project: Project, person_id: int, page: Sequence[Entry], found: Inside) -> list[Entry]:
    inside = {
        entry.session.id: found.events[entry.session.id] for entry in page if isinstance(entry, SessionEntry)
    }
    sessionless = [entry.event for entry in page if isinstance(entry, EventEntry)]
    changes = _changes(project, person_id, chain(sessionless, *inside.values()))

    def with_changes(event: Event) -> TimelineEvent:
        fields = structs.asdict(event) | {"changes": changes.get(event.id, [])}
        return TimelineEvent(**fields)

    def complete(entry: Entry) -> Entry:
        match entry:
            case SessionEntry():
                return SessionEntry(
                    entry.at, entry.session, [with_changes(event) for event in inside[entry.session.id]]
                )
            case EventEntry():
                return EventEntry(entry.at, with_changes(entry.event))
            case LinkEntry():
                return entry

    return [complete(entry) for entry in page]


def _changes(project: Project, person_id: int, shown: Iterable[Event]) -> dict[uuid.UUID, list[FactChange]]:
    """One query for all events of a page. None if no event sets a property."""
    # A text search, so that most pages need no query of the engine.
    asserting = [event.id for event in shown if ASSERTS in bytes(event.properties)]
    return fact_history.by_event(project, person_id, asserting) if asserting else {}


def _with_comments(project: Project, page: Sequence[Entry], reader: CommentReader) -> list[Entry]:
    ids = [event.comment for entry in page for event in _events(entry) if event.comment]
    found = reader.read(project, ids) if ids else {}
    return [
        entry
        if isinstance(entry, LinkEntry)
        else structs.replace(
            entry, comments=[found[event.comment] for event in _events(entry) if event.comment in found]
        )
        for entry in page
    ]


def _events(entry: Entry) -> list[TimelineEvent]:
    match entry:
        case SessionEntry():
            return entry.events
        case EventEntry():
            return [entry.event]
        case LinkEntry():
            return []


def _inside(project: Project, ids: list[int], visits: list[SessionRow]) -> Inside:
    found = _hot_inside(project, ids, visits)
    # The session's own counter tells whether events have left the hot window. Otherwise every page would scan the
    # lake.
    missing = [v for v in visits if len(found[v.id]) < min(v.events, EVENTS_SHOWN)]
    if missing:
        wanted = {"session_id": [visit.id for visit in missing], "person_id": ids}
        first, last = _span(missing)
        rows = archive.of_sessions(
            project.pk, events.COLUMNS, wanted, days=(first.date(), last.date()), limit=EVENTS_SHOWN
        )
        for session, older in _by_session(events.current(project.pk, events.named(rows))).items():
            found[session] = _united(found[session], older)[:EVENTS_SHOWN]
    full = sum(map(events.size, chain(*found.values()))) >= PORTION_BYTES
    return Inside(found, full)


def _hot_inside(project: Project, ids: list[int], visits: list[SessionRow]) -> dict[int, list[Event]]:
    if not visits:
        return defaultdict(list)
    first, last = _span(visits)
    wanted = {"project": project.pk, "persons": ids, "sessions": [visit.id for visit in visits]}
    bounds = {"first": first, "last": last, "limit": EVENTS_SHOWN, "budget": PORTION_BYTES}
    return _by_session(events.current(project.pk, events.fetch(INSIDE, wanted | bounds)))


def _span(visits: list[SessionRow]) -> tuple[dt.datetime, dt.datetime]:
    return min(visit.started_at for visit in visits), max(visit.ended_at for visit in visits)


def _by_session(rows: list[Event]) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    for row in rows:
        found[row.session or 0].append(row)
    return found
