"""What every question of every kind has, and its validation: a question is checked once, then trusted.

docs/metrics.md shows the JSON form of every kind.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct

from analytics.metrics.filters import Filter, Operator
from analytics.metrics.periods import Calendar, Interval, Window

Place = Literal["served", "activity", "events"]
"""Where figures are read, from the cheapest on: the tables that rollup keeps, the rollup per person and day, events."""

Count = Annotated[int, Meta(ge=0)]
Days = tuple[dt.date, dt.date]

MOST_PERIODS = 1_000
EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
LONGEST_TEXT = 2_000
MOST_VALUES = 200
GREATEST = 1e300
_UTC = Calendar(ZoneInfo("UTC"))

IN_WORDS = {"Invalid RFC3339 encoded date": "not a date; write it like 2026-01-31"}
"""The decoder's messages that need plainer words."""

REMEDIES = {
    "interval": " or ".join(get_args(Interval)),
    "period": " or ".join(get_args(Interval)),
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


class Question(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all kinds ask about: local days of the project, `to` included. A kind's question adds the rest."""

    period_field: ClassVar[str] = "interval"
    remedies: ClassVar[dict[str, str]] = {}

    from_: dt.date = msgspec.field(name="from")
    to: dt.date
    cohort: str | None = None

    @property
    def by(self) -> Interval:
        """The periods that are counted by."""
        interval: Interval = getattr(self, self.period_field)
        return interval

    def filters(self) -> Iterator[tuple[str, Filter]]:
        """Every filter with its path in the body."""
        return iter(())

    def events(self) -> Iterator[tuple[str, str | None]]:
        """Every event name with its path in the body."""
        return iter(())

    def person_properties(self) -> list[str]:
        """The properties of people that the question is about, each once."""
        return list(dict.fromkeys(item.property for _, item in self.filters() if item.on == "person"))

    def days(self, window: Window) -> Days:
        """The local days whose events are read."""
        return window.first_day, window.last_day

    def check(self) -> None:
        """What only this kind knows to be impossible. Raises QueryError."""


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
    said = IN_WORDS.get(message, message)
    return QueryError(where, f"{said}; write {remedy}" if remedy else said)


def check_filter(where: str, item: Filter) -> None:
    """Whether its value is one that its operator can take; `where` is its path. Raises QueryError."""
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
        # A number beyond this is no number to the engine.
        if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) < GREATEST:
            raise QueryError(f"{where}.value", f"numbers go up to {GREATEST:g}")
    if item.op == "matches":
        _check_expression(f"{where}.value", item.value)


def _check(question: Question) -> None:
    for where, day in (("from", question.from_), ("to", question.to)):
        if not EARLIEST <= day <= LATEST:
            raise QueryError(where, f"{day} is too far away; write a day from {EARLIEST} to {LATEST}")
    if question.from_ > question.to:
        raise QueryError(
            "from", f"{question.from_} is after `to`, {question.to}; `to` is the last day, included"
        )
    periods = len(_UTC.span(question.by, question.from_, question.to))
    if periods > MOST_PERIODS:
        raise QueryError(
            "to",
            f"that makes {periods:,} {question.by}s; at most {MOST_PERIODS:,}: ask for less or for longer ones",
        )
    for where, text in _texts("", msgspec.to_builtins(question)):
        _check_text(where, text)
    for where, name in question.events():
        if name == "":
            raise QueryError(where, "no event has an empty name; null is any event")
    for where, item in question.filters():
        check_filter(where, item)
    if question.cohort is not None:
        raise QueryError("cohort", "there are no cohorts yet; leave it out, or filter people with where")
    question.check()


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


def _check_values(where: str, values: object) -> None:
    if not isinstance(values, tuple) or not values:
        raise QueryError(where, '`in` needs a list of values, as in ["pro", "team"]')
    if len(values) > MOST_VALUES:
        raise QueryError(where, f"{len(values):,} values are too many; at most {MOST_VALUES}")
    if None in values:
        raise QueryError(where, "null is not a value; for a missing property use `not_set`")


def _check_expression(where: str, value: object) -> None:
    if not isinstance(value, str):
        raise QueryError(where, "`matches` needs a regular expression, as text")
    try:
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise QueryError(where, f"not an RE2 regular expression: {reason}") from error
