"""A question, validated once into a frozen value; everything behind this module trusts it.

The JSON forms are the contract of architecture.md section 4; docs/api.md shows them with examples.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct

from analytics.metrics import formula
from analytics.metrics.filters import EventFilter, Filter, Operator
from analytics.metrics.periods import Calendar, Interval
from projects.models import Project

__all__ = ["EventFilter", "Filter", "Interval", "Operator"]

Measure = Annotated[str, Meta(pattern=r"^(total|people|per_person|(sum|avg):.+)$")]

MOST_PERIODS = 1_000
EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
_UTC = Calendar(ZoneInfo("UTC"))
LONGEST_TEXT = 2_000
MOST_VALUES = 200
GREATEST = 1e300


IN_WORDS = {"Invalid RFC3339 encoded date": "this is no day; write it like 2026-01-31"}
"""What the decoder says in the words of its trade."""

REMEDIES = {
    "measure": "total, people, per_person, sum:PROPERTY or avg:PROPERTY",
    "interval": " or ".join(get_args(Interval)),
    "period": " or ".join(get_args(Interval)),
    "kind": "recurring, first_time or first_ever",
    "counting": "on or on_or_after",
    "on": "event or person",
    "op": ", ".join(get_args(Operator)),
}
"""What to write in fields that take one of a few words."""


class QueryError(Exception):
    """A question that cannot be answered: `where` is the path in its body, the message says what to write."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


class Series(Struct, frozen=True, forbid_unknown_fields=True):
    event: str | None = None
    measure: Measure = "total"
    where: tuple[Filter, ...] = ()

    @property
    def amount(self) -> str | None:
        """The property that is summed or averaged."""
        return self.measure.partition(":")[2] or None


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

    @property
    def period(self) -> Interval:
        return self.interval

    def meant(self, series: Series) -> EventFilter:
        """Which events a series counts: its own filters and those of the whole question."""
        return EventFilter(series.event, series.where + self.where)


class Retention(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"from_": "from", "return_": "return"},
    kw_only=True,
):
    start: EventFilter = EventFilter()
    return_: EventFilter = EventFilter()
    kind: Literal["recurring", "first_time", "first_ever"] = "first_time"
    period: Interval = "week"
    periods: Annotated[int, Meta(ge=1, le=MOST_PERIODS)] | None = None
    from_: dt.date
    to: dt.date
    counting: Literal["on", "on_or_after"] = "on"
    min_occurrences: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    cohort: str | None = None


class CohortValues(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, kw_only=True):
    """Of the people whose first event ever fell into each period: who gave which value of an event's property."""

    event: str
    property: str
    values: tuple[str, ...]
    period: Interval = "week"
    from_: dt.date
    to: dt.date


Query = Trends | Retention | CohortValues

KINDS: dict[str, type[Trends] | type[Retention]] = {"trends": Trends, "retention": Retention}


def parse(kind: str, body: object) -> Trends | Retention:
    """`body` is decoded JSON. Raises QueryError naming the field at fault."""
    if kind not in KINDS:
        raise QueryError("", f"there is no insight {kind!r}; there are: {', '.join(KINDS)}")
    try:
        query = msgspec.convert(body, KINDS[kind])
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise _refusal(message, where.rstrip("`").removeprefix("$").removeprefix(".")) from error
    _check(query)
    return query


def _refusal(message: str, where: str) -> QueryError:
    remedy = REMEDIES.get(where.rpartition(".")[2])
    said = IN_WORDS.get(message, message)
    return QueryError(where, f"{said}; write {remedy}" if remedy else said)


def calendar(project: Project) -> Calendar:
    """How this project cuts time."""
    return Calendar(ZoneInfo(project.timezone), project.week_start)


def _check(query: Query) -> None:
    """Raises QueryError."""
    _check_range(query)
    for where, text in _texts("", msgspec.to_builtins(query)):
        _check_text(where, text)
    for where, name in _names(query):
        if name == "":
            raise QueryError(where, "no event has an empty name; null is any event")
    for where, item in _filters(query):
        check_filter(where, item)
    if isinstance(query, Trends) and query.breakdown is not None and not query.breakdown.property:
        raise QueryError("breakdown.property", "name a property")
    if isinstance(query, Trends | Retention) and query.cohort is not None:
        raise QueryError("cohort", "there are no cohorts yet; leave it out, or filter people with where")
    if isinstance(query, Trends) and query.formula is not None:
        _check_formula(query)


