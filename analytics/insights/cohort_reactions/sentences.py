"""The reactions page: one row per cohort, one column per reaction."""

from typing import Any

from analytics.insights.cohort_reactions.answer import CohortReactionsAnswer, ReactionCohort
from analytics.insights.cohort_reactions.points import CohortReactionPoint
from analytics.insights.cohort_reactions.question import CohortReactions
from analytics.insights.kind import Href, Names
from analytics.schema import REACTIONS
from dashboard import formats
from dashboard.figures import Figure, Row


def draw(
    question: CohortReactions, answer: CohortReactionsAnswer, names: Names, href: Href
) -> dict[str, Any] | None:
    if not any(value.people for cohort in answer.cohorts for value in cohort.values):
        return None
    rows = [_row(cohort, question.interval, names, href) for cohort in answer.cohorts]
    return {"rows": rows, "reactions": REACTIONS}


def _row(cohort: ReactionCohort, interval: str, names: Names, href: Href) -> Row:
    def figure(reaction: str | None, people: int, interval: tuple[float, float] | None) -> Figure:
        address = href(cohort=cohort.start, reaction=reaction or "") if people else ""
        called = names.get((cohort.start, reaction), ())
        return Figure(people, cohort.people, interval=interval, href=address, names=called)

    cells = [figure(value.reaction, value.people, value.interval) for value in cohort.values]
    return Row(formats.period(cohort.start, interval), figure(None, cohort.people, None), cells)


def title(question: CohortReactions, point: CohortReactionPoint) -> str:
    who = f"said {point.reaction}" if point.reaction else "everyone"
    return f"Cohort of {formats.period(point.cohort, question.interval)}: {who}"
