"""What Django is given to read: a body that is small, whole and there.

Django's own handler keeps whatever is sent, for as long as it is sent, before any view can say that it is too much.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from analytics.ingest import http
from analytics.ingest.http import Answer, Message, Receive, Request, Scope, Send
from analytics.ingest.wire.event import Unreadable
from config.limits import MAX_BODY

Application = Callable[[Any, Any, Any], Awaitable[None]]

PROBLEM_TYPE = (b"content-type", b"application/problem+json")


async def bounded(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 413 beyond MAX_BODY bytes, with 408 when they do not come; else let the application read them."""
    request = Request(scope)
    # What is encoded is decoded by the view, within bounds of its own; here counts what comes over the wire.
    request.headers.pop(b"content-encoding", None)
    try:
        body = await http.read(request, receive, MAX_BODY)
    except Unreadable as error:
        await http.send(_refused(request.path, error), request, send)
    else:
        await application(scope, _once(body, receive), send)


def _once(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then whatever else comes: that the client has gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def listen() -> Message:
        if messages:
            return messages.pop()
        # A body of announced length is not read to the server's last, empty message: it is still to come.
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return listen


def _refused(path: str, error: Unreadable) -> Answer:
    """In the words of whoever is asked: the export API, or a person."""
    told = f"the body is larger than {MAX_BODY:,} bytes; send less" if error.status == 413 else str(error)
    if path.startswith("/api/"):
        problem = {"title": "the body was not read", "status": error.status, "detail": told}
        return Answer(error.status, msgspec.json.encode(problem), (PROBLEM_TYPE,))
    return Answer(error.status, told.encode(), (http.TEXT_TYPE,))
