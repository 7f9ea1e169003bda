"""A retention answer as a triangle: one row a cohort, one column a period since."""

from collections.abc import Callable
from dataclasses import dataclass

from analytics.query.results import RetentionAnswer, RetentionCohort
from dashboard import formats
from dashboard.figures import Figure

Names = dict[tuple[str, int], tuple[str, ...]]
"""By cohort and offset: the people of a small cohort, by name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One cohort: what it is called, how many they are, and what became of them."""

    label: str
    size: Figure
    cells: list[Figure]


@dataclass(frozen=True, slots=True)
class Triangle:
    columns: list[str]
    rows: list[Row]
    average: list[Figure | None]


def triangle(answer: RetentionAnswer, period: str, names: Names, href: Callable[[str, int], str]) -> Triangle:
    """`href` gives the address of the people behind a cell, by cohort and offset."""
    rows = [
        Row(formats.period(cohort.start, period), *_cells(cohort, names, href)) for cohort in answer.cohorts
    ]
    width = max((len(row.cells) for row in rows), default=0)
    columns = [f"{period.capitalize()} {number}" for number in range(1, width + 1)]
    return Triangle(columns, rows, [_average(answer, offset) for offset in range(1, width + 1)])


def _cells(
    cohort: RetentionCohort, names: Names, href: Callable[[str, int], str]
) -> tuple[Figure, list[Figure]]:
    figures = [
        Figure(
            people=value.people,
            of=value.of,
            complete=value.complete or value.offset == 0,
            interval=value.interval,
            href=href(cohort.start, value.offset) if value.people else "",
            names=names.get((cohort.start, value.offset), ()),
        )
        for value in cohort.values
    ]
    return figures[0], figures[1:]


def _average(answer: RetentionAnswer, offset: int) -> Figure | None:
    """All complete cells of a column together; None as long as there is none."""
    value = next((value for value in answer.average if value.offset == offset), None)
    return Figure(value.people, value.of, interval=value.interval) if value and value.of else None
