"""Reactions by cohort: which reactions the people of each cohort left."""

from analytics.insights.cohort_reactions import form, points, sentences
from analytics.insights.cohort_reactions.answer import CohortReactionsAnswer, present
from analytics.insights.cohort_reactions.figures import CohortFigures, count
from analytics.insights.cohort_reactions.names import small
from analytics.insights.cohort_reactions.question import CohortReactions, place
from analytics.insights.kind import Kind, Measure, Screen

DEFINITION = "Of the people first seen in a period, those who ever left a reaction."

KIND = Kind(
    name="cohort_reactions",
    measures=(Measure("cohort reactions", "people", "a cohort and a reaction", DEFINITION),),
    question=CohortReactions,
    figures=CohortFigures,
    point=points.CohortReactionPoint,
    answer=CohortReactionsAnswer,
    place=place,
    count=count,
    people=points.people,
    present=present,
    small=small,
    screen=Screen(
        label="Reactions",
        subtitle="Reactions, grouped by when people were first seen.",
        icon="comment",
        key="c",
        fields=form.FIELDS,
        period="interval",
        periods=("day", "week", "month"),
        empty=("No reactions yet", "Reactions from people in these cohorts appear here."),
        body=form.body,
        point=form.point,
        title=sentences.title,
        draw=sentences.draw,
    ),
)
