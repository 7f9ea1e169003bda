"""Endpoints for messages that visitors send, such as comments.

Reading, decoding, keys, origins, rates, the steps of `accept`, CORS and errors are those of ingest. An endpoint adds
a decoder for its own fields and a handler, which runs in a thread with Django's database connection.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError, connections

from analytics.ingest import http, routes
from analytics.ingest.http import Request, Response
from analytics.ingest.intake import AdmittedRequest, Endpoint, Intake
from analytics.ingest.wire import segment
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    DropReason,
    Event,
    Payload,
    Rejection,
    RequestRejectedError,
)
from analytics.ingest.write_batch import WriteBatch
from analytics.record.recording import EventColumns
from config.peers import network_of
from projects import rates

MAX_RUNNING = 4
"""Handlers that run at the same time in one process. More could take all connections from the dashboard's pool."""

MAX_QUEUED_BYTES = 32 << 20
MESSAGE_OVERHEAD = 32 << 10
"""Bytes of all queued messages, including MESSAGE_OVERHEAD for each: about 1,000 typical messages."""

QUEUE_TIMEOUT = 10.0
"""Seconds that a message may be queued. Most clients give up soon after."""

RETRY_AFTER = 5
FIELD_OF_REASON = {DropReason.NO_ID: "userId"}
"""The invalid field when a step of `accept` rejects the message."""

Fields = TypeVar("Fields")


class Reply(NamedTuple):
    """A handler's response: a status and a JSON object, to which warnings are added."""

    status: int
    body: dict[str, Any]


class InvalidFieldError(Exception):
    """A field has an invalid value. `where` is its path in the body ("text")."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True, slots=True)
class VisitorEndpoint(Generic[Fields]):
    """An endpoint below /v1/ for JSON in the form of a Segment call.

    event   the name of the recorded event
    read    decodes its own fields from the body; raises InvalidFieldError and msgspec.ValidationError
    handle  stores the message and its event in one transaction; must be idempotent, because clients retry
    """

    event: str
    read: Callable[[bytes], Fields]
    handle: Callable[[EventColumns, Fields], Reply]


def visitor_routes(endpoints: Mapping[str, VisitorEndpoint[Any]]) -> dict[str, Endpoint]:
    """Routes for Ingest's `extra_routes`. They share one queue, for one event loop."""
    queue = HandlerQueue()
    return {
        path: Endpoint(
            parse=partial(_parse, endpoint.event),
            handle=partial(_handle, endpoint, queue),
            error_response=routes.segment_error,
            max_body=segment.MAX_BODY,
            max_event=segment.MAX_BODY,
            unwrap=routes.unwrap_segment,
            header_key=Request.authorized_key,
            find_key=segment.find_key,
            personal=True,
        )
        for path, endpoint in endpoints.items()
    }


class BusyError(Exception):
    """The queue is full, the wait was too long, or the database is down. Nothing was stored."""


class RateLimitedError(Exception):
    """The address has sent too much to the project, over all processes; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


class HandlerQueue:
    """Runs at most MAX_RUNNING handlers. The others wait in the event loop, without a thread or a connection."""

    def __init__(self) -> None:
        # Not the default executor: handlers that hang on the database would keep ingest from writing the spool.
        self._threads = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="visitors")
        self._free = asyncio.Semaphore(MAX_RUNNING)
        self._queued_bytes = 0

    async def run(self, work: Callable[[], Reply], size: int) -> Reply:
        """`size` is in bytes. Raises BusyError."""
        if self._queued_bytes + size > MAX_QUEUED_BYTES:
            raise BusyError
        self._queued_bytes += size
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError from None
        finally:
            self._queued_bytes -= size
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _run_and_disconnect, work)
        finally:
            self._free.release()


def _run_and_disconnect(work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        raise BusyError from error
    finally:
        # Django closes connections only at the end of its own requests, so these would stay out of the pool.
        connections.close_all()


def _parse(event: str, request: Request, body: bytes) -> Payload:
    payload = segment.parse_message(event, body)
    for each in payload.events:
        if isinstance(each, Event):
            # The handler records properties of its own. Those of the context would stay in samples.
            each.extra_properties = ""
    return payload


async def _handle(
    endpoint: VisitorEndpoint[Any],
    queue: HandlerQueue,
    intake: Intake,
    request: Request,
    admitted: AdmittedRequest,
) -> Response:
    """Decode the endpoint's own fields, run the steps of `accept`, run the handler, then store the warnings."""
    try:
        fields = _fields(endpoint, admitted.payload.json)
    except RequestRejectedError as error:
        await intake.reject(error, admitted)
        raise
    result, batch = await intake.process(admitted)
    if result.rejections:
        await intake.store(batch)
        raise _as_request_error(result.rejections[0][1])
    # Not strict: an event's columns are text, also its numbers and times.
    columns = msgspec.convert(result.events[0], EventColumns, from_attributes=True, strict=False)
    try:
        size = len(admitted.payload.json) + MESSAGE_OVERHEAD
        limit = intake.comments_per_minute
        # Not the event's address, which the client may choose.
        bucket = f"comments {columns.project_id} {network_of(admitted.context.ip)}"
        reply = await queue.run(partial(_handle_within, bucket, limit, endpoint, columns, fields), size)
    except RateLimitedError as limited:
        reason, wait = DropReason.RATE_LIMITED, math.ceil(limited.wait)
        too_many = RequestRejectedError(EXPLANATIONS[reason], 429, reason, wait=wait)
        await intake.reject(too_many, admitted)
        raise too_many from None
    except BusyError:
        # Not counted either, because the client sends the message again.
        return http.service_unavailable(
            "the message could not be stored now; send it again with the same messageId", RETRY_AFTER
        )
    if batch.warnings:
        # Warnings only: the handler has recorded the event and its count itself.
        await intake.store(WriteBatch(b"", batch.warnings, []))
    return Response(reply.status, msgspec.json.encode(reply.body | routes.issues(result)))


def _handle_within(
    bucket: str, per_minute: int, endpoint: VisitorEndpoint[Fields], columns: EventColumns, fields: Fields
) -> Reply:
    # Intake has a limit of its own, in the memory of one process: with several processes it lets through several times
    # as much. That one keeps a flood away from the database, this one is exact.
    if per_minute and (wait := rates.take(bucket, per_minute)):
        raise RateLimitedError(wait)
    return endpoint.handle(columns, fields)


def _fields(endpoint: VisitorEndpoint[Fields], body: bytes) -> Fields:
    try:
        return endpoint.read(body)
    except InvalidFieldError as error:
        message, where = str(error), error.where
    except msgspec.ValidationError as error:
        # msgspec names the field only at the end of its message: "Expected `str` - at `$.text`".
        message, _, place = str(error).partition(" - at `")
        where = place.rstrip("`").removeprefix("$.")
    raise RequestRejectedError(message, reason=DropReason.INVALID_FIELD, where=where)


def _as_request_error(rejection: Rejection) -> RequestRejectedError:
    """The only message of a request was rejected, so the request is."""
    where = FIELD_OF_REASON.get(rejection.reason, "")
    return RequestRejectedError(EXPLANATIONS[rejection.reason], reason=rejection.reason, where=where)
