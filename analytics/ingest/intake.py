"""What all endpoints share: reading, parsing and authorizing a request, and counting what is rejected."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from analytics.ingest import http
from analytics.ingest.accept import AcceptResult, accept
from analytics.ingest.commit import Committer
from analytics.ingest.http import Receive, Request, Response
from analytics.ingest.keys import Access, Keys
from analytics.ingest.peers import Proxies
from analytics.ingest.rates import RateLimit, Rates
from analytics.ingest.spool import Spool
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    DropReason,
    Payload,
    RequestContext,
    RequestRejectedError,
    request_context,
    sample,
)
from analytics.ingest.write_batch import WarningSampler, WriteBatch, accepted_batch, rejected_batch
from analytics.schema import RESERVED_EVENTS
from config import env
from config.home.layout import Home

THREAD_BYTES = 256 * 1024
"""Larger bodies are parsed in a thread, so that one large request does not delay many small ones."""

DEFAULT_SPOOL_LIMIT = 10 << 30


class AdmittedRequest(NamedTuple):
    """A request that was read, parsed and authorized. `size` is that of its body in bytes."""

    payload: Payload
    context: RequestContext
    size: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that receives events.

    parse           decodes a body; raises RequestRejectedError
    handle          stores an admitted request and responds; raises RequestRejectedError and RetryLaterError
    error_response  the response to a RequestRejectedError
    max_body        bytes of an inflated body
    max_event       bytes of one event in it
    header_key      the write key outside of the body, which precedes the one inside; "" if there is none
    personal        the body is a message from a person: it may have a reserved name, its text never becomes a sample,
                    and FIRSTHAND_COMMENT_RATE limits it
    """

    parse: Callable[[Request, bytes], Payload]
    handle: "Callable[[Intake, Request, AdmittedRequest], Awaitable[Response]]"
    error_response: Callable[[RequestRejectedError], Response]
    max_body: int
    max_event: int
    methods: tuple[str, ...] = ("POST", "OPTIONS")
    header_key: Callable[[Request], str] = Request.basic_user
    personal: bool = False


class Intake:
    """Write keys, rate limits, group commit and warning samples of one process, for one event loop at a time.

    It works while the database is down: known keys are cached, and events go to the spool.
    """

    def __init__(self, url: str, home: Home, rates: Rates) -> None:
        self._proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
        self._sampler = WarningSampler()
        self._event_rate = RateLimit(rates.events_per_second) if rates.events_per_second else None
        self._comment_rate = RateLimit(rates.comments_per_minute / 60) if rates.comments_per_minute else None
        self.comments_per_minute = rates.comments_per_minute
        self._keys = Keys(url, home.spool / "keys.json")
        spool = Spool(home.spool, env.integer("FIRSTHAND_SPOOL_LIMIT", DEFAULT_SPOOL_LIMIT))
        self._committer = Committer(url, spool)

    @property
    def loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The background tasks; each runs until cancelled."""
        return self._keys.refresh_forever, self._committer.run, self._committer.watch_spool

    async def close(self) -> None:
        """Store pending events. Stop the loops next, then call `disconnect`."""
        await self._committer.close()

    async def disconnect(self) -> None:
        await self._keys.close()

    async def admit(self, endpoint: Endpoint, request: Request, receive: Receive) -> AdmittedRequest:
        """Read, parse and authorize a request. Raises RequestRejectedError after counting the rejection."""
        # Before the body is read: the time of an upload would count as skew of the client's clock.
        received_at = datetime.now(UTC)
        # Set first, so that a body that cannot be parsed still counts for the project of its Basic key.
        payload, body = Payload(endpoint.header_key(request), []), b""
        try:
            body = await http.read_body(request, receive, endpoint.max_body)
            parsed = (
                await asyncio.to_thread(endpoint.parse, request, body)
                if len(body) > THREAD_BYTES
                else endpoint.parse(request, body)
            )
            payload = Payload(payload.key or parsed.key, parsed.events, parsed.sent_at, parsed.json)
            access = self._keys.known(payload.key) or await self._keys.find(payload.key)
            context = self._authorize(endpoint, request, payload, access, received_at)
        except RequestRejectedError as error:
            access = await self._keys.find(payload.key)
            project_id, events = access.project_id if access else 0, max(1, len(payload.events))
            # No copy of a person's message: they may send it again and delete it later.
            sample_text = str(error) if endpoint.personal else sample(body)
            await self._count_rejection(error, project_id, events, sample_text, received_at)
            raise
        return AdmittedRequest(payload, context, len(body))

    async def process(
        self, admitted: AdmittedRequest, *, atomic: bool = False
    ) -> tuple[AcceptResult, WriteBatch]:
        """Run every event through the steps of `accept`. The batch still has to be stored.

        With `atomic`, a batch with rejected events has no others: its client sends those again.
        """
        if admitted.size > THREAD_BYTES:
            return await asyncio.to_thread(self._process, admitted, atomic)
        return self._process(admitted, atomic)

    def store(self, batch: WriteBatch) -> asyncio.Future[None]:
        """Resolves when the batch is on disk. Raises RetryLaterError and RowRejectedError."""
        return self._committer.put(batch)

    async def reject(self, error: RequestRejectedError, admitted: AdmittedRequest) -> None:
        """Count an admitted request that is rejected later. Its sample is the error alone."""
        context, events = admitted.context, len(admitted.payload.events)
        await self._count_rejection(error, context.project_id, events, str(error), context.received_at)

    def _authorize(
        self,
        endpoint: Endpoint,
        request: Request,
        payload: Payload,
        access: Access | None,
        received_at: datetime,
    ) -> RequestContext:
        """Check key, origin and rate. Raises RequestRejectedError: 401, 403 and 429."""
        if access is None:
            message = EXPLANATIONS[DropReason.UNKNOWN_KEY] if payload.key else "no write key was sent"
            raise RequestRejectedError(message, 401, DropReason.UNKNOWN_KEY)
        if access.origins and not access.allows(request.header(b"origin")):
            raise RequestRejectedError(EXPLANATIONS[DropReason.ORIGIN], 403, DropReason.ORIGIN)
        forwarded = request.headers.get(b"x-forwarded-for")
        ip = self._proxies.client(request.peer, forwarded.decode("latin-1")) if forwarded else request.peer
        rate = self._comment_rate if endpoint.personal else self._event_rate
        if rate is not None and (wait := rate.take(access.project_id, ip, len(payload.events))):
            raise RequestRejectedError(
                EXPLANATIONS[DropReason.RATE_LIMITED],
                429,
                DropReason.RATE_LIMITED,
                wait=wait,
                events=len(payload.events),
            )
        return request_context(
            access.project_id,
            received_at,
            payload.sent_at,
            user_agent=request.header(b"user-agent"),
            ip=ip,
            max_event=endpoint.max_event,
            reserved=frozenset() if endpoint.personal else RESERVED_EVENTS,
        )

    def _process(self, admitted: AdmittedRequest, atomic: bool) -> tuple[AcceptResult, WriteBatch]:
        result = accept(admitted.payload.events, admitted.context)
        # Crawlers are no reason to send anything again.
        if atomic and (faulty := [each for each in result.rejections if each[1].reason != DropReason.BOT]):
            result = AcceptResult([], faulty, [])
        return result, accepted_batch(result, admitted.context, self._sampler)

    async def _count_rejection(
        self, error: RequestRejectedError, project_id: int, events: int, sample_text: str, at: datetime
    ) -> None:
        await self._committer.put(
            rejected_batch(project_id, error.reason, events, sample_text, at, self._sampler)
        )
