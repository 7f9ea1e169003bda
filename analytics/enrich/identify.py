"""The people of a batch: reads its facts, resolves them (identity/resolution.py) and writes the result, set-based."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.backends.utils import CursorWrapper

from analytics.identity.property_limits import LIMITS, MAX_BYTES, MAX_PROPERTIES, bounded, exceeds
from analytics.identity.resolution import (
    Assertions,
    Fact,
    Id,
    PersonState,
    Properties,
    Resolution,
    fold,
    properties,
    resolve,
)
from analytics.schema import PROVED_ALIAS
from analytics.statements import statement

MAX_READ_BYTES = 64 << 20
"""Assertions of the people of one portion, and of everyone merged into them."""

_properties = msgspec.json.Decoder(dict[str, Any])
_assertions = msgspec.json.Decoder(Assertions)


FULL = (
    f"a person has {MAX_PROPERTIES:,} properties, or {MAX_BYTES >> 10} KB of them; new properties and values that do"
    " not fit are kept in the event only"
)


class PeopleTooLargeError(ValueError):
    """The people of a portion have more than MAX_READ_BYTES. A smaller portion has fewer people."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables hold about the ids of a batch.

    people      the person of each id
    stored_as   the person under whom each id's events are stored
    states      the people who are not new
    assertions  by the person under whom their events are stored
    """

    people: dict[Id, int] = field(default_factory=dict)
    stored_as: dict[Id, int] = field(default_factory=dict)
    states: dict[int, PersonState] = field(default_factory=dict)
    assertions: dict[int, Assertions] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identified:
    """The result for a batch.

    assertions  those that changed, by the person under whom the events are stored
    properties  of the people who changed
    full        the people some of whose properties did not fit
    """

    resolution: Resolution
    assertions: dict[int, Assertions]
    properties: dict[int, Properties]
    full: list[int]


def identify(cursor: CursorWrapper, offset: int) -> Identified:
    """Assign a person to every row of `batch_ids` and append links and redirects. `store` then writes the people.

    Sequence = position in the inbox + `offset`.
    """
    facts = _facts(cursor, offset)
    named = {fact.id for fact in facts} | {(fact.id[0], fact.linked_id) for fact in facts if fact.linked_id}
    known = _known(cursor, named) if named else Known()
    links = any(fact.cause for fact in facts)
    resolution = resolve(
        facts,
        known.people,
        known.states,
        _refused_pairs(cursor) if links else (),
        _unmerged_pairs(cursor, named, known) if links else (),
    )
    if resolution.links:
        _write_links(cursor, resolution)
    states = {person: state.assertions for person, state in resolution.changed.items()}
    before = {person: known.states[person].assertions for person in states if person in known.states}
    return Identified(
        resolution,
        _assertions_by_person(resolution, known),
        {person: properties(bounded(before.get(person, {}), after)) for person, after in states.items()},
        [person for person, after in states.items() if exceeds(after)],
    )


def _assertions_by_person(resolution: Resolution, known: Known) -> dict[int, Assertions]:
    """Assertions stay with the person under whom the events are stored, so that an undone merge gives them back."""
    found: dict[int, Assertions] = {}
    for id, more in resolution.asserted.items():
        person = known.stored_as[id]
        # A copy, because `bounded` compares with what is known.
        fold(found.setdefault(person, dict(known.assertions.get(person, {}))), more)
    return {person: bounded(known.assertions.get(person, {}), after) for person, after in found.items()}


def store(cursor: CursorWrapper, identified: Identified) -> None:
    """Write counters, properties and names of the batch's ids and people."""
    resolution = identified.resolution
    changed = [
        {
            "person_id": person,
            "identified": state.identified,
            "properties": identified.properties[person],
        }
        for person, state in resolution.changed.items()
    ]
    current = set(resolution.people.values())
    asserted: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for person, assertions in identified.assertions.items():
        asserted[person in current].append({"person_id": person, "assertions": assertions})
    parameters = {
        "changed": _json(changed),
        "asserted": _json(asserted[True]),
        "merged_away": _json(asserted[False]),
    }
    cursor.execute(statement("enrich/people"), parameters)
    # Not for new people: nothing of theirs was counted elsewhere.
    if grown := {moved.target for moved in resolution.moved if not moved.is_new}:
        cursor.execute(statement("identity/recount"), {"people": sorted(grown), **LIMITS})
    if resolution.changed:
        cursor.execute(statement("identity/display_names"), {"people": list(resolution.changed)})
    if identified.full:
        cursor.execute(statement("enrich/full_people"), {"people": identified.full, "message": FULL})


