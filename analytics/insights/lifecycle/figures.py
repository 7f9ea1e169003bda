"""Lifecycle, counted: this is what is cached."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.lifecycle import metric
from analytics.insights.lifecycle.question import Lifecycle
from analytics.insights.reading import Reading
from analytics.metrics.filters import EventFilter


class LifecycleFigures(Struct, frozen=True):
    """People per period; dormant ones as a positive count."""

    new: list[int]
    returning: list[int]
    resurrecting: list[int]
    dormant: list[int]


def active(question: Lifecycle, reading: Reading) -> ir.Table:
    """See metric.people."""
    # One period more: who is returning or dormant depends on the period before.
    return metric.people(reading.source(history=True, before=1), EventFilter(question.event))


def count(question: Lifecycle, reading: Reading) -> LifecycleFigures:
    tally = reading.run(metric.tally(active(question, reading)))
    return LifecycleFigures(**metric.statuses(tally, len(reading.window)))
