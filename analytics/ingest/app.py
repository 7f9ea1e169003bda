"""The door for events: a lean ASGI application that parses, stores, and maps what came of it to a status.

It runs behind config.asgi, or alone: `granian --interface asgi analytics.ingest.app:app`.
"""

import asyncio
import logging
from datetime import UTC, datetime

from analytics.ingest import http, rows
from analytics.ingest.accept import Accepted, accept
from analytics.ingest.commit import Committer, Full, Shipment
from analytics.ingest.doors import DOORS, Door
from analytics.ingest.http import Answer, Receive, Request, Scope, Send
from analytics.ingest.keys import Access, Keys
from analytics.ingest.wire.event import Arrival, DropReason, Parcel, Unreadable
from config.home import layout

log = logging.getLogger(__name__)


def serves(scope: Scope) -> bool:
    """Whether a request is for ingest; comments and threads under /v1/ are not."""
    path: str = scope["path"]
    return path in DOORS or path.rstrip("/") in DOORS


class Ingest:
    """The ASGI application, with its memory of keys and its group commit; one event loop at a time."""

    def __init__(self, database_url: str | None = None) -> None:
        self._url = database_url
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._serve(Request(scope), receive, send)

    async def start(self) -> None:
        url = self._url or layout.database_url()
        self._keys = Keys(url, layout.home().spool / "keys.json")
        self._committer = Committer(url)
        self._tasks = [
            asyncio.create_task(self._keys.keep_fresh()),
            asyncio.create_task(self._committer.run()),
        ]

    async def stop(self) -> None:
        """Store what waits, then let go of the database."""
        await self._committer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keys.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        door = DOORS.get(request.path) or DOORS.get(request.path.rstrip("/"))
        if door is None:
            await http.send(Answer(404, b'{"success":false,"error":"there is no such path"}'), send)
            return
        await http.send(await self._answer(door, request, receive), send)

    async def _answer(self, door: Door, request: Request, receive: Receive) -> Answer:
        received_at = datetime.now(UTC)
        key = ""
        access: Access | None = None
        try:
            key = request.basic_user()
            body = await http.read(request, receive, door.max_body)
            parcel = door.parse(request, body)
            access = await self._keys.find(key or parcel.key)
            if access is None:
                raise Unreadable("unknown write key", 401, DropReason.UNKNOWN_KEY)
            arrival = _arrival(door, request, parcel, access, received_at)
            taken = accept(parcel.events, arrival)
            await self._committer.put(_shipment(taken, arrival))
            return door.accepted(taken)
        except Unreadable as error:
            return door.refused(error)
        except Full:
            return Answer(503, b'{"success":false,"error":"busy"}', ((b"retry-after", b"2"), http.JSON_TYPE))


def _arrival(door: Door, request: Request, parcel: Parcel, access: Access, received_at: datetime) -> Arrival:
    return Arrival(
        project_id=access.project_id,
        received_at=received_at,
        sent_at=parcel.sent_at,
        user_agent=request.header(b"user-agent"),
        ip=request.peer,
        max_event=door.max_event,
    )


def _shipment(taken: Accepted, arrival: Arrival) -> Shipment:
    hour = int(arrival.received_at.timestamp()) // 3600 * 3600
    counts = [(rows.Entry(arrival.project_id, hour, rows.RECEIVED), len(taken.events) + len(taken.refused))]
    warnings = []
    for _, refused in taken.refused:
        counts.append((rows.Entry(arrival.project_id, hour, rows.REFUSED, refused.reason), 1))
        warnings.append(rows.warning(arrival.project_id, refused.reason, refused.sample, arrival.received_at))
    for _, event in taken.noted:
        for note in event.notes:
            warnings.append(
                rows.warning(arrival.project_id, note, event.properties[:500], arrival.received_at)
            )
    return Shipment(rows.encode(taken.events), b"".join(warnings), counts)


app = Ingest()
