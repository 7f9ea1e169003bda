"""Where shipments wait while the database is away: files that are only appended to, on disk before anybody is answered.

A record is its length, its CRC-32 and its content. A record torn by a crash was never acknowledged and is left out.
Whoever writes or replays a file holds its lock, so a file without one belonged to a process that has died.
"""

import fcntl
import logging
import os
import shutil
import struct
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from analytics.ingest.shipment import Shipment

MAX_FILE = 16 << 20
LEAST_FREE = 256 << 20
HEAD = struct.Struct("<II")

log = logging.getLogger(__name__)


class Full(Exception):  # noqa: N818 (it names the state of what it comes from)
    """Nothing more can be taken just now; try again in `seconds`."""

    seconds = 5


class Spool:
    """The files under one folder, written by this process one at a time. `limit` is in bytes, of all files together."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._file: FileIO | None = None

    def append(self, shipments: Sequence[Shipment]) -> None:
        """On disk when it returns. Raises Full at the limit, or when the disk is full or fails."""
        records = b"".join(map(_record, shipments))
        try:
            self._make_room(len(records))
            file = self._file or self._begin()
            _write(file, records)
        except OSError as error:
            self.rotate()
            raise Full(f"the spool cannot be written: {error}") from error
        if file.tell() >= MAX_FILE:
            self.rotate()

    def rotate(self) -> None:
        """Let go of the file being written, so that it can be replayed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def files(self) -> list[Path]:
        """All files, oldest first."""
        return sorted(self._folder.glob("*.spool"))

    def has_files(self) -> bool:
        return bool(self.files())

    @contextmanager
    def claimed(self, path: Path) -> Iterator[list[Shipment] | None]:
        """The whole records of a file; None while somebody else holds it, or when it is gone."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            yield None
            return
        with file:
            yield list(_read(file)) if _locked(file) and path.exists() else None

    def done(self, path: Path) -> None:
        """A file's content is in the database. What in it could not be read is kept beside it, for a human eye."""
        with path.open("rb") as file:
            rotten = any(record is None for record in _records(file))
        if rotten:
            path.rename(path.with_suffix(".damaged"))
        else:
            path.unlink()

    def _begin(self) -> FileIO:
        """A new file gets its name when it is locked, lest somebody replay and remove it before the first record."""
        path = self._folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}.spool"
        unnamed = path.with_suffix(".new")
        self._file = unnamed.open("xb", buffering=0)
        _locked(self._file)
        unnamed.rename(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._file

    def _make_room(self, size: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        used = sum(path.stat().st_size for path in self.files())
        if used + size > self._limit:
            raise Full(f"the spool holds {used:,} bytes; FIRSTHAND_SPOOL_LIMIT is {self._limit:,}")
        if shutil.disk_usage(self._folder).free < LEAST_FREE + size:
            raise Full("the disk of the spool is nearly full")


def _write(file: FileIO, records: bytes) -> None:
    if file.write(records) != len(records):
        raise OSError("the disk is full")
    os.fsync(file.fileno())


def _record(shipment: Shipment) -> bytes:
    content = msgspec.msgpack.encode(shipment)
    return HEAD.pack(len(content), zlib.crc32(content)) + content


def _read(file: BinaryIO) -> Iterator[Shipment]:
    for record in _records(file):
        if record is None:
            log.error("spool: %s holds a record that cannot be read; it is kept as .damaged", file.name)
        else:
            yield record


def _records(file: BinaryIO) -> Iterator[Shipment | None]:
    """Each record, None for one that is all there and damaged. A torn one is the last, and nothing."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        length, checksum = HEAD.unpack(head)
        content = file.read(length)
        if len(content) < length:
            return
        yield _decoded(content) if zlib.crc32(content) == checksum else None


def _decoded(content: bytes) -> Shipment | None:
    try:
        return msgspec.msgpack.decode(content, type=Shipment)
    except msgspec.MsgspecError:
        return None


def _locked(file: BinaryIO | FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
