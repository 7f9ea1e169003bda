"""What one request writes to the database: inbox rows, ledger counts, and samples of what went wrong."""

import time
from datetime import datetime

import msgspec

from analytics.ingest import rows
from analytics.ingest.accept import AcceptResult
from analytics.ingest.rows import RECEIVED, REFUSED, UNPROVED, Entry
from analytics.ingest.wire.event import DropReason, RequestContext, WarningReason

# So that batches without events, as of rejected requests, also count towards the pending bytes.
OVERHEAD = 100
MAX_SAMPLES = 20
WINDOW_SECONDS = 60.0
RARELY_SECONDS = 600.0


class WriteBatch(msgspec.Struct, gc=False):
    """Rows of the inbox and of warnings, both in COPY format, and counts for the ledger.

    The spool stores it by field name: a renamed field would make files of an earlier version unreadable.
    """

    events: bytes
    warnings: bytes
    counts: list[tuple[Entry, int]]

    @property
    def size(self) -> int:
        return len(self.events) + len(self.warnings) + OVERHEAD

    def without_events(self) -> "WriteBatch":
        """Without the events, which the database rejects. Those that were not yet counted as rejected are now."""
        sign = {RECEIVED: 1, REFUSED: -1}
        remaining = sum(sign.get(entry.outcome, 0) * count for entry, count in self.counts)
        rejected = self.counts[0][0]._replace(outcome=REFUSED, reason=DropReason.NOT_STORABLE)
        return WriteBatch(b"", self.warnings, [*self.counts, (rejected, remaining)])

    def parts(self) -> list["WriteBatch"]:
        """Two halves of the events, and what else the request counts; empty when it cannot be split."""
        lines = [line + b"\n" for line in self.events.split(b"\n") if line]
        if not lines or not self.counts:
            return []
        (received, total), *others = self.counts
        rest = [(entry, count) for entry, count in ((received, total - len(lines)), *others) if count]
        if len(lines) == 1 and not rest and not self.warnings:
            return []
        middle = (len(lines) + 1) // 2
        halves = [WriteBatch(b"".join(half), b"", [(received, len(half))])
                  for half in (lines[:middle], lines[middle:]) if half]  # fmt: skip
        return [*halves, WriteBatch(b"", self.warnings, rest)] if rest or self.warnings else halves


class WarningSampler:
    """Keeps at most 20 ingestion warnings a minute for each project and reason. The ledger counts all."""

    def __init__(self) -> None:
        self._window = 0.0
        self._sampled: dict[tuple[int, str], int] = {}
        self._rarely: dict[tuple[int, str], float] = {}

    def admits(self, project_id: int, reason: str) -> bool:
        window = time.monotonic() // WINDOW_SECONDS
        if window != self._window:
            self._window = window
            self._sampled.clear()
        sampled = self._sampled.get((project_id, reason), 0)
        self._sampled[project_id, reason] = sampled + 1
        return sampled < MAX_SAMPLES

    def admits_rarely(self, project_id: int, reason: str) -> bool:
        """One every RARELY_SECONDS. For what most requests of a project may have, so that other warnings stay."""
        now, key = time.monotonic(), (project_id, reason)
        if now - self._rarely.get(key, -RARELY_SECONDS) < RARELY_SECONDS:
            return False
        self._rarely[key] = now
        return True


def accepted_batch(result: AcceptResult, context: RequestContext, sampler: WarningSampler) -> WriteBatch:
    """For a request that was parsed: all its events count as received, and some of them as refused."""
    received = rows.received(context.project_id, rows.hour(context.received_at))
    counts = [(received, len(result.events) + len(result.rejections))]
    if not result.has_issues and not result.unproved:
        return WriteBatch(rows.encode(result.events), b"", counts)
    counts += [(received._replace(outcome=REFUSED, reason=each.reason), 1) for _, each in result.rejections]
    samples: list[tuple[DropReason | WarningReason, str]] = [
        (each.reason, each.sample) for _, each in result.rejections
    ]
    samples += [(reason, event.sample) for _, event in result.warned for reason in event.warnings]
    counts += [
        (received._replace(outcome=UNPROVED, reason=str(each.unproved)), 1) for each in result.unproved
    ]
    warnings = [
        rows.warning(context.project_id, reason, sample, context.received_at)
        for reason, sample in samples
        if sampler.admits(context.project_id, reason)
    ]
    # Without properties: who was named is enough.
    warnings += [
        _unproved_warning(DropReason(each.unproved), f"{each.event} {each.distinct_id}", context, sampler)
        for each in result.unproved
    ]
    return WriteBatch(rows.encode(result.events), b"".join(warnings), counts)


def unproved_batch(
    context: RequestContext, reason: DropReason, what: str, sampler: WarningSampler
) -> WriteBatch:
    """For a request without events, such as reading a thread."""
    entry = rows.received(context.project_id, rows.hour(context.received_at))
    warning = _unproved_warning(reason, what, context, sampler)
    return WriteBatch(b"", warning, [(entry._replace(outcome=UNPROVED, reason=reason), 1)])


def _unproved_warning(
    reason: DropReason, what: str, context: RequestContext, sampler: WarningSampler
) -> bytes:
    if not sampler.admits_rarely(context.project_id, reason):
        return b""
    return rows.warning(context.project_id, reason, what, context.received_at)


def rejected_batch(
    project_id: int, reason: DropReason, events: int, sample: str, at: datetime, sampler: WarningSampler
) -> WriteBatch:
    """For a request that was rejected as a whole. `events` is 1 if they could not be counted."""
    received = rows.received(project_id, rows.hour(at))
    rejected = received._replace(outcome=REFUSED, reason=reason)
    warning = rows.warning(project_id, reason, sample, at) if sampler.admits(project_id, reason) else b""
    return WriteBatch(b"", warning, [(received, events), (rejected, events)])
