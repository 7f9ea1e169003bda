"""A question, validated once into a frozen value; everything behind this module trusts it.

The JSON forms are the contract of architecture.md section 4; docs/api.md shows them with examples.
"""

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

Interval = Literal["hour", "day", "week", "month"]
Operator = Literal["is", "is_not", "contains", "not_contains", "matches", "gt", "gte", "lt", "lte", "set", "not_set", "in"]
Measure = Annotated[str, Meta(pattern=r"^(total|people|per_person|(sum|avg):.+)$")]


class QueryError(Exception):
    """A question that cannot be answered: `where` is the path in its body, the message says what to write."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    property: str
    op: Operator
    value: Any = None
    on: Literal["event", "person"] = "event"


class EventFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events count: by name (null is any event) and by properties."""

    event: str | None = None
    where: tuple[Filter, ...] = ()


class Series(Struct, frozen=True, forbid_unknown_fields=True):
    event: str | None = None
    measure: Measure = "total"
    where: tuple[Filter, ...] = ()


class Breakdown(Struct, frozen=True, forbid_unknown_fields=True):
    property: str
    on: Literal["event", "person"] = "event"
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class Trends(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, kw_only=True):
    series: Annotated[tuple[Series, ...], Meta(min_length=1, max_length=10)]
    from_: dt.date
    to: dt.date
    interval: Interval = "day"
    breakdown: Breakdown | None = None
    cohort: str | None = None
    where: tuple[Filter, ...] = ()
    formula: str | None = None


class Retention(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from", "return_": "return"}, kw_only=True):
    start: EventFilter = EventFilter()
    return_: EventFilter = EventFilter()
    kind: Literal["recurring", "first_time", "first_ever"] = "first_time"
    period: Interval = "week"
    periods: Annotated[int, Meta(ge=1, le=400)] | None = None
    from_: dt.date
    to: dt.date
    counting: Literal["on", "on_or_after"] = "on"
    min_occurrences: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    cohort: str | None = None


Query = Trends | Retention

KINDS: dict[str, type[Trends] | type[Retention]] = {"trends": Trends, "retention": Retention}


def parse(kind: str, body: object) -> Query:
    """`body` is decoded JSON. Raises QueryError naming the field at fault."""
    if kind not in KINDS:
        raise QueryError("", f"there is no insight {kind!r}; there are: {', '.join(KINDS)}")
    try:
        return msgspec.convert(body, KINDS[kind])
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise QueryError(where.rstrip("`").removeprefix("$."), message) from error
