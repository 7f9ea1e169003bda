"""Query parameters, parsed once into frozen structs. Unknown parameters are errors."""

import datetime as dt
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from rest_framework.request import Request

from api.problems import BadParameterError

# The range of bigint: a larger number would fail in the query, as a 500.
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
DAY_OR_MOMENT = "A date in the project's time zone, or a time with its UTC offset."
Moment = str | None
Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows per JSON page. Streams ignore it.")]
Format = Literal["json", "ndjson", "csv"]
Since = Annotated[
    str | None,
    Meta(
        description="A cursor from `next` or X-Next-Cursor. Returns only what follows it. Default: from the beginning."
    ),
]

P = TypeVar("P", bound=Struct)


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters: everything is in the body."""


class Presentation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a single object."""

    format: Annotated[
        Format | None, Meta(description="json (default), ndjson or csv. Overrides the Accept header.")
    ] = None


class Listing(Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a list."""

    limit: Limit = 100
    since: Since = None


class Dated(Listing, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Parameters of a list with a date range."""

    from_: Annotated[Moment, Meta(description=f"Start of the range. {DAY_OR_MOMENT}")] = None
    to: Annotated[Moment, Meta(description=f"End of the range, inclusive. {DAY_OR_MOMENT}")] = None

    def span(self, zone: ZoneInfo) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Start (inclusive) and end (exclusive); None means unbounded. Raises BadParameterError."""
        start, end = start_of(self.from_, zone), end_of(self.to, zone)
        if start is not None and end is not None and start >= end:
            raise BadParameterError("from", f"{self.from_} is after `to`, {self.to}")
        return start, end


def read(request: Request, kind: type[P]) -> P:
    """The request's query parameters as `kind`. Raises BadParameterError naming the one at fault."""
    repeatable = {field.encode_name for field in msgspec.structs.fields(kind) if field.default == ()}
    given: dict[str, Any] = {}
    for name, values in request.query_params.lists():
        if len(values) > 1 and name not in repeatable:
            raise BadParameterError(name, "this parameter was given more than once")
        given[name] = values if name in repeatable else values[0]
    return convert(given, kind, strict=False)


def convert(given: dict[str, Any], kind: type[P], *, strict: bool = True) -> P:
    allowed = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name, value in given.items():
        if name not in allowed:
            raise BadParameterError(name, f"unknown parameter; allowed here: {', '.join(allowed) or 'none'}")
        # PostgreSQL rejects NUL in text, which would be a 500.
        if any(
            isinstance(text, str) and "\0" in text for text in (value if isinstance(value, list) else [value])
        ):
            raise BadParameterError(name, "a text cannot contain NUL (0x00)")
    try:
        found = msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise BadParameterError(where.rstrip("`").partition("[")[0], message) from error
    if not strict:
        _check_null(given, found)
    return found


def _check_null(given: dict[str, Any], found: Struct) -> None:
    # In a query string, msgspec takes the word null for no value: `person=null` would mean everyone.
    for field in msgspec.structs.fields(found):
        if field.encode_name in given and getattr(found, field.name) is None:
            raise BadParameterError(field.encode_name, "null is not a value; leave the parameter out")


def start_of(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    """The time at which `from` starts."""
    return None if text is None else _moment("from", text, zone, days=0, step=dt.timedelta(0))


def end_of(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    """The first time after `to`, which includes its whole day or its microsecond."""
    return None if text is None else _moment("to", text, zone, days=1, step=dt.timedelta(microseconds=1))


def _moment(where: str, text: str, zone: ZoneInfo, *, days: int, step: dt.timedelta) -> dt.datetime:
    try:
        if len(text) == len("2026-01-31"):
            # Add the day before converting to UTC: a day may have 23 or 25 hours.
            day = dt.date.fromisoformat(text) + dt.timedelta(days=days)
            return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
        # An unencoded "+" of the UTC offset arrives as a space.
        moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise BadParameterError(where, f"{text} lacks a UTC offset; write for example {text}Z")
        return moment.astimezone(dt.UTC) + step
    # OverflowError: 9999-12-31 has no next day.
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is neither a date (2026-01-31) nor a time (2026-01-31T12:00:00Z)"
        raise BadParameterError(where, message) from error
