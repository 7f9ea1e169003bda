"""Undoing what clients wrap around JSON: gzip, deflate, base64, lz-string. Never inflates beyond a limit of bytes."""

import base64
import binascii
import zlib

from analytics.ingest.wire.event import DropReason, Unreadable

GZIP_MAGIC = b"\x1f\x8b"
ANY_HEADER = 47  # zlib's code for "gzip or zlib, whichever it is"
NO_HEADER = -15
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
SIX_BITS = {ord(letter): f"{number:06b}" for number, letter in enumerate(BASE64[:64])}
MAX_LZ = 512 * 1024


def content(body: bytes, encodings: str, limit: int) -> bytes:
    """A body without its Content-Encoding. Raises Unreadable: 413 beyond `limit`, 415 for an unknown encoding."""
    for name in reversed([each.strip() for each in encodings.lower().split(",") if each.strip()]):
        if name in ("gzip", "x-gzip", "deflate"):
            body = inflate(body, limit)
        elif name != "identity":
            raise Unreadable(f"Content-Encoding {name!r} is not understood; send gzip, deflate or none", 415)
    return body


def inflate(body: bytes, limit: int) -> bytes:
    """gzip, zlib or raw deflate. A small body may hold gigabytes, so no more than `limit` is ever produced."""
    try:
        return _members(body, ANY_HEADER, limit)
    except zlib.error as error:
        if body.startswith(GZIP_MAGIC):
            raise Unreadable(f"the gzip data is damaged: {error}") from None
    try:
        return _members(body, NO_HEADER, limit)
    except zlib.error as error:
        raise Unreadable(f"the compressed data is damaged: {error}") from None


def _members(body: bytes, header: int, limit: int) -> bytes:
    whole = bytearray()
    while body:
        stream = zlib.decompressobj(header)
        whole += stream.decompress(body, limit + 1 - len(whole))
        if len(whole) > limit:
            raise too_large(limit)
        if not stream.eof:
            raise zlib.error("it ends too early")
        body = stream.unused_data
    return bytes(whole)


def too_large(limit: int) -> Unreadable:
    return Unreadable(
        f"the body is larger than {limit:,} bytes; send less at once", 413, DropReason.TOO_LARGE
    )


def from_base64(body: bytes) -> bytes | None:
    """The decoded bytes, or None where this is no base64."""
    try:
        return base64.b64decode(body.strip(), validate=True)
    except binascii.Error:
        return None


def from_lz_string(body: bytes, limit: int) -> bytes:
    """lz-string's base64 form: LZ78 with codes of growing width, least significant bit first, over UTF-16 units."""
    if len(body) > MAX_LZ:
        raise too_large(MAX_LZ)
    bits = body.decode("latin-1").strip().rstrip("=").translate(SIX_BITS)
    try:
        text = _lz78(_Bits(bits), limit)
    except (ValueError, LookupError):
        raise Unreadable("the lz-string data is damaged") from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


class _Bits:
    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._at = 0

    def take(self, count: int) -> int:
        chunk = self._bits[self._at : self._at + count]
        self._at += count
        if len(chunk) < count:
            raise ValueError("the data ends too early")
        return int(chunk[::-1], 2)


WIDTHS = {0: 8, 1: 16}  # codes 0 and 1 announce a new letter of that many bits; 2 is the end
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
            width, room = _wider(width, room)
        entry = words[code] if code < len(words) else _repeated(word, code, len(words))
        parts.append(entry)
        size += len(entry)
        if size > limit:
            raise too_large(limit)
        words.append(word + entry[0])
        word = entry
        width, room = _wider(width, room - 1)
    return "".join(parts)


def _wider(width: int, room: int) -> tuple[int, int]:
    return (width + 1, 1 << width) if room == 0 else (width, room)


def _repeated(word: str, code: int, known: int) -> str:
    if code != known:
        raise ValueError("a code that is not yet known")
    return word + word[0]
