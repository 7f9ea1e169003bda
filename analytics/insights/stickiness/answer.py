"""Stickiness as it is answered."""

from msgspec import Struct

from analytics.insights.kind import Stamp
from analytics.insights.stickiness.figures import StickinessFigures
from analytics.insights.stickiness.question import Stickiness
from analytics.metrics.intervals import wilson
from analytics.metrics.periods import Window


class StickinessValue(Struct, frozen=True):
    """People active in exactly `intervals` periods, of everyone active in the range. `interval`: 95 % Wilson."""

    intervals: int
    people: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None


class StickinessAnswer(Struct, frozen=True):
    """`complete` is false while the last period of the range has not ended."""

    values: list[StickinessValue]
    complete: bool
    stamp: Stamp


def present(question: Stickiness, found: StickinessFigures, window: Window, stamp: Stamp) -> StickinessAnswer:
    everyone = sum(found.people)
    values = [
        StickinessValue(
            intervals, people, everyone, people / everyone if everyone else None, wilson(people, everyone)
        )
        for intervals, people in enumerate(found.people, start=1)
    ]
    return StickinessAnswer(values, window.elapsed(len(window) - 1, stamp.computed_at), stamp)
