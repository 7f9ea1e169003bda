"""Finds the events that cannot be loaded and moves them into quarantine, so that they stop no others.

PostgreSQL can store what Arrow or Delta refuses, such as a time in the year 12020. A portion that fails is loaded in
halves, down to the events that fail alone. Such an event is the cause if it cannot be written to an empty table either
and an ordinary event can. Otherwise the lake or the database is the cause, and nothing is moved.
"""

import logging
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi as adbc
from django.db import connection

from analytics import failures
from analytics.failures import summary
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.models import Stage
from analytics.schema import NO_PERSON
from analytics.statements import statement

log = logging.getLogger(__name__)

POSSIBLE = (
    adbc.Error,
    pa.ArrowException,
    table.LakeError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)
"""Errors that events may cause. A lost connection to PostgreSQL or to the lake is none of them."""

Read = Callable[[int], pa.Table]
"""Reads the event with this sequence, as load does."""


def is_caused_by(sequence: int, project: int, error: Exception, *, read: Read, probe: Read) -> bool:
    """Whether this event is the cause of the error. If an ordinary event fails too, that is recorded, and it is not.

    read   reads the event
    probe  reads an ordinary event of the same project instead
    """
    if _fails(read, sequence) is None:
        return False
    if (failed := _fails(probe, sequence)) is None:
        return True
    log.error("load: stopped: %s", summary(failed))
    failures.record(Stage.LOAD, project, error, stop_after=1)
    return False


def _fails(read: Read, sequence: int) -> Exception | None:
    try:
        table.try_writing(EVENTS, read(sequence))
    except Exception as error:  # whatever it is: the ordinary event tells whose fault it is
        return error
    return None


def move(sequence: int, project: int, error: Exception) -> int:
    """Move the event into quarantine. Returns 0 when another process has moved it."""
    names: dict[str, Any] = {"sequence": sequence, "message": summary(error), "no_person": NO_PERSON}
    with connection.cursor() as cursor:
        cursor.execute(statement("lake/unloadable"), names)
        moved = int(cursor.fetchone()[0])
    if moved:
        log.error("load: an event of project %s was quarantined: %s", project, summary(error))
    return moved
