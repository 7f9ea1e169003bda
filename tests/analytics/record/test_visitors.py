"""Many concurrent comments: they are queued without a database connection, within limits, and none is lost."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from analytics.ingest.app import Ingest
from analytics.ingest.rates import Rates
from analytics.record import visitors
from analytics.record.visitors import visitor_routes
from feedback.comment_changes import LOCK
from feedback.embed.endpoints import ENDPOINTS
from feedback.models import Comment
from tests.analytics.ingest.conftest import ledger, rows
from tests.feedback.embed.sending import basic
from tests.people import Team, assemble

Post = Callable[..., Coroutine[Any, Any, httpx.Response]]
ANA, BO = "203.0.113.7", "203.0.113.8"
PATIENCE = 60.0


@contextmanager
def project_locked(team: Team) -> Iterator[None]:
    """Hold the lock that storing a comment of this project needs, so that its handlers wait."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(settings.DATABASE_URL, dbname=name) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, team.id])
        yield


def with_ingest(work: Callable[[Post], Awaitable[None]], rates: Rates | None = None) -> None:
    """Run `work` with a function that posts one comment to ingest."""

    async def live() -> None:
        app = Ingest(extra_routes=visitor_routes(ENDPOINTS), rates=rates or Rates())
        await app.start()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ingest.local", timeout=60
        ) as client:

            async def post(team: Team, number: int, address: str = ANA, **more: Any) -> httpx.Response:
                said = {"userId": "ana", "text": f"comment {number}", "messageId": str(uuid.uuid4())} | more
                headers = {"authorization": basic(team.write_key), "x-forwarded-for": address}
                return await client.post("/v1/comments", json=said, headers=headers)

            try:
                await work(post)
            finally:
                await app.stop()

    asyncio.run(asyncio.wait_for(live(), 5 * PATIENCE))


Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run in a thread, and close its connections afterwards, as Django does after a request."""

    def run() -> Result:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await in_thread(true):
            await asyncio.sleep(0.02)


def waiting_handlers() -> int:
    """The number of handlers that wait for the project's lock."""
    (row,) = rows(
        "SELECT count(*)::int AS count FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event = 'advisory'"
    )
    return int(row["count"])


def inbox_status(team: Team) -> int:
    client = Client()
    client.force_login(team.ana)
    return client.get(f"/projects/{team.slug}/inbox/").status_code


def test_five_hundred_at_once_leave_the_dashboard_its_connections(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "QUEUE_TIMEOUT", 5 * PATIENCE)

    async def work(post: Post) -> None:
        with project_locked(team):
            sent = [asyncio.create_task(post(team, number)) for number in range(500)]
            await eventually(lambda: waiting_handlers() == visitors.MAX_RUNNING)
            # More pages than the pool has connections: they would time out if the comments held them all.
            pages = [in_thread(partial(inbox_status, team)) for _ in range(20)]
            assert await asyncio.wait_for(asyncio.gather(*pages), PATIENCE) == [200] * 20
            assert await in_thread(waiting_handlers) == visitors.MAX_RUNNING
            assert not any(each.done() for each in sent)
        answers = await asyncio.gather(*sent)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["receipt"] for answer in answers}) == 500

    with_ingest(work)
    assert Comment.objects.filter(project=team.id).count() == 500
    assert ledger(team.id) == {"recorded": 500}


def test_a_full_queue_responds_with_retry_after(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MAX_QUEUED_BYTES", 3 * visitors.MESSAGE_OVERHEAD)
    monkeypatch.setattr(visitors, "QUEUE_TIMEOUT", 5 * PATIENCE)

    async def work(post: Post) -> None:
        with project_locked(team):
            running = [asyncio.create_task(post(team, number)) for number in range(visitors.MAX_RUNNING)]
            await eventually(lambda: waiting_handlers() == visitors.MAX_RUNNING)
            more = [asyncio.create_task(post(team, number)) for number in range(5)]
            await eventually(lambda: sum(each.done() for each in more) == 3)
            late = [each.result() for each in more if each.done()]
            assert {answer.status_code for answer in late} == {503}
            assert late[0].headers["retry-after"] == "5"
            assert "same messageId" in late[0].json()["error"]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*running, *more))
        assert statuses == [201] * (visitors.MAX_RUNNING + 2) + [503] * 3
        assert (await post(team, 9)).status_code == 201

    with_ingest(work)


def test_waiting_in_the_queue_times_out(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "QUEUE_TIMEOUT", 0.1)

    async def work(post: Post) -> None:
        with project_locked(team):
            running = [asyncio.create_task(post(team, number)) for number in range(visitors.MAX_RUNNING)]
            await eventually(lambda: waiting_handlers() == visitors.MAX_RUNNING)
            assert (await post(team, 7)).status_code == 503
        assert {answer.status_code for answer in await asyncio.gather(*running)} == {201}

    with_ingest(work)
    assert Comment.objects.filter(project=team.id).count() == visitors.MAX_RUNNING


def test_one_address_cannot_fill_an_inbox(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_TRUSTED_PROXIES", "127.0.0.1")
    neighbours = assemble()

    async def work(post: Post) -> None:
        statuses = [(await post(team, number)).status_code for number in range(5)]
        assert statuses == [201, 201, 201, 429, 429]
        refused = await post(team, 5)
        assert refused.json()["code"] == "rate_limited"
        assert 0 < int(refused.headers["retry-after"]) <= 20
        assert (await post(team, 6, BO)).status_code == 201
        assert (await post(neighbours, 7)).status_code == 201

    with_ingest(work, Rates(comments_per_minute=3))
    assert ledger(team.id) == {"recorded": 4, "received": 3, "refused rate_limited": 3}


def test_an_address_that_the_client_claims_is_not_the_one_that_is_limited(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three web processes, of which each sees one comment too few for its own limit."""
    monkeypatch.setenv("FIRSTHAND_TRUSTED_PROXIES", "127.0.0.1")
    statuses: list[int] = []

    async def work(post: Post) -> None:
        for number in range(2):
            claimed = {"context": {"ip": f"198.51.100.{len(statuses)}"}}
            statuses.append((await post(team, number, **claimed)).status_code)

    for _ in range(3):
        with_ingest(work, Rates(comments_per_minute=2))
    assert statuses == [201, 201, 429, 429, 429, 429]
