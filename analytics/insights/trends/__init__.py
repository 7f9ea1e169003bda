"""Trends: how many people, or how often, over time."""

from analytics.insights.kind import Kind, Measure, Screen
from analytics.insights.trends import form, points, sentences
from analytics.insights.trends.answer import TrendsAnswer, present
from analytics.insights.trends.figures import TrendFigures, count, served
from analytics.insights.trends.question import Trends, place

AMOUNT = "the property's unit"
PEOPLE = (
    "Different people with at least one event in the period; over a range, different people in the range."
)

KIND = Kind(
    name="trends",
    measures=(
        Measure("total", "events", "a period", "Events that happened in the period."),
        Measure("people", "people", "a period", PEOPLE),
        Measure("per_person", "events per person", "a period", "Total divided by people."),
        Measure("sum", AMOUNT, "a period", "The sum of a property of the events, where it is a number."),
        Measure("avg", AMOUNT, "a period", "That sum divided by how many events had it as a number."),
    ),
    question=Trends,
    figures=TrendFigures,
    point=points.TrendPoint,
    answer=TrendsAnswer,
    place=place,
    count=count,
    served=served,
    people=points.people,
    present=present,
    screen=Screen(
        label="Trends",
        subtitle="How many people did something over time, and how often.",
        icon="bars",
        key="t",
        fields=form.FIELDS,
        period="interval",
        periods=("hour", "day", "week", "month"),
        empty=("No events between these dates", "Choose earlier dates or another event."),
        body=form.body,
        point=form.point,
        title=sentences.title,
        draw=sentences.draw,
    ),
)
