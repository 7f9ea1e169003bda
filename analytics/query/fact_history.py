"""The history of one person's facts: changes, and the values at the end of a day.

Read from the lake's facts of the newest data version plus the events after it. Merges since that version count from
the next version on.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import ibis
import msgspec
import pyarrow as pa
from django.db import connection
from ibis.expr import types as ir
from msgspec import Meta, Struct

from analytics import engine
from analytics.identity import redirects
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.metrics import facts
from api import cursor
from projects.models import Project

MICROSECOND = dt.timedelta(microseconds=1)
HOT = Path(__file__).with_name("hot_assertions.sql").read_text(encoding="utf-8")
ASSERTING = pa.schema(
    # Nullable like the engine's view of the lake: a union needs equal schemas.
    [
        EVENTS.columns.field(name).with_nullable(True)
        for name in ("person_id", "timestamp", "sequence", "id", "properties")
    ]
)
EVENT_IDS = pa.schema([("asserting_id", pa.binary())])


class FactChange(Struct, frozen=True):
    """A change of a fact. null means not set. `event` is the event that set it, `once` is true for $set_once."""

    at: dt.datetime
    property: str
    before: Any
    after: Any
    once: bool
    event: uuid.UUID
    sequence: int


class FactPlace(cursor.Place, tag="facts", frozen=True):
    """Before this change."""

    at: Annotated[dt.datetime, Meta(tz=True)]
    sequence: cursor.Number
    property: str


def history(
    project: Project,
    person_id: int,
    *,
    name: str | None = None,
    before: FactPlace | None = None,
    limit: int = 100,
) -> list[FactChange]:
    """Changes of one property or all, newest first. `person_id` is the ID from persons.get_person."""
    with _assertions(project, person_id) as (tables, asserted):
        changed = facts.changes(asserted if name is None else asserted.filter(asserted["property"] == name))
        if before is not None:
            changed = changed.filter(_is_before(changed, before))
        newest = changed.order_by(changed["at"].desc(), changed["sequence"].desc(), changed["property"].asc())
        return _changes(tables.run(newest.limit(limit)))


def by_event(
    project: Project, person_id: int, event_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[FactChange]]:
    """The changes made by these events, ordered by property. Events without changes are left out."""
    with _assertions(project, person_id) as (tables, asserted):
        ids = tables.table(pa.table([[id.bytes for id in event_ids]], schema=EVENT_IDS))
        changed = facts.changes(asserted)
        asked = changed.semi_join(ids, changed["event_id"] == ids["asserting_id"]).order_by("property")
        found: dict[uuid.UUID, list[FactChange]] = defaultdict(list)
        for change in _changes(tables.run(asked)):
            found[change.event].append(change)
        return found


def as_of(project: Project, person_id: int, day: dt.date) -> dict[str, Any]:
    """The properties at the end of a local day."""
    with _assertions(project, person_id) as (tables, asserted):
        rows = tables.run(facts.standing(asserted, _end(project, day)).order_by("property"))
    values = zip(rows["property"].to_pylist(), rows["value"].to_pylist(), strict=True)
    return {name: _value(value) for name, value in values if value != facts.NULL}


def _end(project: Project, day: dt.date) -> dt.datetime | None:
    """The last microsecond of a local day. None for date.max, which has no following day."""
    if day == dt.date.max:
        return None
    following = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), project.zone)
    return following.astimezone(dt.UTC) - MICROSECOND


@contextmanager
def _assertions(project: Project, person_id: int) -> Iterator[tuple[engine.Tables, ir.Table]]:
    """All assertions about a person, with the columns facts.COLUMNS."""
    ids = redirects.ids_of(person_id)
    with engine.snapshot(project.pk) as tables:
        then = {*ids, *engine.targets(project.pk, tables.version.link_id, ids)}
        rolled_up = tables.facts.filter(tables.facts["person_id"].isin(sorted(then)))
        recent = facts.assertions(tables.table(_recent(project, ids, tables.version.lake_version)))
        asserted = rolled_up.select(*facts.COLUMNS).union(recent.select(*facts.COLUMNS))
        yield tables, asserted.mutate(person_id=ibis.literal(person_id, "int64"))


def _recent(project: Project, ids: list[int], lake_version: int) -> pa.Table:
    """Asserting events that are not in this version of the lake."""
    wanted: dict[str, Any] = {
        "project": project.pk,
        "persons": ids,
        "after": table.mark(EVENTS, at=lake_version),
    }
    with connection.cursor() as database:
        database.execute(HOT, wanted)
        rows = [(*row[:3], row[3].bytes, row[4]) for row in database.fetchall()]
    return pa.Table.from_pylist(
        [dict(zip(ASSERTING.names, row, strict=True)) for row in rows], schema=ASSERTING
    )


def _is_before(changed: ir.Table, place: FactPlace) -> ir.BooleanValue:
    moment, same = ibis.literal(place.at), changed["at"] == ibis.literal(place.at)
    event = changed["sequence"] == place.sequence
    return (
        (changed["at"] < moment)
        | (same & (changed["sequence"] < place.sequence))
        | (same & event & (changed["property"] > place.property))
    )


def _changes(rows: pa.Table) -> list[FactChange]:
    return [
        FactChange(
            row["at"],
            row["property"],
            _value(row["before"]),
            _value(row["value"]),
            row["once"],
            uuid.UUID(bytes=row["event_id"]),
            row["sequence"],
        )
        for row in rows.to_pylist()
    ]


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
