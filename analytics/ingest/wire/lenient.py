"""The slow path for what strict decoding refuses: what can be read is read, and the rest is named.

JSON of real clients holds NUL characters, lone surrogates, NaN, numbers for ids and words for times. PostgreSQL and
DuckDB refuse some of these as text or JSON, so they are replaced here, once, before anything is stored.
"""

import json
from collections.abc import Callable
from datetime import datetime
from types import UnionType
from typing import Generic, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from analytics.ingest.wire import times
from analytics.ingest.wire.event import Note, Parcel, Unreadable

Shape = TypeVar("Shape", bound=msgspec.Struct)
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

NUL = b"\\u0000"
REPLACEMENT = "\ufffd"
MAX_DEPTH = 64
BEYOND = 1 << 64
LONGEST_WHOLE = len(str(BEYOND))


class Mended(msgspec.Struct, frozen=True, gc=False):
    """A body that strict decoding takes, and the indexes of the events in it that had to be changed."""

    body: bytes
    changed: frozenset[int] = frozenset()


class Converted(NamedTuple):
    """Values of a Struct's fields, and the names of those that had the wrong type."""

    values: dict[str, object]
    ignored: list[str]


def parse(body: bytes, reader: Callable[[Mended], Parcel]) -> Parcel:
    """Read a body as it is, and only if that fails as what could be made of it. Raises Unreadable."""
    try:
        if NUL not in body:
            try:
                return reader(Mended(body))
            except msgspec.ValidationError:
                raise
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        return reader(mend(body))
    except msgspec.ValidationError as error:
        raise Unreadable(f"the body has the wrong shape: {error}") from None
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply to be read") from None


def mend(body: bytes) -> Mended:
    """Replace what cannot be stored. Raises Unreadable, with line and column, for what is not JSON."""
    try:
        tree: Json = json.loads(
            body.decode("utf-8-sig"), parse_int=_whole, parse_constant=lambda _: NotANumber()
        )
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}") from None
    events = _events(tree)
    changed = frozenset(index for index, event in enumerate(events) if _clean(event) != event)
    return Mended(msgspec.json.encode(_clean(tree)), changed)


def _whole(digits: str) -> int | float:
    """As strict decoding reads it: what 64 bits do not hold is a float."""
    whole = int(digits) if len(digits) <= LONGEST_WHOLE else BEYOND
    return whole if -BEYOND // 2 <= whole < BEYOND else float(digits)


class NotANumber:
    """NaN or Infinity, which JSON has no word for; equal to nothing, so that its replacement counts as a change."""


def _events(tree: Json) -> list[Json]:
    if isinstance(tree, dict):
        batch = tree.get("batch")
        return batch if isinstance(batch, list) else [tree]
    return tree if isinstance(tree, list) else [tree]


def _clean(tree: Json | NotANumber) -> Json:
    match tree:
        case str():
            return _text(tree)
        case dict():
            return {_text(name): _clean(value) for name, value in tree.items()}
        case list():
            return [_clean(value) for value in tree]
        case float() if tree in (float("inf"), float("-inf")):
            return None
        case NotANumber():
            return None
    return tree


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", REPLACEMENT)


class Decoded(NamedTuple, Generic[Shape]):
    """A Struct, and the names of the fields that had the wrong type and were left out."""

    value: Shape
    ignored: list[str]


def decode(
    raw: msgspec.Raw | bytes, strict: msgspec.json.Decoder[Shape], shape: type[Shape]
) -> Decoded[Shape]:
    """Strictly where possible, else field by field. Raises msgspec.ValidationError for what is no object."""
    try:
        return Decoded(strict.decode(raw), [])
    except msgspec.ValidationError:
        values, ignored = convert(raw, shape)
        return Decoded(shape(**values), ignored)


TIMES = {"timestamp", "originalTimestamp", "sentAt", "offset"}


def notes(mended: bool, ignored: list[str]) -> tuple[Note, ...]:
    """What to tell the sender of an event that was read this way."""
    if not mended and not ignored:
        return ()
    told = {
        Note.TEXT_MENDED: mended,
        Note.UNREADABLE_TIME: "timestamp" in ignored,
        Note.FIELD_IGNORED: not set(ignored) <= TIMES,
    }
    return tuple(note for note, applies in told.items() if applies)


def convert(raw: msgspec.Raw | bytes, shape: type[msgspec.Struct]) -> Converted:
    """Field by field: what fits is taken, what does not is named. Raises msgspec.ValidationError for no object."""
    given = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    values: dict[str, object] = {}
    ignored: list[str] = []
    for field in msgspec.structs.fields(shape):
        if (value := given.get(field.encode_name)) is not None:
            try:
                values[field.name] = msgspec.json.decode(value, type=field.type)
            except msgspec.ValidationError:
                _salvage(value, field, values, ignored)
    return Converted(values, ignored)


def _salvage(
    value: msgspec.Raw, field: msgspec.structs.FieldInfo, values: dict[str, object], ignored: list[str]
) -> None:
    alternatives = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
    for kind in alternatives:
        if kind is datetime and (moment := times.read(msgspec.json.decode(value))):
            values[field.name] = moment
            return
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            values[field.name] = _nested(value, kind, field.encode_name, ignored)
            return
    ignored.append(field.encode_name)


def _nested(value: msgspec.Raw, kind: type[Shape], name: str, ignored: list[str]) -> Shape | None:
    try:
        inner = convert(value, kind)
    except msgspec.ValidationError:
        ignored.append(name)
        return None
    ignored += [f"{name}.{each}" for each in inner.ignored]
    return kind(**inner.values)
