"""Locks across all processes and machines that share the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")

MIN_BACKOFF, MAX_BACKOFF = 0.02, 0.5
"""Seconds between two attempts while another process computes the result; each wait is longer than the last."""


@contextmanager
def single_writer(name: str) -> Iterator[bool]:
    """Yields True when this process holds the lock `name`, False when another one does. Never waits.

    The lock ends with its transaction, so a killed process or a lost connection releases it at once.
    """
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        # Two names with the same hash would only wait for each other. No writer would be without a lock.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"firsthand.{name}"])
        (alone,) = cursor.fetchone()
        yield bool(alone)


def computed_once(name: str, look: Callable[[], T | None], compute: Callable[[], T]) -> T:
    """The result that `look` finds, or that `compute` returns. `compute` must store it where `look` finds it.

    Only one process computes; the others wait. When `compute` raises, only its own caller gets the error, and the next
    one that waits tries again.
    """
    backoff = MIN_BACKOFF
    while (found := look()) is None:
        with single_writer(name) as alone:
            if alone:
                # Look again: another process may have finished before we got the lock.
                return found if (found := look()) is not None else compute()
        # Return the connection while waiting: many waiters would otherwise use up the pool and stop the one computing.
        # Inside a transaction that is impossible: closing would roll it back.
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(backoff)
        backoff = min(backoff * 1.5, MAX_BACKOFF)
    return found
