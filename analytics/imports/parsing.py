"""Reads a file as numbered lines, plain or gzip, in bounded memory."""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line's number, from 1, and its bytes; `data` is None where it was longer than `limit`."""

    number: int
    data: bytes | None


class BrokenFileError(Exception):
    """The file is damaged. The message says after which line."""


def lines(stream: IO[bytes], *, limit: int) -> Iterator[Line]:
    """The lines that are not blank. Lines longer than `limit` bytes have no data. Raises BrokenFileError."""
    plain = _inflated(stream)
    number = 0
    try:
        # Without a size, a file without line breaks would be read into memory as a whole.
        while data := plain.readline(limit + 1):
            number += 1
            whole = len(data) <= limit or _skip_rest(plain, data, limit)
            stripped = data.removeprefix(BYTE_ORDER_MARK).strip() if whole else None
            if stripped != b"":
                yield Line(number, stripped)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BrokenFileError(f"damaged after line {number}: {error}; download the file again") from error


def _inflated(stream: IO[bytes]) -> IO[bytes]:
    """Decompressed if it is gzip. Detected by content, because a pipe has no file name."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    if buffered.peek(2).startswith(GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=buffered))
    return buffered


def _skip_rest(plain: IO[bytes], data: bytes, limit: int) -> bool:
    """Skip the rest of a long line without keeping it. True if only the line break was left."""
    if data.endswith(b"\n"):
        return True
    while (data := plain.readline(limit)) and not data.endswith(b"\n"):
        pass
    return False
