"""Portions of the inbox, bounded by rows and by bytes: one request can be a thousand times larger than another."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection

from analytics.statements import statement

MAX_ROWS = 50_000
MAX_BYTES = 64 << 20
"""Bytes of the rows' text. A single row that is larger is a portion of its own."""

POSITIONS = """
SELECT position FROM analytics_inbox
WHERE position BETWEEN %(first)s AND %(last)s AND project_id <> ALL (%(stopped)s)
ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Portion:
    """The rows with positions from `first` to `last`, without those of the `stopped` projects."""

    first: int
    last: int
    rows: int
    stopped: tuple[int, ...] = ()

    def parameters(self) -> dict[str, Any]:
        return {"first": self.first, "last": self.last, "stopped": list(self.stopped)}


def oldest(rows: int, stopped: Collection[int]) -> Portion | None:
    """The oldest waiting rows; None when there are none."""
    names: dict[str, Any] = {"rows": rows, "bytes": MAX_BYTES, "stopped": sorted(stopped)}
    with connection.cursor() as cursor:
        cursor.execute(statement("enrich/oldest"), names)
        first, last, count = cursor.fetchone()
    return None if first is None else Portion(first, last, count, tuple(sorted(stopped)))


def positions(portion: Portion) -> list[int]:
    """The positions of the portion's rows that still wait."""
    with connection.cursor() as cursor:
        cursor.execute(POSITIONS, portion.parameters())
        return [position for (position,) in cursor.fetchall()]


def project_at(position: int) -> int | None:
    """The project of the row at a position; None when it no longer waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT project_id FROM analytics_inbox WHERE position = %s", [position])
        row = cursor.fetchone()
    return int(row[0]) if row else None
