"""Portions of rows, bounded in bytes as well as in rows: a thousand rows can be a gigabyte."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from config.limits import PORTION_BYTES

Row = tuple[Any, ...]


def fitting(sizes: Iterable[int], budget: int = PORTION_BYTES) -> int:
    """How many of the next rows, of these sizes, are read together: at least one, and one beyond the budget."""
    count = total = 0
    for size in sizes:
        # Never none: a row that is larger than the budget would stop the reader for good.
        count, total = count + 1, total + size
        if total >= budget:
            break
    return count


def take(rows: Iterator[Row], limit: int) -> tuple[list[Row], bool]:
    """The next rows, and whether they are a full portion. If not, there are no more."""
    found: list[Row] = []
    total = 0
    for row in islice(rows, limit):
        found.append(row)
        total += _size(row)
        if total >= PORTION_BYTES:
            return found, True
    return found, len(found) == limit


def _size(row: Row) -> int:
    return sum(len(value) for value in row if isinstance(value, str))
