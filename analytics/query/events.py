"""Events ordered by sequence, each exactly once: first from the lake, then from the hot window in PostgreSQL.

Sequences are assigned in commit order, so no event with a lower sequence can appear after a reader has passed it.
"""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.db import connection
from msgspec import Meta, Struct, structs

from analytics.identity import redirects
from analytics.query import archive, row_filters
from analytics.schema import EVENT
from api import portions
from projects.models import Project

MAX_DIGITS = 4_000
READ_AHEAD = 50_000


class Event(Struct, frozen=True):
    """An event with the fields of schema.EVENT.

    sequence     its position in the order of storing
    id           the UUID of the message
    person       the current person, after merges; null if the event is nobody's
    properties   a JSON object, as it was sent
    """

    id: uuid.UUID
    sequence: int
    event: str
    timestamp: dt.datetime
    received_at: dt.datetime
    person: int | None
    distinct_id: str
    session: int | None
    url: str | None
    path: str | None
    title: str | None
    referrer: str | None
    referring_domain: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    utm_term: str | None
    utm_content: str | None
    browser: str | None
    os: str | None
    device: str | None
    country: str | None
    locale: str | None
    library: str | None
    properties: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]

    @property
    def details(self) -> dict[str, Any]:
        """The properties as Python values, for templates."""
        found: dict[str, Any] = json.loads(bytes(self.properties), parse_int=_whole)
        return found


def _whole(digits: str) -> int | str:
    # Python refuses to parse thousands of digits: one such event would make the whole page fail.
    return int(digits) if len(digits) <= MAX_DIGITS else digits


class Selection(Struct, frozen=True, kw_only=True):
    """Which events: from `start` (inclusive) to `end` (exclusive). None means any.

    `where` are filters on event properties, combined with AND.
    """

    start: dt.datetime | None = None
    end: dt.datetime | None = None
    event: str | None = None
    person: int | None = None
    distinct_id: str | None = None
    session: int | None = None
    where: row_filters.Where = ()


