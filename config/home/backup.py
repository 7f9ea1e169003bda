"""Back up a running installation into one file, and restore it.

The lake's watermark says up to which sequence the lake has events. If the restored lake were ahead of its database,
it would skip the next events. If it is behind, the missing events must still be in the database. Therefore:

1. Block load, rollup and maintenance. Ingest and enrich continue.
2. Hard-link every file of the home, the spool before the database snapshot. A spooled row that is also in the database
   is recognised when it is replayed; a row in neither would be lost.
3. Export a snapshot of the database, then unblock load, rollup and maintenance.
4. Dump that snapshot and pack everything.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.home import layout, postgres, private, sequences
from config.home.layout import Home, HomeError

FORMAT = 1
MANIFEST = "firsthand-backup.json"
DUMP = "database.dump"
STAGING = "backup.part"
WRITERS = ("load", "rollup")
"""The locks of the lake's writers in analytics/locks.py. Maintenance takes both."""

NOT_BACKED_UP = {
    "postgres",
    "run",
    "broker",
    "logs",
    "static",
    "lake-cache",
    "spill",
    "lock",
    "database.users",
    STAGING,
}
"""What the next start creates, and the database's files, which the dump replaces."""

ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


@dataclass(frozen=True, slots=True)
class Report:
    """The backup file, its size in bytes, and the number of files in it."""

    file: Path
    bytes: int
    files: int


def backup(home: Home, file: Path, url: str) -> Report:
    """Write the installation and its database at `url` to `file` (tar, gzip). Raises HomeError if it cannot."""
    if layout.lake_url() != str(home.lake):
        raise HomeError(
            f"the lake is at {layout.lake_url()}, outside the home; back it up with the tools of that store, "
            "then the database with pg_dump"
        )
    # In the home: hard links need the same file system.
    staging = home.root / STAGING
    # Left behind by a backup that was killed.
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        with _consistent_snapshot(home, staging, url) as snapshot:
            _dump(staging / DUMP, url, snapshot)
        (staging / MANIFEST).write_text(json.dumps({"format": FORMAT}), encoding="utf-8")
        return _pack(staging, file)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _consistent_snapshot(home: Home, staging: Path, url: str) -> Iterator[str]:
    """Link the files and export a database snapshot while no writer changes the lake."""
    with psycopg.connect(url, autocommit=True) as reader, psycopg.connect(url, autocommit=True) as gate:
        for name in WRITERS:
            # Waits for a load or rollup that is running. Those that start now see the lock and skip their turn.
            gate.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"firsthand.{name}"])
        _link(home, staging)
        # The snapshot lives as long as this transaction, which stays open until the dump is complete.
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = reader.execute("SELECT pg_export_snapshot()").fetchone()
        # Closing releases the locks; the dump itself may take long.
        gate.close()
        yield str(row[0]) if row else ""


def _link(home: Home, staging: Path) -> None:
    kept = [each for each in home.root.iterdir() if each.name not in NOT_BACKED_UP]
    for each in sorted(kept, key=lambda path: path.name != "spool"):
        if each.is_dir():
            shutil.copytree(each, staging / each.name, copy_function=_link_or_copy)
        else:
            _link_or_copy(str(each), str(staging / each.name))


