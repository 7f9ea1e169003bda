"""Append-only files that keep batches while the database is down. They are synced before the response.

A record is its length, its CRC-32 and its content. A record torn by a crash was never acknowledged and is ignored.
The process that writes or replays a file locks it, so the owner of an unlocked file has exited.
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

from analytics.ingest import rows
from analytics.ingest.write_batch import WriteBatch

# A file is replayed from memory as a whole.
MAX_FILE_BYTES = 16 << 20
# PostgreSQL may be on the same disk, and stops when it is full.
MIN_FREE_BYTES = 256 << 20
REJECTED = ".rejected"
RECORD_HEADER = struct.Struct("<II")

FIRST_COLUMNS = (
    "project_id", "id", "event", "timestamp", "received_at", "distinct_id", "url", "path", "title", "referrer",
    "referring_domain", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "locale", "library",
    "properties", "link", "linked_id", "user_known", "client_session", "user_agent", "ip", "person_set",
    "person_set_once",
)  # fmt: skip
"""The columns of files from before records named theirs."""

log = logging.getLogger(__name__)


class Record(WriteBatch, gc=False):
    """A batch as it is written to a file, with the columns of its rows."""

    columns: tuple[str, ...] = FIRST_COLUMNS


class RetryLaterError(Exception):
    """Events cannot be stored now; retry in `seconds`."""

    seconds = 5


class Spool:
    """The files in a folder; this process writes one at a time. `limit` is the bytes of all files together."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._file: FileIO | None = None

    def append(self, batches: Sequence[WriteBatch]) -> None:
        """Append and sync. Raises RetryLaterError at the limit, or when the disk is full or fails."""
        records = b"".join(map(_encode_record, batches))
        try:
            self._check_space(len(records))
            file = self._file or self._open_new()
            _write(file, records)
        except OSError as error:
            # A record may be torn now. Records after it would be unreadable, so they go to another file.
            self.rotate()
            raise RetryLaterError(f"the spool cannot be written: {error}") from error
        if file.tell() >= MAX_FILE_BYTES:
            self.rotate()

    def rotate(self) -> None:
        """Close and unlock the file being written, so that it can be replayed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def files(self) -> list[Path]:
        """All files, oldest first."""
        return sorted(self._folder.glob("*.spool"))

    def has_files(self) -> bool:
        return bool(self.files())

    @contextmanager
    def claimed(self, path: Path) -> Iterator[list[WriteBatch] | None]:
        """Lock a file and read its batches; None while another process holds it, or when it is gone."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            yield None
            return
        with file:
            # Checked under the lock: its last owner may have replayed and removed it since it was opened.
            yield list(_whole_batches(file)) if _try_lock(file) and path.exists() else None

    def finish(self, path: Path) -> None:
        """Remove a replayed file. A damaged one is renamed and kept for inspection."""
        with path.open("rb") as file:
            damaged = any(record is None for record in _read_records(file))
        if damaged:
            path.rename(path.with_suffix(".damaged"))
        else:
            path.unlink()

    def _open_new(self) -> FileIO:
        # Zero-padded, so that sorting by name sorts by age.
        path = self._folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}.spool"
        unnamed = path.with_suffix(".new")
        # Unbuffered: closing the file after an error must not write what a buffer still holds.
        self._file = unnamed.open("xb", buffering=0)
        _try_lock(self._file)
        # Named only once locked: otherwise another process could replay and remove it before the first record.
        unnamed.rename(path)
        _sync_folder(self._folder)
        return self._file

    def _check_space(self, size: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        used = sum(path.stat().st_size for path in self.files())
        if used + size > self._limit:
            raise RetryLaterError(f"the spool holds {used:,} bytes; FIRSTHAND_SPOOL_LIMIT is {self._limit:,}")
        if shutil.disk_usage(self._folder).free < MIN_FREE_BYTES + size:
            raise RetryLaterError("the disk that holds the spool is nearly full")


def keep_rejected(path: Path, batches: Sequence[WriteBatch]) -> None:
    """Keep batches of a spool file that the database rejects, beside it, until `return_rejected`."""
    with path.with_suffix(REJECTED).open("wb", buffering=0) as file:
        _write(file, b"".join(map(_encode_record, batches)))
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    # Otherwise a power cut could lose a file's name and with it the acknowledged records.
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def return_rejected(folder: Path) -> int:
    """Return rejected batches to the spool. Returns how many files."""
    found = sorted(folder.glob(f"*{REJECTED}"))
    for path in found:
        # A new name: files that were replayed are known by theirs, and skipped.
        path.rename(path.with_name(f"{path.stem}-{uuid.uuid4().hex}.spool"))
    return len(found)


def _write(file: FileIO, records: bytes) -> None:
    # When the disk fills up, an unbuffered write may write less without raising.
    if file.write(records) != len(records):
        raise OSError("the disk is full")
    os.fsync(file.fileno())


def _encode_record(batch: WriteBatch) -> bytes:
    content = msgspec.msgpack.encode(Record(batch.events, batch.warnings, batch.counts, rows.COLUMN_NAMES))
    return RECORD_HEADER.pack(len(content), zlib.crc32(content)) + content


def _whole_batches(file: BinaryIO) -> Iterator[WriteBatch]:
    for record in _read_records(file):
        if record is None:
            log.error("spool: %s has a damaged record; the file is kept as .damaged", file.name)
        else:
            yield record


def _read_records(file: BinaryIO) -> Iterator[WriteBatch | None]:
    """Each record, or None for a damaged one. A torn record at the end is ignored."""
    while len(head := file.read(RECORD_HEADER.size)) == RECORD_HEADER.size:
        length, checksum = RECORD_HEADER.unpack(head)
        content = file.read(length)
        if len(content) < length:
            return
        yield _decode_batch(content) if zlib.crc32(content) == checksum else None


def _decode_batch(content: bytes) -> WriteBatch | None:
    try:
        record = msgspec.msgpack.decode(content, type=Record)
    except msgspec.MsgspecError:
        return None
    events = record.events
    # An upgrade while the database was away: COPY would reject every acknowledged event of the earlier release.
    if record.columns != rows.COLUMN_NAMES:
        events = rows.with_current_columns(events, record.columns)
    return WriteBatch(events, record.warnings, record.counts)


def _try_lock(file: BinaryIO | FileIO) -> bool:
    # Not fcntl.lockf(): its lock would end when `finish` closes its own handle of the same file.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
