"""Stickiness, counted: this is what is cached."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.reading import Reading
from analytics.insights.stickiness import metric
from analytics.insights.stickiness.question import Stickiness
from analytics.metrics.filters import EventFilter


class StickinessFigures(Struct, frozen=True):
    """People active in exactly 1, 2, 3... periods, up to all of the range."""

    people: list[int]


def active(question: Stickiness, reading: Reading) -> ir.Table:
    """See metric.people."""
    return metric.people(reading.source(), EventFilter(question.event))


def count(question: Stickiness, reading: Reading) -> StickinessFigures:
    rows = reading.run(metric.tally(active(question, reading))).to_pylist()
    found = {row["intervals"]: row["people"] for row in rows}
    return StickinessFigures([found.get(intervals, 0) for intervals in range(1, len(reading.window) + 1)])
