"""The front of ingest: a lean ASGI application that finds the door behind a path and sends its answer.

It runs behind config.asgi, or alone: `granian --interface asgi analytics.ingest.app:app`.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from analytics.ingest import doors, http
from analytics.ingest.doors import DOORS, Desk
from analytics.ingest.http import Answer, Receive, Request, Scope, Send
from analytics.ingest.intake import Door, Intake
from analytics.ingest.rates import Rates
from analytics.ingest.spool import Full
from analytics.ingest.wire.event import Unreadable
from config.home import layout

log = logging.getLogger(__name__)

OURS = "/v1/"


class Ingest:
    """The ASGI application; one event loop at a time.

    `more_doors` are served beside its own, by path. `rates` are those of the environment unless they are given.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        more_doors: Mapping[str, Door] | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._url = database_url
        self._rates = rates
        self._doors = DOORS | dict(more_doors or {})
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request(scope)
            await http.send(await self._answer(request, receive), request, send)

    def serves(self, path: str) -> bool:
        """Whether a path is answered here: one of the doors, or anything below /v1/, where only programs ask."""
        return path.startswith(OURS) or doors.find(self._doors, path) is not None

    async def start(self) -> None:
        """Begin to listen."""
        self._intake = Intake(
            self._url or layout.database_url(), layout.home(), self._rates or Rates.configured()
        )
        self._tasks = [asyncio.create_task(_forever(each)) for each in self._intake.loops]

    async def stop(self) -> None:
        """Store what waits, then let go of the database."""
        await self._intake.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._intake.disconnect()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        # What is loaded by now stays: the collector need not go through it again and again under load.
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        door = doors.find(self._doors, request.path)
        if door is None:
            return _not_found(request.path)
        if request.method == "OPTIONS":
            return http.preflight(request, door.methods)
        if request.method not in door.methods:
            return http.not_allowed(door.methods)
        try:
            return await self._take(door, request, receive)
        except Unreadable as error:
            return http.later(door.refused(error), error.wait)
        except Full as full:
            return http.busy("busy; send it again later", full.seconds)

    async def _take(self, door: Door | Desk, request: Request, receive: Receive) -> Answer:
        if isinstance(door, Desk):
            await http.read(request, receive, door.max_body)
            return door.answer(request)
        return await door.take(self._intake, request, await self._intake.admit(door, request, receive))


def _not_found(path: str) -> Answer:
    told = {"success": False, "error": f"nothing is served at {path}; see docs/api.md"}
    return Answer(404, msgspec.json.encode(told))


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """Without these loops every request would wait for ever, so none of them may end by a fault."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("ingest: %s failed and begins again", work.__qualname__)
            await asyncio.sleep(1)


app = Ingest()
