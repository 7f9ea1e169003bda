"""Django's ASGI handler, with connections that come back and clients that cannot hold on to a response."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http.response import HttpResponseBase

from api import streams
from config.limits import STALL_SECONDS

Send = Callable[[Any], Awaitable[None]]


class Handler(ASGIHandler):
    """Sends responses without a database connection, and cuts off clients that do not read them."""

    async def read_body(self, receive: Any) -> io.BytesIO:
        """In memory: config.bodies limits it, and Django's temporary file stays open when a response fails."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return io.BytesIO(body)

    async def handle(self, scope: Any, receive: Any, send: Send) -> None:
        try:
            await super().handle(scope, receive, send)
        except BaseException:
            # Django closes no response whose sending failed: its connection would be missing in the pool for good.
            await _release()
            raise

    async def send_response(self, response: HttpResponseBase, send: Send) -> None:
        # The view has ended. Kept until the client has read everything, a few slow clients would empty the pool.
        await _release()
        with _admitted(response) as admitted:
            await super().send_response(admitted, _impatient(send))


def _admitted(response: HttpResponseBase) -> AbstractContextManager[HttpResponseBase]:
    return streams.admitted(response) if isinstance(response, streams.Stream) else nullcontext(response)


async def _release() -> None:
    await sync_to_async(connections.close_all)()


def _impatient(send: Send) -> Send:
    async def send_within_limit(message: Any) -> None:
        # The server waits here for a client that does not read. Raising cuts the connection.
        async with asyncio.timeout(STALL_SECONDS):
            await send(message)

    return send_within_limit
