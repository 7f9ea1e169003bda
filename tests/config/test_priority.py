"""Which threads may interrupt the event loop."""

import asyncio
import os
import threading
from pathlib import Path

import duckdb

from config.home import priority


def native_threads() -> set[int]:
    python = {thread.native_id for thread in threading.enumerate()}
    return {int(entry.name) for entry in Path("/proc/self/task").iterdir()} - python


async def favor() -> None:
    favoring = asyncio.create_task(priority.favor_python_threads())
    # It does its first round as soon as it may run.
    await asyncio.sleep(0)
    favoring.cancel()


def test_only_threads_that_python_has_not_started_give_way() -> None:
    """In the web process these are Granian's. Here they are DuckDB's."""
    before = native_threads()
    with duckdb.connect(config={"threads": 4}):
        started = native_threads() - before
        asyncio.run(favor())
        assert len(started) >= 3
        assert {os.sched_getscheduler(thread) for thread in started} == {os.SCHED_BATCH}
    assert os.sched_getscheduler(threading.get_native_id()) == os.SCHED_OTHER
