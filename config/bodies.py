"""Limits on the size and duration of request bodies for Django.

Django's ASGI handler spools the whole body, for as long as the client sends, before any view can reject it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from analytics.ingest import http
from analytics.ingest.body_timer import BodyTimer
from analytics.ingest.http import Message, Receive, Request, Response, Scope, Send
from analytics.ingest.wire.event import RequestRejectedError
from config.limits import MAX_BODY

Application = Callable[[Any, Any, Any], Awaitable[None]]

PROBLEM_TYPE = (b"content-type", b"application/problem+json")


async def with_limited_body(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Call the application with a complete body. Respond with 413 beyond MAX_BODY bytes, and 408 if it is too slow."""
    request = Request(scope)
    try:
        body = await http.read_body(request, receive, MAX_BODY, BodyTimer(http.BODY_SECONDS))
    except RequestRejectedError as error:
        await http.send(_error_response(request.path, error), request, send)
    else:
        await application(scope, _replay(body, receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive() that returns the body as one message, and then the disconnect."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_replayed() -> Message:
        if messages:
            return messages.pop()
        # The server's last, empty chunk may still be unread, and Django takes anything but a disconnect for an error.
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return receive_replayed


def _error_response(path: str, error: RequestRejectedError) -> Response:
    """A problem document for the API, and text for all other paths."""
    message = f"the body is larger than {MAX_BODY:,} bytes; send less" if error.status == 413 else str(error)
    if path.startswith("/api/"):
        problem = {"title": "the body was not read", "status": error.status, "detail": message}
        return Response(error.status, msgspec.json.encode(problem), (PROBLEM_TYPE,))
    return Response(error.status, message.encode(), (http.TEXT_TYPE,))
