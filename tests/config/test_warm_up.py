"""After a start, the first pages find everything loaded."""

import asyncio
import logging

import pytest

from analytics import engine
from analytics.console import warm_up
from analytics.insights.registry import KINDS
from config.warm_up import warming_up


def test_every_kind_asks_the_engine() -> None:
    engine._sql.cache_clear()
    warm_up.ask_every_kind()
    assert engine._sql.cache_info().misses >= len(KINDS)


def test_it_runs_beside_the_server(caplog: pytest.LogCaptureFixture) -> None:
    engine._sql.cache_clear()

    async def serve() -> None:
        async with warming_up() as warm:
            assert not warm.done()
            await warm

    with caplog.at_level(logging.WARNING):
        asyncio.run(serve())
    assert engine._sql.cache_info().misses >= len(KINDS)
    assert caplog.messages == []


def test_a_failure_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the database is away for a moment."""

    def fail() -> None:
        raise ConnectionError("the database is unreachable")

    monkeypatch.setattr(warm_up, "ask_every_kind", fail)

    async def serve() -> None:
        async with warming_up() as warm:
            await asyncio.wait([warm])

    asyncio.run(serve())
    assert "the database is unreachable" in caplog.messages[0]
