"""What all endpoints share: reading, parsing and authorizing a request, and counting what is rejected."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from analytics.ingest import http, identity_tokens
from analytics.ingest.accept import AcceptResult, accept
from analytics.ingest.body_timer import BodyTimer
from analytics.ingest.commit import Committer
from analytics.ingest.http import API_KEY_PREFIX, LARGE, Receive, Request, Response
from analytics.ingest.identity_tokens import verify
from analytics.ingest.keys import Access, Keys
from analytics.ingest.large_bodies import LargeBodies
from analytics.ingest.rates import RateLimit, Rates
from analytics.ingest.spool import Spool
from analytics.ingest.wire.encoding import decode_content
from analytics.ingest.wire.envelope import check_values, has_many_values
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    NOBODY_PROVED,
    DropReason,
    Identity,
    Payload,
    Proof,
    RequestContext,
    RequestRejectedError,
    request_context,
    sample,
)
from analytics.ingest.write_batch import (
    WarningSampler,
    WriteBatch,
    accepted_batch,
    rejected_batch,
    unproved_batch,
)
from analytics.schema import RESERVED_EVENTS
from config import env
from config.home.layout import Home
from config.peers import Proxies

DEFAULT_SPOOL_LIMIT = 10 << 30

KEY_IN_BODY = (
    "send an API key in the Authorization header only: bodies and addresses end up in pages and logs"
)
NO_SCOPE = (
    "unknown or revoked API key, or it lacks the scope people:write; send the project's write key, or create an API key"
    " with this scope in the project's settings"
)

MAY_BE_NEW = (DropReason.IDENTITY_KID, DropReason.IDENTITY_SIGNATURE)
"""Problems of tokens whose secret was created a moment ago."""

Result = TypeVar("Result")


class AdmittedRequest(NamedTuple):
    """A request that was read, parsed and authorized. `size` is in bytes of JSON; if `large`, a thread processes it."""

    payload: Payload
    context: RequestContext
    size: int
    large: bool


def unwrapped_already(request: Request, body: bytes, limit: int) -> bytes:
    return body


def no_key(body: bytes) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that receives events.

    parse           decodes the JSON of a body; raises RequestRejectedError
    handle          stores an admitted request and responds; raises RequestRejectedError and RetryLaterError
    error_response  the response to a RequestRejectedError
    max_body        bytes of an inflated body
    max_event       bytes of one event in it
    unwrap          extracts the JSON, of at most so many bytes, from what was sent; raises RequestRejectedError
    header_key      the write key outside of the body, which precedes the one inside; "" if there is none
    find_key        the write key inside the JSON, found without decoding its events; "" if there is none
    personal        the body is a message from a person: it may have a reserved name, its text never becomes a sample,
                    and FIRSTHAND_COMMENT_RATE limits it, or FIRSTHAND_THREAD_RATE if it only reads
    """

    parse: Callable[[Request, bytes], Payload]
    handle: "Callable[[Intake, Request, AdmittedRequest], Awaitable[Response]]"
    error_response: Callable[[RequestRejectedError], Response]
    max_body: int
    max_event: int
    methods: tuple[str, ...] = ("POST", "OPTIONS")
    unwrap: Callable[[Request, bytes, int], bytes] = unwrapped_already
    header_key: Callable[[Request], str] = Request.key
    find_key: Callable[[bytes], str] = no_key
    personal: bool = False


