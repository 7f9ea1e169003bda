"""Property filters as query parameters, such as `property=plan:is:pro`."""

import re
from typing import Annotated, Literal, cast, get_args

import msgspec
from msgspec import Meta

from analytics.insights.questions import MOST_FILTERS, QueryError, check_amount, check_filter
from analytics.metrics.filters import Filter, Operator
from api.problems import BadParameterError

NAME = "property"
OPERATORS = get_args(Operator)
AS_WRITTEN = {"contains", "not_contains", "matches"}

Written = Annotated[
    tuple[str, ...],
    Meta(
        max_length=MOST_FILTERS,
        description=(
            "`NAME:OPERATOR:VALUE`, for example `plan:is:pro` or `plan:set`. Repeat it to combine filters with AND."
            f" OPERATOR is one of {', '.join(OPERATORS)}."
            ' VALUE is a number, true, false, "quoted text" or plain text. `in` takes values separated by commas,'
            " or a JSON list."
        ),
    ),
]

# The name is as short as possible but may contain colons; the first operator after one ends it. DOTALL: values may
# have line breaks.
_WRITTEN = re.compile(rf"(?P<property>.+?):(?P<op>{'|'.join(OPERATORS)})(:(?P<value>.*))?", re.DOTALL)
Scalar = str | float | int | bool | None


def read(written: tuple[str, ...], on: Literal["event", "person"]) -> tuple[Filter, ...]:
    """Filters on properties of events or people. Raises BadParameterError."""
    found = tuple(_filter(text, on) for text in written)
    try:
        check_amount([(NAME, item) for item in found])
    except QueryError as error:
        raise BadParameterError(NAME, error.message) from error
    return found


def _filter(text: str, on: Literal["event", "person"]) -> Filter:
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise BadParameterError(
            NAME,
            f"{text!r} is not a filter; write NAME:OPERATOR:VALUE, for example plan:is:pro;"
            f" the operators are {', '.join(OPERATORS)}",
        )
    op = cast("Operator", parts["op"])
    value = None if parts["value"] is None else _value(op, parts["value"])
    item = Filter(parts["property"], op, value, on)
    try:
        check_filter(NAME, item)
    except QueryError as error:
        raise BadParameterError(NAME, f"{text!r}: {error.message}") from error
    return item


def _value(op: Operator, text: str) -> Scalar | tuple[Scalar, ...]:
    # Not decoded: `contains:1.50` would look for 1.5.
    if op in AS_WRITTEN:
        return text
    if op != "in":
        return _scalar(text)
    try:
        return msgspec.json.decode(text, type=tuple[Scalar, ...])
    # Deeply nested brackets raise RecursionError, which would be a 500.
    except (msgspec.DecodeError, RecursionError):
        return tuple(_scalar(part) for part in text.split(","))


def _scalar(text: str) -> Scalar:
    try:
        return cast("Scalar", msgspec.json.decode(text, type=Scalar))
    except (msgspec.DecodeError, RecursionError):
        return text
