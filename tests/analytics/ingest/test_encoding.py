"""Decompression within limits."""

import gzip
import json
import zlib

import lzstring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ingest.wire import encoding
from analytics.ingest.wire.event import RequestRejectedError

LIMIT = 100_000


@given(st.binary(max_size=3_000))
def test_compressed_data_is_inflated(data: bytes) -> None:
    raw = zlib.compressobj(wbits=-15)
    for compressed in (gzip.compress(data), zlib.compress(data), raw.compress(data) + raw.flush()):
        assert encoding.inflate(compressed, LIMIT) == data


def test_gzip_in_several_members_is_one_body() -> None:
    assert encoding.inflate(gzip.compress(b"one ") + gzip.compress(b"two"), LIMIT) == b"one two"


@pytest.mark.parametrize("level", [1, 9])
def test_the_limit_is_exact_to_the_byte(level: int) -> None:
    assert len(encoding.inflate(gzip.compress(b"x" * LIMIT, level), LIMIT)) == LIMIT
    with pytest.raises(RequestRejectedError, match="100,000") as caught:
        encoding.inflate(gzip.compress(b"x" * (LIMIT + 1), level), LIMIT)
    assert caught.value.status == 413


def test_many_small_members_are_bounded_too() -> None:
    with pytest.raises(RequestRejectedError):
        encoding.inflate(gzip.compress(b"x" * 60_000) * 2, LIMIT)


@given(st.binary(max_size=200))
def test_random_bytes_are_rejected_or_decoded(data: bytes) -> None:
    for undo in (encoding.inflate, encoding.from_lz_string):
        try:
            assert isinstance(undo(data, LIMIT), bytes)
        except RequestRejectedError as error:
            assert error.status in (400, 413)  # noqa: PT017 (both outcomes are right)


def utf16(text: str) -> str:
    """One character for each UTF-16 unit, as in JavaScript; the Python package does not do that itself."""
    data = text.encode("utf-16-le")
    return "".join(chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2))


@given(st.text(max_size=300) | st.text("ab", min_size=200, max_size=2_000))
def test_lz_string_from_another_implementation_is_decoded(text: str) -> None:
    compressed = lzstring.LZString().compressToBase64(utf16(text)).encode()
    assert encoding.from_lz_string(compressed, LIMIT).decode() == text


def test_an_lz_string_bomb_is_rejected() -> None:
    bomb = lzstring.LZString().compressToBase64("x" * 3_000_000).encode()
    assert len(bomb) < 10_000
    with pytest.raises(RequestRejectedError) as caught:
        encoding.from_lz_string(bomb, LIMIT)
    assert caught.value.status == 413


def test_text_that_is_not_base64_is_not_decoded() -> None:
    assert encoding.from_base64(json.dumps({"a": 1}).encode()) is None
    assert encoding.from_base64(b"eyJhIjoxfQ==\n") == b'{"a":1}'
