"""Places in a list, as opaque texts: clients keep them and hand them back, what they hold stays ours to change."""

import base64
import binascii
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id or a sequence, as PostgreSQL's bigint holds it."""


class CursorError(Exception):
    """A text that is no place in this list; the message says what to do."""


class Place(Struct, frozen=True, array_like=True):
    """Base of all places. Each list has its own tag, so that a cursor of one list is refused by another."""


P = TypeVar("P", bound=Place)


def write(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read(text: str, kind: type[P]) -> P:
    """Raises CursorError."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        place = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise CursorError(
            "this is no cursor of this list; hand back a `next` as it came, or leave it out"
        ) from error
    return place
