"""A file as lines, whatever it is like, in little memory."""

import gzip
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import pytest

from analytics.imports.parsing import BrokenFileError, lines

LIMIT = 1_000
MEGABYTE = 1_000_000


def read(content: bytes) -> list[tuple[int, bytes | None]]:
    return [(line.number, line.data) for line in lines(io.BytesIO(content), limit=LIMIT)]


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 2 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_it_works() -> None:
    assert read(b"one\ntwo\n") == [(1, b"one"), (2, b"two")]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n \n", []),
        (b"no end", [(1, b"no end")]),
        (b"from\r\nwindows\r\n", [(1, b"from"), (2, b"windows")]),
        (b"\xef\xbb\xbfwith a mark", [(1, b"with a mark")]),
        (b"one\n\nthree", [(1, b"one"), (3, b"three")]),
    ],
)
def test_blank_lines_and_marks_do_not_count_as_lines_of_data(
    content: bytes, found: list[tuple[int, bytes]]
) -> None:
    assert read(content) == found
    assert read(gzip.compress(content)) == found


@pytest.mark.parametrize("ending", [b"\n", b""])
@pytest.mark.parametrize(
    ("length", "kept"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False), (5 * LIMIT, False)]
)
def test_a_line_that_is_too_long_is_named_and_skipped(length: int, kept: bool, ending: bytes) -> None:
    long = b"x" * length
    assert read(b"before\n" + long + ending) == [(1, b"before"), (2, long if kept else None)]
    assert read(long + b"\nafter") == [(1, long if kept else None), (2, b"after")]


def test_several_gzip_streams_after_one_another_are_one_file() -> None:
    assert read(gzip.compress(b"one\n") + gzip.compress(b"two\n")) == [(1, b"one"), (2, b"two")]


def test_what_was_read_before_the_break_is_there() -> None:
    whole = gzip.compress(b"".join(b"line %d\n" % number for number in range(100_000)))
    found = list[bytes | None]()
    with pytest.raises(BrokenFileError) as broken:
        found.extend(line.data for line in lines(io.BytesIO(whole[: len(whole) // 2]), limit=LIMIT))
    assert len(found) > 30_000
    assert f"damaged after line {len(found)}: " in str(broken.value)


class Endless(io.RawIOBase):
    """A stream of so many bytes, none of which is kept anywhere."""

    def __init__(self, unit: bytes, size: int) -> None:
        self._unit = unit
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), self._left) // len(self._unit) * len(self._unit)
        buffer[:count] = self._unit * (count // len(self._unit))
        self._left -= count
        return count


def test_a_long_file_takes_little_memory() -> None:
    stream = cast("IO[bytes]", Endless(b"a line of a log, of no interest" + b"\n", 8 * MEGABYTE))
    with little_memory():
        assert sum(1 for _ in lines(stream, limit=LIMIT)) == MEGABYTE // 4


def test_a_line_without_end_takes_little_memory() -> None:
    with little_memory():
        assert [
            line.data for line in lines(cast("IO[bytes]", Endless(b"x", 32 * MEGABYTE)), limit=LIMIT)
        ] == [None]


def test_a_bomb_takes_little_memory() -> None:
    bomb = gzip.compress(b"x" * (32 * MEGABYTE))
    with little_memory():
        assert [line.data for line in lines(io.BytesIO(bomb), limit=LIMIT)] == [None]
