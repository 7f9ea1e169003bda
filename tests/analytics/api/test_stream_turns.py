"""Streams read in turn: one of a project at a time, and two in all, so that pages do not wait behind all of them."""

import csv
import io
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st

from api.listing import csv_rows
from api.streams import Stream

SOON = 60
ANAS, BENS, CLEOS = 1, 2, 3


async def _drain(stream: Stream) -> None:
    async for _ in stream:
        pass


def download(project: int, chunks: Iterator[bytes]) -> threading.Thread:
    stream = Stream(chunks, project=project, content_type="text/csv")
    reader = threading.Thread(target=async_to_sync(_drain), args=(stream,))
    reader.start()
    return reader


def test_streams_of_one_project_take_turns_and_others_need_not_wait() -> None:
    log: list[str] = []
    first_reads, second_reads, others_read = (threading.Event() for _ in range(3))

    def first() -> Iterator[bytes]:
        first_reads.set()
        # Ben's export is read to its end while Ana's first one still reads.
        assert others_read.wait(SOON)
        log.append("first")
        yield b"1"

    def second() -> Iterator[bytes]:
        second_reads.set()
        log.append("second")
        yield b"2"

    def of_ben() -> Iterator[bytes]:
        yield b"3"
        log.append("ben")
        others_read.set()

    running = [download(ANAS, first())]
    assert first_reads.wait(SOON)
    running += [download(ANAS, second()), download(BENS, of_ben())]
    for reader in running:
        reader.join(SOON)
    assert log == ["ben", "first", "second"]


def test_a_third_project_waits_for_one_of_two() -> None:
    log: list[str] = []
    late_reads, release = threading.Event(), threading.Event()

    def reading(began: threading.Event) -> Iterator[bytes]:
        began.set()
        assert release.wait(SOON)
        log.append("ends")
        yield b"1"

    def late() -> Iterator[bytes]:
        late_reads.set()
        log.append("late")
        yield b"2"

    running = []
    for project in (ANAS, BENS):
        began = threading.Event()
        running.append(download(project, reading(began)))
        assert began.wait(SOON)
    running.append(download(CLEOS, late()))
    assert not late_reads.wait(0.1)
    release.set()
    for reader in running:
        reader.join(SOON)
    assert sorted(log) == ["ends", "ends", "late"]
    assert log[0] == "ends"


def test_a_stream_that_fails_ends_its_turn() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="hexadecimal"):
            async_to_sync(_drain)(Stream(map(bytes.fromhex, ["?"]), project=ANAS, content_type="text/csv"))


@given(st.lists(st.lists(st.text(st.sampled_from('a",\r\n;\t é')), min_size=2)))
def test_csv_is_quoted_as_by_the_standard_library(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    assert csv_rows(rows) == text.getvalue().encode()
