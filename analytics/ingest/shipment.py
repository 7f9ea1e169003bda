"""What one request leaves behind, ready to be stored."""

import msgspec

from analytics.ingest.rows import RECEIVED, REFUSED, Entry
from analytics.ingest.wire.event import DropReason

OVERHEAD = 100


class Shipment(msgspec.Struct, gc=False):
    """Rows for the inbox, rows of warnings (both as COPY takes them), and counts for the ledger."""

    events: bytes
    warnings: bytes
    counts: list[tuple[Entry, int]]

    @property
    def size(self) -> int:
        return len(self.events) + len(self.warnings) + OVERHEAD

    def without_events(self) -> "Shipment":
        """The same, when the database does not take its events: all that was not refused before is refused now."""
        left = sum(count if entry.outcome == RECEIVED else -count for entry, count in self.counts)
        refused = self.counts[0][0]._replace(outcome=REFUSED, reason=DropReason.NOT_STORABLE)
        return Shipment(b"", self.warnings, [*self.counts, (refused, left)])
