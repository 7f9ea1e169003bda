"""A month of events of a megabyte each: no process takes more than a gigabyte for it."""

import base64
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from analytics.rollup import maintenance
from analytics.rollup.refresh import rollup
from config.limits import STREAMS
from tests import peak
from tests.analytics.api.client import ROOT
from tests.analytics.api.test_events import expire
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, person, store

pytestmark = pytest.mark.slow

MANY, BYTES = 180, 735_000
"""BYTES of noise are 980,000 characters."""

TODAY = day(400).date()
LIMIT = 950
"""Megabytes: a gigabyte, less what a web process or worker has loaded beyond these."""


@pytest.fixture
def essays() -> Team:
    """In the lake alone, in fifteen files."""
    team = assemble()
    ana = person(team.new.project, "Ana", day(0))
    # Noise: what compresses well would hide what writers hold in memory.
    noise = random.Random(1)
    for n in range(MANY):
        essay = base64.b64encode(noise.randbytes(BYTES)).decode()
        at = day(n % 5, seconds=noise.randrange(80_000))
        store(team.new.project, [Happened(ana, "wrote", at, properties={"essay": essay})])
        if n % 12 == 11:
            load.load()
    rollup()
    expire()
    return team


def export(key: str, form: str) -> None:
    """As many at the same time as one process sends; all of them to patient clients that keep nothing."""
    with ThreadPoolExecutor(STREAMS) as threads:
        list(threads.map(lambda _: async_to_sync(_drain)(key, form), range(STREAMS)))


async def _drain(key: str, form: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    answer: Any = await AsyncClient().get(f"{ROOT}events", {"format": form, "limit": "1000"}, headers=headers)
    assert answer.status_code == 200
    if answer.streaming:
        assert sum([chunk.count(b"wrote") async for chunk in answer]) == MANY


def compact() -> None:
    assert maintenance.compact(TODAY) >= 1


def assert_exports_are_bounded(team: Team, *forms: str) -> None:
    taken = {form: peak.megabytes(f"{__name__}:export", team.api_key, form) for form in forms}
    assert max(taken.values()) < LIMIT, taken


def test_compaction_and_exports_before_and_after_it(essays: Team) -> None:
    assert_exports_are_bounded(essays, "ndjson", "json")
    assert peak.megabytes(f"{__name__}:compact") < LIMIT
    assert len(table.files(EVENTS, essays.id, table.version(EVENTS))) == 1
    assert_exports_are_bounded(essays, "csv", "json")
