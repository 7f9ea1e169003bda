"""Responses that cannot be sent give everything back: the database connection and the place among the streams."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now
from rest_framework.exceptions import PermissionDenied

from config import asgi, handler
from config.health import pool
from config.limits import STREAMS_PER_PROJECT
from projects.models import Key
from tests.journey import Journey
from tests.people import Team

Send = Callable[[Any], Awaitable[None]]


def ask(team: Team, send: Send) -> None:
    """GET an export over ASGI, from a client that stays connected."""

    async def run() -> None:
        body = [{"type": "http.request", "body": b"", "more_body": False}]
        hung_up = asyncio.Event()

        async def receive() -> Any:
            if not body:
                await hung_up.wait()
            return body.pop()

        head = {"type": "http", "method": "GET", "path": "/api/v1/events", "query_string": b"format=ndjson"}
        headers = [(b"authorization", f"Bearer {team.api_key}".encode()), (b"host", b"firsthand.local")]
        await asgi.django(head | {"headers": headers}, receive, send)

    asyncio.run(run())


def in_use() -> int:
    """Connections that are missing in the pool of this process."""
    stats = pool().get_stats()
    return int(stats["pool_size"] - stats["pool_available"])


@pytest.fixture
def ana(team: Team) -> Team:
    Journey(team).track("ana", "signup").enriched()
    connection.close()
    return team


def test_a_client_that_does_not_read_is_cut_off(ana: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "STALL_SECONDS", 0.05)

    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    for _ in range(STREAMS_PER_PROJECT + 1):
        with pytest.raises(TimeoutError):
            ask(ana, never)
    assert in_use() == 0


def test_nothing_is_held_while_a_client_reads(ana: Team) -> None:
    held = []

    async def slow(message: Any) -> None:
        held.append(in_use())

    ask(ana, slow)
    assert held == [0] * len(held)
    assert len(held) == 3


def test_a_stream_that_fails_gives_its_connection_back(ana: Team) -> None:
    async def revoking(message: Any) -> None:
        if message["type"] == "http.response.start":
            await Key.objects.filter(project=ana.id, kind=Key.Kind.API).aupdate(revoked_at=now())

    with pytest.raises(PermissionDenied):
        ask(ana, revoking)
    assert in_use() == 0


def test_one_more_than_fits_is_told_when_to_come_back(ana: Team) -> None:
    """Each client opens the next one before it reads on."""
    answers: list[dict[str, Any]] = []

    async def opening(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message)
            if message["status"] == 200:
                opener = threading.Thread(target=ask, args=(ana, opening))
                opener.start()
                opener.join()

    ask(ana, opening)
    assert [answer["status"] for answer in answers] == [200] * STREAMS_PER_PROJECT + [429]
    assert dict(answers[-1]["headers"])[b"Retry-After"] == b"10"
    assert in_use() == 0
