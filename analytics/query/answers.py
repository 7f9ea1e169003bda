"""From a question to its answer: plan, count (or remember), and say what is complete by now."""

import datetime as dt
from collections.abc import Callable
from typing import Any, overload

import msgspec
from django.utils import timezone

from analytics.metrics.periods import Window
from analytics.query import answer_cache, counting, present, served
from analytics.query.figures import Figures
from analytics.query.plan import Plan, plan
from analytics.query.results import Answer, CohortValuesAnswer, RetentionAnswer, Stamp, TrendsAnswer
from analytics.query.spec import CohortValues, Interval, Query, Retention, Trends
from projects.models import Project

KIND = {Trends: "trends", Retention: "retention", CohortValues: "cohort values"}


@overload
def answer(project: Project, query: Trends, *, now: dt.datetime | None = None) -> TrendsAnswer: ...
@overload
def answer(project: Project, query: Retention, *, now: dt.datetime | None = None) -> RetentionAnswer: ...
@overload
def answer(
    project: Project, query: CohortValues, *, now: dt.datetime | None = None
) -> CohortValuesAnswer: ...
@overload
def answer(project: Project, query: Query, *, now: dt.datetime | None = None) -> Answer: ...
def answer(project: Project, query: Query, *, now: dt.datetime | None = None) -> Answer:
    """The answer at the newest data version. `now` decides which periods are complete."""
    figures = answer_cache.remember(
        project, query, lambda: figures_by(project, query, plan(query, recut=answer_cache.is_recut(project)))
    )
    return _answer(project, query, figures, now or timezone.now())


def figures_by(project: Project, query: Query, chosen: Plan) -> Figures:
    """The same figures, whichever place they are read from; not cached."""
    return served.read(project, query) if chosen == "served" else counting.count(project, query, chosen)


def cohort_values(
    project: Project,
    *,
    period: Interval,
    from_: dt.date,
    to: dt.date,
    event: str,
    property: str,  # noqa: A002 (a question's own word)
    values: tuple[str, ...],
    now: dt.datetime | None = None,
) -> CohortValuesAnswer:
    """Per cohort of people who came first in that period: how many gave each value of an event's property."""
    query = CohortValues(event=event, property=property, values=values, period=period, from_=from_, to=to)
    return answer(project, query, now=now)


def to_json(answer: Answer) -> dict[str, Any]:
    """The answer as the contract writes it: the stamp's fields lie on top."""
    body: dict[str, Any] = msgspec.to_builtins(answer)
    stamp: dict[str, Any] = body.pop("stamp")
    return body | stamp


def _answer(project: Project, query: Query, figures: Figures, now: dt.datetime) -> Answer:
    definition = {"insight": KIND[type(query)], **msgspec.to_builtins(query)}
    stamp = Stamp(project.timezone, figures.data_version, now, definition)
    return _PRESENT[type(query)](query, figures.found, counting.window(project, query), stamp)


_PRESENT: dict[type, Callable[[Any, Any, Window, Stamp], Answer]] = {
    Trends: present.trends,
    Retention: present.retention,
    CohortValues: present.cohort_values,
}
