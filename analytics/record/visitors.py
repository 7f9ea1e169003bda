"""The visitors' door: what a person sends to the project, such as a comment, comes in as events do.

Reading, decoding, keys, origins, rates, the steps of `accept`, CORS and errors are those of ingest. What is particular
to an endpoint is a reader of its own fields and a handler, which runs in a thread with Django's database.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError, connections

from analytics.ingest import doors, http
from analytics.ingest.http import Answer, Request
from analytics.ingest.intake import Admitted, Door, Intake
from analytics.ingest.shipment import Shipment
from analytics.ingest.wire import segment
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Parcel, Refused, Unreadable
from analytics.record.recording import EventColumns

AT_ONCE = 4
"""Handlers that run at the same time in one process: no more connections than that are taken from the pages' pool."""

MAX_WAITING = 32 << 20
OVERHEAD = 32 << 10
"""Bytes of all messages that wait, each with OVERHEAD for what is around it: 1,000 as usual, or 60 large ones."""

PATIENCE = 10.0
"""Seconds that a message may wait for its turn; most clients give up soon after."""

RETRY_AFTER = 5
FIELDS = {DropReason.NO_ID: "userId"}
"""Which field is at fault when a step of `accept` refuses."""

Fields = TypeVar("Fields")


class Reply(NamedTuple):
    """A handler's answer: a status and an object, to which warnings are added."""

    status: int
    body: dict[str, Any]


class InvalidFieldError(Exception):
    """A field has a value that it cannot have: `where` is its path in the body ("text")."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Fields]):
    """One path below /v1/ that takes JSON in the form of a Segment call.

    event   the name of the event that it becomes
    read    the body -> its own fields; raises InvalidFieldError and msgspec.ValidationError
    handle  keeps it, both or neither with its event; it may be called again for the same message
    """

    event: str
    read: Callable[[bytes], Fields]
    handle: Callable[[EventColumns, Fields], Reply]


def visitor_doors(endpoints: Mapping[str, Endpoint[Any]]) -> dict[str, Door]:
    """For Ingest's `more_doors`. They share one queue, which belongs to one event loop."""
    queue = Queue()
    return {
        path: Door(
            parse=partial(_parse, endpoint.event),
            take=partial(_take, endpoint, queue),
            refused=doors.segment_refused,
            max_body=segment.MAX_BODY,
            max_event=segment.MAX_BODY,
            personal=True,
        )
        for path, endpoint in endpoints.items()
    }


class Busy(Exception):  # noqa: N818 (it names the state of the queue)
    """Too many wait, it took too long, or the database is away: nothing was kept."""


class Queue:
    """At most AT_ONCE handlers run; the others wait in the event loop, with neither a thread nor a connection."""

    def __init__(self) -> None:
        # Threads of their own: when the database hangs, those of ingest are still free to write the spool.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="visitors")
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def run(self, work: Callable[[], Reply], size: int) -> Reply:
        """`size` is in bytes. Raises Busy."""
        if self._waiting + size > MAX_WAITING:
            raise Busy
        self._waiting += size
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= size
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _with_database, work)
        finally:
            self._free.release()


def _with_database(work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        raise Busy from error
    finally:
        # Nobody else does it in this thread: no request of Django's ends here.
        connections.close_all()


def _parse(event: str, request: Request, body: bytes) -> Parcel:
    parcel = segment.parse_message(event, body)
    parcel.key = request.bearer() or parcel.key
    return parcel


async def _take(
    endpoint: Endpoint[Any], queue: Queue, intake: Intake, request: Request, admitted: Admitted
) -> Answer:
    """1. its own fields, 2. the steps of every event, 3. a turn for its handler, 4. what was mended is noted."""
    try:
        fields = _fields(endpoint, admitted.parcel.json)
    except Unreadable as error:
        await intake.refuse(error, admitted)
        raise
    taken, shipment = await intake.judge(admitted)
    if taken.refused:
        await intake.put(shipment)
        raise _unreadable(taken.refused[0][1])
    columns = msgspec.convert(taken.events[0], EventColumns, from_attributes=True, strict=False)
    try:
        size = len(admitted.parcel.json) + OVERHEAD
        reply = await queue.run(partial(endpoint.handle, columns, fields), size)
    except Busy:
        return http.busy("it could not be kept just now; send it again, with the same messageId", RETRY_AFTER)
    if shipment.warnings:
        await intake.put(Shipment(b"", shipment.warnings, []))
    return Answer(reply.status, msgspec.json.encode(reply.body | doors.told(taken)))


def _fields(endpoint: Endpoint[Fields], body: bytes) -> Fields:
    try:
        return endpoint.read(body)
    except InvalidFieldError as error:
        told, where = str(error), error.where
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `")
        where = place.rstrip("`").removeprefix("$.")
    raise Unreadable(told, reason=DropReason.INVALID_FIELD, where=where)


def _unreadable(refused: Refused) -> Unreadable:
    """A single message that was refused is an error, not a line in the answer."""
    where = FIELDS.get(refused.reason, "")
    return Unreadable(EXPLANATIONS[refused.reason], reason=refused.reason, where=where)
