"""The retention page: a triangle with one row per cohort and one column per offset."""

from typing import Any

from analytics.insights.kind import Href, Names
from analytics.insights.retention.answer import RetentionAnswer, RetentionCohort
from analytics.insights.retention.points import RetentionPoint
from analytics.insights.retention.question import Retention
from dashboard import formats
from dashboard.figures import Figure, Row


def draw(question: Retention, answer: RetentionAnswer, names: Names, href: Href) -> dict[str, Any] | None:
    rows = [_row(cohort, question.period, names, href) for cohort in answer.cohorts]
    if not any(row.size.people for row in rows):
        return None
    offsets = range(1, max(len(row.cells) for row in rows) + 1)
    columns = [f"{question.period.capitalize()} {offset}" for offset in offsets]
    return {"columns": columns, "rows": rows, "average": [_average(answer, offset) for offset in offsets]}


def _row(cohort: RetentionCohort, period: str, names: Names, href: Href) -> Row:
    size, *cells = (
        Figure(
            people=value.people,
            of=value.of,
            complete=value.complete or value.offset == 0,
            interval=value.interval,
            href=href(cohort=cohort.start, offset=value.offset) if value.people else "",
            names=names.get((cohort.start, value.offset), ()),
        )
        for value in cohort.values
    )
    return Row(formats.period(cohort.start, period), size, cells)


def _average(answer: RetentionAnswer, offset: int) -> Figure | None:
    """The average of a column's complete cells; None if there are none."""
    value = next((value for value in answer.average if value.offset == offset), None)
    return Figure(value.people, value.of, interval=value.interval) if value and value.of else None


def title(question: Retention, point: RetentionPoint) -> str:
    back = f"came back in {question.period} {point.offset}" if point.offset else "everyone"
    return f"Cohort of {formats.period(point.cohort, question.period)}: {back}"
