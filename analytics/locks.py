"""One writer at a time, across all processes and machines that share the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def single_writer(name: str) -> Iterator[bool]:
    """True inside while this process alone does what `name` says; false when another one is at it already.

    Held by a transaction, so that a killed process or a lost connection frees it at once.
    """
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"firsthand.{name}"])
        (alone,) = cursor.fetchone()
        yield bool(alone)
