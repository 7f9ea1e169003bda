"""The people in the cells of small cohorts, which the page shows by name."""

from collections.abc import Iterator

import pyarrow as pa

from analytics.insights.reading import Reading
from analytics.insights.retention.answer import RetentionAnswer
from analytics.insights.retention.figures import bits
from analytics.insights.retention.question import Retention
from analytics.lake.columns import values
from analytics.metrics import masks
from analytics.metrics.expressions import any_of

Cell = tuple[str, int]


def small(
    question: Retention, reading: Reading, answer: RetentionAnswer, below: int
) -> Iterator[tuple[Cell, int]]:
    """By cohort and offset, for cohorts of fewer than `below` people; from the bits that count them."""
    cohorts = [index for index, cohort in enumerate(answer.cohorts) if 0 < cohort.people < below]
    if not cohorts:
        return
    everyone = bits(question, reading)
    found = reading.run(everyone.filter(any_of(*(masks.has(everyone, "s", cohort) for cohort in cohorts))))
    started, returned = (_periods(found, prefix, len(reading.window)) for prefix in "sr")
    for person, starts, returns in zip(values(found["person_id"], int), started, returned, strict=True):
        for cohort in (each for each in cohorts if starts >> each & 1):
            for value in answer.cohorts[cohort].values:
                if _is_in(question, returns, cohort, value.offset):
                    yield (answer.cohorts[cohort].start, value.offset), person


def _periods(found: pa.Table, prefix: str, periods: int) -> list[int]:
    """Each person's periods as one integer, from all the words of the mask."""
    words = [found[name].to_pylist() for name in masks.names(prefix, periods)]
    return [
        # Python's integers have no limit, so all words fit into one.
        sum(word << (masks.BITS * place) for place, word in enumerate(row))
        for row in zip(*words, strict=True)
    ]


def _is_in(question: Retention, returns: int, cohort: int, offset: int) -> bool:
    """Offset 0 is the whole cohort, even those who did not do the return event in that period."""
    later = returns >> (cohort + offset)
    return offset == 0 or bool(later if question.counting == "on_or_after" else later & 1)
