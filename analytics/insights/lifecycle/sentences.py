"""What a lifecycle's page says and draws: stacked bars, those who are missing below the line, and a table."""

from dataclasses import dataclass
from typing import Any

from analytics.insights.kind import Href, Names
from analytics.insights.lifecycle.answer import LifecycleAnswer, LifecycleValue
from analytics.insights.lifecycle.metric import STATUSES, Status
from analytics.insights.lifecycle.points import LifecyclePoint
from analytics.insights.lifecycle.question import Lifecycle
from dashboard import formats
from dashboard.charts import Part, period_ticks, stacked

MEANINGS: dict[Status, str] = {
    "new": "seen for the first time",
    "returning": "active now and in the period before",
    "resurrecting": "back after at least one period without activity",
    "dormant": "active in the period before, not in this one",
}
ORDER: tuple[Status, ...] = ("returning", "new", "resurrecting", "dormant")
"""From the zero line outwards: what lasts first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of the table."""

    people: int
    names: tuple[str, ...]
    href: str

    @property
    def given_names(self) -> list[str]:
        """First names, where there is little room."""
        return [name.partition(" ")[0] for name in self.names]


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    complete: bool
    cells: list[Cell]


def draw(question: Lifecycle, answer: LifecycleAnswer, names: Names, href: Href) -> dict[str, Any] | None:
    rows = [_row(point, question.interval, names, href) for point in answer.points]
    if not any(cell.people for row in rows for cell in row.cells):
        return None
    ticks = period_ticks([point.start for point in answer.points], question.interval)
    columns = (
        (ticks.get(point.start, ""), point.complete, _parts(row))
        for point, row in zip(answer.points, rows, strict=True)
    )
    legend = [(STATUSES.index(status) + 1, status, MEANINGS[status]) for status in STATUSES]
    return {"chart": stacked(columns), "rows": rows, "legend": legend}


def _row(point: LifecycleValue, interval: str, names: Names, href: Href) -> Row:
    cells = []
    for status in STATUSES:
        people: int = getattr(point, status)
        address = href(start=point.start, status=status) if people else ""
        cells.append(Cell(people, names.get((point.start, status), ()), address))
    return Row(formats.period(point.start, interval), point.complete, cells)


def _parts(row: Row) -> list[Part]:
    by_status = dict(zip(STATUSES, row.cells, strict=True))
    return [
        Part(
            series=STATUSES.index(status) + 1,
            value=-cell.people if status == "dormant" else cell.people,
            sentence=_sentence(row, status, cell),
            href=cell.href,
        )
        for status, cell in ((status, by_status[status]) for status in ORDER)
    ]


def _sentence(row: Row, status: Status, cell: Cell) -> str:
    named = f": {', '.join(cell.names)}" if cell.names else ""
    return f"{row.label}: {formats.number(cell.people)} {status}{'' if row.complete else ' so far'}{named}"


def title(question: Lifecycle, point: LifecyclePoint) -> str:
    return f"{point.status.capitalize()}, {formats.period(point.start, question.interval)}"
