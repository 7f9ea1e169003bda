"""The people of small cohorts, with their reactions."""

from collections.abc import Iterator

from analytics.insights.cohort_reactions import metric
from analytics.insights.cohort_reactions.answer import CohortReactionsAnswer
from analytics.insights.cohort_reactions.figures import reacted
from analytics.insights.cohort_reactions.question import CohortReactions
from analytics.insights.reading import Reading

Cell = tuple[str, str | None]


def small(
    question: CohortReactions, reading: Reading, answer: CohortReactionsAnswer, below: int
) -> Iterator[tuple[Cell, int]]:
    """By cohort and reaction (None: the whole cohort), for cohorts of fewer than `below` people."""
    starts = {index: row.start for index, row in enumerate(answer.cohorts) if 0 < row.people < below}
    if not starts:
        return
    everyone = reacted(question, reading)
    found = reading.run(everyone.filter(everyone["cohort"].isin(list(starts))))
    for row in found.to_pylist():
        reaction = None if row["value"] == metric.EVERYONE else row["value"]
        yield (starts[row["cohort"]], reaction), row["person_id"]
