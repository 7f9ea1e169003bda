"""Retention as it is answered."""

from msgspec import Struct

from analytics.insights.kind import Stamp
from analytics.insights.retention.figures import Triangle
from analytics.insights.retention.question import Retention
from analytics.metrics.intervals import wilson
from analytics.metrics.periods import Window


class RetentionValue(Struct, frozen=True):
    """One cell: `people` of `of`. `interval` is the 95 % Wilson interval of `rate`. Both are null when `of` is 0.

    In the average row, `people` and `of` are sums over the cohorts whose cell is complete.
    """

    offset: int
    people: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None
    complete: bool


class RetentionCohort(Struct, frozen=True):
    start: str
    people: int
    values: list[RetentionValue]


class RetentionAnswer(Struct, frozen=True):
    cohorts: list[RetentionCohort]
    average: list[RetentionValue]
    stamp: Stamp


def present(question: Retention, found: Triangle, window: Window, stamp: Stamp) -> RetentionAnswer:
    elapsed = [window.elapsed(index, stamp.computed_at) for index in range(len(window))]
    width = question.periods or len(window)
    cohorts = [
        RetentionCohort(window.label(index), row[0], _row(row[:width], elapsed[index:]))
        for index, row in enumerate(found.cells)
    ]
    return RetentionAnswer(cohorts, _average(cohorts, min(width, len(window))), stamp)


def _row(people: list[int], elapsed: list[bool]) -> list[RetentionValue]:
    return [_cell(offset, count, people[0], elapsed[offset]) for offset, count in enumerate(people)]


def _cell(offset: int, people: int, of: int, complete: bool) -> RetentionValue:
    return RetentionValue(offset, people, of, people / of if of else None, wilson(people, of), complete)


def _average(cohorts: list[RetentionCohort], width: int) -> list[RetentionValue]:
    """Weighted by cohort size: the people of all complete cells, of all people in those cohorts."""
    row = []
    for offset in range(width):
        cells = [cohort.values[offset] for cohort in cohorts if offset < len(cohort.values)]
        # A period that still runs has fewer returns so far, and would pull the average down.
        known = [cell for cell in cells if cell.complete]
        people, of = sum(cell.people for cell in known), sum(cell.of for cell in known)
        row.append(_cell(offset, people, of, bool(known)))
    return row