def _facts(cursor: CursorWrapper, offset: int) -> list[Fact]:
    cursor.execute(statement("enrich/facts"), {"offset": offset})
    return [
        Fact(
            (project, id), event_id, at, sequence, "alias" if link == PROVED_ALIAS else link, linked_id, known,
            link == PROVED_ALIAS, _decode(set_), _decode(once),
        )
        for project, id, event_id, at, sequence, link, linked_id, known, set_, once in cursor.fetchall()
    ]  # fmt: skip


def _decode(text: str | None) -> Properties:
    return _properties.decode(text) if text else {}


def _known(cursor: CursorWrapper, named: Iterable[Id]) -> Known:
    cursor.execute(statement("enrich/known_people"), {"ids": _json([_named(id) for id in named])})
    known, identified = Known(), {}
    for project, distinct_id, person, stored_as, is_new, is_identified in cursor.fetchall():
        known.people[project, distinct_id] = person
        known.stored_as[project, distinct_id] = stored_as
        if not is_new:
            identified[person] = is_identified
    absorbed = _absorbed(cursor, identified, known)
    for person, is_identified in identified.items():
        whole: Assertions = {}
        for each in (person, *absorbed[person]):
            fold(whole, known.assertions[each])
        known.states[person] = PersonState(is_identified, whole, tuple(absorbed[person]))
    return known


def _absorbed(cursor: CursorWrapper, persons: Iterable[int], known: Known) -> dict[int, list[int]]:
    """The people merged into each of these so far. Also reads the assertions of all of them into `known`."""
    absorbed: dict[int, list[int]] = defaultdict(list)
    people = list(persons)
    cursor.execute(statement("enrich/assertion_bytes"), {"people": people})
    if (size := cursor.fetchone()[0]) > MAX_READ_BYTES:
        raise PeopleTooLargeError(f"the properties of {len(people)} people take {size:,} bytes")
    cursor.execute(statement("enrich/assertions"), {"people": people})
    for person, merged_into, assertions in cursor.fetchall():
        known.assertions[person] = _assertions.decode(assertions)
        if merged_into is not None:
            absorbed[merged_into].append(person)
    return absorbed


def _refused_pairs(cursor: CursorWrapper) -> set[tuple[Id, str]]:
    cursor.execute(statement("enrich/refused_links"))
    return {((project, distinct_id), linked_id) for project, distinct_id, linked_id in cursor.fetchall()}


def _unmerged_pairs(cursor: CursorWrapper, named: Iterable[Id], known: Known) -> list[tuple[int, int]]:
    scope = {"projects": sorted({project for project, _ in named}), "people": list(known.states)}
    cursor.execute(statement("enrich/unmerged"), scope)
    return list(cursor.fetchall())


def _write_links(cursor: CursorWrapper, resolution: Resolution) -> None:
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence('analytics_identity_link', 'id')) FROM generate_series(1, %s)",
        [len(resolution.links)],
    )
    # In the order of the links: of two redirects of a person, the one with the higher link id counts.
    ids = [id for (id,) in cursor.fetchall()]
    links = [
        _named(
            link.fact.id, id=id, cause=link.fact.cause, linked_id=link.fact.linked_id, person_id=link.person,
            other_id=link.other, refused=link.refused, event_id=link.fact.event_id, happened_at=link.fact.at,
        )
        for id, link in zip(ids, resolution.links, strict=True)
    ]  # fmt: skip
    moved = [
        {
            "project_id": links[m.link]["project_id"],
            "person_id": m.person,
            "target_id": m.target,
            "link_id": ids[m.link],
        }
        for m in resolution.moved
    ]
    cursor.execute(statement("enrich/links"), {"links": _json(links)})
    cursor.execute(statement("identity/redirect"), {"moved": _json(moved)})
    # The ids of the batch are not stored yet, so the redirects did not move them.
    cursor.execute(
        "UPDATE batch_ids ids SET person_id = moves.target_id FROM moves WHERE ids.person_id = moves.person_id"
    )


def _named(named: Id, **more: Any) -> dict[str, Any]:
    return {"project_id": named[0], "distinct_id": named[1], **more}


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
