"""Group commit: one transaction stores all pending batches, and only then do their requests get a response.

While the database is down the groups go to the spool, which is replayed when it is back.
"""

import asyncio
import logging
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from analytics.ingest import rows
from analytics.ingest.postgres import DatabaseUnavailableError, RowRejectedError, ScriptConnection
from analytics.ingest.spool import RetryLaterError, Spool, keep_rejected
from analytics.ingest.write_batch import WriteBatch

log = logging.getLogger(__name__)

MAX_PENDING_BYTES = 128 << 20
MAX_GROUP_BYTES = 8 << 20
COMMIT_TIMEOUT = 5.0
"""Seconds that a commit may take before its group goes to the spool."""

RECONNECT_SECONDS = 0.5
"""Seconds between two attempts to reconnect."""

SPOOL_CHECK_SECONDS = 3.0
"""Seconds between two checks for files that a killed process has left."""

GATHER_SECONDS = 0.002
"""Seconds that a small group may wait for requests that are likely to come: those that were waiting before."""

GATHER_BYTES = 64 << 10
"""Bytes of a group that does not wait. A commit costs as much as writing these."""

Pending = tuple[WriteBatch, "asyncio.Future[None]"]


class Committer:
    """Stores batches, many in one transaction."""

    def __init__(self, url: str, spool: Spool) -> None:
        self._url = url
        self._spool = spool
        self._pending: list[Pending] = []
        self._pending_bytes = 0
        self._groups_in_progress = 0
        self._due = asyncio.Event()
        self._due_later: asyncio.TimerHandle | None = None
        self._enough = 1
        self._connection: ScriptConnection | None = None
        self._database_down = False
        self._spool_lock = asyncio.Lock()

    def put(self, batch: WriteBatch) -> asyncio.Future[None]:
        """Resolves when the batch is on disk, in the database or the spool.

        Raises RetryLaterError when too much is pending or the spool is full, and RowRejectedError for an invalid row.
        """
        size = batch.size
        if self._pending_bytes + size > MAX_PENDING_BYTES:
            raise RetryLaterError("too many events are waiting to be stored")
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._pending.append((batch, stored))
        self._pending_bytes += size
        if len(self._pending) >= self._enough or self._pending_bytes >= GATHER_BYTES:
            self._due.set()
        elif self._due_later is None:
            self._due_later = loop.call_later(GATHER_SECONDS, self._due.set)
        return stored

    async def run(self) -> None:
        """Store one group after another until cancelled."""
        while True:
            await self._due.wait()
            # No await between these two: `close` would see neither pending batches nor a group in progress.
            group = self._next_group()
            self._groups_in_progress += 1
            try:
                await self._store(group)
            except Exception:
                # Without a result these requests would hang until their clients give up.
                _resolve(group, RetryLaterError("the events could not be stored; see the log"))
                raise
            finally:
                self._groups_in_progress -= 1
            # So many requests are in progress at a time. Half of them can be read while the other half is stored.
            self._enough = max(1, (len(group) + len(self._pending)) // 2)

    async def watch_spool(self) -> None:
        """Replay the spool whenever the database is up, until cancelled."""
        while True:
            if self._database_down or await asyncio.to_thread(self._spool.has_files):
                await self._drain_spool()
            await asyncio.sleep(RECONNECT_SECONDS if self._database_down else SPOOL_CHECK_SECONDS)

    async def close(self) -> None:
        """Store pending batches, then close the connection and the spool."""
        while self._pending or self._groups_in_progress:
            await asyncio.sleep(0.005)
        self._spool.rotate()
        if self._connection is not None:
            await self._connection.close()

    def _next_group(self) -> list[Pending]:
        """All pending batches, or the first ones up to MAX_GROUP_BYTES."""
        size, count = self._pending_bytes, len(self._pending)
        if size > MAX_GROUP_BYTES:
            sizes = accumulate(batch.size for batch, _ in self._pending)
            count, size = next(
                (n, total) for n, total in enumerate(sizes, start=1) if total >= MAX_GROUP_BYTES
            )
        group, self._pending = self._pending[:count], self._pending[count:]
        self._pending_bytes -= size
        if self._due_later is not None:
            self._due_later.cancel()
            self._due_later = None
        if not self._pending:
            self._due.clear()
        return group

    async def _store(self, group: list[Pending]) -> None:
        batches = [batch for batch, _ in group]
        try:
            await self._store_or_spool(batches)
        except RowRejectedError as error:
            await self._isolate_rejected(group, error)
        except RetryLaterError as error:
            log.warning("commit: %s", error)
            _resolve(group, error)
        else:
            _resolve(group)

    async def _isolate_rejected(self, group: list[Pending], error: RowRejectedError) -> None:
        """Store each batch on its own, because one of them fails the transaction of all."""
        if len(group) > 1:
            for each in group:
                await self._store([each])
            return
        log.error("commit: the database rejected an event: %s", error)
        (batch, _) = group[0]
        await self._store_or_spool([batch.without_events()])
        _resolve(group, error)

    async def _store_or_spool(self, batches: Sequence[WriteBatch]) -> None:
        """Store in the database, or in the spool while the database is down."""
        if not self._database_down:
            try:
                self._connection = await _ensure_open(self._url, self._connection)
                await store(self._connection, batches)
            except DatabaseUnavailableError as error:
                # The commit may have happened. If it has, the events arrive twice, and enrich drops the copies.
                log.warning("commit: the database is unreachable (%s); events go to the spool", error)
                self._database_down = True
            else:
                return
        async with self._spool_lock:
            # Checked again under the lock: appending after the final drain would leave events in the spool for longer.
            if self._database_down:
                # In a thread: fsync would hold up every other request of this process.
                await asyncio.to_thread(self._spool.append, batches)
                return
        # The database came back while this group waited for the lock.
        await self._store_or_spool(batches)

    async def _drain_spool(self) -> None:
        """Replay the spool. New groups are still spooled meanwhile, and wait only for the last files."""
        try:
            # Not the committer's connection: that runs one script at a time, and groups may use it during the replay.
            connection = await ScriptConnection.open(self._url)
        except DatabaseUnavailableError:
            return
        try:
            await self._replay(connection)
            # Under the lock no group can be appended, so the spool is empty when new groups go to the database again.
            async with self._spool_lock:
                self._spool.rotate()
                await self._replay(connection)
                self._database_down = False
        except DatabaseUnavailableError as error:
            log.warning("spool: the connection was lost during the replay (%s)", error)
        finally:
            await connection.close()

    async def _replay(self, connection: ScriptConnection) -> None:
        for path in await asyncio.to_thread(self._spool.files):
            with self._spool.claimed(path) as batches:
                if batches is not None:
                    await replay(connection, path, batches)
                    self._spool.finish(path)


async def _ensure_open(url: str, connection: ScriptConnection | None) -> ScriptConnection:
    return await ScriptConnection.open(url) if connection is None or connection.closed else connection


def _resolve(group: list[Pending], error: Exception | None = None) -> None:
    for _, stored in group:
        # A client that disconnected has cancelled its future.
        if not stored.done():
            stored.set_exception(error) if error else stored.set_result(None)


async def store(connection: ScriptConnection, batches: Sequence[WriteBatch], *, first: str = "") -> None:
    """Store batches in one transaction that begins with the SQL in `first`.

    Raises DatabaseUnavailableError, and RowRejectedError when the database rejects a row.
    """
    statements, copies = [first] if first else [], []
    for statement, data in (
        (rows.INBOX_COPY, b"".join([each.events for each in batches])),
        (rows.WARNING_COPY, b"".join([each.warnings for each in batches])),
    ):
        if data:
            statements.append(statement)
            copies.append(data)
    counts = rows.Counts()
    for each in batches:
        for entry, count in each.counts:
            counts[entry] += count
    if counts:
        # Last, because its upsert locks rows that all other writers need.
        statements.append(rows.ledger_sql(counts))
    await connection.run("; ".join(statements), copies, seconds=COMMIT_TIMEOUT)


async def replay(connection: ScriptConnection, path: Path, batches: Sequence[WriteBatch]) -> None:
    """Store the batches of a spool file, unless that was done before. Raises DatabaseUnavailableError."""
    # In one transaction with the batches: a crash before the file is removed must not count them twice.
    name = f"INSERT INTO analytics_spool_replayed (name) VALUES ('{path.name}')"  # noqa: S608 (our own file name)
    try:
        await store(connection, batches, first=name)
    except RowRejectedError as error:
        # Only the name can be a duplicate, and then the file was stored before: the database numbers the inbox's rows,
        # and the ledger is an upsert.
        if not error.is_duplicate:
            log.error("spool: %s holds an event that the database rejects: %s", path, error)  # noqa: TRY400
            rejected = [bad for batch in batches for bad in await _store_what_fits(connection, batch)]
            # They were acknowledged, so they are kept, as the only copies once the file is gone.
            if rejected:
                await asyncio.to_thread(keep_rejected, path, rejected)
            # The name comes last: after a crash before it, the file is replayed again, and enrich drops the copies.
            await connection.run(name)


async def _store_what_fits(connection: ScriptConnection, batch: WriteBatch) -> list[WriteBatch]:
    """Store a batch without the events that the database rejects. Returns those, each with its count."""
    try:
        await store(connection, [batch])
    except RowRejectedError:
        parts = batch.parts()
    else:
        return []
    if not parts:
        return [batch]
    return [bad for part in parts for bad in await _store_what_fits(connection, part)]
