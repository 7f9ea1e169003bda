"""Naming one figure of a lifecycle: `{"start": "2026-01-12", "status": "new"}`."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.lifecycle import metric
from analytics.insights.lifecycle.figures import active
from analytics.insights.lifecycle.metric import Status
from analytics.insights.lifecycle.question import Lifecycle
from analytics.insights.reading import Reading, period


class LifecyclePoint(Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a period's bar."""

    start: str
    status: Status


def people(question: Lifecycle, reading: Reading, point: LifecyclePoint) -> ir.Table:
    at = period(reading.window, "point.start", point.start)
    return metric.members(active(question, reading), period=at, status=point.status)
