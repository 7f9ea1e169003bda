"""`GET /live/TOKEN`: the name of the topic's latest change, as text. It is polled, so it must cost next to nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from dashboard.live import changes
from dashboard.live.listener import Listener, NotListeningError

Message = MutableMapping[str, Any]

PREFIX = "/live/"
HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


class LivePages:
    """The ASGI application. It answers 503 unless it is inside `running`."""

    def __init__(self, database_url: str) -> None:
        self._listener = Listener(database_url)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listener.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        status, text = self._answer(scope["path"])
        body = text.encode()
        headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, str]:
        topic = changes.topic(path.removeprefix(PREFIX))
        if topic is None:
            return 403, "This token is invalid or expired. Reload the page."
        try:
            return 200, self._listener.latest(topic)
        except NotListeningError:
            return 503, "The database is unreachable. Try again later."
