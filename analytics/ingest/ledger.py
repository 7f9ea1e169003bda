"""What a request leaves behind: rows for the inbox, counts for the ledger, and samples of what went wrong."""

import time
from datetime import datetime

from analytics.ingest import rows
from analytics.ingest.accept import Accepted
from analytics.ingest.shipment import Shipment
from analytics.ingest.wire.event import Arrival, DropReason, Note

SAMPLES = 20
WINDOW = 60.0


class Samples:
    """A bound on the ingestion warnings kept: 20 a minute of each project and reason; the ledger counts all."""

    def __init__(self) -> None:
        self._window = 0.0
        self._taken: dict[tuple[int, str], int] = {}

    def wants(self, project_id: int, reason: str) -> bool:
        window = time.monotonic() // WINDOW
        if window != self._window:
            self._window = window
            self._taken.clear()
        taken = self._taken.get((project_id, reason), 0)
        self._taken[project_id, reason] = taken + 1
        return taken < SAMPLES


def shipment(taken: Accepted, arrival: Arrival, samples: Samples) -> Shipment:
    """Of a request that could be read: every event is received, and some of them are refused."""
    received = rows.received(arrival.project_id, rows.hour(arrival.received_at))
    counts = [(received, len(taken.events) + len(taken.refused))]
    if not taken.remarkable:
        return Shipment(rows.encode(taken.events), b"", counts)
    counts += [
        (received._replace(outcome=rows.REFUSED, reason=refused.reason), 1) for _, refused in taken.refused
    ]
    found: list[tuple[DropReason | Note, str]] = [
        (refused.reason, refused.sample) for _, refused in taken.refused
    ]
    found += [(note, event.sample) for _, event in taken.noted for note in event.notes]
    warnings = [
        rows.warning(arrival.project_id, reason, sample, arrival.received_at)
        for reason, sample in found
        if samples.wants(arrival.project_id, reason)
    ]
    return Shipment(rows.encode(taken.events), b"".join(warnings), counts)


def refusal(
    project_id: int, reason: DropReason, events: int, sample: str, at: datetime, samples: Samples
) -> Shipment:
    """Of a request that was refused as a whole: its events, or itself where they cannot be counted."""
    received = rows.received(project_id, rows.hour(at))
    refused = received._replace(outcome=rows.REFUSED, reason=reason)
    warning = rows.warning(project_id, reason, sample, at) if samples.wants(project_id, reason) else b""
    return Shipment(b"", warning, [(received, events), (refused, events)])