EVER = (dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
RENAMED = {"person": "person_id", "session": "session_id"}
COLUMNS = tuple(RENAMED.get(name, name) for name in Event.__struct_fields__)
SELECT = ", ".join(f'"{name}"' for name in COLUMNS)
TEXTS = tuple(column.name for column in EVENT if column.postgres == "text")
SIZE = " + ".join(f"coalesce(octet_length({name}), 0)" for name in TEXTS)
_HOT = Path(__file__).with_name("hot_events.sql").read_text(encoding="utf-8")
HOT = _HOT.replace("{columns}", SELECT)
HOT_SIZES = _HOT.replace("{columns}", SIZE)
FIRST_HOT = "SELECT min(sequence) FROM analytics_event"
LAST_HOT = "SELECT max(sequence) FROM analytics_event"


class Reader:
    """Events with `after` < sequence <= `upto`, read in portions and constant memory.

    The lake is not sorted by sequence, so each query scans all of it. From the second portion on, READ_AHEAD events are
    fetched at once and kept in columns. `more` tells whether there may be events after those taken.
    """

    def __init__(self, project: Project, which: Selection, *, after: int, upto: int) -> None:
        self.project, self.which = project, which
        self.after, self.upto = after, upto
        self._ahead: archive.Rows = iter(())
        self._begun = False
        self.more = True

    def take(self, limit: int) -> list[Event]:
        """The next events: up to `limit`, fewer if they are large."""
        found, full = self._next_found(limit)
        if not full:
            found += self._ask(limit - len(found))
        self._begun = True
        return found

    def _ask(self, limit: int) -> list[Event]:
        # Property filters are left to the lake where possible: there they do not have to read every row.
        if not self.which.where:
            rows, more = self._hot(self.after, limit)
            # Check after reading: if a day's partition was dropped meanwhile, `rows` lacks its events.
            if is_hot(self.after):
                self.more = more
                return self._passed(rows)
        # Read once and used for both sources: a load between two readings would leave a gap or return events twice.
        held = archive.mark()
        ended = True
        if held > self.after:
            self._ahead, ended = self._stored(min(self.upto, held), READ_AHEAD if self._begun else limit)
        stored, full = self._next_found(limit)
        # Not only when full: the lake may have more than was read ahead, and the hot window comes after all of it.
        if full or not ended:
            return stored
        rows, self.more = self._hot(max(self.after, held), limit - len(stored))
        return stored + self._passed(rows)

    def _next_found(self, limit: int) -> tuple[list[Event], bool]:
        rows, full = portions.take(self._ahead, limit)
        # Merges are applied to the rows that are taken, not to those read ahead: a merge in between would be missed.
        return self._passed(current(self.project.pk, named(rows))), full

    def _passed(self, rows: list[Event]) -> list[Event]:
        self.after = rows[-1].sequence if rows else self.after
        return rows

    def _hot(self, after: int, limit: int) -> tuple[list[Event], bool]:
        return _hot(self.project.pk, self.which, after, self.upto, limit)

    def _stored(self, upto: int, limit: int) -> tuple[archive.Rows, bool]:
        return _stored(self.project.pk, self.which, self.after, upto, limit)


def newest() -> int:
    """The sequence of the newest event of any project. 0 if there is none."""
    last = _number(LAST_HOT)
    # After some quiet days PostgreSQL has no events left. 0 would hide those in the lake from new readers.
    return archive.mark() if last is None else last


def is_hot(after: int) -> bool:
    """Whether all events after this sequence are still in PostgreSQL. Those that are not are in the lake."""
    first = _number(FIRST_HOT)
    return first is not None and first <= after + 1


def size(event: Event) -> int:
    """As SIZE."""
    texts = [getattr(event, name) for name in TEXTS if name != "properties"]
    return len(bytes(event.properties)) + sum(len(text.encode()) for text in texts if text)


def fetch(sql: str, parameters: dict[str, Any]) -> list[Event]:
    """Events of a query with the columns SELECT. Person IDs are those stored, before merges."""
    return named(_rows(sql, parameters))


def named(rows: Iterable[tuple[Any, ...]]) -> list[Event]:
    """Rows with the columns COLUMNS as events."""
    # Not decoded: numbers beyond float64 and the order of keys stay as they were sent.
    return [Event(*(*row[:-1], msgspec.Raw(row[-1].encode()))) for row in rows]


def current(project_id: int, rows: list[Event]) -> list[Event]:
    """The same events with the current persons, after merges."""
    now = redirects.canonical(project_id, {row.person for row in rows if row.person is not None})
    return [structs.replace(row, person=now[row.person]) if row.person in now else row for row in rows]


def _hot(project_id: int, which: Selection, after: int, upto: int, limit: int) -> tuple[list[Event], bool]:
    """The next events, and whether there may be more."""
    place = {"project": project_id, "after": after, "upto": upto, "persons": _persons(project_id, which)}
    asked = place | {name: value for name, value in structs.asdict(which).items() if name != "where"}
    if not which.where:
        rows, more = _portion(asked | {"limit": limit})
        return current(project_id, named(rows)), more
    rows, more = row_filters.walk(
        # `walk` begins with 0, but this reader may have passed that already.
        lambda beyond: _portion(asked | {"after": max(after, beyond), "limit": row_filters.CHUNK}),
        COLUMNS.index("sequence"),
        lambda rows: row_filters.events(project_id, COLUMNS, rows, which.where),
        limit,
    )
    return current(project_id, named(rows)), more


def _portion(asked: dict[str, Any]) -> tuple[list[tuple[Any, ...]], bool]:
    """The next rows of the hot window, and whether there may be more."""
    # Sizes first: PostgreSQL reads them without the texts. Once rows are fetched, they are all in memory.
    sizes = [size for (size,) in _rows(HOT_SIZES, asked)]
    count = portions.fitting(sizes)
    rows = _rows(HOT, asked | {"limit": count}) if count else []
    return rows, count < len(sizes) or len(sizes) == asked["limit"]


def _stored(
    project_id: int, which: Selection, after: int, upto: int, limit: int
) -> tuple[archive.Rows, bool]:
    filters: dict[str, Any] = {
        "event": which.event,
        "person_id": _persons(project_id, which),
        "distinct_id": which.distinct_id,
        "session_id": which.session,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    moments = which.start or EVER[0], which.end or EVER[1]
    return archive.between(
        project_id,
        COLUMNS,
        given,
        which.where,
        sequences=(after, upto),
        moments=moments,
        limit=limit,
        exported=limit == READ_AHEAD,
    )


def _persons(project_id: int, which: Selection) -> list[int] | None:
    return None if which.person is None else redirects.everyone(project_id, which.person)


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as database:
        database.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = database.fetchall()
    return rows


def _number(sql: str) -> int | None:
    with connection.cursor() as database:
        database.execute(sql)
        [found] = database.fetchone()
    return None if found is None else int(found)