def _check_range(query: Query) -> None:
    for where, day in (("from", query.from_), ("to", query.to)):
        if not EARLIEST <= day <= LATEST:
            raise QueryError(where, f"{day} is too far away; write a day from {EARLIEST} to {LATEST}")
    if query.from_ > query.to:
        raise QueryError("from", f"{query.from_} is after `to`, {query.to}; `to` is the last day, included")
    periods = len(_UTC.span(query.period, query.from_, query.to))
    if periods > MOST_PERIODS:
        raise QueryError(
            "to",
            f"that makes {periods:,} {query.period}s; at most {MOST_PERIODS:,}: ask for less or for longer ones",
        )


def _texts(where: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text of a question, with its path."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{where}.{key}" if where else key, inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(f"{where}[{index}]", inner)


def _check_text(where: str, text: str) -> None:
    """No stored text has these characters, and databases refuse them."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise QueryError(where, "a text with NUL or half a surrogate pair matches nothing; leave them out")
    if len(text) > LONGEST_TEXT:
        raise QueryError(where, f"{len(text):,} characters are too many; at most {LONGEST_TEXT:,}")


def _names(query: Query) -> Iterator[tuple[str, str | None]]:
    """Every event name of a question, with its path."""
    if isinstance(query, Trends):
        for index, series in enumerate(query.series):
            yield f"series[{index}].event", series.event
    elif isinstance(query, Retention):
        yield "start.event", query.start.event
        yield "return.event", query.return_.event


def _filters(query: Query) -> Iterator[tuple[str, Filter]]:
    if isinstance(query, Trends):
        groups = {f"series[{index}].where": series.where for index, series in enumerate(query.series)}
        groups["where"] = query.where
    elif isinstance(query, Retention):
        groups = {"start.where": query.start.where, "return.where": query.return_.where}
    else:
        return
    for path, items in groups.items():
        for index, item in enumerate(items):
            yield f"{path}[{index}]", item


def check_filter(where: str, item: Filter) -> None:
    """Whether its value is one that its operator can take; `where` is its path. Raises QueryError."""
    if not item.property:
        raise QueryError(f"{where}.property", "name a property")
    if item.op == "in":
        if not isinstance(item.value, tuple) or not item.value:
            raise QueryError(f"{where}.value", '`in` needs a list of values, as in ["pro", "team"]')
        if len(item.value) > MOST_VALUES:
            raise QueryError(
                f"{where}.value", f"{len(item.value):,} values are too many; at most {MOST_VALUES}"
            )
        if None in item.value:
            raise QueryError(f"{where}.value", "null is no value; for a missing property use `not_set`")
    elif isinstance(item.value, tuple):
        raise QueryError(f"{where}.value", f"`{item.op}` takes one value; for any of several use `in`")
    elif item.op in {"set", "not_set"}:
        if item.value is not None:
            raise QueryError(f"{where}.value", f"`{item.op}` takes no value; leave it out")
    elif item.value is None:
        raise QueryError(f"{where}.value", f"`{item.op}` needs a value; for a missing property use `not_set`")
    for value in item.value if isinstance(item.value, tuple) else (item.value,):
        _check_value(f"{where}.value", value)
    if item.op == "matches":
        _check_expression(f"{where}.value", item.value)


def _check_value(where: str, value: object) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int | float) and not abs(value) < GREATEST:
        raise QueryError(where, f"numbers go up to {GREATEST:g}")


def _check_expression(where: str, value: object) -> None:
    if not isinstance(value, str):
        raise QueryError(where, "`matches` needs a regular expression, as text")
    try:
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise QueryError(where, f"this is no RE2 regular expression: {reason}") from error


def _check_formula(query: Trends) -> None:
    try:
        formula.parse(query.formula or "", len(query.series))
    except formula.FormulaError as error:
        raise QueryError("formula", str(error)) from error