class Intake:
    """Write keys, rate limits, group commit and warning samples of one process, for one event loop at a time.

    It works while the database is down: known keys are cached, and events go to the spool.
    """

    def __init__(self, url: str, home: Home, rates: Rates, *, trusted: bool = False) -> None:
        self._trusted = trusted
        self._proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
        self._sampler = WarningSampler()
        self._event_rate = RateLimit(rates.events_per_second) if rates.events_per_second else None
        self._comment_rate = RateLimit(rates.comments_per_minute / 60) if rates.comments_per_minute else None
        self._read_rate = RateLimit(rates.reads_per_minute / 60) if rates.reads_per_minute else None
        self._stranger_rate = (
            RateLimit(rates.unknown_keys_per_minute / 60) if rates.unknown_keys_per_minute else None
        )
        self.comments_per_minute = rates.comments_per_minute
        self.timer = BodyTimer(http.BODY_SECONDS)
        self._large = LargeBodies(self.address)
        # One thread: two would compete with the event loop for the interpreter. And not the default threads, because
        # large bodies waiting for those would keep ingest from writing the spool.
        self._large_thread = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")
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
        self._large_thread.shutdown(wait=False)

    async def admit(self, endpoint: Endpoint, request: Request, receive: Receive) -> AdmittedRequest:
        """Read, parse and authorize a request. Raises RequestRejectedError after counting the rejection.

        A key that is found before the events are decoded is checked before. The caller releases `request.hold`.
        """
        # Before the body is read: the time of an upload would count as skew of the client's clock.
        received_at = datetime.now(UTC)
        key, access, body, events = endpoint.header_key(request), None, b"", 1
        try:
            if key:
                access = self._keys.known(key) or await self._find_before_body(
                    endpoint, key, request, receive
                )
            body = await http.read_body(request, receive, endpoint.max_body, self.timer, self._large.hold)
            text = await self._unwrap(endpoint, request, body)
            if large := len(text) > LARGE or has_many_values(text):
                self._large.hold(request, len(text))
                await self._check_early(endpoint, request, text, access)
                payload = await self._in_thread(endpoint.parse, request, text)
            else:
                payload = endpoint.parse(request, text)
            events = max(1, len(payload.events))
            if access is None:
                access = self._keys.known(payload.key) or await self._find(payload.key, request)
            identity = await self._identity(request, access)
            context = self._authorize(endpoint, request, payload, access, identity, received_at)
        except RequestRejectedError as error:
            # No copy of a person's message: they may send it again and delete it later.
            sample_text = str(error) if endpoint.personal else sample(body)
            await self._count_rejection(
                error, access.project_id if access else 0, events, sample_text, received_at
            )
            raise
        return AdmittedRequest(payload, context, len(text), large)

    async def _find_before_body(
        self, endpoint: Endpoint, key: str, request: Request, receive: Receive
    ) -> Access:
        try:
            return await self._find(key, request)
        except RequestRejectedError:
            # A client that is still sending would get a reset connection instead of the response.
            await http.skip_body(request, receive, endpoint.max_body, self.timer)
            raise

    async def _find(self, key: str, request: Request) -> Access:
        """The access of a key that may be new. Raises RequestRejectedError: 401, and 429 after many unknown keys."""
        rate = self._stranger_rate
        if rate is not None and (wait := rate.take(0, self.address(request), 1)):
            raise _rate_limited(wait)
        if (access := await self._keys.find(key)) is None:
            raise RequestRejectedError(_unknown(key), 401, DropReason.UNKNOWN_KEY)
        return access

    async def _unwrap(self, endpoint: Endpoint, request: Request, body: bytes) -> bytes:
        """The JSON in a body. Inflating more than LARGE bytes runs in the thread."""
        if len(body) <= LARGE:
            try:
                # What inflates to more is inflated again in the thread; a header that promises its size could lie.
                return _unwrapped(endpoint, request, body, min(LARGE, endpoint.max_body))
            except RequestRejectedError as error:
                if error.status != 413:
                    raise
        self._large.hold(request, len(body))
        return await self._in_thread(_unwrapped, endpoint, request, body, endpoint.max_body)

    async def _check_early(
        self, endpoint: Endpoint, request: Request, text: bytes, access: Access | None
    ) -> None:
        """Check key and size of a large body before its events are decoded. Raises RequestRejectedError."""
        check_values(text)
        if access is None and (key := await self._in_thread(endpoint.find_key, text)):
            access = self._keys.known(key) or await self._find(key, request)
        if access is not None and request.hold is not None:
            request.hold.share(access.project_id)

    async def _in_thread(self, work: Callable[..., Result], *given: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._large_thread, work, *given)

    async def process(
        self, admitted: AdmittedRequest, *, atomic: bool = False
    ) -> tuple[AcceptResult, WriteBatch]:
        """Run every event through the steps of `accept`. The batch still has to be stored.

        With `atomic`, a batch with rejected events has no others: its client sends those again.
        """
        if admitted.large:
            return await self._in_thread(self._process, admitted, atomic)
        return self._process(admitted, atomic)

    def store(self, batch: WriteBatch) -> asyncio.Future[None]:
        """Resolves when the batch is on disk. Raises RetryLaterError and RowRejectedError."""
        return self._committer.put(batch)

    async def reject(self, error: RequestRejectedError, admitted: AdmittedRequest) -> None:
        """Count an admitted request that is rejected later. Its sample is the error alone."""
        # One for a request without events, so that the refusal is counted.
        context, events = admitted.context, max(1, len(admitted.payload.events))
        await self._count_rejection(error, context.project_id, events, str(error), context.received_at)

    def _authorize(
        self,
        endpoint: Endpoint,
        request: Request,
        payload: Payload,
        access: Access,
        identity: Identity,
        received_at: datetime,
    ) -> RequestContext:
        """Check origin and rate. Raises RequestRejectedError: 401, 403 and 429."""
        if access.secret and not endpoint.header_key(request):
            raise RequestRejectedError(KEY_IN_BODY, 401, DropReason.UNKNOWN_KEY)
        if access.origins and not access.allows(request.header(b"origin")):
            raise RequestRejectedError(EXPLANATIONS[DropReason.ORIGIN], 403, DropReason.ORIGIN)
        ip = self.address(request)
        rate = self._event_rate
        if endpoint.personal:
            rate = self._read_rate if request.method == "GET" else self._comment_rate
        if rate is not None and (wait := rate.take(access.project_id, ip, max(1, len(payload.events)))):
            raise _rate_limited(wait, len(payload.events))
        return request_context(
            access.project_id,
            received_at,
            payload.sent_at,
            user_agent=request.header(b"user-agent"),
            ip=ip,
            max_event=endpoint.max_event,
            reserved=frozenset() if endpoint.personal else RESERVED_EVENTS,
            proof=Proof(
                access.secret,
                identity,
                enforced=access.enforced and not self._trusted,
                checked=endpoint.personal or self._trusted,
            ),
        )

    async def _identity(self, request: Request, access: Access) -> Identity:
        """Whom the request's token proves. Raises RetryLaterError if tokens cannot be checked now."""
        token = request.headers.get(identity_tokens.HEADER)
        if not token:
            return NOBODY_PROVED
        found = verify(token.decode("latin-1"), self._keys.identity(access.project_id))
        rate = self._stranger_rate
        # Its secret may be new. Bounded as unknown keys are: any number of wrong tokens can be sent.
        if found.problem in MAY_BE_NEW and not (rate and rate.take(0, self.address(request), 1)):
            await self._keys.refresh()
            found = verify(token.decode("latin-1"), self._keys.identity(access.project_id))
        return found

    async def count_unproved(self, context: RequestContext, reason: DropReason, what: str) -> None:
        """Count a request without events that would be refused if the project enforced identity."""
        await self._committer.put(unproved_batch(context, reason, what, self._sampler))

    def _process(self, admitted: AdmittedRequest, atomic: bool) -> tuple[AcceptResult, WriteBatch]:
        result = accept(admitted.payload.events, admitted.context)
        # Crawlers are no reason to send anything again.
        if atomic and (faulty := [each for each in result.rejections if each[1].reason != DropReason.BOT]):
            result = AcceptResult([], faulty, [])
        return result, accepted_batch(result, admitted.context, self._sampler)

    def address(self, request: Request) -> str:
        """The client's address, behind trusted proxies too."""
        forwarded = request.headers.get(b"x-forwarded-for")
        return self._proxies.client(request.peer, forwarded.decode("latin-1")) if forwarded else request.peer

    async def _count_rejection(
        self, error: RequestRejectedError, project_id: int, events: int, sample_text: str, at: datetime
    ) -> None:
        await self._committer.put(
            rejected_batch(project_id, error.reason, events, sample_text, at, self._sampler)
        )


def _unwrapped(endpoint: Endpoint, request: Request, body: bytes, limit: int) -> bytes:
    if coding := request.headers.get(b"content-encoding"):
        body = decode_content(body, coding.decode("latin-1"), limit)
    return endpoint.unwrap(request, body, limit)


def _unknown(key: str) -> str:
    if not key:
        return "no write key was sent"
    return NO_SCOPE if key.startswith(API_KEY_PREFIX) else EXPLANATIONS[DropReason.UNKNOWN_KEY]


def _rate_limited(wait: int, events: int = 0) -> RequestRejectedError:
    reason = DropReason.RATE_LIMITED
    return RequestRejectedError(EXPLANATIONS[reason], 429, reason, wait=wait, events=events)
