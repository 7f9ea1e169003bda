"""Figures from the engine: each question's metric over events or activity, and the people behind one figure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ibis.expr import types as ir

from analytics import engine
from analytics.metrics import cohorts, retention, sources, trends
from analytics.metrics.periods import Window
from analytics.metrics.sources import DAY, Source
from analytics.models import DataVersion
from analytics.query import facts
from analytics.query.figures import CohortFigures, Figures, RetentionFigures, TrendFigures, TrendsFigures
from analytics.query.plan import Plan
from analytics.query.spec import (
    Breakdown,
    CohortValues,
    EventFilter,
    Query,
    Retention,
    Series,
    Trends,
    calendar,
)
from projects.models import Project

SOURCES = {"events": sources.from_events, "activity": sources.from_activity}


@dataclass(frozen=True, slots=True)
class Reading:
    """One question, open over one state of the data."""

    tables: engine.Tables
    window: Window
    plan: Plan
    facts: dict[str, ir.Table]

    @property
    def version(self) -> int:
        return int(self.tables.version.pk or 0)

    def source(self, *, history: bool = False) -> Source:
        table = self.tables.events if self.plan == "events" else self.tables.activity
        return SOURCES[self.plan](table, self.window, self.facts, history=history)


def window(project: Project, query: Query) -> Window:
    """The whole periods from the one of `from` to the one of `to`, in the project's time zone."""
    cut = calendar(project)
    return Window(cut, query.period, cut.span(query.period, query.from_, query.to))


@contextmanager
def reading(
    project: Project, query: Query, plan: Plan, version: DataVersion | None = None
) -> Iterator[Reading]:
    asked = window(project, query)
    history = isinstance(query, CohortValues) or (isinstance(query, Retention) and query.kind != "recurring")
    first = dt.date.min if history else asked.first_day - DAY
    last = dt.date.max if isinstance(query, CohortValues) else asked.last_day + DAY
    with engine.snapshot(project.pk, version, days=(first, last)) as tables:
        known = {name: tables.table(facts.values(project, name)) for name in facts.named(query)}
        yield Reading(tables, asked, plan, known)


def count(project: Project, query: Query, plan: Plan) -> Figures:
    """All figures of a question, at the newest data version."""
    with reading(project, query, plan) as open_reading:
        return _COUNT[type(query)](query, open_reading)


def members(query: Query, reading: Reading, figure: Any) -> ir.Table:
    """person_id of everybody behind one figure (see points.py), from the expression that counts it."""
    return _MEMBERS[type(query)](query, reading, figure)


def rules(query: Retention) -> retention.Rules:
    return retention.Rules(query.start, query.return_, query.kind, query.counting, query.min_occurrences)


def _count_retention(query: Retention, reading: Reading) -> Figures:
    people = _retention_people(query, reading)
    tally = reading.tables.run(retention.tally(people))
    cells = retention.triangle(tally, len(reading.window), query.counting)
    return Figures(reading.version, RetentionFigures(cells))


def _retention_people(query: Retention, reading: Reading) -> ir.Table:
    asked = rules(query)
    return retention.people(reading.source(history=asked.history), asked)


def _count_trends(query: Trends, reading: Reading) -> Figures:
    found: list[TrendFigures] = []
    for index, series in enumerate(query.series):
        rows = _trend_rows(query, series, reading)
        if query.breakdown is not None:
            found += _from_cells(index, _divided(query, query.breakdown, rows, reading), reading)
        elif _is_dear(query.meant(series)) and series.measure != "people":
            found += _from_cells(index, trends.cells(rows), reading)
        else:
            found.append(_from_bits(index, series, rows, reading))
    return Figures(reading.version, TrendsFigures(found))


def _trend_rows(query: Trends, series: Series, reading: Reading) -> ir.Table:
    source, divide = reading.source(), query.breakdown
    part = source.text(divide.property, divide.on) if divide else None
    return trends.rows(source, query.meant(series), amount=series.amount, part=part)


def _is_dear(meant: EventFilter) -> bool:
    """Whether rows are chosen by properties inside JSON, which takes longer than to group them."""
    return any(item.on == "event" for item in meant.where)


