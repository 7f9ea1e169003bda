"""Decoders for gzip, deflate, base64 and lz-string. None of them inflates beyond a limit in bytes."""

import base64
import binascii
import zlib

from analytics.ingest.wire.event import DropReason, RequestRejectedError

GZIP_MAGIC = b"\x1f\x8b"
# zlib's wbits for each format.
GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15
MAX_GZIP_MEMBERS = 16
"""What follows a member is copied before it is read, so a body of many empty members would take quadratic time."""

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
SIX_BITS = {ord(letter): f"{number:06b}" for number, letter in enumerate(BASE64[:64])}
LZ_RATIO = 64
"""How many times smaller than the limit lz-string data must be: it is decoded in Python, at 700 KB a second."""


def decode_content(body: bytes, coding: str, limit: int) -> bytes:
    """Undo Content-Encoding. Raises RequestRejectedError: 413 beyond `limit`, 415 unless it is one known coding."""
    name = coding.strip().lower()
    if name in ("gzip", "x-gzip", "deflate"):
        return inflate(body, limit)
    if name not in ("", "identity"):
        raise RequestRejectedError(
            f"Content-Encoding {name[:50]!r} is not supported; send gzip once, deflate once or none", 415
        )
    return body


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate gzip, zlib or raw deflate. Raises RequestRejectedError: 400 if damaged, 413 beyond `limit` bytes."""
    try:
        if body.startswith(GZIP_MAGIC):
            return _inflate_gzip(body, limit)
        return _inflate_deflate(body, limit) if body else body
    except zlib.error as error:
        raise RequestRejectedError(f"the compressed data is damaged: {error}") from None


def _inflate_gzip(body: bytes, limit: int) -> bytes:
    whole = b""
    for _ in range(MAX_GZIP_MEMBERS):
        member, body = _inflate_stream(body, GZIP, limit, len(whole))
        whole += member
        if not body:
            return whole
    raise RequestRejectedError(f"the gzip data has more than {MAX_GZIP_MEMBERS} members; compress it as one")


def _inflate_deflate(body: bytes, limit: int) -> bytes:
    try:
        data, rest = _inflate_stream(body, ZLIB, limit)
    except zlib.error:
        # By "deflate" the standard means zlib, but some clients send it without zlib's header.
        data, rest = _inflate_stream(body, RAW_DEFLATE, limit)
    if rest:
        raise zlib.error("more data follows its end")
    return data


def _inflate_stream(body: bytes, header: int, limit: int, before: int = 0) -> tuple[bytes, bytes]:
    """The data of one compressed stream, and what follows it. `before` is the size of the data before it."""
    stream = zlib.decompressobj(header)
    # Without a maximum length, a few kilobytes could inflate to gigabytes before the size is checked.
    # The + 1 also keeps it above 0, which zlib takes as no limit.
    data = stream.decompress(body, limit + 1 - before)
    if before + len(data) > limit:
        raise too_large(limit)
    if not stream.eof:
        raise zlib.error("it is truncated")
    return data, stream.unused_data


def too_large(limit: int) -> RequestRejectedError:
    return RequestRejectedError(
        f"the body is larger than {limit:,} bytes; send smaller batches", 413, DropReason.TOO_LARGE
    )


def from_base64(body: bytes) -> bytes | None:
    """The decoded bytes, or None if this is not base64."""
    try:
        return base64.b64decode(body.strip(), validate=True)
    except binascii.Error:
        return None


def from_lz_string(body: bytes, limit: int) -> bytes:
    """Decode lz-string's base64 form: LZ78 with codes of growing width, low bit first, over UTF-16 units.

    Raises RequestRejectedError: 400 for damaged data, 413 beyond `limit`.
    """
    if len(body) > limit // LZ_RATIO:
        raise too_large(limit // LZ_RATIO)
    bits = body.decode("latin-1").strip().rstrip("=").translate(SIX_BITS)
    try:
        text = _lz78(_Bits(bits), limit)
    except (ValueError, LookupError):
        raise RequestRejectedError("the lz-string data is damaged") from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


class _Bits:
    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._at = 0

    def take(self, count: int) -> int:
        chunk = self._bits[self._at : self._at + count]
        self._at += count
        if len(chunk) < count:
            raise ValueError("the data is truncated")
        return int(chunk[::-1], 2)


WIDTHS = {0: 8, 1: 16}  # codes 0 and 1 precede a new character of that many bits; code 2 ends the data
END = 2


def _lz78(bits: _Bits, limit: int) -> str:
    code = bits.take(2)
    if code == END:
        return ""
    word = chr(bits.take(WIDTHS[code]))
    words, parts, size, width, room = ["", "", "", word], [word], 1, 3, 4
    while (code := bits.take(width)) != END:
        if code in WIDTHS:
            words.append(chr(bits.take(WIDTHS[code])))
            code = len(words) - 1
            room -= 1
            width, room = _widened(width, room)
        entry = words[code] if code < len(words) else _repeated_entry(word, code, len(words))
        parts.append(entry)
        size += len(entry)
        if size > limit:
            raise too_large(limit)
        words.append(word + entry[0])
        word = entry
        width, room = _widened(width, room - 1)
    return "".join(parts)


def _widened(width: int, room: int) -> tuple[int, int]:
    return (width + 1, 1 << width) if room == 0 else (width, room)


def _repeated_entry(word: str, code: int, known: int) -> str:
    if code != known:
        raise ValueError("unknown code")
    return word + word[0]
