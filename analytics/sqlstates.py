"""Which PostgreSQL errors a retry cannot fix (SQLSTATE). Standard library only, because ingest imports it."""

INVALID = ("22", "23", "54")
"""Classes that the data causes: invalid values, violated constraints, and limits such as the size of a jsonb."""

INTERNAL = "XX000"
"""Also raised for a row that is too large: "invalid memory alloc request size"."""

OUT_OF_MEMORY = "53200"


def is_caused_by_data(state: str | None) -> bool:
    return (state or "").startswith(INVALID)
