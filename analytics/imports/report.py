"""The result of an import."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

SAMPLES = 20


class RejectedLine(NamedTuple):
    """A rejected line: its number from 1, the reason, and what to do."""

    number: int
    reason: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """Counts of lines. `rejected` and `warnings` are by reason; lines with a warning were stored with changes.

    samples  the first SAMPLES rejected lines
    """

    lines: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    samples: list[RejectedLine] = field(default_factory=list)

    @property
    def from_others(self) -> int:
        """Events in `stored` and `duplicates` that other senders sent to the project at the same time."""
        return max(0, self.stored + self.duplicates + self.rejected.total() - self.lines)

    def reject(self, number: int, reason: str, message: str) -> None:
        self.rejected[reason] += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(RejectedLine(number, reason, message))
