"""The web process before it serves, and which application serves which path."""

import asyncio
import importlib
import signal
from collections.abc import Iterator

import httpx
import pytest

from config import asgi
from tests.feedback.embed.sending import SAID, basic
from tests.people import Team


@pytest.fixture
def inherited() -> Iterator[list[int]]:
    """A SIGTERM handler inherited from a parent process. Yields the signals that it was called with."""
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    yield called
    signal.signal(signal.SIGTERM, before)


def test_a_stop_while_the_code_loads_is_not_lost(inherited: list[int]) -> None:
    importlib.reload(asgi)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_ignored_signal_stays_ignored(inherited: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    importlib.reload(asgi)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_ingest_serves_clients_and_visitors_and_django_the_rest(team: Team) -> None:
    async def ask() -> list[httpx.Response]:
        await asgi.ingest.start()
        transport = httpx.ASGITransport(asgi.application)
        headers = {"authorization": basic(team.write_key), "origin": "https://notes.example"}
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://firsthand.local") as client:
                return [
                    await client.post("/v1/comments", json=SAID, headers=headers),
                    await client.post("/v1/track", json={"userId": "ana", "event": "x"}, headers=headers),
                    await client.post("/v1/coments", json=SAID, headers=headers),
                    await client.get("/healthz"),
                    await client.get("/api/v1/nowhere"),
                ]
        finally:
            await asgi.ingest.stop()

    comment, event, mistyped, health, api = asyncio.run(ask())
    assert (comment.status_code, comment.json()["receipt"][:3]) == (201, "FH-")
    assert event.json() == {"success": True}
    assert (mistyped.status_code, mistyped.json()["error"]) == (
        404, "there is no endpoint /v1/coments; see docs/api.md",
    )  # fmt: skip
    assert mistyped.headers["access-control-allow-origin"] == "https://notes.example"
    assert health.text == "ok\n"
    assert api.headers["content-type"] == "application/problem+json"
