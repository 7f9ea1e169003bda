"""How much one address may send to one project: a token bucket for each pair, in the memory of this process."""

import math
import time
from dataclasses import dataclass

from config import env

BURST_SECONDS = 60.0
MAX_BUCKETS = 50_000


@dataclass(frozen=True, slots=True)
class Rates:
    """What one address may send to one project; 0 is no limit."""

    events_per_second: int = 0
    comments_per_minute: int = 0

    @staticmethod
    def configured() -> "Rates":
        return Rates(
            events_per_second=env.integer("FIRSTHAND_INGEST_RATE", 0),
            comments_per_minute=env.integer("FIRSTHAND_COMMENT_RATE", 60),
        )


class RateLimit:
    """Token buckets that hold a minute's worth. At most 2 * MAX_BUCKETS are remembered; a forgotten one is full."""

    def __init__(self, per_second: float) -> None:
        self._seconds_per_token = 1 / per_second
        # For each bucket the moment at which it will be full again, which is all that there is to know of it.
        self._full_at: dict[tuple[int, str], float] = {}
        self._older: dict[tuple[int, str], float] = {}

    def take(self, project_id: int, address: str, tokens: int) -> int:
        """0 when they were taken, else the seconds to wait.

        A bucket with anything left gives all that is asked and goes into debt, so that a batch of more events than
        the bucket holds is delayed and not refused for ever.
        """
        now, bucket = time.monotonic(), (project_id, address)
        full_at = max(now, self._full_at.get(bucket) or self._older.get(bucket, now))
        too_early = full_at + self._seconds_per_token - now - BURST_SECONDS
        if len(self._full_at) >= MAX_BUCKETS:
            self._older, self._full_at = self._full_at, {}
        # An address that is refused is written down again, too: else it would be forgotten while it goes on trying.
        self._full_at[bucket] = full_at if too_early > 0 else full_at + tokens * self._seconds_per_token
        return max(0, math.ceil(too_early))
