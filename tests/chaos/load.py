"""Concurrent clients that retry until a batch is acknowledged, as SDKs do."""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

BATCH_SIZES = (1, 1, 5, 20, 50, 100)
TIMEOUT = 120.0


@dataclass
class LoadGenerator:
    """Sends events with unique ids from several clients at once.

    `acknowledged` holds the ids so far. `retries` counts error responses and broken connections. `pace` is the pause
    in seconds between two batches of one client.
    """

    base_url: str
    write_key: str
    clients: int = 4
    pace: float = 0.0
    acknowledged: set[str] = field(default_factory=set)
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, events: int) -> None:
        """Return when all events are acknowledged. Raises TimeoutError if one batch takes longer than TIMEOUT."""
        batches = list(_batches(events))
        with ThreadPoolExecutor(self.clients) as pool:
            list(pool.map(self._client, [batches[n :: self.clients] for n in range(self.clients)]))

    def _client(self, batches: list[list[str]]) -> None:
        with httpx.Client(base_url=self.base_url, auth=(self.write_key, ""), timeout=30) as client:
            for batch in batches:
                self._send(client, batch)
                time.sleep(self.pace)

    def _send(self, client: httpx.Client, ids: list[str]) -> None:
        calls = [_call(id) for id in ids]
        deadline = time.monotonic() + TIMEOUT
        while not self._acknowledged(client, calls):
            if time.monotonic() > deadline:
                raise TimeoutError(f"a batch of {len(ids)} was not acknowledged within {TIMEOUT} s")
            time.sleep(0.1)
        with self._lock:
            self.acknowledged.update(ids)

    def _acknowledged(self, client: httpx.Client, calls: list[dict[str, str]]) -> bool:
        try:
            response = client.post("/v1/batch", json={"batch": calls})
        except httpx.TransportError:
            return self._count_retry()
        return response.status_code == httpx.codes.OK or self._count_retry()

    def _count_retry(self) -> bool:
        with self._lock:
            self.retries += 1
        return False


def _batches(events: int) -> Iterator[list[str]]:
    sizes = itertools.cycle(random.Random(events).choices(BATCH_SIZES, k=97))
    while events:
        size = min(next(sizes), events)
        events -= size
        yield [str(uuid.uuid4()) for _ in range(size)]


def _call(id: str) -> dict[str, str]:
    return {"type": "track", "messageId": id, "userId": f"u{int(id[:4], 16) % 500}", "event": "clicked"}
