"""The people behind figures of few people, which the page shows by name."""

from collections.abc import Iterator

import numpy as np

from analytics.insights.lifecycle import metric
from analytics.insights.lifecycle.answer import LifecycleAnswer
from analytics.insights.lifecycle.figures import active
from analytics.insights.lifecycle.metric import STATUSES, Status
from analytics.insights.lifecycle.question import Lifecycle
from analytics.insights.reading import Reading
from analytics.lake.columns import values
from analytics.metrics.expressions import any_of

Cell = tuple[str, Status]
MOST_PERIODS = 60
"""A page of more periods has no room for names."""


def small(
    question: Lifecycle, reading: Reading, answer: LifecycleAnswer, below: int
) -> Iterator[tuple[Cell, int]]:
    """By period and status, for figures of fewer than `below` people."""
    cells: list[tuple[int, Status]] = [
        (index, status)
        for index, point in enumerate(answer.points)
        for status in STATUSES
        if 0 < getattr(point, status) < below
    ]
    if not cells or len(answer.points) > MOST_PERIODS:
        return
    people = active(question, reading)
    found = reading.run(people.filter(any_of(*(metric.has(people, *cell) for cell in cells))))
    ids, statuses = values(found["person_id"], int), metric.by_status(found, len(answer.points))
    for index, status in cells:
        for at in np.flatnonzero(statuses[status][index]):
            yield (answer.points[index].start, status), ids[at]
