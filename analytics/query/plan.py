"""The plan of a question: its kind, its periods, and where its data is read."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from analytics import engine, versions
from analytics.insights import registry
from analytics.insights.kind import AnyKind
from analytics.insights.questions import Place, Question
from analytics.insights.reading import Reading
from analytics.metrics.facts import as_of
from analytics.metrics.periods import Calendar, Window
from analytics.metrics.sources import DAY
from analytics.models import RollupCalendar
from analytics.query import admission
from analytics.versions import Version
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Plan:
    """`place` is the cheapest place with the exact answer. Served tables have no people behind figures."""

    project: Project
    kind: AnyKind
    question: Question
    window: Window
    place: Place

    @property
    def place_of_people(self) -> Place:
        return "activity" if self.place == "served" else self.place


def plan(project: Project, question: Question) -> Plan:
    """Whole periods, from the one with `from` to the one with `to`, in the project's time zone."""
    kind, calendar = registry.kind_of(question), Calendar(ZoneInfo(project.timezone), project.week_start)
    window = Window(calendar, question.by, calendar.span(question.by, question.from_, question.to))
    return Plan(project, kind, question, window, "events" if _is_recut(project) else kind.place(question))


@contextmanager
def reading(plan: Plan, place: Place, version: Version | None = None) -> Iterator[Reading]:
    """The project's events or activity at a data version, by default the newest.

    Raises admission.BusyError and engine.TooHeavyError.
    """
    at = version or versions.current(plan.project.pk)
    first, last = plan.question.days(plan.window)
    days = _beyond(first, -DAY), _beyond(last, DAY)
    with (
        admission.place(plan.project.pk) as room,
        engine.snapshot(plan.project.pk, at.state, days=days, place=room) as tables,
    ):
        named = plan.question.person_properties()
        known = {name: as_of(tables.facts, name) for name in named}
        yield Reading(tables, plan.window, place, known, at.number)


def _beyond(day: dt.date, step: dt.timedelta) -> dt.date:
    """Moved by one day: the lake's files are cut at UTC days, which differ from local days by one at most."""
    # These two mean unbounded; a day beyond them raises OverflowError.
    return day if day in (dt.date.min, dt.date.max) else day + step


def _is_recut(project: Project) -> bool:
    """Whether the calendar changed since the last rollup. Until the next one, only events give exact answers."""
    cut = RollupCalendar.objects.filter(project=project).values_list("timezone", "week_start").first()
    return cut is not None and cut != (project.timezone, project.week_start)
