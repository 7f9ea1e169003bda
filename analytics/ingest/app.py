"""The door for events: a lean ASGI application that parses, stores, and maps what came of it to a status.

It runs behind config.asgi, or alone: `granian --interface asgi analytics.ingest.app:app`.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from analytics.ingest import doors, http, ledger
from analytics.ingest.accept import Accepted, accept
from analytics.ingest.commit import Committer
from analytics.ingest.doors import Desk, Door
from analytics.ingest.http import JSON_TYPE, Answer, Receive, Request, Scope, Send
from analytics.ingest.keys import Access, Keys
from analytics.ingest.peers import Proxies
from analytics.ingest.postgres import NotTaken
from analytics.ingest.shipment import Shipment
from analytics.ingest.spool import Full, Spool
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    Arrival,
    DropReason,
    Parcel,
    Unreadable,
    arrival,
    sample,
)
from config import env
from config.home import layout

log = logging.getLogger(__name__)

ASIDE = 256 * 1024
"""Bodies of more bytes are worked on in a thread, so that those who send little do not wait for those who send much."""

SPOOL_LIMIT = 10 << 30
NOT_FOUND = Answer(404, b'{"success":false,"error":"nothing is served under this path"}')


def serves(scope: Scope) -> bool:
    """Whether a request is for ingest; comments and threads under /v1/ are not."""
    return doors.find(scope["path"]) is not None


class Ingest:
    """The ASGI application, with its memory of keys and its group commit; one event loop at a time."""

    def __init__(self, database_url: str | None = None) -> None:
        self._url = database_url
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request(scope)
            await http.send(await self._answer(request, receive), request, send)

    async def start(self) -> None:
        """Begin to listen. The database may be away: known keys are remembered, and events go to the spool."""
        url, home = self._url or layout.database_url(), layout.home()
        self._proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
        self._samples = ledger.Samples()
        self._keys = Keys(url, home.spool / "keys.json")
        spool = Spool(home.spool, env.integer("FIRSTHAND_SPOOL_LIMIT", SPOOL_LIMIT))
        self._committer = Committer(url, spool)
        work = (self._keys.keep_fresh, self._committer.run, self._committer.look_after_spool)
        self._tasks = [asyncio.create_task(_forever(each)) for each in work]

    async def stop(self) -> None:
        """Store what waits, then let go of the database."""
        await self._committer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keys.close()

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
        door = doors.find(request.path)
        if door is None:
            return NOT_FOUND
        if request.method == "OPTIONS":
            return http.preflight(request, door.methods)
        if request.method not in door.methods:
            return http.not_allowed(door.methods)
        try:
            if isinstance(door, Desk):
                return await self._tell(door, request, receive)
            return await self._take(door, request, receive)
        except Full as full:
            wait = (b"retry-after", b"%d" % full.seconds)
            return Answer(503, b'{"success":false,"error":"busy; send it again later"}', (JSON_TYPE, wait))

    async def _tell(self, desk: Desk, request: Request, receive: Receive) -> Answer:
        try:
            await http.read(request, receive, desk.max_body)
        except Unreadable as error:
            return doors.segment_refused(error)
        return desk.answer(request)

    async def _take(self, door: Door, request: Request, receive: Receive) -> Answer:
        """1. read, 2. parse, 3. whose is it, 4. accept or refuse each event, 5. store, 6. answer."""
        received_at = datetime.now(UTC)
        parcel, body = Parcel(request.basic_user(), []), b""
        try:
            body = await http.read(request, receive, door.max_body)
            large = len(body) > ASIDE
            parsed = (
                await asyncio.to_thread(door.parse, request, body) if large else door.parse(request, body)
            )
            parcel = Parcel(parcel.key or parsed.key, parsed.events, parsed.sent_at)
            access = self._keys.known(parcel.key) or await self._keys.find(parcel.key)
            arrived = self._admit(door, request, parcel, access, received_at)
        except Unreadable as error:
            await self._refuse(error, parcel, body, received_at)
            return door.refused(error)
        judge = self._judge
        taken, shipment = await asyncio.to_thread(judge, parcel, arrived) if large else judge(parcel, arrived)
        try:
            await self._committer.put(shipment)
        except NotTaken as error:
            told = Unreadable(f"the database does not take it: {error}", 400, DropReason.NOT_STORABLE)
            return door.refused(told)
        return door.accepted(request, taken)

    def _admit(
        self, door: Door, request: Request, parcel: Parcel, access: Access | None, received_at: datetime
    ) -> Arrival:
        """Raises Unreadable: 401 for a key that is nobody's, 403 for an origin that is not the project's."""
        if access is None:
            told = EXPLANATIONS[DropReason.UNKNOWN_KEY] if parcel.key else "no write key was sent"
            raise Unreadable(told, 401, DropReason.UNKNOWN_KEY)
        if access.origins and not access.allows(request.header(b"origin")):
            raise Unreadable(EXPLANATIONS[DropReason.ORIGIN], 403, DropReason.ORIGIN)
        forwarded = request.headers.get(b"x-forwarded-for")
        return arrival(
            access.project_id,
            received_at,
            parcel.sent_at,
            user_agent=request.header(b"user-agent"),
            ip=self._proxies.client(request.peer, forwarded.decode("latin-1")) if forwarded else request.peer,
            max_event=door.max_event,
        )

    def _judge(self, parcel: Parcel, arrived: Arrival) -> tuple[Accepted, Shipment]:
        taken = accept(parcel.events, arrived)
        return taken, ledger.shipment(taken, arrived, self._samples)

    async def _refuse(self, error: Unreadable, parcel: Parcel, body: bytes, at: datetime) -> None:
        """A request that is refused as a whole is counted too, for its project if its key is known."""
        access = await self._keys.find(parcel.key)
        project_id = access.project_id if access else 0
        events = max(1, len(parcel.events))
        await self._committer.put(
            ledger.refusal(project_id, error.reason, events, sample(body), at, self._samples)
        )


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """Without these loops every request would wait for ever, so none of them may end by a fault."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("ingest: %s failed and begins again", work.__qualname__)
            await asyncio.sleep(1)


app = Ingest()
