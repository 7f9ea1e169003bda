"""Streams of any size: the memory that they take does not grow with them."""

import gc
import tracemalloc
from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient

from analytics.pipeline import until_idle
from tests import clock
from tests.analytics.api.client import ROOT
from tests.analytics.api.test_events import expire
from tests.journey import Journey
from tests.people import Team, assemble

MANY = 20_000
A_FIFTH = {"to": "2020-06-14T04:59:59Z"}
"""The first 4,000 of them."""


def with_events() -> Team:
    """A thousand a day from five o'clock on, by fifty people."""
    team = assemble()
    journey = Journey(team)
    for n in range(MANY):
        at = clock.day(n // 1000, seconds=n % 1000 * 30)
        journey.track(f"user {n % 50}", "export", at=at, properties={"file": "x" * 100})
    journey.enriched()
    return team


async def _drain(team: Team, query: dict[str, str]) -> int:
    """Reads as a patient client does: a piece at a time, keeping none."""
    headers = {"authorization": f"Bearer {team.api_key}"}
    answer: Any = await AsyncClient().get(f"{ROOT}events", query, headers=headers)
    lines = 0
    async for chunk in answer:
        lines += chunk.count(b"\n")
    return lines


def peak(team: Team, **query: str) -> tuple[int, int]:
    """Lines read, and the most bytes that were held meanwhile."""
    gc.collect()
    tracemalloc.start()
    lines = async_to_sync(_drain)(team, query)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return lines, most


def compare(team: Team, wanted: str, head: int) -> None:
    peak(team, format=wanted, **A_FIFTH)  # what is imported and remembered once does not count
    few, memory_of_few = peak(team, format=wanted, **A_FIFTH)
    many, memory_of_many = peak(team, format=wanted)

    assert (few - head, many - head) == (MANY // 5, MANY)
    assert memory_of_many < 1.5 * memory_of_few


def test_twenty_thousand_events_take_no_more_memory_than_four_thousand() -> None:
    team = with_events()
    compare(team, "ndjson", head=0)
    compare(team, "csv", head=1)

    until_idle()
    expire()

    compare(team, "ndjson", head=0)
