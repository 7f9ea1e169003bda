"""From a request to the bytes of one JSON object that PostgreSQL can keep."""

import re
import zlib

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from feedback.embed.refusal import Refusal

LIMIT = 500_000
GZIP = b"\x1f\x8b"

PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
UNKEEPABLE = rb"u0000|u[dD][89a-fA-F][0-9a-fA-F]{2}"
ESCAPE = re.compile(rb"\\(?:" + PAIR + rb"|(" + UNKEEPABLE + rb")|.)", re.DOTALL)


def read(request: HttpRequest) -> bytes:
    """The body, inflated, at most LIMIT bytes, with its unkeepable characters mended. Raises Refusal."""
    try:
        raw = request.body
    except RequestDataTooBig:
        raise _too_big() from None
    except UnreadablePostError:
        raise Refusal(400, "the request ended before its body did; send it again") from None
    return mend(_inflated(raw) if raw.startswith(GZIP) else _small(raw))


def mend(raw: bytes) -> bytes:
    r"""Escapes of NUL and of half a surrogate pair become U+FFFD, as an emoji cut in two does in a browser.

    PostgreSQL can keep neither, and a person's words are worth more than one broken character in them.
    """
    return ESCAPE.sub(_mended, raw) if b"\\u" in raw else raw


def _mended(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match[1] else match[0]


def _small(raw: bytes) -> bytes:
    if len(raw) > LIMIT:
        raise _too_big()
    return raw


def _inflated(raw: bytes) -> bytes:
    """Inflates no further than one byte beyond the limit, whatever the bytes claim to hold."""
    inflator = zlib.decompressobj(wbits=31)
    try:
        inflated = inflator.decompress(raw, LIMIT + 1)
    except zlib.error as error:
        raise Refusal(400, f"the body is not gzip, though it begins like it: {error}") from error
    if len(inflated) <= LIMIT and not inflator.eof:
        raise Refusal(400, "the gzip stream ends too early; send all of it")
    return _small(inflated)


def _too_big() -> Refusal:
    return Refusal(413, f"a comment may have {LIMIT:,} bytes, inflated; send less context")
