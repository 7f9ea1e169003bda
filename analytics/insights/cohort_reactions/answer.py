"""Reactions by cohort as they are answered."""

from msgspec import Struct

from analytics.insights.cohort_reactions.figures import CohortFigures
from analytics.insights.cohort_reactions.question import CohortReactions
from analytics.insights.kind import Stamp
from analytics.metrics.intervals import wilson
from analytics.metrics.periods import Window
from analytics.schema import REACTIONS


class CohortReaction(Struct, frozen=True):
    """The people of a cohort who left a reaction at least once. `interval` is the 95 % Wilson interval."""

    reaction: str
    people: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None


class ReactionCohort(Struct, frozen=True):
    start: str
    people: int
    values: list[CohortReaction]


class CohortReactionsAnswer(Struct, frozen=True):
    cohorts: list[ReactionCohort]
    stamp: Stamp


def present(
    question: CohortReactions, found: CohortFigures, window: Window, stamp: Stamp
) -> CohortReactionsAnswer:
    cohorts = [
        ReactionCohort(
            window.label(index), size, [_value(*each, size) for each in zip(REACTIONS, people, strict=True)]
        )
        for index, (size, people) in enumerate(zip(found.sizes, found.people, strict=True))
    ]
    return CohortReactionsAnswer(cohorts, stamp)


def _value(reaction: str, people: int, of: int) -> CohortReaction:
    return CohortReaction(reaction, people, of, people / of if of else None, wilson(people, of))
