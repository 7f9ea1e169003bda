"""How many questions run at the same time, so that heavy ones leave room for others and for pages."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection

from config.limits import QUESTION_WAIT_SECONDS, QUESTIONS, QUESTIONS_PER_PROJECT, QUESTIONS_WAITING

T = TypeVar("T")

MIN_BACKOFF, MAX_BACKOFF = 0.02, 0.5
"""Seconds between two attempts to get a place."""

_lock = threading.Lock()
_free = set(range(QUESTIONS))
_running: Counter[int] = Counter()
_waiting = threading.BoundedSemaphore(QUESTIONS_WAITING)


class BusyError(Exception):
    """Too many questions are running. Try again after `wait` seconds."""

    wait = 5

    def __init__(self) -> None:
        super().__init__("too many questions are being answered; try again in a few seconds")


@contextmanager
def place(project_id: int) -> Iterator[int]:
    """One of the QUESTIONS places of this process. Never waits: raises BusyError when there is none."""
    number = _take(project_id)
    try:
        yield number
    finally:
        with _lock:
            _free.add(number)
            _running[project_id] -= 1


def _take(project_id: int) -> int:
    with _lock:
        if not _free or _running[project_id] >= QUESTIONS_PER_PROJECT:
            raise BusyError
        _running[project_id] += 1
        return _free.pop()


def queued(ask: Callable[[], T]) -> T:
    """The result of `ask`, which is called again while it raises BusyError, for QUESTION_WAIT_SECONDS at most."""
    try:
        return ask()
    except BusyError:
        if not _waiting.acquire(blocking=False):
            raise
    try:
        return _retried(ask)
    finally:
        _waiting.release()


def _retried(ask: Callable[[], T]) -> T:
    deadline, backoff = time.monotonic() + QUESTION_WAIT_SECONDS, MIN_BACKOFF
    while True:
        # Waiting questions hold no connection: pages would wait for one behind them.
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(backoff)
        backoff = min(backoff * 1.5, MAX_BACKOFF)
        try:
            return ask()
        except BusyError:
            if time.monotonic() > deadline:
                raise
