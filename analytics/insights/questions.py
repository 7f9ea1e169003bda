"""The base of all questions, and their validation. A question is checked once, then trusted.

docs/metrics.md shows the JSON form of every kind.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct

from analytics.metrics.filters import Filter, Operator
from analytics.metrics.periods import Calendar, Interval, Window

Place = Literal["served", "activity", "events"]
"""Where figures are read, cheapest first: the served tables, the rollup per person and day, raw events."""

Count = Annotated[int, Meta(ge=0)]
Days = tuple[dt.date, dt.date]

# Bounds the memory of the kinds that weigh each period against others: see ROWS in their metric.py.
MOST_PERIODS = 1_000
EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
LONGEST_TEXT = 2_000
MOST_FILTERS = 20
MOST_VALUES = 200
GREATEST = 1e300
_UTC = Calendar(ZoneInfo("UTC"))

IN_WORDS = {"Invalid RFC3339 encoded date": "not a date; write it like 2026-01-31"}
"""Plainer words for some of the decoder's messages."""

REMEDIES = {
    "interval": " or ".join(get_args(Interval)),
    "period": " or ".join(get_args(Interval)),
    "on": "event or person",
    "op": ", ".join(get_args(Operator)),
}
"""The allowed values of fields, for error messages."""


class QueryError(Exception):
    """An invalid question. `where` is the path in its body, the message says what to write."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


class Question(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of all kinds: local days of the project, `to` included. A kind's question adds the rest."""

    period_field: ClassVar[str] = "interval"
    remedies: ClassVar[dict[str, str]] = {}

    from_: dt.date = msgspec.field(name="from")
    to: dt.date
    cohort: str | None = None

    @property
    def by(self) -> Interval:
        """The period to count by."""
        interval: Interval = getattr(self, self.period_field)
        return interval

    def filters(self) -> Iterator[tuple[str, Filter]]:
        """Every filter with its path in the body."""
        return iter(())

    def events(self) -> Iterator[tuple[str, str | None]]:
        """Every event name with its path in the body."""
        return iter(())

    def person_properties(self) -> list[str]:
        """The person properties in the question, each once."""
        return list(dict.fromkeys(item.property for _, item in self.filters() if item.on == "person"))

    def days(self, window: Window) -> Days:
        """The local days whose events are read."""
        return window.first_day, window.last_day

    def check(self) -> None:
        """Checks of this kind only. Raises QueryError."""


Q = TypeVar("Q", bound=Question)


def read(form: type[Q], body: object) -> Q:
    """`body` is decoded JSON. Raises QueryError naming the field at fault."""
    try:
        question = msgspec.convert(body, form)
    except msgspec.ValidationError as error:
        raise refusal(error, REMEDIES | form.remedies) from error
    _check(question)
    return question


def refusal(error: msgspec.ValidationError, remedies: dict[str, str], prefix: str = "") -> QueryError:
    message, _, path = str(error).partition(" - at `")
    where = (prefix + path.rstrip("`").removeprefix("$")).removeprefix(".")
    remedy = remedies.get(where.rpartition(".")[2])
    text = IN_WORDS.get(message, message)
    return QueryError(where, f"{text}; write {remedy}" if remedy else text)


def check_amount(filters: Sequence[tuple[str, Filter]]) -> None:
    """Check that there are not too many filters and values together. Raises QueryError."""
    if len(filters) > MOST_FILTERS:
        where, _ = filters[MOST_FILTERS]
        raise QueryError(where, f"{len(filters):,} filters are too many; at most {MOST_FILTERS} in all")
    values = 0
    for where, item in filters:
        values += len(item.value) if isinstance(item.value, tuple) else 1
        if values > MOST_VALUES:
            raise QueryError(f"{where}.value", f"too many values; at most {MOST_VALUES} in all filters")


def check_filter(where: str, item: Filter) -> None:
    """Check that the value fits the operator. `where` is the filter's path. Raises QueryError."""
    if not item.property:
        raise QueryError(f"{where}.property", "name a property")
    if item.op == "in":
        _check_values(f"{where}.value", item.value)
    elif isinstance(item.value, tuple):
        raise QueryError(f"{where}.value", f"`{item.op}` takes one value; for any of several use `in`")
    elif item.op in {"set", "not_set"}:
        if item.value is not None:
            raise QueryError(f"{where}.value", f"`{item.op}` takes no value; leave it out")
    elif item.value is None:
        raise QueryError(f"{where}.value", f"`{item.op}` needs a value; for a missing property use `not_set`")
    for value in item.value if isinstance(item.value, tuple) else (item.value,):
        # A larger number would overflow float64 in the engine.
        if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) < GREATEST:
            raise QueryError(f"{where}.value", f"numbers go up to {GREATEST:g}")
    if item.op == "matches":
        _check_expression(f"{where}.value", item.value)


def _check(question: Question) -> None:
    for where, day in (("from", question.from_), ("to", question.to)):
        if not EARLIEST <= day <= LATEST:
            raise QueryError(where, f"{day} is out of range; write a day from {EARLIEST} to {LATEST}")
    if question.from_ > question.to:
        raise QueryError(
            "from", f"{question.from_} is after `to`, {question.to}; `to` is the last day, included"
        )
    # Counted in UTC, before the project's zone is known: an hour more or less does not matter here.
    periods = len(_UTC.span(question.by, question.from_, question.to))
    if periods > MOST_PERIODS:
        raise QueryError(
            "to",
            f"{periods:,} {question.by}s are too many (at most {MOST_PERIODS:,}); choose fewer days or a longer period",
        )
    check_texts("", msgspec.to_builtins(question))
    for where, name in question.events():
        if name == "":
            raise QueryError(where, "an event name cannot be empty; use null for any event")
    check_amount(list(question.filters()))
    for where, item in question.filters():
        check_filter(where, item)
    if question.cohort is not None:
        raise QueryError(
            "cohort", "saved cohorts are not supported; leave it out, and filter people with `where`"
        )
    question.check()


def check_texts(where: str, value: object) -> None:
    """Check every string of decoded JSON; `where` is its path. Raises QueryError."""
    for at, text in _texts(where, value):
        _check_text(at, text)


def _texts(where: str, value: object) -> Iterator[tuple[str, str]]:
    """Every string of a question, with its path."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{where}.{key}" if where else key, inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(f"{where}[{index}]", inner)


def _check_text(where: str, text: str) -> None:
    # Stored text never has these characters, and PostgreSQL raises an error for them.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise QueryError(where, "NUL and lone surrogates are not allowed; remove them")
    if len(text) > LONGEST_TEXT:
        raise QueryError(where, f"{len(text):,} characters are too many; at most {LONGEST_TEXT:,}")


def _check_values(where: str, values: object) -> None:
    if not isinstance(values, tuple) or not values:
        raise QueryError(where, '`in` needs a list of values, as in ["pro", "team"]')
    # Compared as text, null would match the word None, and never a missing property.
    if None in values:
        raise QueryError(where, "null is not a value; for a missing property use `not_set`")


def _check_expression(where: str, value: object) -> None:
    if not isinstance(value, str):
        raise QueryError(where, "`matches` needs a regular expression, as text")
    try:
        # Checked with RE2, as the engine has: Python's `re` accepts lookaheads that would fail there, halfway through
        # a query.
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise QueryError(where, f"not an RE2 regular expression: {reason}") from error
