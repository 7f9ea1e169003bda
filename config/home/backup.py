"""One file that is the whole installation, taken while it runs; and an installation out of such a file.

The lake's watermark says up to which sequence it has events, so a lake that is ahead of its database would swallow the
next events, and one that lags behind it must still find what it lacks in the database. Therefore:

1. Load, rollup and maintenance are held back. Ingest and enrich go on.
2. Every file of the home gets a second name (a hard link; nothing is copied), the spool's before the database's:
   a spooled row that is also in the database is recognised when it is replayed, a missing one would be lost.
3. The database's state of this moment is pinned, and load, rollup and maintenance go on.
4. That state is dumped, and all of it packed.
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

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.home import layout, postgres
from config.home.layout import Home, HomeError

FORMAT = 1
MANIFEST = "firsthand-backup.json"
DUMP = "database.dump"
STAGING = "backup.part"
WRITERS = ("load", "rollup")
"""The names under which analytics/locks.py holds the lake's writers apart; maintenance goes under both of them."""

MADE_ANEW = {"postgres", "run", "broker", "logs", "static", "lake-cache", "lock", "database.users", STAGING}
"""What the next start makes by itself, and the database's own files, of which the dump is the copy."""

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
    """What was written: the file, its size in bytes, and how many files of the home are in it."""

    file: Path
    bytes: int
    files: int


def backup(home: Home, file: Path, url: str) -> Report:
    """Write the installation with its database at `url` into `file` (tar, gzip). HomeError if that cannot be."""
    if layout.lake_url() != str(home.lake):
        raise HomeError(
            f"the lake lies at {layout.lake_url()}, outside the home; back it up with the means of that store, "
            "and the database with pg_dump, the lake first"
        )
    staging = home.root / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        with _pinned(home, staging, url) as snapshot:
            _dump(staging / DUMP, url, snapshot)
        (staging / MANIFEST).write_text(json.dumps({"format": FORMAT}), encoding="utf-8")
        return _pack(staging, file)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _pinned(home: Home, staging: Path, url: str) -> Iterator[str]:
    """Files linked and the database's state pinned, both of one moment in the lake's life."""
    with psycopg.connect(url, autocommit=True) as reader, psycopg.connect(url, autocommit=True) as gate:
        for name in WRITERS:
            gate.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"firsthand.{name}"])
        _link(home, staging)
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = reader.execute("SELECT pg_export_snapshot()").fetchone()
        gate.close()
        yield str(row[0]) if row else ""


def _link(home: Home, staging: Path) -> None:
    kept = [each for each in home.root.iterdir() if each.name not in MADE_ANEW]
    for each in sorted(kept, key=lambda path: path.name != "spool"):
        if each.is_dir():
            shutil.copytree(each, staging / each.name, copy_function=_link_or_copy)
        else:
            _link_or_copy(str(each), str(staging / each.name))


def _link_or_copy(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except FileNotFoundError:
        pass  # gone since the folder was listed: a replayed spool file, a temporary one
    except OSError:
        shutil.copy2(source, target)


def _dump(target: Path, url: str, snapshot: str) -> None:
    # Not compressed here: the whole file is, later.
    options = ["--format=custom", "--compress=0", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"]
    # The cache is made anew, like everything that is unlogged.
    _run([postgres.binary("pg_dump"), *options, "--no-unlogged-table-data"], url)


def _pack(staging: Path, file: Path) -> Report:
    # Under its name only when it is whole, so that an interrupted backup is never taken for one.
    part = file.with_name(f"{file.name}.part")
    try:
        with tarfile.open(part, "w:gz", compresslevel=3) as tar:
            for each in sorted(staging.iterdir(), key=lambda path: path.name != MANIFEST):
                tar.add(each, each.name)
            count = len(tar.getmembers())
        part.chmod(0o600)
        part.replace(file)
    except OSError as error:
        raise HomeError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return Report(file, file.stat().st_size, count)


def restore(home: Home, file: Path, url: str) -> None:
    """Make an installation out of a backup; HomeError if the home or its database already holds one."""
    _refuse_used(home)
    staging = home.root / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        _unpack(file, staging)
        _fill(home, staging / DUMP, url)
        for each in staging.iterdir():
            if each.name not in {MANIFEST, DUMP}:
                each.rename(home.root / each.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fill(home: Home, dump: Path, url: str) -> None:
    line = [postgres.binary("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    try:
        with postgres.running(home, "restore"):
            _refuse_filled(url)
            _run([*line, "--single-transaction", f"--dbname={_name(url)}", str(dump)], url)
    except BaseException:
        # Ours alone, since the home was empty; left there, it would stand in the way of the next try.
        shutil.rmtree(home.postgres, ignore_errors=True)
        raise


def _refuse_used(home: Home) -> None:
    used = [name for name in ("lake", "postgres", "spool") if any((home.root / name).glob("*"))]
    if used:
        raise HomeError(
            f"{home.root} holds an installation already ({', '.join(used)}); restore into an empty home: "
            "FIRSTHAND_HOME=/path/to/new manage.py restore FILE"
        )


def _refuse_filled(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise HomeError(f"the database has {row[0]} tables already; restore into an empty one")


def _unpack(file: Path, staging: Path) -> None:
    try:
        with tarfile.open(file, "r:gz") as tar:
            first = tar.extractfile(tar.next() or MANIFEST)
            manifest = json.loads(first.read()) if first else {}
            if manifest.get("format") != FORMAT:
                raise HomeError(
                    f"{file} is a backup of format {manifest.get('format')}; this is format {FORMAT}"
                )
            # Named where it exists: the first releases of Python 3.11 know no filters.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(staging, _inside(tar, staging))  # noqa: S202 (looked at one by one)
    except FileNotFoundError:
        raise HomeError(f"there is no file {file}") from None
    except (tarfile.TarError, KeyError, ValueError, EOFError, OSError) as error:
        raise HomeError(f"{file} is no whole backup of Firsthand: {error}") from error


def _inside(tar: tarfile.TarFile, staging: Path) -> Iterator[tarfile.TarInfo]:
    """The archive's members. HomeError at one that is no file or folder below `staging`: none of ours."""
    for member in tar:
        lies_within = (staging / member.name).resolve().is_relative_to(staging.resolve())
        if not lies_within or not (member.isfile() or member.isdir()):
            raise HomeError(f"the backup holds {member.name!r}, which is no file of a home; do not trust it")
        yield member


def _name(url: str) -> str:
    return str(conninfo_to_dict(url).get("dbname", ""))


def _run(command: list[str], url: str) -> None:
    # By the environment, because a password on the command line can be read by everyone on the machine.
    parts = conninfo_to_dict(url)
    given = {variable: str(parts[name]) for name, variable in ENVIRONMENT.items() if parts.get(name)}
    done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HomeError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
