"""A trend as bars: heights in per cent of a round number above the highest."""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboard import formats

STEPS = (1, 2, 2.5, 5, 10)
LABELS = 10
HOURS = 48
"""Of up to so many hours, the clock is written under the bars; of more, the days."""


class Point(Protocol):
    """What a bar is drawn from: the first moment of its period, a value, and how many people are behind it."""

    @property
    def start(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def people(self) -> int | None: ...
    @property
    def complete(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """One period. `height` is in per cent; `tick` is written under it, and empty under most."""

    label: str
    tick: str
    value: str
    people: int
    height: float
    complete: bool
    href: str

    @property
    def sentence(self) -> str:
        people = f"{self.people} {'person' if self.people == 1 else 'people'}"
        counted = people if self.value == str(self.people) else f"{self.value}, {people}"
        return f"{self.label}: {counted}" if self.complete else f"{self.label}: {counted} so far"


@dataclass(frozen=True, slots=True)
class Chart:
    """`lines` are the scale: its label, and how far below the top it lies, in per cent."""

    bars: list[Bar]
    lines: list[tuple[str, float]]

    @property
    def is_dense(self) -> bool:
        return len(self.bars) > 45

    @property
    def is_running(self) -> bool:
        """Whether a period among them has not ended, so that its bar says no more than so far."""
        return any(not bar.complete for bar in self.bars)


def chart(points: Sequence[Point], interval: str, href: Callable[[str], str]) -> Chart:
    """A bar for each point; `href` gives the address of the people of a period, by its start."""
    top, step = _scale(max((point.value or 0 for point in points), default=0))
    ticks = _ticks([point.start for point in points], interval)
    bars = [
        _bar(point, interval, top, href(point.start) if point.people else "", ticks.get(point.start, ""))
        for point in points
    ]
    count = round(top / step)
    return Chart(
        bars, [(formats.number(step * line), round(100 - 100 * line / count, 2)) for line in range(count + 1)]
    )


def _bar(point: Point, interval: str, top: float, href: str, tick: str) -> Bar:
    return Bar(
        label=formats.period(point.start, interval),
        tick=tick,
        value=formats.number(point.value or 0),
        people=point.people or 0,
        height=round(100 * (point.value or 0) / top, 2),
        complete=point.complete,
        href=href,
    )


def _ticks(starts: list[str], interval: str) -> dict[str, str]:
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


def _scale(highest: float) -> tuple[float, float]:
    """The top of the scale and the distance of its lines: at most five, at round numbers; whole ones for counts."""
    if highest <= 0:
        return 1, 1
    rough = highest / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in STEPS if magnitude * factor >= rough * 0.999)
    step = max(1, step) if highest >= 1 else step
    step = math.ceil(step) if highest >= 4 and step < 10 else step
    return step * math.ceil(highest / step - 1e-9), step
