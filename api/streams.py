"""Streams: how many run at the same time, and how they read without holding a database connection."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse

from api.problems import too_many_requests
from config.limits import STREAM_READS, STREAM_RETRY_SECONDS, STREAMS, STREAMS_PER_PROJECT

_running: Counter[int] = Counter()
"""Streams of this process by project. Only the event loop changes it, so it needs no lock."""

_reading: Counter[int] = Counter()
_read_ended = threading.Condition()


class Stream(StreamingHttpResponse):
    """A response of any length. config.handler sends it while `admitted` allows it."""

    def __init__(self, chunks: Iterator[bytes], *, project: int, content_type: str) -> None:
        super().__init__(_read_in_turn(chunks, project), content_type=content_type)
        self.project = project


@contextmanager
def admitted(stream: Stream) -> Iterator[HttpResponse | Stream]:
    """The stream, or a 429 in its place when too many are running."""
    if _running.total() >= STREAMS or _running[stream.project] >= STREAMS_PER_PROJECT:
        detail = f"too many exports at the same time (at most {STREAMS_PER_PROJECT} of a project); wait for one to end"
        yield too_many_requests(detail, STREAM_RETRY_SECONDS)
        return
    _running[stream.project] += 1
    try:
        yield stream
    finally:
        # Also after an error or a client that hung up: a place that is not given back would be lost until a restart.
        _running[stream.project] -= 1


async def _read_in_turn(chunks: Iterator[bytes], project: int) -> AsyncIterator[bytes]:
    # Under ASGI, Django collects a plain iterator in memory before it sends the first byte.
    # `is not None`: a batch whose rows were all merged away is b"" and must not end the stream.
    # In the thread of the request: other threads are shared, and slow streams would keep them from each other.
    while (chunk := await sync_to_async(_next)(chunks, project)) is not None:
        yield chunk


def _next(chunks: Iterator[bytes], project: int) -> bytes | None:
    try:
        with _turn(project):
            # None at the end: a StopIteration cannot be passed through the future of a thread.
            return next(chunks, None)
    finally:
        # Back to the pool: a slow client would otherwise hold a database connection for the whole download.
        connection.close()


@contextmanager
def _turn(project: int) -> Iterator[None]:
    """Wait until the stream may read its next step. Those who wait hold no connection."""
    # A page needs the interpreter many times, and each time waits up to 5 ms for every thread that computes.
    with _read_ended:
        _read_ended.wait_for(lambda: _reading.total() < STREAM_READS and not _reading[project])
        _reading[project] += 1
    try:
        yield
    finally:
        with _read_ended:
            _reading[project] -= 1
            _read_ended.notify_all()
