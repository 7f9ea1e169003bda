"""Bar charts and stacked bar charts, laid out in percent of a round scale. Each bar links to its people."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboard import formats

STEPS = (1, 2, 2.5, 5, 10)
LABELS = 10
HOURS = 48
"""Up to this many hours, ticks show the time; above it, the day."""

DENSE = 45
"""From this many columns on there is no room for gaps."""

LEAST = 1e-12
"""Smaller values are drawn as zero: the steps of their scale would be lost in float rounding."""


class Point(Protocol):
    """One period of a time series."""

    @property
    def start(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def people(self) -> int | None: ...
    @property
    def complete(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Column:
    """The data of one bar. `tick` is the text below it, empty for most bars."""

    label: str
    tick: str
    value: float
    people: int
    complete: bool
    href: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its height in percent."""

    column: Column
    height: float

    @property
    def value(self) -> str:
        return formats.number(self.column.value)

    @property
    def sentence(self) -> str:
        column = self.column
        people = formats.people(column.people)
        counted = people if column.value == column.people else f"{self.value}, {people}"
        named = f" ({', '.join(column.names)})" if column.names else ""
        return f"{column.label}: {counted}{named}{'' if column.complete else ' so far'}"


@dataclass(frozen=True, slots=True)
class Chart:
    """`lines` are the grid lines: label and distance from the top in percent."""

    bars: list[Bar]
    lines: list[tuple[str, float]]

    @property
    def is_dense(self) -> bool:
        return len(self.bars) > DENSE

    @property
    def is_running(self) -> bool:
        """Whether any of the periods has not ended."""
        return any(not bar.column.complete for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Part:
    """One series' part of a stacked column. Negative values are drawn below the zero line."""

    series: int
    value: float
    sentence: str
    href: str


@dataclass(frozen=True, slots=True)
class Block:
    """A part with its top and height in percent of the chart."""

    part: Part
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Stack:
    """All parts of one period."""

    tick: str
    complete: bool
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class StackedChart:
    stacks: list[Stack]
    lines: list[tuple[str, float]]
    zero: float

    @property
    def is_dense(self) -> bool:
        return len(self.stacks) > DENSE

    @property
    def is_running(self) -> bool:
        return any(not stack.complete for stack in self.stacks)


def of_periods(points: Sequence[Point], interval: str, href: Callable[[str], str]) -> list[Column]:
    """A column for each point. `href` maps a period's start to the URL of its people."""
    ticks = period_ticks([point.start for point in points], interval)
    return [
        Column(
            formats.period(point.start, interval),
            ticks.get(point.start, ""),
            point.value or 0,
            point.people or 0,
            point.complete,
            href(point.start) if point.people else "",
        )
        for point in points
    ]


def chart(columns: Sequence[Column]) -> Chart:
    top, step = _scale(max((column.value for column in columns), default=0))
    bars = [Bar(column, round(100 * column.value / top, 2)) for column in columns]
    return Chart(bars, _lines(0, top, step))


def stacked(periods: Iterable[tuple[str, bool, Sequence[Part]]]) -> StackedChart:
    """`periods` are (tick, complete, parts). Parts are stacked in order, from the zero line outwards."""
    columns = list(periods)
    highest = max((_sum(parts, 1) for _, _, parts in columns), default=0)
    deepest = max((_sum(parts, -1) for _, _, parts in columns), default=0)
    # One step for both directions, so that the grid lines are evenly spaced.
    _, step = _scale(max(highest, deepest))
    top, bottom = step * math.ceil(highest / step - 1e-9), step * math.ceil(deepest / step - 1e-9)
    # Without any parts, top and bottom are 0.
    height = (top + bottom) or step
    zero = round(100 * (top or height) / height, 2)
    stacks = [Stack(tick, complete, _blocks(parts, zero, height)) for tick, complete, parts in columns]
    return StackedChart(stacks, _lines(-bottom, top or step, step), zero)


def period_ticks(starts: list[str], interval: str) -> dict[str, str]:
    """The ticks by period start, LABELS at most. Hourly charts over several days show a tick at each midnight."""
    if interval == "hour" and len(starts) > HOURS:
        starts, interval = [start for start in starts if "T00:00" in start], "day"
    # At least 1: a slice with step 0 is an error.
    every = math.ceil(len(starts) / LABELS) or 1
    return {start: _tick(start, interval) for start in starts[::every]}


def _tick(start: str, interval: str) -> str:
    moment = dt.datetime.fromisoformat(start)
    if interval == "hour":
        return f"{moment:%H:%M}"
    return f"{moment:%b %Y}" if interval == "month" else f"{moment.day} {moment:%b}"


def _sum(parts: Sequence[Part], sign: int) -> float:
    return sum(abs(part.value) for part in parts if part.value * sign > 0)


def _blocks(parts: Sequence[Part], zero: float, height: float) -> list[Block]:
    above, below, found = zero, zero, []
    for part in parts:
        size = 100 * abs(part.value) / height
        if part.value > 0:
            above -= size
            found.append(Block(part, round(above, 2), round(size, 2)))
        elif part.value < 0:
            found.append(Block(part, round(below, 2), round(size, 2)))
            below += size
    return found


def _lines(bottom: float, top: float, step: float) -> list[tuple[str, float]]:
    # round(), not int(): the quotient may be 3.9999999.
    count, first = round((top - bottom) / step), round(bottom / step)
    return [
        (formats.number(abs(step * (first + line))), round(100 - 100 * line / count, 2))
        for line in range(count + 1)
    ]


def _scale(highest: float) -> tuple[float, float]:
    """The top of the scale and the distance between grid lines: at most five lines at round numbers."""
    if highest < LEAST:
        return 1, 1
    rough = highest / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    # 0.999 and 1e-9 absorb float rounding: 0.3 / 0.1 is slightly below 3 and would add an empty grid line.
    step = next(magnitude * factor for factor in STEPS if magnitude * factor >= rough * 0.999)
    # Counts get whole numbers on the scale.
    step = max(1, step) if highest >= 1 else step
    step = math.ceil(step) if highest >= 4 and step < 10 else step
    return step * math.ceil(highest / step - 1e-9), step
