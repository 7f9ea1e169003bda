"""The import formats. Each reads one line and builds a request from many."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct


class LineRejectedError(Exception):
    """A line that is not sent. `reason` is counted, the message says what is wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    path       where requests are posted
    read       bytes of a line -> bytes of an event; raises LineRejectedError
    request    events -> body of a request
    max_bytes  limit for all events of one request, well below ingest's own limit
    """

    path: str
    read: Callable[[bytes], bytes]
    request: Callable[[Sequence[bytes]], bytes]
    max_bytes: int


class SegmentLine(Struct, rename="camel"):
    """The fields that are checked before a line is sent. Ingest checks the rest."""

    message_id: Raw = Raw(b"null")
    timestamp: Raw = Raw(b"null")


EMPTY = {b"null", b'""'}


def segment_line(line: bytes) -> bytes:
    """A call of Segment's HTTP API. A missing messageId is made from the content, so a second import adds nothing."""
    try:
        call = msgspec.json.decode(line, type=SegmentLine)
    except msgspec.ValidationError as error:
        raise LineRejectedError("not_an_event", "a line is one JSON object") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineRejectedError("unreadable", f"not JSON: {error}") from error
    if bytes(call.timestamp) in EMPTY:
        raise LineRejectedError("no_timestamp", "an imported event needs a timestamp (ISO 8601)")
    return line if bytes(call.message_id) not in EMPTY else _with_message_id(line)


def _with_message_id(line: bytes) -> bytes:
    made = uuid.UUID(bytes=hashlib.sha256(line).digest()[:16], version=5)
    # Appended, because decoders take the last of two equal names, and the line may have an empty messageId.
    return line[: line.rindex(b"}")] + f',"messageId":"{made}"}}'.encode()


def segment_request(events: Sequence[bytes]) -> bytes:
    """A batch without `sentAt`: with it, ingest would correct the timestamps by today's clock difference."""
    return b'{"batch":[' + b",".join(events) + b"]}"


FORMATS: dict[str, Format] = {
    "segment": Format("/v1/batch", segment_line, segment_request, max_bytes=400_000),
}
