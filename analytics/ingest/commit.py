"""Group commit: whatever waits is stored in one transaction, and only then is anybody answered.

While the database is away the same groups go to the spool, and from there into the database when it is back.
"""

import asyncio
import logging
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from analytics.ingest import rows
from analytics.ingest.postgres import Away, NotTaken, Pipe
from analytics.ingest.shipment import Shipment
from analytics.ingest.spool import Full, Spool

log = logging.getLogger(__name__)

MAX_WAITING = 128 << 20
MAX_GROUP = 8 << 20
PATIENCE = 5.0
"""Seconds that a commit may take before its group goes to the spool instead."""

WHILE_AWAY = 0.5
"""Seconds between two looks at whether the database is back."""

OTHERWISE = 3.0
"""Seconds between two looks at whether a dead process has left a file."""

Waiting = tuple[Shipment, "asyncio.Future[None]"]


class Committer:
    """Takes shipments and stores them, many at a time. `put` is done when its shipment is on disk."""

    def __init__(self, url: str, spool: Spool) -> None:
        self._url = url
        self._spool = spool
        self._waiting: list[Waiting] = []
        self._bytes = 0
        self._busy = 0
        self._wake = asyncio.Event()
        self._pipe: Pipe | None = None
        self._away = False
        self._spool_turn = asyncio.Lock()

    def put(self, shipment: Shipment) -> asyncio.Future[None]:
        """To be awaited. Raises Full when too much waits already or the spool is full, NotTaken for rows that
        cannot be stored.
        """
        size = shipment.size
        if self._bytes + size > MAX_WAITING:
            raise Full("too much is waiting to be stored")
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((shipment, stored))
        self._bytes += size
        self._wake.set()
        return stored

    async def run(self) -> None:
        """Store group after group until cancelled."""
        while True:
            await self._wake.wait()
            group = self._next_group()
            self._busy += 1
            try:
                await self._store(group)
            except Exception:
                _tell(group, Full("it could not be stored, for a reason that is in the log"))
                raise
            finally:
                self._busy -= 1

    async def look_after_spool(self) -> None:
        """Replay what waits in the spool whenever the database is there, until cancelled."""
        while True:
            if self._away or await asyncio.to_thread(self._spool.has_files):
                await self._return()
            await asyncio.sleep(WHILE_AWAY if self._away else OTHERWISE)

    async def close(self) -> None:
        """Store what waits, then let go of the database and the spool."""
        while self._waiting or self._busy:
            await asyncio.sleep(0.005)
        self._spool.rotate()
        if self._pipe is not None:
            await self._pipe.close()

    def _next_group(self) -> list[Waiting]:
        """All that wait, or as many of them as MAX_GROUP bytes hold."""
        size, count = self._bytes, len(self._waiting)
        if size > MAX_GROUP:
            sizes = accumulate(shipment.size for shipment, _ in self._waiting)
            count, size = next((n, total) for n, total in enumerate(sizes, start=1) if total >= MAX_GROUP)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._bytes -= size
        if not self._waiting:
            self._wake.clear()
        return group

    async def _store(self, group: list[Waiting]) -> None:
        shipments = [shipment for shipment, _ in group]
        try:
            await self._keep(shipments)
        except NotTaken as error:
            await self._one_by_one(group, error)
        except Full as full:
            log.warning("commit: %s", full)
            _tell(group, full)
        else:
            _tell(group)

    async def _one_by_one(self, group: list[Waiting], error: NotTaken) -> None:
        """One shipment spoils the transaction of all: find it, refuse it, store the others."""
        if len(group) > 1:
            for each in group:
                await self._store([each])
            return
        log.error("commit: the database does not take an event: %s", error)
        (shipment, _) = group[0]
        await self._keep([shipment.without_events()])
        _tell(group, error)

    async def _keep(self, shipments: Sequence[Shipment]) -> None:
        """In the database, or while it is away in the spool."""
        if not self._away:
            try:
                self._pipe = await _open(self._url, self._pipe)
                await store(self._pipe, shipments)
            except Away as error:
                log.warning("commit: the database is away (%s); events go to the spool", error)
                self._away = True
            else:
                return
        async with self._spool_turn:
            if self._away:
                await asyncio.to_thread(self._spool.append, shipments)
                return
        await self._keep(shipments)

    async def _return(self) -> None:
        """Replay the spool; what arrives meanwhile goes on being spooled, the last of it while new groups wait."""
        try:
            pipe = await Pipe.open(self._url)
        except Away:
            return
        try:
            await self._replay(pipe)
            async with self._spool_turn:
                self._spool.rotate()
                await self._replay(pipe)
                self._away = False
        except Away as error:
            log.warning("spool: the database went away while it was replayed (%s)", error)
        finally:
            await pipe.close()

    async def _replay(self, pipe: Pipe) -> None:
        for path in await asyncio.to_thread(self._spool.files):
            with self._spool.claimed(path) as shipments:
                if shipments is not None:
                    await replay(pipe, path, shipments)
                    self._spool.done(path)


async def _open(url: str, pipe: Pipe | None) -> Pipe:
    return await Pipe.open(url) if pipe is None or pipe.closed else pipe


def _tell(group: list[Waiting], error: Exception | None = None) -> None:
    for _, stored in group:
        if not stored.done():
            stored.set_exception(error) if error else stored.set_result(None)


async def store(pipe: Pipe, shipments: Sequence[Shipment], *, first: str = "") -> None:
    """One transaction: `first` (SQL), events, warnings, and last the ledger, for whose rows other writers wait.

    Raises Away, and NotTaken when the database refuses a row.
    """
    statements, payloads = [first] if first else [], []
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
    await pipe.run("; ".join(statements), payloads, seconds=PATIENCE)


async def replay(pipe: Pipe, path: Path, shipments: Sequence[Shipment]) -> None:
    """A file's shipments and its name in one transaction, so that no crash makes it count twice. Raises Away."""
    name = f"INSERT INTO analytics_spool_replayed (name) VALUES ('{path.name}')"  # noqa: S608 (a name of our making)
    try:
        await store(pipe, shipments, first=name)
    except NotTaken as error:
        if not error.is_known_already:
            log.error("spool: %s holds an event that the database does not take: %s", path, error)  # noqa: TRY400
            await _sift(pipe, shipments)
            await pipe.run(name)


async def _sift(pipe: Pipe, shipments: Sequence[Shipment]) -> None:
    for shipment in shipments:
        try:
            await store(pipe, [shipment])
        except NotTaken:
            await store(pipe, [shipment.without_events()])
