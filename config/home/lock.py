"""One supervisor per home. The lock goes with its process, however that ends; the note in it says who holds it."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config.home import part
from config.home.layout import Home, HomeError
from config.home.part import Part


@dataclass(frozen=True, slots=True)
class Child:
    """A part that the holder has started; pid and start time together are never anybody else's."""

    name: str
    pid: int
    began: float
    stop_signal: int


@dataclass(slots=True)
class Note:
    """Who holds the home and what they have started, for whoever comes next."""

    pid: int = 0
    command: str = ""
    address: str = ""
    children: list[Child] = field(default_factory=list)


@dataclass(slots=True)
class Held:
    """The lock in our hands."""

    descriptor: int
    note: Note

    def remember(self, parts: list[Part]) -> None:
        """Write down our children, so that the next start finds them should we be killed."""
        alive = [each for each in parts if each.pid]
        self.note.children = [
            Child(each.name, each.pid, part.started_at(each.pid), int(each.stop_signal)) for each in alive
        ]
        self.write()

    def write(self) -> None:
        text = json.dumps(asdict(self.note)).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))


def file(home: Home) -> Path:
    return home.root / "lock"


def read(home: Home) -> Note:
    """The last note; an empty one where none was written or it was cut short."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        raw = json.loads(file(home).read_text(encoding="utf-8"))
        return Note(raw["pid"], raw["command"], raw["address"], [Child(**child) for child in raw["children"]])
    return Note()


@contextmanager
def hold(home: Home, command: str) -> Iterator[Held]:
    """Hold the home while the block runs, and end what a killed holder has left running. HomeError if it is held."""
    home.root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file(home), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _take(descriptor):
            raise HomeError(_busy(home))
        for child in read(home).children:
            part.end_orphan(child.pid, child.began, signal.Signals(child.stop_signal))
        held = Held(descriptor, Note(os.getpid(), command))
        held.write()
        yield held
        held.note.children = []
        held.write()
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    # More than one try: somebody who only asks whether the home is held holds it for a moment.
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_held(home: Home) -> bool:
    """Whether some process holds the home at this moment."""
    try:
        descriptor = os.open(file(home), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _busy(home: Home) -> str:
    note = read(home)
    at = f" at {note.address}" if note.address else ""
    return (
        f"{home.root} is in use: `manage.py {note.command}` runs there as process {note.pid}{at}; "
        "stop that one first, or choose another home with FIRSTHAND_HOME"
    )
