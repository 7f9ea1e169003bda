"""What every door has in common: a request is read and parsed, its project found, and what is refused is counted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from analytics.ingest import http, ledger
from analytics.ingest.accept import Accepted, accept
from analytics.ingest.commit import Committer
from analytics.ingest.http import Answer, Receive, Request
from analytics.ingest.keys import Access, Keys
from analytics.ingest.peers import Proxies
from analytics.ingest.rates import RateLimit, Rates
from analytics.ingest.shipment import Shipment
from analytics.ingest.spool import Spool
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    Arrival,
    DropReason,
    Parcel,
    Unreadable,
    arrival,
    sample,
)
from analytics.schema import RESERVED_EVENTS
from config import env
from config.home.layout import Home

ASIDE = 256 * 1024
"""Bodies of more bytes are worked on in a thread, so that those who send little do not wait for those who send much."""

SPOOL_LIMIT = 10 << 30


class Admitted(NamedTuple):
    """A request that was read, parsed and let in."""

    parcel: Parcel
    arrival: Arrival
    size: int


@dataclass(frozen=True, slots=True)
class Door:
    """One path that takes what is sent.

    parse      a body -> its events; raises Unreadable
    take       what becomes of an admitted request; raises Unreadable
    refused    how an Unreadable is answered
    max_body   bytes of a body, inflated
    max_event  bytes of one event in it
    personal   the body holds what a person says to the project: only such doors may write reserved names, no sample
               shows any of their words, and FIRSTHAND_COMMENT_RATE is their limit
    """

    parse: Callable[[Request, bytes], Parcel]
    take: "Callable[[Intake, Request, Admitted], Awaitable[Answer]]"
    refused: Callable[[Unreadable], Answer]
    max_body: int
    max_event: int
    methods: tuple[str, ...] = ("POST", "OPTIONS")
    personal: bool = False


class Intake:
    """Keys, rates, group commit and samples of one process; one event loop at a time.

    The database may be away: known keys are remembered, and events go to the spool.
    """

    def __init__(self, url: str, home: Home, rates: Rates) -> None:
        self._proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
        self._samples = ledger.Samples()
        self._event_rate = RateLimit(rates.events_per_second) if rates.events_per_second else None
        self._comment_rate = RateLimit(rates.comments_per_minute / 60) if rates.comments_per_minute else None
        self._keys = Keys(url, home.spool / "keys.json")
        spool = Spool(home.spool, env.integer("FIRSTHAND_SPOOL_LIMIT", SPOOL_LIMIT))
        self._committer = Committer(url, spool)

    @property
    def loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What has to run all the time."""
        return self._keys.keep_fresh, self._committer.run, self._committer.look_after_spool

    async def close(self) -> None:
        """Store what waits. To be followed by `disconnect`, when the loops have ended."""
        await self._committer.close()

    async def disconnect(self) -> None:
        await self._keys.close()

    async def admit(self, door: Door, request: Request, receive: Receive) -> Admitted:
        """1. read, 2. parse, 3. whose is it, 4. from where, 5. how often. Raises Unreadable, which is counted then."""
        received_at = datetime.now(UTC)
        parcel, body = Parcel(request.basic_user(), []), b""
        try:
            body = await http.read(request, receive, door.max_body)
            parsed = (
                await asyncio.to_thread(door.parse, request, body)
                if len(body) > ASIDE
                else door.parse(request, body)
            )
            parcel = Parcel(parcel.key or parsed.key, parsed.events, parsed.sent_at, parsed.json)
            access = self._keys.known(parcel.key) or await self._keys.find(parcel.key)
            arrived = self._arrival(door, request, parcel, access, received_at)
        except Unreadable as error:
            access = await self._keys.find(parcel.key)
            project_id, events = access.project_id if access else 0, max(1, len(parcel.events))
            # A person's words that are refused here may be kept at the next try and deleted later: no copy stays.
            shown = str(error) if door.personal else sample(body)
            await self._count(error, project_id, events, shown, received_at)
            raise
        return Admitted(parcel, arrived, len(body))

    async def judge(self, admitted: Admitted) -> tuple[Accepted, Shipment]:
        """Every event through the steps of `accept`; a Shipment is what they leave behind when it is `put`."""
        if admitted.size > ASIDE:
            return await asyncio.to_thread(self._judge, admitted)
        return self._judge(admitted)

    def put(self, shipment: Shipment) -> asyncio.Future[None]:
        """To be awaited: it is on disk then. Raises Full and NotTaken."""
        return self._committer.put(shipment)

    async def refuse(self, error: Unreadable, admitted: Admitted) -> None:
        """Count what was admitted and turned out to be unreadable all the same; its sample is the error alone."""
        arrived, events = admitted.arrival, len(admitted.parcel.events)
        await self._count(error, arrived.project_id, events, str(error), arrived.received_at)

    def _arrival(
        self, door: Door, request: Request, parcel: Parcel, access: Access | None, received_at: datetime
    ) -> Arrival:
        """Raises Unreadable: 401 for a key that is nobody's, 403 for an origin that is not the project's, 429."""
        if access is None:
            told = EXPLANATIONS[DropReason.UNKNOWN_KEY] if parcel.key else "no write key was sent"
            raise Unreadable(told, 401, DropReason.UNKNOWN_KEY)
        if access.origins and not access.allows(request.header(b"origin")):
            raise Unreadable(EXPLANATIONS[DropReason.ORIGIN], 403, DropReason.ORIGIN)
        forwarded = request.headers.get(b"x-forwarded-for")
        ip = self._proxies.client(request.peer, forwarded.decode("latin-1")) if forwarded else request.peer
        rate = self._comment_rate if door.personal else self._event_rate
        if rate is not None and (wait := rate.take(access.project_id, ip, len(parcel.events))):
            raise Unreadable(EXPLANATIONS[DropReason.RATE_LIMITED], 429, DropReason.RATE_LIMITED, wait=wait)
        return arrival(
            access.project_id,
            received_at,
            parcel.sent_at,
            user_agent=request.header(b"user-agent"),
            ip=ip,
            max_event=door.max_event,
            reserved=frozenset() if door.personal else RESERVED_EVENTS,
        )

    def _judge(self, admitted: Admitted) -> tuple[Accepted, Shipment]:
        taken = accept(admitted.parcel.events, admitted.arrival)
        return taken, ledger.shipment(taken, admitted.arrival, self._samples)

    async def _count(self, error: Unreadable, project_id: int, events: int, shown: str, at: datetime) -> None:
        await self._committer.put(ledger.refusal(project_id, error.reason, events, shown, at, self._samples))
