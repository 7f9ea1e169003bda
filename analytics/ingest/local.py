"""Ingest inside this process: the real application, its own event loop on its own thread, no socket.

Tests, the demo and the import send through it what they would send over HTTP.
"""

import asyncio
import base64
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

import httpx
import msgspec

from analytics.ingest.app import Ingest
from analytics.ingest.intake import Door
from analytics.ingest.rates import Rates

Result = TypeVar("Result")
ORIGIN = "http://ingest.local"


class LocalIngest:
    """`with LocalIngest() as ingest: ingest.post("/v1/batch", {...}, key=write_key)`; closing it stores what waits."""

    def __init__(
        self,
        database_url: str | None = None,
        *,
        more_doors: Mapping[str, Door] | None = None,
        rates: Rates | None = None,
    ) -> None:
        # Without `rates` there is no limit: a history that is imported comes from one address, this machine's own.
        self._app = Ingest(database_url, more_doors=more_doors, rates=rates or Rates())
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
        """POST bytes (or text) as they are, anything else as JSON. `key` is sent as Basic authentication does."""
        given = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            given["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        content = body if isinstance(body, bytes | str) else msgspec.json.encode(body)
        return self.request("POST", path, content=content, headers=given)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request, with httpx's own options."""
        return self._wait(self._client.request(method, path, **options))

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
