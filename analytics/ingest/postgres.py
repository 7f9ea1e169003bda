"""One connection to PostgreSQL for one purpose: COPY and a little SQL in a single round trip and transaction.

psycopg's own copy() takes a round trip each for BEGIN, COPY, the rest and COMMIT; a script sent at once takes one, and
PostgreSQL runs a script as one transaction.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

import psycopg
from psycopg import pq

CHUNK = 1 << 20

_Watch = Callable[[int, Callable[[], object]], object]
_Unwatch = Callable[[int], object]
FINE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Database = psycopg.AsyncConnection[tuple[object, ...]]


class Away(Exception):  # noqa: N818 (it names the state of the database)
    """The database cannot be reached, broke off, or refused the script: nothing is known to be committed."""


class NotTaken(Exception):  # noqa: N818
    """The database refused a row (SQLSTATE classes 22 and 23); nothing was committed, and the connection lives."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.is_known_already = state == "23505"


class Pipe:
    """A connection that runs scripts. Not for concurrent use; after `Away` it is closed and of no more use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wire = database.pgconn
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, url: str, *, seconds: float = 5.0) -> Self:
        """Raises Away."""
        try:
            async with asyncio.timeout(seconds):
                database = await psycopg.AsyncConnection.connect(url, autocommit=True)
        except (psycopg.Error, TimeoutError, OSError) as error:
            raise Away(str(error) or "no answer") from error
        return cls(database)

    async def run(self, script: str, payloads: Sequence[bytes] = (), *, seconds: float = 30.0) -> None:
        """Run a script as one transaction; each COPY ... FROM STDIN in it takes the next payload.

        Raises NotTaken for a row that cannot be stored, and Away for everything else.
        """
        try:
            async with asyncio.timeout(seconds):
                failure = await self._run(script.encode(), payloads)
        except (psycopg.Error, TimeoutError, OSError) as error:
            await self.close()
            raise Away(str(error) or "no answer in time") from error
        except BaseException:
            await self.close()
            raise
        if failure is not None:
            await self._raise(failure)

    async def close(self) -> None:
        await self._database.close()

    @property
    def closed(self) -> bool:
        return self._database.closed

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        """All rows of a query. Raises Away."""
        try:
            async with asyncio.timeout(10):
                cursor = await self._database.execute(query.encode())
                return await cursor.fetchall()
        except (psycopg.Error, TimeoutError, OSError) as error:
            await self.close()
            raise Away(str(error) or "no answer in time") from error

    async def _raise(self, failure: pq.abc.PGresult) -> None:
        message = failure.error_message.decode(errors="replace").strip()
        state = (failure.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        if state.startswith(("22", "23")):
            raise NotTaken(message, state)
        await self.close()
        raise Away(message)

    async def _run(self, script: bytes, payloads: Sequence[bytes]) -> pq.abc.PGresult | None:
        waiting = iter(payloads)
        failure: pq.abc.PGresult | None = None
        self._wire.nonblocking = 1
        self._wire.send_query(script)
        await self._flush()
        while (result := await self._result()) is not None:
            if result.status == pq.ExecStatus.COPY_IN:
                await self._copy(next(waiting))
            elif result.status not in FINE:
                failure = result
        return failure

    async def _copy(self, payload: bytes) -> None:
        for start in range(0, len(payload), CHUNK):
            self._wire.put_copy_data(payload[start : start + CHUNK])
            await self._flush()
        self._wire.put_copy_end()
        await self._flush()

    async def _result(self) -> pq.abc.PGresult | None:
        while self._wire.is_busy():
            await self._ready(self._loop.add_reader, self._loop.remove_reader)
            self._wire.consume_input()
        return self._wire.get_result()

    async def _flush(self) -> None:
        while self._wire.flush():
            await self._ready(self._loop.add_writer, self._loop.remove_writer)
            self._wire.consume_input()

    async def _ready(self, add: _Watch, remove: _Unwatch) -> None:
        ready = self._loop.create_future()
        socket = self._wire.socket
        add(socket, partial(_resolve, ready))
        try:
            await ready
        finally:
            remove(socket)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
