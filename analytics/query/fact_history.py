"""The history of one person's facts: changes, and the values at the end of a day.

Read from the lake's facts of the newest data version plus the events after it. Merges since that version count from
the next version on.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
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
from analytics.lake.columns import EVENTS, arrow_schema, values
from analytics.metrics import facts
from api import cursor
from config.limits import PORTION_BYTES
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
PERSON_IDS = arrow_schema(stored_id=pa.int64())
EVENT_IDS = arrow_schema(asserting_id=pa.binary())
MOMENTS = arrow_schema(until=pa.timestamp("us", tz="UTC"))
PLACES = arrow_schema(
    place_at=pa.timestamp("us", tz="UTC"), place_sequence=pa.int64(), place_property=pa.string()
)
PLANS = 64
"""Expressions that are kept. Who and what is asked for is in small tables, so that all requests share a few: to build
and compile one takes several times as long as to run it."""


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
) -> tuple[list[FactChange], bool]:
    """Changes of one property or all, newest first, and whether there may be more: `limit` and a portion at most.

    `person_id` is the ID from persons.get_person.
    """
    with _asserted(project, person_id) as (tables, asserted):
        place = None
        if before is not None:
            row = {
                "place_at": before.at,
                "place_sequence": before.sequence,
                "place_property": before.property,
            }
            place = tables.table(pa.Table.from_pylist([row], schema=PLACES))
        found = tables.run(_newest(asserted, place, name, limit + 1))
    full = sum(values(found["size"], int)) >= PORTION_BYTES
    return _changes(found.slice(0, limit)), full or found.num_rows > limit


def by_event(
    project: Project, person_id: int, event_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[FactChange]]:
    """The changes made by these events, ordered by property. Events without changes are left out."""
    with _asserted(project, person_id) as (tables, asserted):
        ids = tables.table(pa.table([[id.bytes for id in event_ids]], schema=EVENT_IDS))
        found: dict[uuid.UUID, list[FactChange]] = defaultdict(list)
        for change in _changes(tables.run(_set_by(asserted, ids))):
            found[change.event].append(change)
        return found


def as_of(project: Project, person_id: int, day: dt.date) -> dict[str, Any]:
    """The properties at the end of a local day."""
    with _asserted(project, person_id) as (tables, asserted):
        until = tables.table(pa.table([[_end(project, day)]], schema=MOMENTS))
        rows = tables.run(_winning(asserted, until))
    found = zip(values(rows["property"], str), values(rows["value"], str), strict=True)
    return {name: _value(value) for name, value in found if value != facts.NULL}


def _end(project: Project, day: dt.date) -> dt.datetime:
    """The last moment of a local day; of the last day that there is, in UTC."""
    if day == dt.date.max:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    # The next local midnight, not 24 hours later: days with a clock change have 23 or 25.
    following = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), project.zone)
    return following.astimezone(dt.UTC) - MICROSECOND


@contextmanager
def _asserted(project: Project, person_id: int) -> Iterator[tuple[engine.Tables, ir.Table]]:
    """All assertions about a person, with the columns facts.COLUMNS."""
    ids = redirects.ids_of(person_id)
    with engine.snapshot(project.pk) as tables:
        # Rolled-up facts have the IDs as of the data version: after an undo, they are still under the former target.
        then = {*ids, *engine.targets(project.pk, tables.version.link_id, ids)}
        persons = tables.table(pa.table([sorted(then)], schema=PERSON_IDS))
        # From the watermark of the same version that the facts have: otherwise events would be missing or repeated
        # between the two.
        newer = _recent(project, ids, tables.version.lake_version)
        recent = tables.table(newer) if newer.num_rows else None
        yield tables, _assertions(tables.facts, persons, recent)


@lru_cache(maxsize=PLANS)
def _assertions(rolled_up: ir.Table, persons: ir.Table, recent: ir.Table | None) -> ir.Table:
    """Of one person, whichever of the ids they were stored under."""
    known = rolled_up.semi_join(persons, rolled_up["person_id"] == persons["stored_id"])
    asserted = known.select(*facts.COLUMNS)
    if recent is not None:
        asserted = asserted.union(facts.assertions(recent).select(*facts.COLUMNS))
    # One ID for all: the history of a merged person is folded as one, and the expression stays the same for everyone.
    return asserted.mutate(person_id=ibis.literal(0, "int64"))


@lru_cache(maxsize=PLANS)
def _newest(asserted: ir.Table, place: ir.Table | None, name: str | None, limit: int) -> ir.Table:
    changed = facts.changes(asserted if name is None else asserted.filter(asserted["property"] == name))
    if place is not None:
        changed = _before(changed, place)
    newest = _in_order(changed).limit(limit)
    return _in_order(_fitting(newest))


def _in_order(changed: ir.Table) -> ir.Table:
    return changed.order_by(*_order(changed))


def _order(changed: ir.Table) -> list[ir.Value]:
    return [changed["at"].desc(), changed["sequence"].desc(), changed["property"].asc()]


def _fitting(changed: ir.Table) -> ir.Table:
    """The newest, until they are a portion. The one that exceeds it is included."""
    sized = changed.mutate(size=sum(changed[name].length().fill_null(0) for name in ("value", "before")))
    newest = ibis.window(  # type: ignore[no-untyped-call] # Ibis declares no types for it
        order_by=_order(sized), preceding=None, following=0
    )
    summed = sized.mutate(size_before=sized["size"].sum().over(newest) - sized["size"])
    return summed.filter(summed["size_before"] < PORTION_BYTES)


@lru_cache(maxsize=PLANS)
def _set_by(asserted: ir.Table, events: ir.Table) -> ir.Table:
    changed = facts.changes(asserted)
    return changed.semi_join(events, changed["event_id"] == events["asserting_id"]).order_by("property")


@lru_cache(maxsize=PLANS)
def _winning(asserted: ir.Table, until: ir.Table) -> ir.Table:
    return facts.winning(asserted.semi_join(until, asserted["at"] <= until["until"])).order_by("property")


def _recent(project: Project, ids: list[int], lake_version: int) -> pa.Table:
    """Asserting events that are not in this version of the lake."""
    wanted: dict[str, Any] = {
        "project": project.pk,
        "persons": ids,
        "after": table.watermark(EVENTS, at=lake_version),
    }
    with connection.cursor() as database:
        database.execute(HOT, wanted)
        rows = [(*row[:3], row[3].bytes, row[4]) for row in database.fetchall()]
    return pa.Table.from_pylist(
        [dict(zip(ASSERTING.names, row, strict=True)) for row in rows], schema=ASSERTING
    )


def _before(changed: ir.Table, place: ir.Table) -> ir.Table:
    rows = changed.cross_join(place)
    same = rows["at"] == rows["place_at"]
    earlier = same & (rows["sequence"] < rows["place_sequence"])
    # One event can change several properties: without the name a page that ends between them would lose some.
    later_name = (
        same & (rows["sequence"] == rows["place_sequence"]) & (rows["property"] > rows["place_property"])
    )
    return rows.filter((rows["at"] < rows["place_at"]) | earlier | later_name).select(changed.columns)


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
