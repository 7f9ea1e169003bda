"""Counts and rates. Small ones show names, larger ones a rate with its confidence interval."""

from dataclasses import dataclass

from dashboard.formats import percent

SMALL = 30
"""Below this many people, names are shown instead of a rate."""

HEATS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """`people` out of `of`. `href` leads to their list, `names` is set for small figures only.

    `complete` is False while the period has not ended.
    """

    people: int
    of: int
    complete: bool = True
    interval: tuple[float, float] | None = None
    href: str = ""
    names: tuple[str, ...] = ()

    @property
    def is_small(self) -> bool:
        return self.of < SMALL

    @property
    def rate(self) -> float:
        return self.people / self.of if self.of else 0.0

    @property
    def percent(self) -> str:
        return percent(self.rate)

    @property
    def range(self) -> str:
        """The 95 % Wilson interval in whole percent."""
        if self.interval is None:
            return ""
        low, high = (round(end * 100) for end in self.interval)
        return f"{low}–{high} %"

    @property
    def heat(self) -> int:
        """The shade of the cell: 0 for no people, otherwise 1 to HEATS."""
        # At least 1: very few people must not look like nobody.
        return max(1, round(self.rate * HEATS)) if self.people else 0

    @property
    def given_names(self) -> list[str]:
        """First names, where there is little room."""
        return [name.partition(" ")[0] for name in self.names]

    @property
    def sentence(self) -> str:
        """For tooltips and screen readers."""
        count = f"{self.people} of {self.of}"
        if not self.complete:
            return f"{count if self.people else 'not yet known'}: this period has not ended"
        if self.is_small:
            return f"{count}: {', '.join(self.names)}" if self.names else count
        return (
            f"{self.percent}, {count}; 95 % interval {self.range}"
            if self.range
            else f"{self.percent}, {count}"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One cohort as a table row: label, size and the other figures."""

    label: str
    size: Figure
    cells: list[Figure]
