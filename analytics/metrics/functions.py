"""Engine functions that Ibis does not have, with DuckDB's names.

Spark has `bit_or` and `bit_count` too. A Spark session creates the others once, as temporary functions:
epoch_us(t) is unix_micros(t), and json_extract_string(j, p) is get_json_object(j, p) with the pointer `/name`
rewritten to the path `$['name']`; json_keys(j, p) is json_object_keys of what get_json_object finds there (no keys
where it finds no object); json_extract(j, p) is to_json(try_variant_get(parse_json(j), p, 'variant')).
"""

import datetime as dt

import ibis
from ibis.expr import types as ir


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def epoch_us(timestamp: dt.datetime) -> int:  # type: ignore[empty-body]
    """Microseconds since 1970 UTC."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def json_extract_string(json: str, pointer: str) -> str:  # type: ignore[empty-body]
    """A value inside JSON text, as text: strings without quotes, null as NULL, all else as JSON."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def json_extract(json: str, pointer: str) -> str:  # type: ignore[empty-body]
    """A value inside JSON text, as compact JSON text."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def json_keys(json: str, pointer: str) -> list[str]:  # type: ignore[empty-body]
    """The keys of an object inside JSON text; empty if there is no object."""


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def bit_or(bits: int) -> int:  # type: ignore[empty-body]
    """The bitwise OR of all rows."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def bit_count(bits: int) -> int:  # type: ignore[empty-body]
    """How many bits are set."""


def json_text(json: ir.StringValue, name: str) -> ir.StringValue:
    """The text of one property of an object."""
    # A JSON pointer, not a path: in a path, names with * would be wildcards.
    return json_extract_string(json, "/" + name.replace("~", "~0").replace("/", "~1"))
