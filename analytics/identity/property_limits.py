"""How many properties a person can have.

A person is one row, read and written with each of their assertions: without limits, a few requests could make it too
large for PostgreSQL.
"""

import msgspec

from analytics.identity.resolution import Assertion, Assertions

MAX_PROPERTIES = 1_000
MAX_BYTES = 128 << 10
"""Of the names, the values and when they were set, as JSON."""

LIMITS = {"max_properties": MAX_PROPERTIES, "max_bytes": MAX_BYTES}
"""Parameters of identity/recount.sql."""


def exceeds(assertions: Assertions) -> bool:
    return len(assertions) > MAX_PROPERTIES or len(msgspec.json.encode(assertions)) > MAX_BYTES


def bounded(known: Assertions, folded: Assertions) -> Assertions:
    """`folded`, or as much of it as fits. What is known stays; a change that does not fit is ignored."""
    if not exceeds(folded):
        return folded
    changed = {name: each for name, each in folded.items() if known.get(name) != each}
    kept: Assertions = {}
    size = 2
    for name, each in [*known.items(), *changed.items()]:
        more = _size(name, each) - (_size(name, kept[name]) if name in kept else 0)
        if size + more <= MAX_BYTES and (name in kept or len(kept) < MAX_PROPERTIES):
            kept[name], size = each, size + more
    return kept


def _size(name: str, assertion: Assertion) -> int:
    # Without the brackets, and with the comma to the next one.
    return len(msgspec.json.encode({name: assertion})) - 1
