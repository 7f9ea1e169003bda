"""Which events are meant: by name, by the events' own columns and by their properties.

Rules of comparison, the same on every engine and for facts about people in PostgreSQL:
- a property is the event column of that name, else the property; `properties.NAME` is always the property
- `is`, `is_not` and `in` compare as numbers when the asked value is a number (up to 2^53, where float64 can tell them
  apart), else as text (true is the text "true")
- `gt` and the like compare as numbers when the asked value is one or is written like one, else as text, so that
  ISO dates compare rightly; a value that is no number is never greater or less than a number
- `contains` and `not_contains` ignore case; `matches` is an RE2 expression found anywhere, in case
- `is_not` and `not_contains` are also true of events that do not have the property
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import ibis
from ibis.expr import types as ir
from msgspec import Struct

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
NUMBER = r"^-?[0-9]{1,200}([.][0-9]{1,200})?([eE][-+]?[0-9]{1,2})?$"
"""A number as JSON writes it, and none that is infinite or no number at all."""

EXACT = 2**53
"""Beyond this, neighbouring whole numbers are one as float64: such a number is an id, and compared as it is written."""


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
    """Whether any of them asks for a property of events, which only events themselves can answer."""
    return any(item.on == "event" for item in filters)


def property_text(events: ir.Table, name: str) -> ir.StringValue:
    """A property of each event as text; null where it is not set."""
    if name in TEXT_COLUMNS:
        return events[name]
    return json_text(events["properties"], name.removeprefix(PROPERTY_PREFIX))


def property_number(events: ir.Table, name: str) -> ir.FloatingValue:
    """A property of each event as a number; null where it is none."""
    return number(property_text(events, name))


def number(text: ir.StringValue) -> ir.FloatingValue:
    return ibis.ifelse(text.re_search(NUMBER), text.try_cast("float64"), ibis.null("float64"))


def is_number(value: object) -> bool:
    """Whether an asked value is a number, or text that is written like one."""
    if isinstance(value, str):
        return re.fullmatch(NUMBER, value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: object) -> str:
    """An asked value as its property would be read: true and false as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds(text: ir.StringValue, item: Filter) -> ir.BooleanValue:
    """Whether the text of a property is what a filter asks for; never null."""
    return _TESTS[item.op](text, item.value).fill_null(item.op in {"is_not", "not_contains"})


def _equals(text: ir.StringValue, value: Any) -> ir.BooleanValue:
    if is_number(value) and not isinstance(value, str) and abs(value) <= EXACT:
        return number(text) == float(value)
    return text == as_text(value)


def _within(text: ir.StringValue, values: Any) -> ir.BooleanValue:
    return ibis.or_(*(_equals(text, value).fill_null(False) for value in values))


def _contains(text: ir.StringValue, value: Any) -> ir.BooleanValue:
    return _folded(text).contains(_folded(ibis.literal(as_text(value))))


def _folded(text: ir.StringValue) -> ir.StringValue:
    """In one case, by the engine's rules on both sides; upwards at last, for there are two small sigmas."""
    return text.lower().upper()


def _compares(test: Callable[[Any, Any], Any]) -> Callable[[ir.StringValue, Any], ir.BooleanValue]:
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
