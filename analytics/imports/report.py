"""What became of an imported file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

SAMPLES = 20


class RefusedLine(NamedTuple):
    """A line that was not taken: its number from 1, the reason's name, and what to do about it."""

    number: int
    reason: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """Counts of lines. `refused` and `mended` are by reason; mended lines were kept, but not quite as they came.

    samples  the first SAMPLES refused lines; of the others only the count is known
    """

    lines: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    samples: list[RefusedLine] = field(default_factory=list)

    @property
    def others(self) -> int:
        """Events among `stored` and `duplicates` that no line of this file brought: somebody sent at the same time."""
        return max(0, self.stored + self.duplicates + self.refused.total() - self.lines)

    def refuse(self, number: int, reason: str, message: str) -> None:
        self.refused[reason] += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(RefusedLine(number, reason, message))
