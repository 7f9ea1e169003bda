"""A count or a rate, told honestly: by name while people are few, with its interval from there on."""

from dataclasses import dataclass

from dashboard.formats import percent

SMALL = 30
"""Below this many people a rate says less than their names do."""

HEATS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """`people` of `of`, and where their list is. `names` only when they are few; not `complete` while time runs."""

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
        """The 95 % Wilson interval, in whole per cent."""
        if self.interval is None:
            return ""
        low, high = (round(end * 100) for end in self.interval)
        return f"{low}–{high} %"

    @property
    def heat(self) -> int:
        """How dark: 0 for nobody, 1 to HEATS for any."""
        return max(1, round(self.rate * HEATS)) if self.people else 0

    @property
    def given_names(self) -> list[str]:
        """As people call each other; for where there is little room."""
        return [name.partition(" ")[0] for name in self.names]

    @property
    def sentence(self) -> str:
        """The whole of it in words, for the title and for screen readers."""
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
    """One cohort as a row of a table: what it is called, how many people it has, and its other figures."""

    label: str
    size: Figure
    cells: list[Figure]
