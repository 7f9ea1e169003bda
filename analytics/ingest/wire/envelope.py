"""What is checked of a body before its events are decoded: how many values and events it has, and its write key."""

from typing import Protocol, TypeVar

import msgspec

from analytics.ingest.wire.event import DropReason, RequestRejectedError

MAX_VALUES = 500_000
"""JSON values in a body. Decoding takes time and memory for each, however small it is."""


MANY_VALUES = 5_000
"""A batch of a hundred events has fewer. Thousands of tiny events fit into a body that is not large."""


class HasKey(Protocol):
    @property
    def key(self) -> str: ...


Envelope = TypeVar("Envelope", bound=HasKey)


def check_values(body: bytes) -> None:
    """Raises RequestRejectedError (413) beyond MAX_VALUES."""
    # Counting commas is fast and never too low. Commas in texts count too, far from the limit for events of any client.
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        raise RequestRejectedError(
            f"the body has more than {MAX_VALUES:,} JSON values; send smaller batches",
            413,
            DropReason.TOO_LARGE,
        )


def has_many_values(body: bytes) -> bool:
    return len(body) > 2 * MANY_VALUES and body.count(b",") > MANY_VALUES


def check_events(count: int, most: int) -> None:
    """Raises RequestRejectedError (413) if a batch has more events than its format allows."""
    if count > most:
        raise RequestRejectedError(
            f"the batch has {count:,} events, more than {most:,}; send smaller batches",
            413,
            DropReason.TOO_LARGE,
        )


def find_key(body: bytes, decoder: msgspec.json.Decoder[Envelope]) -> str:
    """The write key of a body; "" without one, or if the body cannot be decoded. msgspec skips all other fields."""
    try:
        return decoder.decode(body).key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
