"""Processor time goes to ingest and pages first: clients wait for them, and nobody waits for the worker."""

import os
from contextlib import suppress

from config import env

BACKGROUND = 5
"""Niceness of the worker and of what PostgreSQL does for it: a third of the share of a busy web process."""


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
