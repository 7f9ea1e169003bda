"""The people behind figures of few people, which the page shows by name."""

from collections.abc import Iterator

from analytics.insights.reading import Reading
from analytics.insights.stickiness.answer import StickinessAnswer
from analytics.insights.stickiness.figures import active
from analytics.insights.stickiness.question import Stickiness

Cell = tuple[int]


def small(
    question: Stickiness, reading: Reading, answer: StickinessAnswer, below: int
) -> Iterator[tuple[Cell, int]]:
    """By the number of periods, for figures of fewer than `below` people."""
    few = [value.intervals for value in answer.values if 0 < value.people < below]
    if not few:
        return
    people = active(question, reading)
    for row in reading.run(people.filter(people["intervals"].isin(few))).to_pylist():
        yield (row["intervals"],), row["person_id"]
