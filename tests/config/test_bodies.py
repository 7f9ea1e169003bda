"""Limits on the size and duration of request bodies for Django."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from analytics.ingest import http
from config import bodies
from config.limits import MAX_BODY

Channel = Callable[..., Awaitable[Any]]


async def counting(scope: Any, receive: Channel, send: Channel) -> None:
    """An application that responds with the size of its body."""
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(message["body"])).encode()})


async def bounded(scope: Any, receive: Channel, send: Channel) -> None:
    await bodies.with_limited_body(counting, scope, receive, send)


async def chunks(count: int, size: int, seconds: float = 0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(seconds)
        yield b"x" * size


def sent(path: str, body: Any) -> httpx.Response:
    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(bounded)
        async with httpx.AsyncClient(transport=transport, base_url="http://firsthand.local") as client:
            return await client.post(path, content=body, headers={"content-encoding": "gzip"})

    return asyncio.run(post())


def test_a_body_arrives_unchanged_in_one_message() -> None:
    assert sent("/sign-in/", b"x" * MAX_BODY).text == str(MAX_BODY)
    assert sent("/sign-in/", chunks(10, 1_000)).text == "10000"


def test_one_byte_more_is_rejected_in_the_format_of_the_path() -> None:
    told = "the body is larger than 1,000,000 bytes; send less"
    question, form = (sent(path, b"x" * (MAX_BODY + 1)) for path in ("/api/v1/insights/trends", "/sign-in/"))
    assert (question.status_code, form.status_code) == (413, 413)
    assert question.json() == {"title": "the body was not read", "status": 413, "detail": told}
    assert question.headers["content-type"] == "application/problem+json"
    assert form.text == told


def test_a_body_without_content_length_is_limited() -> None:
    assert sent("/sign-in/", chunks(3, 400_000)).status_code == 413


def test_a_slow_body_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    answer = sent("/sign-in/", chunks(100, 1, seconds=0.02))
    assert answer.status_code == 408
    assert "did not arrive" in answer.text


def test_after_the_body_only_the_disconnect_is_received() -> None:
    """Servers end a body with an empty chunk, and Django takes anything but a disconnect for an error."""
    body = {"type": "http.request", "body": b"said", "more_body": True}
    end = {"type": "http.request", "body": b"", "more_body": False}
    coming, seen = iter([body, end, {"type": "http.disconnect"}]), list[str]()

    async def receive() -> Any:
        return next(coming)

    async def send(_: Any) -> None:
        raise AssertionError("nothing is refused here")

    async def listening(scope: Any, receive: Channel, send: Channel) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    head = {"type": "http", "method": "POST", "path": "/sign-in/", "headers": [(b"content-length", b"4")]}
    asyncio.run(bodies.with_limited_body(listening, head, receive, send))
    assert seen == ["http.request", "http.disconnect"]
