"""Ibis's functions with their exact types. Ibis declares only `Value` for the result of most of them."""

from typing import TypeVar, cast

import ibis
from ibis.expr import types as ir

V = TypeVar("V", bound=ir.Value)


def integer(value: int) -> ir.IntegerScalar:
    return cast("ir.IntegerScalar", ibis.literal(value))


def text(value: str) -> ir.StringScalar:
    return cast("ir.StringScalar", ibis.literal(value))


def int64(value: ir.Value) -> ir.IntegerValue:
    return cast("ir.IntegerValue", value.cast("int64"))


def if_else(test: ir.BooleanValue, then: V, other: V) -> V:
    return cast("V", ibis.ifelse(test, then, other))


def fill_null(value: V, default: bool | str) -> V:
    return value.fill_null(ibis.literal(default))


def equal(value: ir.Value, other: object) -> ir.BooleanValue:
    return cast("ir.BooleanValue", value == other)


def is_between(value: ir.Value, first: int, last: int) -> ir.BooleanValue:
    """Both ends included."""
    return value.between(ibis.literal(first), ibis.literal(last))


def all_of(*tests: ir.BooleanValue) -> ir.BooleanValue:
    return cast("ir.BooleanValue", ibis.and_(*tests))


def any_of(*tests: ir.BooleanValue) -> ir.BooleanValue:
    return cast("ir.BooleanValue", ibis.or_(*tests))
