"""How long until the first page, at the first start and at the next; and what everything takes while it idles.

    python -m benchmarks.home [SECONDS]         to settle before memory is read, 30 when nothing is said

Starts a whole installation in a home of its own, twice. Memory is PSS: what is shared is counted once, in parts.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import rig
from tests.config.installation import PARTS, Installation

SETTLE_SECONDS = 30


def megabytes(pid: int) -> float:
    """Of this process and everything below it, in MB."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return round(sum(process.memory_full_info().pss for process in family) / 1e6, 1)


def idle(installation: Installation, settle: int) -> dict[str, float]:
    time.sleep(settle)
    pids = installation.pids()
    parts = {name: megabytes(pids[name]) for name in PARTS}
    supervisor = installation.process.pid if installation.process else os.getpid()
    return {**parts, "supervisor": round(megabytes(supervisor) - sum(parts.values()), 1)}


def main(settle: int) -> None:
    with tempfile.TemporaryDirectory(prefix="firsthand-benchmark-") as folder:
        installation = Installation(Path(folder) / "home")
        first = installation.start()
        installation.signal(signal.SIGTERM)
        second = installation.start()
        memory = idle(installation, settle)
        began = time.monotonic()
        installation.signal(signal.SIGTERM)
        stopped = time.monotonic() - began
    numbers = {"first_start_seconds": first, "second_start_seconds": second, "stop_seconds": stopped}
    rig.save(
        "home",
        {
            **{name: round(seconds, 2) for name, seconds in numbers.items()},
            "idle_megabytes": {**memory, "all": round(sum(memory.values()), 1)},
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SETTLE_SECONDS)
