"""Engine functions that Ibis does not have, with DuckDB's names.

Spark has `bit_or` and `bit_count` too. A Spark session creates the others once, as temporary functions:
epoch_us(t) is unix_micros(t), and json_extract_string(j, p) is get_json_object(j, p) with the pointer `/name`
rewritten to the path `$['name']`; json_keys(j, p) is json_object_keys of what get_json_object finds there (no keys
where it finds no object); json_extract(j, p) is to_json(try_variant_get(parse_json(j), p, 'variant')).
"""

import datetime as dt
from typing import cast

import ibis
from ibis.expr import types as ir


def epoch_us(timestamp: ir.TimestampValue) -> ir.IntegerValue:
    """Microseconds since 1970 UTC."""
    return cast("ir.IntegerValue", _epoch_us(timestamp))


def json_extract_string(json: ir.StringValue, pointer: ir.StringValue | str) -> ir.StringValue:
    """A value inside JSON text, as text: strings without quotes, null as NULL, all else as JSON."""
    return cast("ir.StringValue", _json_extract_string(json, pointer))


def json_extract(json: ir.StringValue, pointer: ir.StringValue | str) -> ir.StringValue:
    """A value inside JSON text, as compact JSON text."""
    return cast("ir.StringValue", _json_extract(json, pointer))


def json_keys(json: ir.StringValue, pointer: str) -> ir.ArrayValue:
    """The keys of an object inside JSON text; empty if there is no object."""
    return cast("ir.ArrayValue", _json_keys(json, pointer))


def bit_or(bits: ir.IntegerValue) -> ir.IntegerScalar:
    """The bitwise OR of all rows."""
    return cast("ir.IntegerScalar", _bit_or(bits))


def bit_count(bits: ir.IntegerColumn) -> ir.IntegerColumn:
    """How many bits are set."""
    return cast("ir.IntegerColumn", _bit_count(bits))


def json_text(json: ir.StringValue, name: str) -> ir.StringValue:
    """The text of one property of an object."""
    # A JSON pointer, not a path: in a path, names with * would be wildcards.
    return json_extract_string(json, "/" + name.replace("~", "~0").replace("/", "~1"))


# Ibis reads the types from the signatures. It knows of the results only that they are some Value.


@ibis.udf.scalar.builtin(name="epoch_us")
def _epoch_us(timestamp: dt.datetime) -> int: ...  # type: ignore[empty-body] # the engine has the body


@ibis.udf.scalar.builtin(name="json_extract_string")
def _json_extract_string(json: str, pointer: str) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="json_extract")
def _json_extract(json: str, pointer: str) -> str: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="json_keys")
def _json_keys(json: str, pointer: str) -> list[str]: ...  # type: ignore[empty-body]


@ibis.udf.agg.builtin(name="bit_or")
def _bit_or(bits: int) -> int: ...  # type: ignore[empty-body]


@ibis.udf.scalar.builtin(name="bit_count")
def _bit_count(bits: int) -> int: ...  # type: ignore[empty-body]
