"""Rate limits per address and project: token buckets in the memory of this process."""

import math
import time
from dataclasses import dataclass

from config import env
from config.peers import network_of

BURST_SECONDS = 60.0
MAX_BUCKETS = 50_000


@dataclass(frozen=True, slots=True)
class Rates:
    """What one address may send to one project, and how often it may send unknown keys. 0 means no limit."""

    events_per_second: int = 0
    comments_per_minute: int = 0
    reads_per_minute: int = 0
    unknown_keys_per_minute: int = 0

    @staticmethod
    def from_environment() -> "Rates":
        return Rates(
            events_per_second=env.integer("FIRSTHAND_INGEST_RATE", 20_000),
            comments_per_minute=env.integer("FIRSTHAND_COMMENT_RATE", 60),
            reads_per_minute=env.integer("FIRSTHAND_THREAD_RATE", 600),
            unknown_keys_per_minute=env.integer("FIRSTHAND_UNKNOWN_KEY_RATE", 600),
        )


class RateLimit:
    """Token buckets of one minute's rate. It keeps at most 2 * MAX_BUCKETS of them; a dropped bucket is full."""

    def __init__(self, per_second: float) -> None:
        self._seconds_per_token = 1 / per_second
        # A bucket is stored as the moment when it will be full again; no task has to refill it.
        self._full_at: dict[tuple[int, str], float] = {}
        self._previous: dict[tuple[int, str], float] = {}

    def take(self, project_id: int, address: str, tokens: int) -> int:
        """Take tokens and return 0, or return the seconds to wait.

        A bucket that is not empty grants any number and goes into debt. Otherwise a batch larger than the bucket could
        never be sent.
        """
        now, bucket = time.monotonic(), (project_id, network_of(address))
        full_at = max(now, self._full_at.get(bucket) or self._previous.get(bucket, now))
        too_early = full_at + self._seconds_per_token - now - BURST_SECONDS
        if len(self._full_at) >= MAX_BUCKETS:
            self._previous, self._full_at = self._full_at, {}
        # Also when refused: otherwise the bucket of a busy address would be dropped, and so be full again.
        self._full_at[bucket] = full_at if too_early > 0 else full_at + tokens * self._seconds_per_token
        return max(0, math.ceil(too_early))
