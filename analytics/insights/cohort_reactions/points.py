"""Naming one figure: `{"cohort": "2026-01-05", "reaction": "confusing"}`."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.cohort_reactions import metric
from analytics.insights.cohort_reactions.figures import reacted
from analytics.insights.cohort_reactions.question import CohortReactions
from analytics.insights.questions import QueryError
from analytics.insights.reading import Reading, period
from analytics.schema import REACTIONS


class CohortReactionPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """The people of a cohort who left a reaction; without `reaction` the whole cohort."""

    cohort: str
    reaction: str | None = None


def people(question: CohortReactions, reading: Reading, point: CohortReactionPoint) -> ir.Table:
    if point.reaction is not None and point.reaction not in REACTIONS:
        raise QueryError("point.reaction", f"write one of {', '.join(REACTIONS)}, or leave it out")
    value = metric.EVERYONE if point.reaction is None else point.reaction
    cohort = period(reading.window, "point.cohort", point.cohort)
    return metric.members(reacted(question, reading), cohort=cohort, value=value)
