"""Processor time goes to ingest and pages first: clients wait for them, and nobody waits for the worker."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from config import env

BACKGROUND = 5
"""Niceness of the worker and of what PostgreSQL does for it: a third of the share of a busy web process."""

FAVOR_SECONDS = 1.0
"""Seconds between two looks for threads that the server has started."""


def in_background(command: list[str]) -> list[str]:
    """The command that runs another one with that niceness."""
    return ["nice", "-n", str(BACKGROUND), *command]


def yield_backend(pid: int) -> None:
    """Lower the priority of a process of the embedded PostgreSQL. It keeps it for as long as its connection lives."""
    # Of another server the pid says nothing: here it may belong to anybody.
    if env.secret("DATABASE_URL"):
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, BACKGROUND)


async def favor_python_threads() -> None:
    """Keep the server's own threads from interrupting the event loop, until cancelled.

    They hand requests to it, and take responses from it. On busy cores, each of these wake-ups would interrupt it in
    the middle of another request, while it holds the interpreter that they wait for. SCHED_BATCH threads have the same
    share, but run when the event loop rests: half of the context switches, and 13 to 22% less processor time.
    """
    while sys.platform == "linux":
        for thread in _other_threads():
            # It may have ended.
            with suppress(OSError):
                if os.sched_getscheduler(thread) == os.SCHED_OTHER:
                    os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        await asyncio.sleep(FAVOR_SECONDS)


def _other_threads() -> set[int]:
    """The threads of this process that Python did not start: the server's, and the query engine's."""
    python = {thread.native_id for thread in threading.enumerate()}
    return {int(entry.name) for entry in Path("/proc/self/task").iterdir()} - python
