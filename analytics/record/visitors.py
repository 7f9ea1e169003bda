"""Endpoints for messages that visitors send, such as comments.

Reading, decoding, keys, origins, rates, the steps of `accept`, CORS and errors are those of ingest. An endpoint adds
a decoder for its own fields and a handler, which runs in a thread with Django's database connection. The handler gets a
Visit: who is speaking, and the columns of the event to record.
"""

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError, connections

from analytics.ingest import http, routes
from analytics.ingest.http import EXPOSE_ETAG, Headers, Request, Response
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
from analytics.record.callers import Caller, find_caller, name_speaker
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
    """A handler's response: a status and a JSON object, to which warnings are added, or no body for None."""

    status: int
    body: dict[str, Any] | None
    headers: Headers = ()


def unless_unchanged(visit: "Visit", etag: str, body: Callable[[], dict[str, Any]]) -> Reply:
    """200 with a body, or 304 if the client has it already."""
    headers = ((b"etag", etag.encode()), *ETAG_EXPOSED)
    known = {each.strip().removeprefix("W/") for each in visit.if_none_match.split(",")}
    return Reply(304, None, headers) if etag in known else Reply(200, body(), headers)


class InvalidFieldError(Exception):
    """A field has an invalid value. `where` is its path in the body ("text")."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


class VisitorError(Exception):
    """The request cannot be served: 401, 404, 409, 413. Raised by handlers."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Visit(NamedTuple):
    """A request to a handler.

    columns       those of its event; None for requests without a body
    names         the {names} of the path
    query         its parameters
    content_type  of an upload
    """

    caller: Caller
    columns: EventColumns | None
    names: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str = ""
    if_none_match: str = ""

    @property
    def event(self) -> EventColumns:
        if self.columns is None:
            raise TypeError("this method has no body, so it has no event")
        return self.columns


@dataclass(frozen=True, slots=True)
class VisitorEndpoint(Generic[Fields]):
    """A method of an endpoint below /v1/. With a body, that is JSON in the form of a Segment call.

    event   the name of the recorded event
    read    decodes its own fields from the body; raises InvalidFieldError and msgspec.ValidationError
    handle  answers it, in one transaction; must be idempotent, because clients retry. Raises VisitorError and
            InvalidFieldError
    upload  the body is a file instead of JSON, of at most so many bytes
    """

    event: str
    read: Callable[[bytes], Fields]
    handle: Callable[[Visit, Fields], Reply]
    upload: int = 0


Methods = Mapping[str, VisitorEndpoint[Any]]
"""Endpoints of one path by HTTP method."""

BODILESS = ("GET", "DELETE")
ETAG_EXPOSED = ((b"cache-control", b"private, no-cache"), EXPOSE_ETAG)


def no_fields(body: bytes) -> None:
    """The `read` of methods without a body."""


def visitor_routes(endpoints: Mapping[str, Methods]) -> dict[str, Endpoint]:
    """Routes for Ingest's `extra_routes`, by path. They share one queue, for one event loop."""
    queue = HandlerQueue()
    return {path: _route(path, methods, queue) for path, methods in endpoints.items()}


def _route(path: str, methods: Methods, queue: "HandlerQueue") -> Endpoint:
    largest = max(segment.MAX_BODY, *(each.upload for each in methods.values()))
    return Endpoint(
        parse=partial(_parse, methods),
        handle=partial(_handle, routes.pattern(path), methods, queue),
        error_response=routes.segment_error,
        max_body=largest,
        max_event=segment.MAX_BODY,
        methods=(*methods, "OPTIONS"),
        unwrap=partial(_unwrap, methods),
        header_key=_key,
        find_key=partial(_find_key, methods),
        personal=True,
    )


def _key(request: Request) -> str:
    return request.authorized_key() or request.parameter("writeKey")


def _unwrap(methods: Methods, request: Request, body: bytes, limit: int) -> bytes:
    return body if methods[request.method].upload else routes.unwrap_segment(request, body, limit)


def _find_key(methods: Methods, body: bytes) -> str:
    return "" if any(each.upload for each in methods.values()) else segment.find_key(body)


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


