"""Ingest inside this process: the real application on an event loop in its own thread, without a socket.

Tests, the demo and the import use it instead of HTTP.
"""

import asyncio
import base64
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

import httpx
import msgspec

from analytics.ingest.app import Ingest
from analytics.ingest.intake import Endpoint
from analytics.ingest.rates import Rates

Result = TypeVar("Result")
ORIGIN = "http://ingest.local"


class LocalIngest:
    """`with LocalIngest() as ingest: ingest.post("/v1/batch", {...}, key=write_key)`; exit stores pending events."""

    def __init__(
        self,
        database_url: str | None = None,
        *,
        extra_routes: Mapping[str, Endpoint] | None = None,
        rates: Rates | None = None,
        trusted: bool = False,
    ) -> None:
        # No limits by default: all events of an import come from one address, which would exceed any rate.
        self._app = Ingest(database_url, extra_routes=extra_routes, rates=rates or Rates(), trusted=trusted)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ingest", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._app.start())
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=None)  # noqa: S113 (no socket)
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._client.aclose())
        self._wait(self._app.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def post(
        self,
        path: str,
        body: object = b"",
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """POST bytes or text as they are, anything else as JSON. `key` is sent by Basic authentication."""
        given = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            given["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        content = body if isinstance(body, bytes | str) else msgspec.json.encode(body)
        return self.request("POST", path, content=content, headers=given)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request. `options` are those of httpx."""
        return self._wait(self._client.request(method, path, **options))

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
