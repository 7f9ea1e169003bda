"""One at a time, across all processes and machines that share the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two looks of those who wait for another one's result."""


@contextmanager
def single_writer(name: str) -> Iterator[bool]:
    """True inside while this process alone does what `name` says; false when another one is at it already.

    Held by a transaction, so that a killed process or a lost connection frees it at once.
    """
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"firsthand.{name}"])
        (alone,) = cursor.fetchone()
        yield bool(alone)


def computed_once(name: str, look: Callable[[], T | None], compute: Callable[[], T]) -> T:
    """What `look` finds, or else what `compute` returns and leaves where all find it. Others wait for it meanwhile.

    Raises what `compute` raises, to its own caller only: of those who waited, the next one tries it.
    """
    pause = FIRST_PAUSE
    while (found := look()) is None:
        with single_writer(name) as alone:
            if alone:
                # Again: another one may have finished between our look and the lock.
                return found if (found := look()) is not None else compute()
        # Back to the pool: many who wait must not hold the connections of those who work. A transaction keeps its own.
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return found