def _parse(methods: Methods, request: Request, body: bytes) -> Payload:
    endpoint = methods[request.method]
    if endpoint.upload or request.method in BODILESS:
        return Payload("", [], json=body if endpoint.upload else b"")
    payload = segment.parse_message(endpoint.event, body)
    for each in payload.events:
        if isinstance(each, Event):
            # The handler records properties of its own. Those of the context would stay in samples.
            each.extra_properties = ""
    return payload


async def _handle(
    path: re.Pattern[str],
    methods: Methods,
    queue: HandlerQueue,
    intake: Intake,
    request: Request,
    admitted: AdmittedRequest,
) -> Response:
    """Decode the endpoint's own fields, find out who is speaking, run the steps of `accept`, then the handler."""
    endpoint = methods[request.method]
    try:
        fields = _fields(endpoint, admitted.payload.json)
        caller = await find_caller(intake, request, admitted)
    except RequestRejectedError as error:
        await intake.reject(error, admitted)
        raise
    name_speaker(admitted, caller)
    result, batch = await intake.process(admitted)
    if result.rejections:
        await intake.store(batch)
        raise _as_request_error(result.rejections[0][1])
    columns = None
    if result.events:
        # Not strict: an event's columns are text, also its numbers and times.
        columns = msgspec.convert(result.events[0], EventColumns, from_attributes=True, strict=False)
    found = path.fullmatch(request.path)
    visit = Visit(
        caller,
        columns,
        found.groupdict() if found else {},
        request.parameters(),
        request.header(b"content-type"),
        request.header(b"if-none-match"),
    )
    reply = await _run(intake, request, admitted, queue, caller, partial(endpoint.handle, visit, fields))
    if isinstance(reply, Response):
        return reply
    if batch.warnings:
        # Warnings only: the handler has recorded the event and its count itself.
        await intake.store(WriteBatch(b"", batch.warnings, []))
    if reply.body is None:
        return Response(reply.status, b"", reply.headers)
    body = msgspec.json.encode(reply.body | routes.issues(result))
    return Response(reply.status, body, (http.JSON_TYPE, *reply.headers))


async def _run(
    intake: Intake,
    request: Request,
    admitted: AdmittedRequest,
    queue: HandlerQueue,
    caller: Caller,
    handle: Callable[[], Reply],
) -> Reply | Response:
    """The handler's reply, or the response to its error. Raises RequestRejectedError."""
    size = len(admitted.payload.json) + MESSAGE_OVERHEAD
    limit = 0 if request.method == "GET" else intake.comments_per_minute
    try:
        return await queue.run(partial(_handle_within, _buckets(admitted, caller), limit, handle), size)
    except RateLimitedError as limited:
        reason, wait = DropReason.RATE_LIMITED, math.ceil(limited.wait)
        too_many = RequestRejectedError(EXPLANATIONS[reason], 429, reason, wait=wait)
        await intake.reject(too_many, admitted)
        raise too_many from None
    except InvalidFieldError as error:
        invalid = RequestRejectedError(str(error), reason=DropReason.INVALID_FIELD, where=error.where)
        await intake.reject(invalid, admitted)
        raise invalid from None
    except VisitorError as error:
        body = {"success": False, "code": error.code, "error": str(error)}
        return Response(error.status, msgspec.json.encode(body))
    except BusyError:
        # Not counted either, because the client sends the message again.
        return http.service_unavailable(
            "the message could not be stored now; send it again with the same messageId", RETRY_AFTER
        )


def _buckets(admitted: AdmittedRequest, caller: Caller) -> list[str]:
    """Of the address, and of the user or the browser, who may have many addresses."""
    project = admitted.context.project_id
    # Not the event's address, which the client may choose.
    found = [f"comments {project} {network_of(admitted.context.ip)}"]
    if caller.verified:
        found.append(f"comments {project} user {caller.user}")
    elif caller.browser:
        found.append(f"comments {project} browser {caller.browser}")
    return found


def _handle_within(buckets: list[str], per_minute: int, handle: Callable[[], Reply]) -> Reply:
    # Intake has a limit of its own, in the memory of one process: with several processes it lets through several times
    # as much. That one keeps a flood away from the database, this one is exact.
    for bucket in buckets if per_minute else ():
        if wait := rates.take(bucket, per_minute):
            raise RateLimitedError(wait)
    return handle()


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
