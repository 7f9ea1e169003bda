"""Opaque cursors: positions in a list, encoded as URL-safe text."""

import base64
import binascii
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An ID or a sequence in the range of PostgreSQL's bigint: a larger one would fail in the query."""


class CursorError(Exception):
    """The text is not a cursor of this list."""


# Array-like, so the order of fields is the format. New ones go last and need a default: older cursors lack them.
class Place(Struct, frozen=True, array_like=True):
    """Base of all positions. Each list has its own tag, so that it rejects cursors of other lists."""


P = TypeVar("P", bound=Place)


def write(place: Place) -> str:
    # No padding: "=" would have to be escaped in query strings.
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read(text: str, kind: type[P]) -> P:
    """Raises CursorError."""
    try:
        # validate=True: without it, b64decode skips foreign characters and accepts a damaged cursor.
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        place = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise CursorError(
            "not a cursor of this list; send a `next` value unchanged, or leave it out to start at the beginning"
        ) from error
    return place
