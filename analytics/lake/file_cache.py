"""A local cache for the files of a lake in an object store. The engine reads local files faster.

A lake file never changes once written, so each is fetched once. When the cache holds more than LAKE_CACHE bytes, the
least recently used files are removed, except those that a running question may still read. All processes of one home
share the cache.
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

MAX_CONCURRENT_FETCHES = 8
"""Files that are fetched in parallel."""

IN_USE_SECONDS = 3600
"""A file used this recently may belong to a running question and is not removed."""


def local(files: Iterable[File]) -> list[str]:
    """Local paths of the files, in the same order. A lake in a folder needs no copies.

    Raises LakeUnreachableError when a file cannot be fetched, OSError when the disk is full.
    """
    wanted = list(files)
    if not object_store.remote():
        return [file.path for file in wanted]
    # Without the lock, eviction could remove a file that is marked as used just after its time was read.
    with _locked(fcntl.LOCK_SH):
        missing = [file for file in wanted if not _is_cached(file)]
    if missing:
        with ThreadPoolExecutor(MAX_CONCURRENT_FETCHES) as pool:
            list(pool.map(_fetch, missing))
        # After the downloads: they may take long, and nobody could look up files meanwhile.
        with _locked(fcntl.LOCK_EX):
            _evict()
    return [str(_local_path(file)) for file in wanted]


def _root() -> Path:
    return settings.HOME.lake_cache


def _lake_path(file: File) -> str:
    """A file's path relative to the lake's URL."""
    return file.path.removeprefix(settings.LAKE_URL.rstrip("/") + "/")


def _local_path(file: File) -> Path:
    # By lake: files of another LAKE_URL can have the same relative path.
    lake = hashlib.sha256(settings.LAKE_URL.encode()).hexdigest()[:16]
    return _root() / lake / _lake_path(file)


def _is_cached(file: File) -> bool:
    """Whether the whole file is in the cache. If so, marks it as used now."""
    path = _local_path(file)
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    # A shorter file, as after a power failure, is fetched again instead of failing every query.
    return path.stat().st_size == file.bytes


def _fetch(file: File) -> None:
    path = _local_path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed only when complete, so no reader sees half a file. The random name keeps two fetches of one file apart.
    part = path.with_name(f"{uuid.uuid4()}.part")
    try:
        with part.open("wb") as stream:
            for piece in object_store.read(_lake_path(file)):
                stream.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _evict() -> None:
    """Remove the least recently used files until the rest fits. Includes partial files of killed processes."""
    # Matches both .parquet and .part.
    found = sorted((each.stat().st_mtime, each.stat().st_size, each) for each in _root().glob("*/**/*.pa*"))
    over = sum(size for _, size, _ in found) - settings.LAKE_CACHE
    for used, size, each in found:
        if over <= 0 or used > time.time() - IN_USE_SECONDS:
            break
        each.unlink(missing_ok=True)
        over -= size


@contextmanager
def _locked(how: int) -> Iterator[None]:
    """Shared while files are looked up and marked as used, exclusive while files are removed."""
    _root().mkdir(parents=True, exist_ok=True)
    with (_root() / "lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield
