"""The stickiness page: one bar per number of periods, and a table."""

from typing import Any

from analytics.insights.kind import Href, Names
from analytics.insights.stickiness.answer import StickinessAnswer, StickinessValue
from analytics.insights.stickiness.points import StickinessPoint
from analytics.insights.stickiness.question import Stickiness
from dashboard import formats
from dashboard.charts import LABELS, Column, chart
from dashboard.figures import Figure


def draw(question: Stickiness, answer: StickinessAnswer, names: Names, href: Href) -> dict[str, Any] | None:
    everyone = answer.values[0].of
    if not everyone:
        return None
    figures = [_figure(value, names, href) for value in answer.values]
    labels = [_exactly(value.intervals, question.interval) for value in answer.values]
    every = -(-len(figures) // LABELS)
    columns = [
        Column(
            label,
            str(value.intervals) if (value.intervals - 1) % every == 0 else "",
            value.people,
            value.people,
            answer.complete,
            figure.href,
            figure.names,
        )
        for label, value, figure in zip(labels, answer.values, figures, strict=True)
    ]
    rows = list(zip(labels, figures, strict=True))
    return {"chart": chart(columns), "rows": rows, "everyone": everyone, "unit": question.interval}


def _figure(value: StickinessValue, names: Names, href: Href) -> Figure:
    address = href(intervals=value.intervals) if value.people else ""
    called = names.get((value.intervals,), ())
    return Figure(value.people, value.of, interval=value.interval, href=address, names=called)


def _exactly(intervals: int, unit: str) -> str:
    return f"{intervals} {unit}" if intervals == 1 else f"{intervals} {unit}s"


def title(question: Stickiness, point: StickinessPoint) -> str:
    days = f"{question.from_} to {question.to}"
    count = formats.number(point.intervals)
    return f"Active in exactly {count} {question.interval}{'' if point.intervals == 1 else 's'}, {days}"
