"""Bars and stacked bars: heights in per cent of a round scale. Every bar leads to the people behind it."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboard import formats

STEPS = (1, 2, 2.5, 5, 10)
LABELS = 10
HOURS = 48
"""Of up to so many hours, the clock is written under the bars; of more, the days."""

DENSE = 45
"""Beyond so many columns there is no room for gaps between them."""

LEAST = 1e-12
"""Smaller values are drawn as nothing: steps of a scale for them would vanish in rounding."""


class Point(Protocol):
    """What a column of a time axis is made from: the first moment of its period, a value, and its people."""

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
    """What one bar is drawn from; `tick` is written under it, and empty under most."""

    label: str
    tick: str
    value: float
    people: int
    complete: bool
    href: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as it is drawn. `height` is in per cent."""

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
    """`lines` are the scale: its label, and how far below the top it lies, in per cent."""

    bars: list[Bar]
    lines: list[tuple[str, float]]

    @property
    def is_dense(self) -> bool:
        return len(self.bars) > DENSE

    @property
    def is_running(self) -> bool:
        """Whether a period among them has not ended, so that its bar says no more than so far."""
        return any(not bar.column.complete for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Part:
    """One series' share of a stacked column; a negative value hangs below the zero line."""

    series: int
    value: float
    sentence: str
    href: str


@dataclass(frozen=True, slots=True)
class Block:
    """A part as it is drawn: its top and its height, in per cent of the chart."""

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
    """A column for each point; `href` gives the address of the people of a period, by its start."""
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
    """Periods as (tick, complete, parts); the parts of a column are stacked in their order, from zero outwards."""
    columns = list(periods)
    highest = max((_sum(parts, 1) for _, _, parts in columns), default=0)
    deepest = max((_sum(parts, -1) for _, _, parts in columns), default=0)
    _, step = _scale(max(highest, deepest))
    top, bottom = step * math.ceil(highest / step - 1e-9), step * math.ceil(deepest / step - 1e-9)
    height = (top + bottom) or step
    zero = round(100 * (top or height) / height, 2)
    stacks = [Stack(tick, complete, _blocks(parts, zero, height)) for tick, complete, parts in columns]
    return StackedChart(stacks, _lines(-bottom, top or step, step), zero)


def period_ticks(starts: list[str], interval: str) -> dict[str, str]:
    """What is written under which bars: LABELS at most. Over several days, hours are told by the midnights."""
    if interval == "hour" and len(starts) > HOURS:
        starts, interval = [start for start in starts if "T00:00" in start], "day"
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
    count, first = round((top - bottom) / step), round(bottom / step)
    return [
        (formats.number(abs(step * (first + line))), round(100 - 100 * line / count, 2))
        for line in range(count + 1)
    ]


def _scale(highest: float) -> tuple[float, float]:
    """The top of the scale and the distance of its lines: at most five, at round numbers; whole ones for counts."""
    if highest < LEAST:
        return 1, 1
    rough = highest / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in STEPS if magnitude * factor >= rough * 0.999)
    step = max(1, step) if highest >= 1 else step
    step = math.ceil(step) if highest >= 4 and step < 10 else step
    return step * math.ceil(highest / step - 1e-9), step