def _divided(query: Trends, divide: Breakdown, rows: ir.Table, reading: Reading) -> ir.Table:
    """A formula joins its series value by value: one that is shown for one of them must be counted for all."""
    joined = query.series if query.formula is not None else ()
    among = [_trend_rows(query, series, reading) for series in joined]
    return trends.divided(rows, divide.limit, among=among)


def _from_bits(index: int, series: Series, rows: ir.Table, reading: Reading) -> TrendFigures:
    periods = len(reading.window)
    tally = reading.tables.run(trends.tally(trends.people(rows, periods), periods))
    people, everyone = trends.per_period(tally, periods)
    # People alone need no sums, which would be another pass over the rows.
    sums = [] if series.measure == "people" else reading.tables.run(trends.amounts(rows)).to_pylist()
    return _trend_figures(index, None, sums, people, everyone)


def _from_cells(index: int, cells: ir.Table, reading: Reading) -> list[TrendFigures]:
    """A series for each value of the breakdown, greatest first; the rest and what is not set come last.

    Without a breakdown one series, also of nothing.
    """
    periods = len(reading.window)
    bars: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    whole: dict[str | None, dict[str, Any]] = {}
    for bar in reading.tables.run(trends.bars(cells)).to_pylist():
        if bar["period"] is None:
            whole[bar.get("part")] = bar
        else:
            bars[bar.get("part")].append(bar)
    last = {trends.OTHER: 1, trends.NONE: 2}
    order = sorted(whole, key=lambda part: (last.get(part or "", 0), -(whole[part]["times"] or 0), part))
    people = {part: _by_period(bars[part], "people", periods) for part in order}
    return [_trend_figures(index, part, bars[part], people[part], whole[part]["people"]) for part in order]


def _trend_figures(
    index: int, part: str | None, bars: list[dict[str, Any]], people: list[int], everyone: int
) -> TrendFigures:
    times, amounts, numbers = (_by_period(bars, name, len(people)) for name in ("times", "amount", "numbers"))
    return TrendFigures(index, part, times, people, amounts, numbers, everyone)


def _by_period(bars: list[dict[str, Any]], name: str, periods: int) -> list[Any]:
    values = [0] * periods
    for bar in bars:
        values[bar["period"]] = bar.get(name) or 0
    return values


def _count_cohorts(query: CohortValues, reading: Reading) -> Figures:
    tally = reading.tables.run(cohorts.tally(cohort_people(query, reading)))
    keys = zip(tally["cohort"].to_pylist(), tally["value"].to_pylist(), strict=True)
    found = dict(zip(keys, tally["people"].to_pylist(), strict=True))
    periods = range(len(reading.window))
    sizes = [found.get((cohort, cohorts.EVERYONE), 0) for cohort in periods]
    people = [[found.get((cohort, value), 0) for value in query.values] for cohort in periods]
    return Figures(reading.version, CohortFigures(sizes, people))


def cohort_people(query: CohortValues, reading: Reading) -> ir.Table:
    """person_id, cohort, value: see metrics.cohorts.people."""
    source = reading.source(history=True)
    return cohorts.people(source, reading.tables.events, query.event, query.property, list(query.values))


def _retention_members(query: Retention, reading: Reading, figure: Any) -> ir.Table:
    return retention.members(
        _retention_people(query, reading),
        len(reading.window),
        query.counting,
        cohort=figure.cohort,
        offset=figure.offset,
    )


def _trend_members(query: Trends, reading: Reading, figure: Any) -> ir.Table:
    rows = _trend_rows(query, query.series[figure.series], reading)
    found = _divided(query, query.breakdown, rows, reading) if query.breakdown else rows
    return trends.members(found, part=figure.part, period=figure.period)


def _cohort_members(query: CohortValues, reading: Reading, figure: Any) -> ir.Table:
    return cohorts.members(cohort_people(query, reading), cohort=figure.cohort, value=figure.value)


_COUNT: dict[type, Callable[[Any, Reading], Figures]] = {
    Trends: _count_trends,
    Retention: _count_retention,
    CohortValues: _count_cohorts,
}
_MEMBERS: dict[type, Callable[[Any, Reading, Any], ir.Table]] = {
    Trends: _trend_members,
    Retention: _retention_members,
    CohortValues: _cohort_members,
}
