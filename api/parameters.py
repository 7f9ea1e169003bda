"""Parameters of a request, validated once into frozen structs; whatever is not named there is an error."""

import datetime as dt
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from rest_framework.request import Request

from api.problems import BadParameterError

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
DAY_OR_MOMENT = "A day in the project's time zone, or a moment with its UTC offset."
Moment = str | None
Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows of one JSON page. Streams have no limit.")]
Format = Literal["json", "ndjson", "csv"]
Since = Annotated[
    str | None,
    Meta(
        description="A `next` or X-Next-Cursor from before: only what is after it. Left out: from the beginning."
    ),
]

P = TypeVar("P", bound=Struct)


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters at all: what there is to say stands in the body."""


class Presentation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one thing is to be shown."""

    format: Annotated[
        Format | None, Meta(description="json (the default), ndjson or csv; wins over Accept.")
    ] = None


class Listing(Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list is to be walked through."""

    limit: Limit = 100
    since: Since = None


class Dated(Listing, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A list of what happened at some time."""

    from_: Annotated[Moment, Meta(description=f"The first day or moment. {DAY_OR_MOMENT}")] = None
    to: Annotated[Moment, Meta(description=f"The last day or moment, inclusive. {DAY_OR_MOMENT}")] = None

    def span(self, zone: ZoneInfo) -> tuple[dt.datetime | None, dt.datetime | None]:
        """From the first of these moments to before the second; None is no bound. Raises BadParameterError."""
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
            raise BadParameterError(
                name, f"there is no such parameter here; there are: {', '.join(allowed) or 'none'}"
            )
        if any(
            isinstance(text, str) and "\0" in text for text in (value if isinstance(value, list) else [value])
        ):
            raise BadParameterError(name, "a text cannot contain NUL (0x00)")
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise BadParameterError(where.rstrip("`").partition("[")[0], message) from error


def start_of(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    """The first moment that `from` means."""
    return None if text is None else _moment("from", text, zone, days=0, step=dt.timedelta(0))


def end_of(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    """The first moment after what `to` means: a day counts whole, a moment counts itself."""
    return None if text is None else _moment("to", text, zone, days=1, step=dt.timedelta(microseconds=1))


def _moment(where: str, text: str, zone: ZoneInfo, *, days: int, step: dt.timedelta) -> dt.datetime:
    try:
        if len(text) == len("2026-01-31"):
            day = dt.date.fromisoformat(text) + dt.timedelta(days=days)
            return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
        # A "+" that was not encoded arrives as a blank; no moment has one before its offset.
        moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise BadParameterError(where, f"{text} lacks its UTC offset; write for example {text}Z")
        return moment.astimezone(dt.UTC) + step
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is neither a day (2026-01-31) nor a moment (2026-01-31T12:00:00Z)"
        raise BadParameterError(where, message) from error
