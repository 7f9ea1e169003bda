"""A lifecycle as it is answered."""

from msgspec import Struct

from analytics.insights.kind import Stamp
from analytics.insights.lifecycle.figures import LifecycleFigures
from analytics.insights.lifecycle.question import Lifecycle
from analytics.metrics.periods import Window


class LifecycleValue(Struct, frozen=True):
    """One period: people by status, dormant ones as a positive count. `complete` is false while it runs."""

    start: str
    new: int
    returning: int
    resurrecting: int
    dormant: int
    complete: bool


class LifecycleAnswer(Struct, frozen=True):
    points: list[LifecycleValue]
    stamp: Stamp


def present(question: Lifecycle, found: LifecycleFigures, window: Window, stamp: Stamp) -> LifecycleAnswer:
    counts = zip(found.new, found.returning, found.resurrecting, found.dormant, strict=True)
    points = [
        LifecycleValue(window.label(index), *each, complete=window.elapsed(index, stamp.computed_at))
        for index, each in enumerate(counts)
    ]
    return LifecycleAnswer(points, stamp)
