"""From a question to its answer: plan, count or read from the cache, present."""

import datetime as dt
from typing import Any, cast

import msgspec
from django.utils import timezone

from analytics.insights import registry
from analytics.insights.kind import Stamp
from analytics.insights.questions import Place, Question, read
from analytics.insights.reading import Served
from analytics.query import admission, answer_cache
from analytics.query.answer_cache import Figures
from analytics.query.plan import Plan, plan, reading
from projects.models import Project


def parse(kind: str, body: object) -> Question:
    """`body` is decoded JSON. Raises QueryError naming the field at fault."""
    form: type[Question] = registry.find(kind).question
    return read(form, body)


def answer(project: Project, question: Question, *, now: dt.datetime | None = None) -> Any:
    """The answer at the newest data version. `now` decides which periods are complete.

    Raises admission.BusyError and engine.TooHeavyError.
    """
    planned = plan(project, question)
    kind = planned.kind
    found = admission.queued(
        lambda: answer_cache.get_or_compute(planned, lambda: figures(planned, planned.place))
    )
    definition = {"insight": kind.name, **msgspec.to_builtins(question)}
    stamp = Stamp(project.timezone, found.data_version, now or timezone.now(), definition)
    return kind.present(question, found.found, planned.window, stamp)


def figures(plan: Plan, place: Place) -> Figures[Any]:
    """The figures read from `place`, not cached. They are the same for every place."""
    if place == "served" and plan.kind.served is not None:
        return Figures(*plan.kind.served(plan.question, Served(plan.project.pk, plan.window)))
    with reading(plan, place) as source:
        return Figures(source.data_version, plan.kind.count(plan.question, source))


def to_json(answer: Any) -> dict[str, Any]:
    """The answer as in the API: the fields of the stamp are moved to the top level."""
    body = cast("dict[str, Any]", msgspec.to_builtins(answer))
    stamp: dict[str, Any] = body.pop("stamp")
    return body | stamp
