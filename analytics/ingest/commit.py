"""Group commit: whatever waits is stored in one transaction, and only then is anybody answered."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from analytics.ingest import rows
from analytics.ingest.postgres import Away, Pipe

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 128 << 20
MAX_GROUP_BYTES = 8 << 20


class Shipment(msgspec.Struct, gc=False):
    """What one request leaves behind: rows for the inbox, rows of warnings, counts for the ledger."""

    events: bytes
    warnings: bytes
    counts: list[tuple[rows.Entry, int]]

    @property
    def size(self) -> int:
        return len(self.events) + len(self.warnings) + 100


class Full(Exception):  # noqa: N818 (it names the state of the buffer)
    """Nothing more can be taken just now; try again in `seconds`."""

    seconds = 2


class Committer:
    """Takes shipments and stores them, many at a time. `put` returns when its shipment is on disk."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[tuple[Shipment, asyncio.Future[None]]] = []
        self._bytes = 0
        self._wake = asyncio.Event()
        self._pipe: Pipe | None = None

    async def put(self, shipment: Shipment) -> None:
        """Raises Full."""
        if self._bytes + shipment.size > MAX_WAITING_BYTES:
            raise Full
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((shipment, stored))
        self._bytes += shipment.size
        self._wake.set()
        await stored

    async def run(self) -> None:
        """Store groups of shipments until cancelled."""
        while True:
            await self._wake.wait()
            group = self._take()
            try:
                await self._store([shipment for shipment, _ in group])
            except Away as error:
                log.error("commit: %s", error)
                for _, stored in group:
                    if not stored.done():
                        stored.set_exception(Full())
            for _, stored in group:
                if not stored.done():
                    stored.set_result(None)

    def _take(self) -> list[tuple[Shipment, asyncio.Future[None]]]:
        size = count = 0
        for shipment, _ in self._waiting:
            size += shipment.size
            count += 1
            if size >= MAX_GROUP_BYTES:
                break
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._bytes -= size
        if not self._waiting:
            self._wake.clear()
        return group

    async def _store(self, shipments: Sequence[Shipment]) -> None:
        if self._pipe is None or self._pipe.closed:
            self._pipe = await Pipe.open(self._url)
        await store(self._pipe, shipments)

    async def close(self) -> None:
        """Store what waits, then let go."""
        while self._waiting:
            await asyncio.sleep(0.01)
        if self._pipe is not None:
            await self._pipe.close()


async def store(pipe: Pipe, shipments: Sequence[Shipment], *, also: str = "") -> None:
    """One transaction: `also` (SQL), events, warnings, and last the ledger, whose rows others wait for."""
    statements, payloads = [also] if also else [], []
    for copy, payload in (
        (rows.INBOX_COPY, b"".join([each.events for each in shipments])),
        (rows.WARNING_COPY, b"".join([each.warnings for each in shipments])),
    ):
        if payload:
            statements.append(copy)
            payloads.append(payload)
    counts = rows.Counts()
    for each in shipments:
        for entry, count in each.counts:
            counts[entry] += count
    if counts:
        statements.append(rows.ledger_sql(counts))
    await pipe.run("; ".join(statements), payloads)
