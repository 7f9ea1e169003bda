"""Events in the order of their sequence, each exactly once: the lake's first, then the hot tail in PostgreSQL.

Sequences are given in the order of commits, so what is read up to one of them never gets a predecessor later.
"""

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from django.db import connection
from msgspec import Meta, Struct, structs

from analytics.query import cursor, redirects
from projects.models import Project


class Event(Struct, frozen=True):
    """One event as it is exported, its fields those of schema.EVENT.

    sequence     where it stands in the order of storing
    id           the message's uuid
    person       who is behind it by now, after merges
    properties   JSON text of one object, as it came
    """

    id: uuid.UUID
    sequence: int
    event: str
    timestamp: dt.datetime
    received_at: dt.datetime
    person: int
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
        found: dict[str, Any] = json.loads(bytes(self.properties))
        return found


class Selection(Struct, frozen=True, kw_only=True):
    """Which events: `start` inclusive, `end` exclusive; `person` is an id as answers give it, None is any."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None
    event: str | None = None
    person: int | None = None
    distinct_id: str | None = None
    session: int | None = None


class EventPlace(cursor.Place, tag="events", frozen=True):
    """After the event with this sequence."""

    sequence: cursor.Number


RENAMED = {"person": "person_id", "session": "session_id"}
COLUMNS = tuple(RENAMED.get(name, name) for name in Event.__struct_fields__)
SELECT = ", ".join(f'"{name}"' for name in COLUMNS)
HOT = Path(__file__).with_name("hot_events.sql").read_text(encoding="utf-8").replace("{columns}", SELECT)
LAST_HOT = "SELECT max(sequence) FROM analytics_event"
TOUCHED = """
SELECT DISTINCT {column}
FROM analytics_event
WHERE project_id = %(project)s AND sequence > %(after)s AND sequence <= %(upto)s AND {column} IS NOT NULL
"""


def read(project: Project, which: Selection, *, after: int, upto: int, limit: int) -> list[Event]:
    """The next events, `after` < sequence <= `upto`, at most `limit`; fewer only when there are no more."""
    return _hot(project.pk, which, after, upto, limit)


def touched(
    project: Project, column: Literal["person_id", "session_id"], *, after: int, upto: int
) -> set[int]:
    """The persons (as of now) or sessions that the events in this stretch belong to."""
    sql = TOUCHED.replace("{column}", column)
    with connection.cursor() as database:
        database.execute(sql, {"project": project.pk, "after": after, "upto": upto})
        return {row[0] for row in database.fetchall()}


def newest() -> int:
    """The sequence of the event stored last, of any project; 0 when there is none."""
    return _number(LAST_HOT) or 0


def fetch(sql: str, parameters: dict[str, Any], project_id: int) -> list[Event]:
    """Run a query whose columns are SELECT, and name everyone by who they are now."""
    with connection.cursor() as database:
        database.execute(sql, parameters)
        rows = [_event(row) for row in database.fetchall()]
    return renamed(rows, redirects.canonical(project_id, {row.person for row in rows}))


def renamed(rows: list[Event], now: dict[int, int]) -> list[Event]:
    if not now:
        return rows
    return [structs.replace(row, person=now.get(row.person, row.person)) for row in rows]


def _event(row: tuple[Any, ...]) -> Event:
    return Event(*(*row[:-1], msgspec.Raw(row[-1].encode())))


def _hot(project_id: int, which: Selection, after: int, upto: int, limit: int) -> list[Event]:
    persons = None if which.person is None else redirects.ids_of(which.person)
    place = {"project": project_id, "after": after, "upto": upto, "limit": limit, "persons": persons}
    return fetch(HOT, place | structs.asdict(which), project_id)


def _number(sql: str) -> int | None:
    with connection.cursor() as database:
        database.execute(sql)
        [found] = database.fetchone()
    return None if found is None else int(found)
