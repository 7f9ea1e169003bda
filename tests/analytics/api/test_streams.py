"""Streams of any size: the memory that they take does not grow with them."""

import gc
import tracemalloc
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils.timezone import now
from rest_framework.exceptions import PermissionDenied

from analytics.pipeline import until_idle
from api.listing import BATCH
from projects.models import Key
from tests import clock
from tests.analytics.api.client import ROOT, Api
from tests.analytics.api.test_events import expire
from tests.journey import Journey
from tests.people import Team, assemble

MANY = 20_000
A_FIFTH = {"to": "2020-06-14T04:59:59Z"}
"""The first 4,000 of them."""
A_FEW = {"to": "2020-06-10T05:01:00Z"}


def with_events(many: int) -> Team:
    """A thousand a day from five o'clock on, by fifty people."""
    team = assemble()
    journey = Journey(team)
    for n in range(many):
        at = clock.day(n // 1000, seconds=n % 1000 * 30)
        journey.track(f"user {n % 50}", "export", at=at, properties={"file": "x" * 100})
    journey.enriched()
    return team


@pytest.fixture(scope="module")
def busy(_module_database: None) -> Team:
    """Their events may be in PostgreSQL or in the lake: a test of this module moves them."""
    return with_events(MANY)


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


def assert_memory_is_flat(team: Team, wanted: str, head: int, **asked: str) -> None:
    asked |= {"format": wanted}
    peak(team, **asked, **A_FEW)  # what is imported and remembered once does not count
    few, memory_of_few = peak(team, **asked, **A_FIFTH)
    many, memory_of_many = peak(team, **asked)

    assert (few - head, many - head) == (MANY // 5, MANY)
    assert memory_of_many < 1.5 * memory_of_few


async def _revoked_meanwhile(team: Team) -> int:
    """How many lines came after the first piece, by when the key had been revoked."""
    headers = {"authorization": f"Bearer {team.api_key}"}
    answer: Any = await AsyncClient().get(f"{ROOT}events", {"format": "ndjson"}, headers=headers)
    pieces = aiter(answer)
    assert (await anext(pieces)).count(b"\n") == BATCH
    await Key.objects.filter(project=team.id, kind=Key.Kind.API).aupdate(revoked_at=now())
    return sum([piece.count(b"\n") async for piece in pieces])


async def _asked_for_headers(team: Team) -> tuple[dict[str, str], bool]:
    headers = {"authorization": f"Bearer {team.api_key}"}
    answer = await AsyncClient().head(f"{ROOT}events", {"format": "ndjson"}, headers=headers)
    return dict(answer.headers), answer.streaming


def test_a_stream_ends_with_its_key() -> None:
    team = with_events(BATCH * 2)
    with pytest.raises(PermissionDenied, match="revoked"):
        async_to_sync(_revoked_meanwhile)(team)


def test_who_asks_for_headers_only_has_nothing_read_for_them(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").enriched()
    headers, streaming = async_to_sync(_asked_for_headers)(team)
    whole = api.get("events", format="ndjson")
    assert not streaming
    assert headers["X-Next-Cursor"] == whole.headers["X-Next-Cursor"]
    assert headers["Content-Type"] == whole.headers["Content-Type"]


@pytest.mark.slow
def test_nor_do_filters_hold_what_they_read(busy: Team) -> None:
    assert_memory_is_flat(busy, "ndjson", head=0, property="file:set")


@pytest.mark.slow
def test_twenty_thousand_events_take_no_more_memory_than_four_thousand(busy: Team) -> None:
    assert_memory_is_flat(busy, "ndjson", head=0)
    assert_memory_is_flat(busy, "csv", head=1)

    until_idle()
    expire()

    assert_memory_is_flat(busy, "ndjson", head=0)
