"""One supervisor per home. The kernel releases the lock when its process ends; the file names the holder."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config.home import part, private
from config.home.layout import Home, HomeError
from config.home.part import Part


@dataclass(frozen=True, slots=True)
class Child:
    """A process that the holder has started. `began` is its start time as a Unix time, since pids are reused."""

    name: str
    pid: int
    began: float
    stop_signal: int


@dataclass(slots=True)
class Holder:
    """The content of the lock file: who holds the home, and which processes they have started."""

    pid: int = 0
    command: str = ""
    address: str = ""
    children: list[Child] = field(default_factory=list)


@dataclass(slots=True)
class HomeLock:
    """The lock of a home, held by this process."""

    descriptor: int
    holder: Holder

    def record_children(self, parts: list[Part]) -> None:
        """Save our child processes, so that the next start can stop them if we are killed."""
        alive = [each for each in parts if each.pid]
        self.holder.children = [
            Child(each.name, each.pid, part.started_at(each.pid), int(each.stop_signal)) for each in alive
        ]
        self.write()

    def write(self) -> None:
        text = json.dumps(asdict(self.holder)).encode()
        # In place, not by renaming a new file: that would have another inode, and nobody would hold its lock.
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))


def file(home: Home) -> Path:
    return home.root / "lock"


def read_holder(home: Home) -> Holder:
    """The last holder; empty if the file is missing or incomplete."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        raw = json.loads(file(home).read_text(encoding="utf-8"))
        return Holder(
            raw["pid"], raw["command"], raw["address"], [Child(**child) for child in raw["children"]]
        )
    return Holder()


@contextmanager
def hold(home: Home, command: str) -> Iterator[HomeLock]:
    """Hold the home during the block, and stop what a killed holder left running. HomeError if another holds it."""
    private.prepare(home)
    # Python does not pass descriptors on to child processes. One that outlives us would hold the lock.
    descriptor = os.open(file(home), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(descriptor):
            raise HomeError(_in_use(home))
        # Before our own record replaces theirs: nothing else lists these processes.
        for child in read_holder(home).children:
            part.stop_orphan(child.pid, child.began, signal.Signals(child.stop_signal))
        held = HomeLock(descriptor, Holder(os.getpid(), command))
        held.write()
        yield held
        # Not in `finally`: after an error, the next start stops the children that are still recorded.
        held.holder.children = []
        held.write()
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    # Retried, because is_held() in another process takes the lock for a moment.
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_held(home: Home) -> bool:
    """Whether a process holds the home now."""
    try:
        descriptor = os.open(file(home), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        # Shared: two processes that ask at once must not take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _in_use(home: Home) -> str:
    holder = read_holder(home)
    at = f" at {holder.address}" if holder.address else ""
    return (
        f"{home.root} is in use: `manage.py {holder.command}` is running there as process {holder.pid}{at}; "
        "stop it first, or choose another home with FIRSTHAND_HOME"
    )
