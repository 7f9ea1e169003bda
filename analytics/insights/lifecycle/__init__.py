"""Lifecycle: the new, returning, resurrecting and dormant people of each period."""

from analytics.insights.kind import Kind, Measure, Screen
from analytics.insights.lifecycle import form, points, sentences
from analytics.insights.lifecycle.answer import LifecycleAnswer, present
from analytics.insights.lifecycle.figures import LifecycleFigures, count
from analytics.insights.lifecycle.names import small
from analytics.insights.lifecycle.question import Lifecycle, place

GRAIN = "a period"

KIND = Kind(
    name="lifecycle",
    measures=(
        Measure("new", "people", GRAIN, "Active in the period, and first seen in it."),
        Measure("returning", "people", GRAIN, "Active in the period and in the one before."),
        Measure("resurrecting", "people", GRAIN, "Active in the period, not in the one before, and not new."),
        Measure("dormant", "people", GRAIN, "Active in the period before, and not in this one."),
    ),
    question=Lifecycle,
    figures=LifecycleFigures,
    point=points.LifecyclePoint,
    answer=LifecycleAnswer,
    place=place,
    count=count,
    people=points.people,
    present=present,
    small=small,
    screen=Screen(
        label="Lifecycle",
        subtitle="Who is new, who stays, who comes back and who stops.",
        icon="pulse",
        key="l",
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
