"""Sequences that are behind their tables, as after a restore of single tables or of an older dump.

The next row would get the number of an existing one, and could not be stored. Load would never see events whose
sequence is below the lake's.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

# The sequence of events belongs to no column, because its numbers are reserved in blocks.
OWNED = """
SELECT s.relname, t.relname, a.attname
FROM pg_class s
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'analytics_event_sequence', 'analytics_event', 'sequence'
WHERE to_regclass('analytics_event_sequence') IS NOT NULL
ORDER BY 1
"""
HIGHEST = sql.SQL("SELECT max({column}), (SELECT last_value FROM {sequence}) FROM {table}")
EVENTS = "analytics_event_sequence"


@dataclass(frozen=True, slots=True)
class StaleSequence:
    """A sequence at `last` although numbers up to `highest` are in use."""

    name: str
    last: int
    highest: int


def stale(url: str, *, events: int = 0) -> list[StaleSequence]:
    """`events`: the highest sequence of an event outside the database, in the lake."""
    with psycopg.connect(url, autocommit=True) as connection:
        return _stale(connection, events)


def repair(url: str, *, events: int = 0) -> list[StaleSequence]:
    """Move stale sequences beyond the numbers in use, and return them as they were."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = _stale(connection, events)
        for each in found:
            connection.execute("SELECT setval(%s, %s)", [each.name, each.highest])
    return found


def _stale(connection: psycopg.Connection[tuple[object, ...]], events: int) -> list[StaleSequence]:
    found = []
    for sequence, table, column in connection.execute(OWNED).fetchall():
        names = {"sequence": sequence, "table": table, "column": column}
        query = HIGHEST.format(**{name: sql.Identifier(str(value)) for name, value in names.items()})
        row = connection.execute(query).fetchone() or (None, 0)
        highest, last = int(str(row[0] or 0)), int(str(row[1]))
        highest = max(highest, events) if sequence == EVENTS else highest
        if highest > last:
            found.append(StaleSequence(str(sequence), last, highest))
    return found