def _link_or_copy(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except FileNotFoundError:
        pass  # removed since the folder was listed: a replayed spool file or a temporary file
    except OSError:
        # No hard links on this file system.
        shutil.copy2(source, target)


def _dump(target: Path, url: str, snapshot: str) -> None:
    # Not compressed here, because the whole file is.
    options = ["--format=custom", "--compress=0", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"]
    # Unlogged tables hold only caches.
    _run([postgres.binary("pg_dump"), *options, "--no-unlogged-table-data"], url)


def _pack(staging: Path, file: Path) -> Report:
    # Renamed only when complete, so that an interrupted backup is not mistaken for a whole one.
    part = file.with_name(f"{file.name}.part")
    try:
        # Left behind by a backup that was killed.
        part.unlink(missing_ok=True)
        with _private_file(part) as stream, tarfile.open(fileobj=stream, mode="w:gz", compresslevel=3) as tar:
            # The manifest first: restore checks the format before it unpacks anything.
            for each in sorted(staging.iterdir(), key=lambda path: path.name != MANIFEST):
                tar.add(each, each.name)
            count = len(tar.getmembers())
        part.replace(file)
    except OSError as error:
        raise HomeError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return Report(file, file.stat().st_size, count)


def _private_file(path: Path) -> BinaryIO:
    # From the start, whatever the umask: it contains the secret key and all data.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def restore(home: Home, file: Path, url: str) -> None:
    """Restore a backup into an empty home. Raises HomeError if the home or its database is in use."""
    _check_home_is_empty(home)
    staging = home.root / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    private.prepare(home)
    try:
        _unpack(file, staging)
        _restore_database(home, staging / DUMP, url)
        # Last: if the database cannot be restored, the home stays empty and restore can be repeated.
        for each in staging.iterdir():
            if each.name not in {MANIFEST, DUMP}:
                each.rename(home.root / each.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _restore_database(home: Home, dump: Path, url: str) -> None:
    # Owners and privileges name roles that this server may not have.
    command = [postgres.binary("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    try:
        with postgres.running(home, "restore"):
            _check_database_is_empty(url)
            # All or nothing: after half a restore, the next one would refuse the database as not empty.
            _run([*command, "--single-transaction", f"--dbname={_database_name(url)}", str(dump)], url)
            # Backups of damaged or older installations can hold stale ones.
            sequences.repair(url)
    except BaseException:
        # The home was empty, so this cluster is ours. If it stayed, the next attempt would refuse the home.
        shutil.rmtree(home.postgres, ignore_errors=True)
        raise


def _check_home_is_empty(home: Home) -> None:
    used = [name for name in ("lake", "postgres", "spool") if any((home.root / name).glob("*"))]
    if used:
        raise HomeError(
            f"{home.root} already holds an installation ({', '.join(used)}); restore into an empty home: "
            "FIRSTHAND_HOME=/path/to/new manage.py restore FILE"
        )


def _check_database_is_empty(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise HomeError(f"the database already has {row[0]} tables; restore into an empty one")


def _unpack(file: Path, staging: Path) -> None:
    try:
        with tarfile.open(file, "r:gz") as tar:
            first = tar.extractfile(tar.next() or MANIFEST)
            manifest = json.loads(first.read()) if first else {}
            if manifest.get("format") != FORMAT:
                raise HomeError(
                    f"{file} is a backup of format {manifest.get('format')}; this is format {FORMAT}"
                )
            # The first releases of Python 3.11 have no filters, so getattr.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(staging, _safe_members(tar, staging))  # noqa: S202 (_safe_members checks each)
    except FileNotFoundError:
        raise HomeError(f"{file} does not exist") from None
    except (tarfile.TarError, KeyError, ValueError, EOFError, OSError) as error:
        raise HomeError(f"{file} is not a complete Firsthand backup: {error}") from error


def _safe_members(tar: tarfile.TarFile, staging: Path) -> Iterator[tarfile.TarInfo]:
    """The archive's members. Raises HomeError for any that is not a file or folder below `staging`."""
    for member in tar:
        lies_within = (staging / member.name).resolve().is_relative_to(staging.resolve())
        # No links: a link that leads outside would redirect the files written after it.
        if not lies_within or not (member.isfile() or member.isdir()):
            raise HomeError(
                f"the backup contains {member.name!r}, which no backup of ours does; do not trust it"
            )
        yield member


def _database_name(url: str) -> str:
    # The name alone, because the URL may contain a password. The rest is in the environment.
    return str(conninfo_to_dict(url).get("dbname", ""))


def _run(command: list[str], url: str) -> None:
    # In the environment: any user of the machine can read a password on the command line.
    parts = conninfo_to_dict(url)
    variables = {variable: str(parts[name]) for name, variable in ENVIRONMENT.items() if parts.get(name)}
    completed = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise HomeError(f"{Path(command[0]).name} failed: {completed.stderr.strip()}")
