"""Stickiness: in how many periods of a range people were active."""

from analytics.insights.kind import Kind, Measure, Screen
from analytics.insights.stickiness import form, points, sentences
from analytics.insights.stickiness.answer import StickinessAnswer, present
from analytics.insights.stickiness.figures import StickinessFigures, count
from analytics.insights.stickiness.names import small
from analytics.insights.stickiness.question import Stickiness, place

DEFINITION = "People who were active in exactly this number of periods of the range."

KIND = Kind(
    name="stickiness",
    measures=(Measure("stickiness", "people", "a number of periods", DEFINITION),),
    question=Stickiness,
    figures=StickinessFigures,
    point=points.StickinessPoint,
    answer=StickinessAnswer,
    place=place,
    count=count,
    people=points.people,
    present=present,
    small=small,
    screen=Screen(
        label="Stickiness",
        subtitle="On how many days, weeks or months people were active.",
        icon="steps",
        key="k",
        fields=form.FIELDS,
        period="interval",
        periods=("day", "week", "month"),
        empty=("No activity between these dates", "Choose earlier dates or another event."),
        body=form.body,
        point=form.point,
        title=sentences.title,
        draw=sentences.draw,
    ),
)
