"""The slow path for JSON that strict decoding rejects: read what can be read, and report the rest.

Real clients send NUL characters, lone surrogates, NaN, numbers as ids and words as times. PostgreSQL and DuckDB
reject some of these as text or JSON, so they are replaced here before anything is stored.
"""

import json
from collections.abc import Callable
from datetime import datetime
from types import UnionType
from typing import Generic, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from analytics.ingest.wire import times
from analytics.ingest.wire.envelope import check_values
from analytics.ingest.wire.event import Payload, RequestRejectedError, WarningReason

Shape = TypeVar("Shape", bound=msgspec.Struct)
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

NUL = b"\\u0000"
REPLACEMENT = "\ufffd"
MAX_DEPTH = 64
UINT64_LIMIT = 1 << 64
MAX_INT_DIGITS = len(str(UINT64_LIMIT))


class Sanitized(msgspec.Struct, frozen=True, gc=False):
    """A body that strict decoding accepts, and the indexes of its events that had to be changed."""

    body: bytes
    changed: frozenset[int] = frozenset()


class Converted(NamedTuple):
    """Values of a Struct's fields, and the names of the fields that had the wrong type."""

    values: dict[str, object]
    ignored: list[str]


def parse(body: bytes, reader: Callable[[Sanitized], Payload]) -> Payload:
    """Read the body as it is, and sanitize it only if that fails. Raises RequestRejectedError."""
    check_values(body)
    try:
        # msgspec decodes an escaped NUL without complaint, and PostgreSQL would reject the row later.
        if NUL not in body:
            try:
                return reader(Sanitized(body))
            except msgspec.ValidationError:
                # Valid JSON of the wrong shape, which sanitizing would not change.
                raise
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        return reader(sanitize(body))
    except msgspec.ValidationError as error:
        raise RequestRejectedError(f"the body has the wrong shape: {error}") from None
    except RecursionError:
        raise RequestRejectedError("the JSON is nested too deeply") from None


def decode_shape(body: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape:
    """Decode a few fields of a body that may have to be sanitized first.

    Raises msgspec.DecodeError and RequestRejectedError.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return decoder.decode(sanitize(body).body)
    except RecursionError:
        raise RequestRejectedError("the JSON is nested too deeply") from None


def sanitize(body: bytes) -> Sanitized:
    """Replace what cannot be stored. Raises RequestRejectedError, with line and column, if it is not JSON."""
    try:
        # utf-8-sig: a byte order mark is valid UTF-8 but not JSON.
        tree: Json = json.loads(
            body.decode("utf-8-sig"), parse_int=_parse_int, parse_constant=lambda _: NotANumber()
        )
    except UnicodeDecodeError as error:
        raise RequestRejectedError(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    except ValueError as error:
        raise RequestRejectedError(f"the body is not JSON: {error}") from None
    events = _events(tree)
    changed = frozenset(index for index, event in enumerate(events) if _sanitized(event) != event)
    return Sanitized(msgspec.json.encode(_sanitized(tree)), changed)


def _parse_int(digits: str) -> int | float:
    """An int of 64 bits, or a float beyond them, as strict decoding reads it."""
    # int() of many digits takes quadratic time, and raises ValueError beyond 4,300 digits.
    whole = int(digits) if len(digits) <= MAX_INT_DIGITS else UINT64_LIMIT
    return whole if -UINT64_LIMIT // 2 <= whole < UINT64_LIMIT else float(digits)


class NotANumber:
    """NaN or Infinity. Equal to nothing, so that replacing it counts as a change."""


def _events(tree: Json) -> list[Json]:
    if isinstance(tree, dict):
        batch = tree.get("batch", tree.get("events"))
        return batch if isinstance(batch, list) else [tree]
    return tree if isinstance(tree, list) else [tree]


def _sanitized(tree: Json | NotANumber) -> Json:
    match tree:
        case str():
            return _text(tree)
        case dict():
            return {_text(name): _sanitized(value) for name, value in tree.items()}
        case list():
            return [_sanitized(value) for value in tree]
        # A number such as 1e400 decodes to infinity, which JSON cannot express.
        case float() if tree in (float("inf"), float("-inf")):
            return None
        case NotANumber():
            return None
    return tree


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # UTF-16 keeps valid pairs, so only lone surrogates are replaced.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", REPLACEMENT)


class Decoded(NamedTuple, Generic[Shape]):
    """A Struct, and the names of the fields that had the wrong type and were ignored."""

    value: Shape
    ignored: list[str]


def decode(
    raw: msgspec.Raw | bytes, strict: msgspec.json.Decoder[Shape], shape: type[Shape]
) -> Decoded[Shape]:
    """Decode strictly if possible, else field by field. Raises msgspec.ValidationError if it is not an object."""
    try:
        return Decoded(strict.decode(raw), [])
    except msgspec.ValidationError:
        values, ignored = convert(raw, shape)
        return Decoded(shape(**values), ignored)


TIMES = {"timestamp", "originalTimestamp", "sentAt", "offset"}


def warnings(sanitized: bool, ignored: list[str]) -> tuple[WarningReason, ...]:
    """The warnings for an event that was decoded this way."""
    if not sanitized and not ignored:
        return ()
    applicable = {
        WarningReason.TEXT_MENDED: sanitized,
        WarningReason.UNREADABLE_TIME: "timestamp" in ignored,
        WarningReason.FIELD_IGNORED: not set(ignored) <= TIMES,
    }
    return tuple(note for note, applies in applicable.items() if applies)


def convert(raw: msgspec.Raw | bytes, shape: type[msgspec.Struct]) -> Converted:
    """Decode each field on its own. Raises msgspec.ValidationError if it is not an object."""
    given = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    values: dict[str, object] = {}
    ignored: list[str] = []
    for field in msgspec.structs.fields(shape):
        if (value := given.get(field.encode_name)) is not None:
            try:
                values[field.name] = msgspec.json.decode(value, type=field.type)
            except msgspec.ValidationError:
                _convert_loosely(value, field, values, ignored)
    return Converted(values, ignored)


def _convert_loosely(
    value: msgspec.Raw, field: msgspec.structs.FieldInfo, values: dict[str, object], ignored: list[str]
) -> None:
    alternatives = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
    for kind in alternatives:
        if kind is datetime and (moment := times.parse(msgspec.json.decode(value))):
            values[field.name] = moment
            return
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            values[field.name] = _convert_struct(value, kind, field.encode_name, ignored)
            return
    ignored.append(field.encode_name)


def _convert_struct(value: msgspec.Raw, kind: type[Shape], name: str, ignored: list[str]) -> Shape | None:
    try:
        inner = convert(value, kind)
    except msgspec.ValidationError:
        ignored.append(name)
        return None
    ignored += [f"{name}.{each}" for each in inner.ignored]
    return kind(**inner.values)
