"""The files of a lake at an address, as local ones: the engine reads those quicker and with all that it knows to skip.

A file of a version never changes once written, so each is fetched once and kept in the home until LAKE_CACHE bytes are
full; then those go that were not needed for the longest time. What a question that runs may still read is never taken
away, even where that is more. Processes of one home share what they have fetched.
"""

import fcntl
import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from analytics.lake import object_store
from analytics.lake.table import File

AT_ONCE = 8
"""Files that are fetched at the same time."""

IN_USE = 3600
"""Seconds in which a question has surely read the files that it asked for."""


def local(files: Iterable[File]) -> list[str]:
    """Where the files can be read on this machine, in order. Those of a lake in a folder lie there already.

    Raises LakeUnreachableError when one cannot be fetched, OSError when the disk has no room for it.
    """
    wanted = list(files)
    if not object_store.remote():
        return [file.path for file in wanted]
    with _locked(fcntl.LOCK_SH):
        missing = [file for file in wanted if not _held(file)]
    if missing:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(_fetch, missing))
        with _locked(fcntl.LOCK_EX):
            _trim()
    return [str(_place(file)) for file in wanted]


def _root() -> Path:
    return settings.HOME.lake_cache


def _inside(file: File) -> str:
    """A file's path below the lake's address."""
    return file.path.removeprefix(settings.LAKE_URL.rstrip("/") + "/")


def _place(file: File) -> Path:
    lake = hashlib.sha256(settings.LAKE_URL.encode()).hexdigest()[:16]
    return _root() / lake / _inside(file)


def _held(file: File) -> bool:
    """Whether the whole file is here; if so, it counts as used now."""
    place = _place(file)
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return place.stat().st_size == file.bytes


def _fetch(file: File) -> None:
    place = _place(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    # Under its name only when it is whole; two that fetch the same file do not meet.
    part = place.with_name(f"{uuid.uuid4()}.part")
    try:
        with part.open("wb") as stream:
            for piece in object_store.read(_inside(file)):
                stream.write(piece)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _trim() -> None:
    """Take away what was not needed for the longest time until the rest fits; parts of killed processes, too."""
    found = sorted((each.stat().st_mtime, each.stat().st_size, each) for each in _root().glob("*/**/*.pa*"))
    over = sum(size for _, size, _ in found) - settings.LAKE_CACHE
    for used, size, each in found:
        if over <= 0 or used > time.time() - IN_USE:
            break
        each.unlink(missing_ok=True)
        over -= size


@contextmanager
def _locked(how: int) -> Iterator[None]:
    """Shared while files are found and marked as used, alone while others are taken away."""
    _root().mkdir(parents=True, exist_ok=True)
    with (_root() / "lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield
