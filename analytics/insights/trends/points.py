"""Naming one figure of a trend: `{"series": 0, "start": "2026-01-01", "breakdown": null}`."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.questions import Count, QueryError
from analytics.insights.reading import Reading, period
from analytics.insights.trends import metric
from analytics.insights.trends.figures import divided, series_rows
from analytics.insights.trends.question import Trends


class TrendPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A bar; without `start` the whole series. `breakdown` is the value in the answer."""

    series: Count = 0
    start: str | None = None
    breakdown: str | None = None


def people(question: Trends, reading: Reading, point: TrendPoint) -> ir.Table:
    if point.series >= len(question.series):
        raise QueryError(
            "point.series",
            f"name a series from 0 to {len(question.series) - 1}; a formula has no people",
        )
    if (point.breakdown is None) != (question.breakdown is None):
        remedy = "name one of its values" if question.breakdown else "leave it out: the question has none"
        raise QueryError("point.breakdown", remedy)
    at = None if point.start is None else period(reading.window, "point.start", point.start)
    rows = series_rows(question, question.series[point.series], reading)
    found = divided(question, question.breakdown, rows, reading) if question.breakdown else rows
    return metric.members(found, part=point.breakdown, period=at)
