"""Naming one figure of stickiness: `{"intervals": 5}`."""

from typing import Annotated

from ibis.expr import types as ir
from msgspec import Meta, Struct

from analytics.insights.questions import QueryError
from analytics.insights.reading import Reading
from analytics.insights.stickiness import metric
from analytics.insights.stickiness.figures import active
from analytics.insights.stickiness.question import Stickiness


class StickinessPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """The people active in exactly `intervals` periods."""

    intervals: Annotated[int, Meta(ge=1)]


def people(question: Stickiness, reading: Reading, point: StickinessPoint) -> ir.Table:
    if point.intervals > len(reading.window):
        raise QueryError("point.intervals", f"the range has {len(reading.window)} periods; write 1 to that")
    return metric.members(active(question, reading), point.intervals)
