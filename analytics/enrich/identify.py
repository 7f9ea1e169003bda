"""The people of a batch: what it says of them is read, resolved in order (identity.py) and written back in sets."""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db.backends.utils import CursorWrapper

from analytics.identity.resolution import Fact, History, Id, Properties, Resolution, Standing, resolve
from analytics.statements import statement

_properties = msgspec.json.Decoder(dict[str, Any])


def identify(cursor: CursorWrapper) -> Resolution:
    """Give every id of `mentioned` its person. Appends links and redirects; the persons' rows come with `count`."""
    facts = _facts(cursor)
    resolution = _resolve(cursor, facts)
    if resolution.links:
        _write_links(cursor, resolution)
        _write_origins(cursor, resolution)
    return resolution


def count(cursor: CursorWrapper, resolution: Resolution) -> None:
    """Write the facts of each id, and of each person: counters, standing, properties, names."""
    changed = [
        {"person_id": person, "identified": standing.identified, "properties": standing.properties}
        for person, standing in resolution.changed.items()
    ]
    cursor.execute(statement("enrich/people"), {"changed": _json(changed)})
    if resolution.moved:
        cursor.execute(
            statement("identity/fold"), {"people": sorted({moved.target for moved in resolution.moved})}
        )
    if resolution.changed:
        cursor.execute(statement("identity/names"), {"people": list(resolution.changed)})


def _facts(cursor: CursorWrapper) -> list[Fact]:
    cursor.execute(statement("enrich/facts"))
    return [
        Fact(
            (project, distinct_id),
            event_id,
            at,
            cause,
            linked_id,
            user_known,
            _decode(told),
            _decode(told_once),
        )
        for project, distinct_id, event_id, at, cause, linked_id, user_known, told, told_once in cursor.fetchall()
    ]


def _decode(text: str | None) -> Properties:
    return _properties.decode(text) if text else {}


def _resolve(cursor: CursorWrapper, facts: list[Fact]) -> Resolution:
    named = {fact.id for fact in facts} | {(fact.id[0], fact.linked_id) for fact in facts if fact.linked_id}
    people, known = _standings(cursor, named) if named else ({}, {})
    history = _history(cursor) if any(fact.cause for fact in facts) else History()
    return resolve(facts, people, known, history)


def _standings(cursor: CursorWrapper, named: Iterable[Id]) -> tuple[dict[Id, int], dict[int, Standing]]:
    cursor.execute(statement("enrich/standings"), {"ids": _json([_named(id) for id in named])})
    people: dict[Id, int] = {}
    known: dict[int, Standing] = {}
    for project, distinct_id, person, is_new, identified, properties, absorbed in cursor.fetchall():
        people[project, distinct_id] = person
        if not is_new:
            known[person] = Standing(identified, _properties.decode(properties), tuple(absorbed))
    return people, known


def _history(cursor: CursorWrapper) -> History:
    cursor.execute(statement("enrich/history"))
    rows = cursor.fetchall()
    pairs = [
        (((project, distinct_id), linked_id), parted) for project, distinct_id, linked_id, parted in rows
    ]
    return History({pair for pair, parted in pairs if not parted}, {pair for pair, parted in pairs if parted})


def _write_links(cursor: CursorWrapper, resolution: Resolution) -> None:
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence('analytics_identity_link', 'id')) FROM generate_series(1, %s)",
        [len(resolution.links)],
    )
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
    cursor.execute(statement("identity/moved"), {"moved": _json(moved)})


def _write_origins(cursor: CursorWrapper, resolution: Resolution) -> None:
    origins = [
        _named(id, person_id=resolution.people[id], stored_as=origin)
        for id, origin in resolution.origins.items()
    ]
    cursor.execute(statement("enrich/resolved"), {"origins": _json(origins)})


def _named(named: Id, **more: Any) -> dict[str, Any]:
    return {"project_id": named[0], "distinct_id": named[1], **more}


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
