"""Reactions by cohort, counted: this is what is cached."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.cohort_reactions import metric
from analytics.insights.cohort_reactions.question import CohortReactions
from analytics.insights.reading import Reading
from analytics.schema import COMMENT_EVENT, REACTIONS


class CohortFigures(Struct, frozen=True):
    """Size of each cohort, and per cohort the people of each reaction."""

    sizes: list[int]
    people: list[list[int]]


def reacted(question: CohortReactions, reading: Reading) -> ir.Table:
    """person_id, cohort, value: see metric.people."""
    source = reading.source(history=True)
    return metric.people(source, reading.tables.events, COMMENT_EVENT, "reaction", list(REACTIONS))


def count(question: CohortReactions, reading: Reading) -> CohortFigures:
    tally = reading.run(metric.tally(reacted(question, reading))).to_pylist()
    found = {(row["cohort"], row["value"]): row["people"] for row in tally}
    cohorts = range(len(reading.window))
    sizes = [found.get((cohort, metric.EVERYONE), 0) for cohort in cohorts]
    people = [[found.get((cohort, value), 0) for value in REACTIONS] for cohort in cohorts]
    return CohortFigures(sizes, people)
