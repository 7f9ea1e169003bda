"""Figures made into answers: names, rates with intervals, and what has not fully elapsed yet."""

import datetime as dt
from string import ascii_uppercase

from analytics.metrics import formula
from analytics.metrics.intervals import wilson
from analytics.metrics.periods import Window
from analytics.metrics.trends import NONE, OTHER, Counted, measure
from analytics.query.figures import CohortFigures, RetentionFigures, TrendFigures, TrendsFigures
from analytics.query.results import (
    CohortValue,
    CohortValues,
    CohortValuesAnswer,
    Point,
    RetentionAnswer,
    RetentionCohort,
    RetentionValue,
    Stamp,
    TrendsAnswer,
    TrendSeries,
)
from analytics.query.spec import CohortValues as CohortValuesQuery
from analytics.query.spec import Retention, Series, Trends

PART_NAMES = {OTHER: "other", NONE: "none"}


def retention(query: Retention, found: RetentionFigures, window: Window, stamp: Stamp) -> RetentionAnswer:
    elapsed = _elapsed(window, stamp.computed_at)
    width = query.periods or len(window)
    cohorts = [
        RetentionCohort(window.label(index), row[0], _row(row[:width], elapsed[index:]))
        for index, row in enumerate(found.triangle)
    ]
    return RetentionAnswer(cohorts, _average(cohorts, min(width, len(window))), stamp)


def trends(query: Trends, found: TrendsFigures, window: Window, stamp: Stamp) -> TrendsAnswer:
    starts = [window.label(index) for index in range(len(window))]
    elapsed = _elapsed(window, stamp.computed_at)
    series = [_series(query.series[one.series], one, starts, elapsed) for one in found.series]
    if query.formula is not None:
        letters = [ascii_uppercase[one.series] for one in found.series]
        series += _formulas(query, list(zip(letters, series, strict=True)))
    return TrendsAnswer(series, stamp)


def cohort_values(
    query: CohortValuesQuery, found: CohortFigures, window: Window, stamp: Stamp
) -> CohortValuesAnswer:
    rows = zip(found.sizes, found.people, strict=True)
    cohorts = [
        CohortValues(
            window.label(index),
            size,
            [_value(*pair, size) for pair in zip(query.values, people, strict=True)],
        )
        for index, (size, people) in enumerate(rows)
    ]
    return CohortValuesAnswer(cohorts, stamp)


def _elapsed(window: Window, now: dt.datetime) -> list[bool]:
    return [window.elapsed(index, now) for index in range(len(window))]


def _rate(people: int, of: int) -> float | None:
    return people / of if of else None


def _row(people: list[int], elapsed: list[bool]) -> list[RetentionValue]:
    return [_cell(offset, count, people[0], elapsed[offset]) for offset, count in enumerate(people)]


def _cell(offset: int, people: int, of: int, complete: bool) -> RetentionValue:
    return RetentionValue(offset, people, of, _rate(people, of), wilson(people, of), complete)


def _average(cohorts: list[RetentionCohort], width: int) -> list[RetentionValue]:
    """Weighted by cohort size: people of all complete cells, of all people in those cohorts."""
    row = []
    for offset in range(width):
        cells = [cohort.values[offset] for cohort in cohorts if offset < len(cohort.values)]
        known = [cell for cell in cells if cell.complete]
        people, of = sum(cell.people for cell in known), sum(cell.of for cell in known)
        row.append(_cell(offset, people, of, bool(known)))
    return row


def _value(value: str, people: int, of: int) -> CohortValue:
    return CohortValue(value, people, of, _rate(people, of), wilson(people, of))


def _series(asked: Series, found: TrendFigures, starts: list[str], elapsed: list[bool]) -> TrendSeries:
    bars = [
        Counted(*bar) for bar in zip(found.times, found.people, found.amounts, found.numbers, strict=True)
    ]
    points = [
        Point(start, measure(asked.measure, bar), bar.people, complete)
        for start, bar, complete in zip(starts, bars, elapsed, strict=True)
    ]
    whole = Counted(sum(found.times), found.everyone or 0, sum(found.amounts), sum(found.numbers))
    # Sums of events are served from counts per period, which do not know different people over the whole range.
    everyone = None if asked.measure == "total" else found.everyone
    return TrendSeries(
        _name("any event" if asked.event is None else asked.event, found.part),
        asked.event,
        asked.measure,
        found.part,
        measure(asked.measure, whole),
        everyone,
        points,
    )


def _formulas(query: Trends, series: list[tuple[str, TrendSeries]]) -> list[TrendSeries]:
    """The formula over the series; with a breakdown, over each value that any of them has."""
    parts = dict.fromkeys(shown.breakdown for _, shown in series)
    return [
        _formula(query, part, {letter: shown for letter, shown in series if shown.breakdown == part})
        for part in parts
    ]


def _formula(query: Trends, part: str | None, operands: dict[str, TrendSeries]) -> TrendSeries:
    """A series that does not have this value of the breakdown is there what it is where nothing happened."""
    text = query.formula or ""
    tree = formula.parse(text, len(query.series))
    letters = zip(ascii_uppercase, query.series, strict=False)
    nothing = {letter: measure(asked.measure, Counted()) for letter, asked in letters}
    points = []
    for bars in zip(*(shown.points for shown in operands.values()), strict=True):
        values = nothing | {letter: bar.value for letter, bar in zip(operands, bars, strict=True)}
        points.append(Point(bars[0].start, formula.evaluate(tree, values), None, bars[0].complete))
    totals = nothing | {letter: shown.total for letter, shown in operands.items()}
    label = _name(text, part)
    return TrendSeries(label, None, "formula", part, formula.evaluate(tree, totals), None, points)


def _name(name: str, part: str | None) -> str:
    return name if part is None else f"{name} · {PART_NAMES.get(part, part)}"
