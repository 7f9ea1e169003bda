"""The formats that can be imported, by name. Each reads one line and says how lines become one request."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct


class LineRefusedError(Exception):
    """One line that is not sent; `reason` is counted, the message says what is wrong with it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    path       where its requests are posted
    read       a line's bytes -> the bytes of one event; raises LineRefusedError
    request    events -> a request's body
    max_bytes  of all events in one request, well below what ingest takes
    """

    path: str
    read: Callable[[bytes], bytes]
    request: Callable[[Sequence[bytes]], bytes]
    max_bytes: int


class SegmentLine(Struct, rename="camel"):
    """What has to be known of a line before it is sent; ingest reads the rest."""

    message_id: Raw = Raw(b"null")
    timestamp: Raw = Raw(b"null")


NONE = {b"null", b'""'}


def segment_line(line: bytes) -> bytes:
    """A call of Segment's HTTP API. One without a messageId gets it from its content, so that it too counts once."""
    try:
        call = msgspec.json.decode(line, type=SegmentLine)
    except msgspec.ValidationError as error:
        raise LineRefusedError("not_an_event", "a line is one JSON object") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineRefusedError("unreadable", f"not JSON: {error}") from error
    if bytes(call.timestamp) in NONE:
        raise LineRefusedError("no_timestamp", "an event of the past needs its timestamp (ISO 8601)")
    return line if bytes(call.message_id) not in NONE else _named(line)


def _named(line: bytes) -> bytes:
    made = uuid.UUID(bytes=hashlib.sha256(line).digest()[:16], version=5)
    return line[: line.rindex(b"}")] + f',"messageId":"{made}"}}'.encode()


def segment_request(events: Sequence[bytes]) -> bytes:
    """A batch without `sentAt`, so that no clock is corrected: these times were measured long ago."""
    return b'{"batch":[' + b",".join(events) + b"]}"


FORMATS: dict[str, Format] = {
    "segment": Format("/v1/batch", segment_line, segment_request, max_bytes=400_000),
}
