"""Event filters: by event name, by the events' own columns and by their properties.

The rules are the same on every engine, and for properties of people in PostgreSQL:
- A name refers to the event column of that name if there is one, else to the property. `properties.NAME` always
  refers to the property.
- `is`, `is_not` and `in` compare as numbers when the filter value is a number up to 2^53, else as text
  (true is "true").
- `gt`, `gte`, `lt` and `lte` compare as numbers when the filter value is a number or looks like one, else as text.
  So ISO dates are ordered correctly. A property that is not a number is never greater or less than a number.
- `contains` and `not_contains` ignore case. `matches` is an RE2 expression that may match anywhere; case matters.
- `is_not` and `not_contains` are true for events without the property.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

import ibis
from ibis.expr import types as ir
from msgspec import Struct

from analytics.metrics import expressions
from analytics.metrics.expressions import any_of, equal, fill_null
from analytics.metrics.functions import json_text
from analytics.schema import EVENT

Operator = Literal[
    "is", "is_not", "contains", "not_contains", "matches", "gt", "gte", "lt", "lte", "set", "not_set", "in"
]
Scalar = str | float | int | bool | None

TEXT_COLUMNS = frozenset(
    column.name for column in EVENT if column.postgres == "text" and column.name != "properties"
)
PROPERTY_PREFIX = "properties."
# Bounded digits and exponent keep every match below float64's limit of 1.8e308, where engines differ.
NUMBER = r"^-?[0-9]{1,200}([.][0-9]{1,200})?([eE][-+]?[0-9]{1,2})?$"
"""A number in JSON's notation. Excludes inf and nan, which engines would accept."""

EXACT = 2**53
"""Beyond this, float64 cannot tell neighboring integers apart. Such a number is an id and is compared as text."""


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    property: str
    op: Operator
    value: Scalar | tuple[Scalar, ...] = None
    on: Literal["event", "person"] = "event"


class EventFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events count: by name (null is any event) and by properties."""

    event: str | None = None
    where: tuple[Filter, ...] = ()


def about_events(filters: Iterable[Filter]) -> bool:
    """Whether any filter is on an event property, so that only raw events can answer it."""
    return any(item.on == "event" for item in filters)


def property_text(events: ir.Table, name: str) -> ir.StringValue:
    """A property of each event as text; null where it is not set."""
    if name in TEXT_COLUMNS:
        column: ir.StringColumn = events[name]
        return column
    return json_text(events["properties"], name.removeprefix(PROPERTY_PREFIX))


def property_number(events: ir.Table, name: str) -> ir.FloatingValue:
    """A property of each event as a number; null where it is not a number."""
    return number(property_text(events, name))


def number(text: ir.StringValue) -> ir.FloatingValue:
    # try_cast although the text matches: engines may evaluate both branches, and a plain cast would fail on other
    # texts.
    value = ibis.ifelse(text.re_search(NUMBER), text.try_cast("float64"), ibis.null("float64"))
    return cast("ir.FloatingValue", value)


def is_number(value: object) -> bool:
    """Whether a filter value is a number, or text that looks like one."""
    if isinstance(value, str):
        # fullmatch: Python's $ also matches before a final line break, the engine's does not.
        return re.fullmatch(NUMBER, value) is not None
    # bool is an int in Python: without this, `true` would equal 1.
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: object) -> str:
    """A filter value as text, in the form of property_text: true and false as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches_filter(text: ir.StringValue, item: Filter) -> ir.BooleanValue:
    """Whether the text of a property matches a filter. Never null."""
    return fill_null(_TESTS[item.op](text, item.value), item.op in {"is_not", "not_contains"})


def _equals(text: ir.StringValue, value: Any) -> ir.BooleanValue:
    return equal(number(text), float(value)) if _is_exact(value) else equal(text, as_text(value))


def _is_exact(value: Any) -> bool:
    return is_number(value) and not isinstance(value, str) and abs(value) <= EXACT


def _within(text: ir.StringValue, values: Any) -> ir.BooleanValue:
    # Two lists instead of a condition for each value, which the engine would plan one by one.
    numbers: list[ir.Value] = [ibis.literal(float(value)) for value in values if _is_exact(value)]
    texts: list[ir.Value] = [expressions.text(as_text(value)) for value in values if not _is_exact(value)]
    within = [number(text).isin(numbers)] * bool(numbers) + [text.isin(texts)] * bool(texts)
    return any_of(*(fill_null(each, False) for each in within))


def _contains(text: ir.StringValue, value: Any) -> ir.BooleanValue:
    return _folded(text).contains(_folded(expressions.text(as_text(value))))


def _folded(text: ir.StringValue) -> ir.StringValue:
    """Case-folded by the engine. Lower and then upper case, because Greek has two lower-case sigmas."""
    return text.lower().upper()


def _compares(
    test: Callable[[Any, Any], ir.BooleanValue],
) -> Callable[[ir.StringValue, Any], ir.BooleanValue]:
    def compare(text: ir.StringValue, value: Any) -> ir.BooleanValue:
        return test(number(text), float(value)) if is_number(value) else test(text, as_text(value))

    return compare


_TESTS: Mapping[str, Callable[[ir.StringValue, Any], ir.BooleanValue]] = {
    "is": _equals,
    "is_not": lambda text, value: ~_equals(text, value),
    "in": _within,
    "contains": _contains,
    "not_contains": lambda text, value: ~_contains(text, value),
    "matches": lambda text, value: text.re_search(value),
    "gt": _compares(operator.gt),
    "gte": _compares(operator.ge),
    "lt": _compares(operator.lt),
    "lte": _compares(operator.le),
    "set": lambda text, _: text.notnull(),
    "not_set": lambda text, _: text.isnull(),
}
