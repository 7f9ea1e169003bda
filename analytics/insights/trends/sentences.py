"""The trends page: a bar chart and its total."""

from typing import Any

from analytics.insights.kind import Href, Names
from analytics.insights.trends.answer import TrendsAnswer
from analytics.insights.trends.points import TrendPoint
from analytics.insights.trends.question import Trends
from dashboard import formats
from dashboard.charts import chart, of_periods

VALUES = {"people": "People", "total": "Events", "per_person": "Events per person"}


def draw(question: Trends, answer: TrendsAnswer, names: Names, href: Href) -> dict[str, Any] | None:
    [series] = answer.series
    drawn = chart(of_periods(series.points, question.interval, lambda start: href(start=start)))
    if not any(bar.column.people for bar in drawn.bars):
        return None
    total = None if series.total is None else formats.number(series.total)
    return {
        "chart": drawn,
        "series": series,
        "total": total,
        "everyone": href(),
        "values": VALUES[series.measure],
    }


def title(question: Trends, point: TrendPoint) -> str:
    days = f"{question.from_} to {question.to}"
    when = formats.period(point.start, question.interval) if point.start else days
    return f"{question.series[0].event or 'Any event'}, {when}"
