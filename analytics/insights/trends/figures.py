"""A trend, counted: this is what is cached. Nothing in it depends on the current time."""

from collections import defaultdict
from typing import Any

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.reading import ANY_EVENT, Reading, Served
from analytics.insights.trends import metric
from analytics.insights.trends.question import Breakdown, Series, Trends
from analytics.metrics.filters import EventFilter


class SeriesFigures(Struct, frozen=True):
    """One series or one value of its breakdown (`part`; null without one); lists have an entry a period.

    everyone   different people over the whole range; null if the served tables were read, which do not have it
    """

    series: int
    part: str | None
    times: list[int]
    people: list[int]
    amounts: list[float]
    numbers: list[int]
    everyone: int | None


class TrendFigures(Struct, frozen=True):
    series: list[SeriesFigures]


def served(question: Trends, tables: Served) -> tuple[int, TrendFigures]:
    names = [ANY_EVENT if series.event is None else series.event for series in question.series]
    version, counted = tables.counts(list(set(names)))
    periods, nothing = range(len(tables.window)), [0] * len(tables.window)
    found = []
    for index, name in enumerate(names):
        bars = [counted.get((name, period), (0, 0)) for period in periods]
        times, people = [bar[0] for bar in bars], [bar[1] for bar in bars]
        found.append(SeriesFigures(index, None, times, people, [0.0] * len(periods), nothing, None))
    return version, TrendFigures(found)


def count(question: Trends, reading: Reading) -> TrendFigures:
    found: list[SeriesFigures] = []
    for index, series in enumerate(question.series):
        rows = series_rows(question, series, reading)
        if question.breakdown is not None:
            found += _from_cells(index, divided(question, question.breakdown, rows, reading), reading)
        elif _reads_json(question.event_filter(series)) and series.measure != "people":
            found += _from_cells(index, metric.cells(rows), reading)
        else:
            found.append(_from_bits(index, series, rows, reading))
    return TrendFigures(found)


def series_rows(question: Trends, series: Series, reading: Reading) -> ir.Table:
    source, divide = reading.source(everything=True), question.breakdown
    part = source.text(divide.property, divide.on) if divide else None
    return metric.rows(source, question.event_filter(series), amount=series.amount, part=part)


def divided(question: Trends, divide: Breakdown, rows: ir.Table, reading: Reading) -> ir.Table:
    """The rows by value of the breakdown. With a formula, all series share the same top values."""
    # If each series had top values of its own, a value would be missing in one of them and count as zero.
    joined = question.series if question.formula is not None else ()
    among = [series_rows(question, series, reading) for series in joined]
    return metric.divided(rows, divide.limit, among=among)


def _reads_json(event_filter: EventFilter) -> bool:
    """Whether filters parse JSON properties, which takes longer than grouping: then the rows are read only once."""
    return any(item.on == "event" for item in event_filter.where)


def _from_bits(index: int, series: Series, rows: ir.Table, reading: Reading) -> SeriesFigures:
    periods = len(reading.window)
    tally = reading.run(metric.tally(metric.people(rows, periods), periods))
    people, everyone = metric.per_period(tally, periods)
    # A measure of people needs no sums. They would take another pass over the rows.
    sums = [] if series.measure == "people" else reading.run(metric.amounts(rows)).to_pylist()
    return _figures(index, None, sums, people, everyone)


def _from_cells(index: int, cells: ir.Table, reading: Reading) -> list[SeriesFigures]:
    """One series per value of the breakdown, largest first, then OTHER and NONE.

    Without a breakdown there is one series, even if it is empty.
    """
    periods = len(reading.window)
    bars: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    whole: dict[str | None, dict[str, Any]] = {}
    for bar in reading.run(metric.bars(cells)).to_pylist():
        if bar["period"] is None:
            whole[bar.get("part")] = bar
        else:
            bars[bar.get("part")].append(bar)
    last = {metric.OTHER: 1, metric.NONE: 2}
    order = sorted(whole, key=lambda part: (last.get(part or "", 0), -(whole[part]["times"] or 0), part))
    people = {part: _by_period(bars[part], "people", periods) for part in order}
    return [_figures(index, part, bars[part], people[part], whole[part]["people"]) for part in order]


def _figures(
    index: int, part: str | None, bars: list[dict[str, Any]], people: list[int], everyone: int
) -> SeriesFigures:
    times, amounts, numbers = (_by_period(bars, name, len(people)) for name in ("times", "amount", "numbers"))
    return SeriesFigures(index, part, times, people, amounts, numbers, everyone)


def _by_period(bars: list[dict[str, Any]], name: str, periods: int) -> list[Any]:
    values = [0] * periods
    for bar in bars:
        # The sum of no numbers is null.
        values[bar["period"]] = bar.get(name) or 0
    return values
