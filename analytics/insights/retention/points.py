"""Naming one cell of the triangle: `{"cohort": "2026-01-05", "offset": 1}`."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.questions import Count, QueryError
from analytics.insights.reading import Reading, period
from analytics.insights.retention import metric
from analytics.insights.retention.figures import bits
from analytics.insights.retention.question import Retention


class RetentionPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A cell: the cohort by its start, and how many periods later."""

    cohort: str
    offset: Count = 0


def people(question: Retention, reading: Reading, point: RetentionPoint) -> ir.Table:
    periods = len(reading.window)
    cohort = period(reading.window, "point.cohort", point.cohort)
    width = min(periods - cohort, question.periods or periods)
    if point.offset >= width:
        raise QueryError("point.offset", f"this cohort has offsets from 0 to {width - 1}")
    found = bits(question, reading)
    return metric.members(found, periods, question.counting, cohort=cohort, offset=point.offset)
