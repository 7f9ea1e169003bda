"""A PostgreSQL connection that runs COPY and other SQL in one round trip and one transaction.

psycopg's copy() needs a round trip each for BEGIN, COPY, the other statements and COMMIT. A script needs one, and
PostgreSQL runs it as one transaction.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

import psycopg
from psycopg import pq

from analytics.sqlstates import is_caused_by_data

CHUNK = 1 << 20
APPLICATION_NAME = "firsthand ingest"
"""How these connections are listed in pg_stat_activity."""

_AddWatcher = Callable[[int, Callable[[], object]], object]
_RemoveWatcher = Callable[[int], object]
SUCCESS = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Connection = psycopg.AsyncConnection[tuple[object, ...]]


class DatabaseUnavailableError(Exception):
    """The database is unreachable, or the connection or the script failed. The commit may or may not have happened."""


class RowRejectedError(Exception):
    """The database rejected a row (see sqlstates.py). Nothing was committed; the connection stays open."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.is_duplicate = state == "23505"


class ScriptConnection:
    """A connection that runs scripts. Not for concurrent use, and closed after DatabaseUnavailableError."""

    def __init__(self, database: Connection) -> None:
        self._connection = database
        self._pgconn = database.pgconn
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, url: str, *, seconds: float = 5.0) -> Self:
        """Raises DatabaseUnavailableError."""
        try:
            async with asyncio.timeout(seconds):
                # Without autocommit, `fetch` would leave a transaction open.
                database = await psycopg.AsyncConnection.connect(
                    url, autocommit=True, application_name=APPLICATION_NAME
                )
        except (psycopg.Error, TimeoutError, OSError) as error:
            raise DatabaseUnavailableError(str(error) or "no answer") from error
        return cls(database)

    async def run(self, script: str, copies: Sequence[bytes] = (), *, seconds: float = 30.0) -> None:
        """Run a script as one transaction. Each COPY ... FROM STDIN in it reads the next item of `copies`.

        Raises RowRejectedError for an invalid row, and DatabaseUnavailableError for everything else.
        """
        try:
            async with asyncio.timeout(seconds):
                failure = await self._run(script.encode(), copies)
        except (psycopg.Error, TimeoutError, OSError) as error:
            await self.close()
            raise DatabaseUnavailableError(str(error) or "no answer in time") from error
        except BaseException:
            # Cancelled in the middle of a script: the next one would read the results of this one.
            await self.close()
            raise
        if failure is not None:
            await self._raise(failure)

    async def close(self) -> None:
        await self._connection.close()

    @property
    def closed(self) -> bool:
        return self._connection.closed

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        """All rows of a query. Raises DatabaseUnavailableError."""
        try:
            async with asyncio.timeout(10):
                cursor = await self._connection.execute(query.encode())
                return await cursor.fetchall()
        except (psycopg.Error, TimeoutError, OSError) as error:
            await self.close()
            raise DatabaseUnavailableError(str(error) or "no answer in time") from error

    async def _raise(self, failure: pq.abc.PGresult) -> None:
        message = failure.error_message.decode(errors="replace").strip()
        state = (failure.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        # Anything else, such as a full disk, is not the event's fault.
        if is_caused_by_data(state):
            raise RowRejectedError(message, state)
        await self.close()
        raise DatabaseUnavailableError(message)

    async def _run(self, script: bytes, copies: Sequence[bytes]) -> pq.abc.PGresult | None:
        remaining = iter(copies)
        failure: pq.abc.PGresult | None = None
        # Otherwise put_copy_data() would block the event loop while the server is slow.
        self._pgconn.nonblocking = 1
        self._pgconn.send_query(script)
        await self._flush()
        while (result := await self._result()) is not None:
            if result.status == pq.ExecStatus.COPY_IN:
                await self._copy(next(remaining))
            # Read on after a failure: the next script would take the results that are left for its own.
            elif result.status not in SUCCESS:
                failure = result
        return failure

    async def _copy(self, payload: bytes) -> None:
        # In chunks: libpq would keep a second copy of all that it could not send yet.
        for start in range(0, len(payload), CHUNK):
            self._pgconn.put_copy_data(payload[start : start + CHUNK])
            await self._flush()
        self._pgconn.put_copy_end()
        await self._flush()

    async def _result(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            await self._ready(self._loop.add_reader, self._loop.remove_reader)
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    async def _flush(self) -> None:
        # Reading while writing: a server that blocks on its own output would never read ours.
        while self._pgconn.flush():
            await self._ready(self._loop.add_writer, self._loop.remove_writer)
            self._pgconn.consume_input()

    async def _ready(self, add: _AddWatcher, remove: _RemoveWatcher) -> None:
        ready = self._loop.create_future()
        socket = self._pgconn.socket
        add(socket, partial(_resolve, ready))
        try:
            await ready
        finally:
            remove(socket)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
