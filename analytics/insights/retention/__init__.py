"""Retention: who came back in the periods after they started."""

from analytics.insights.kind import Kind, Measure, Screen
from analytics.insights.retention import form, points, sentences
from analytics.insights.retention.answer import RetentionAnswer, present
from analytics.insights.retention.figures import Triangle, count, served
from analytics.insights.retention.names import small
from analytics.insights.retention.question import Retention, place

DEFINITION = "Of the people who did the start event in a period, those who did the return event `offset` periods later."

KIND = Kind(
    name="retention",
    measures=(Measure("retention", "people", "a cohort and an offset", DEFINITION),),
    question=Retention,
    figures=Triangle,
    point=points.RetentionPoint,
    answer=RetentionAnswer,
    place=place,
    count=count,
    served=served,
    people=points.people,
    present=present,
    small=small,
    screen=Screen(
        label="Retention",
        subtitle="Who came back, grouped by when they started.",
        icon="triangle",
        key="r",
        fields=form.FIELDS,
        period="period",
        periods=("day", "week", "month"),
        empty=("No people in these cohorts", "Choose earlier dates or another event."),
        body=form.body,
        point=form.point,
        title=sentences.title,
        draw=sentences.draw,
    ),
)
