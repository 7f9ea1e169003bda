"""A trend as it is answered."""

from string import ascii_uppercase

from msgspec import Struct

from analytics.insights.kind import Stamp
from analytics.insights.trends import formula
from analytics.insights.trends.figures import SeriesFigures, TrendFigures
from analytics.insights.trends.metric import NONE, OTHER, Counted, measure
from analytics.insights.trends.question import Series, Trends
from analytics.metrics.periods import Window

PART_NAMES = {OTHER: "other", NONE: "none"}


class Point(Struct, frozen=True):
    """One bar: `start` is the first local day (or hour, ISO) of the period; `complete` is false while it runs.

    `people` are those behind the bar; null for a formula, which does not stand for a set of people.
    """

    start: str
    value: float | None
    people: int | None
    complete: bool


class TrendSeries(Struct, frozen=True):
    """One series, or one value of its breakdown (`$other`: all values beyond the top ones; `$none`: not set).

    total    the measure over the whole range; of people, different people and not the sum of the points
    people   different people over the whole range; null for totals and formulas
    """

    label: str
    event: str | None
    measure: str
    breakdown: str | None
    total: float | None
    people: int | None
    points: list[Point]


class TrendsAnswer(Struct, frozen=True):
    series: list[TrendSeries]
    stamp: Stamp


def present(question: Trends, found: TrendFigures, window: Window, stamp: Stamp) -> TrendsAnswer:
    starts = [window.label(index) for index in range(len(window))]
    elapsed = [window.elapsed(index, stamp.computed_at) for index in range(len(window))]
    series = [_series(question.series[one.series], one, starts, elapsed) for one in found.series]
    if question.formula is not None:
        letters = [ascii_uppercase[one.series] for one in found.series]
        series += _formulas(question, list(zip(letters, series, strict=True)))
    return TrendsAnswer(series, stamp)


def _series(asked: Series, found: SeriesFigures, starts: list[str], elapsed: list[bool]) -> TrendSeries:
    bars = [
        Counted(*bar) for bar in zip(found.times, found.people, found.amounts, found.numbers, strict=True)
    ]
    points = [
        Point(start, measure(asked.measure, bar), bar.people, complete)
        for start, bar, complete in zip(starts, bars, elapsed, strict=True)
    ]
    whole = Counted(sum(found.times), found.everyone or 0, sum(found.amounts), sum(found.numbers))
    # Always null for totals: the served counts do not have it, and an answer must not depend on where it was read.
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


def _formulas(question: Trends, series: list[tuple[str, TrendSeries]]) -> list[TrendSeries]:
    """The formula over the series; with a breakdown, over each value that any of them has."""
    parts = dict.fromkeys(shown.breakdown for _, shown in series)
    return [
        _formula(question, part, {letter: shown for letter, shown in series if shown.breakdown == part})
        for part in parts
    ]


def _formula(question: Trends, part: str | None, operands: dict[str, TrendSeries]) -> TrendSeries:
    """A series without this value of the breakdown counts as zero events."""
    text = question.formula or ""
    tree = formula.parse(text, len(question.series))
    letters = zip(ascii_uppercase, question.series, strict=False)
    # An average of no events is None, not 0: the formula is then unknown, too.
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
