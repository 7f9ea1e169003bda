"""`manage.py up`: the supervisor of the whole installation. It does not load Django, which saves memory.

Start: lock, port, PostgreSQL, `manage.py prepare` (tables, static files, first user), web, worker.
Stop:  web, worker, PostgreSQL.
"""

import contextlib
import errno
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

from config import env
from config.home import layout, lock, part, postgres, priority, private
from config.home.layout import Home, HomeError
from config.home.part import Part
from config.limits import max_connections, raise_file_limit

MIN_BACKOFF = 0.5
MAX_BACKOFF = 30.0
HEALTHY_AFTER = 60.0
# How long processes of an installation that was killed may keep its port: the kernel still ends them.
PORT_PATIENCE = 15.0


def print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class StopRequest:
    """Set by a signal to stop: Ctrl-C, SIGTERM, or the terminal closing."""

    received: bool = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        # A flag: an exception could interrupt a start between launching a process and recording it.
        self.received = True


@dataclass(slots=True)
class Watchdog:
    """Restarts one part with backoff."""

    part: Part
    since: float = field(default_factory=time.monotonic)
    backoff: float = MIN_BACKOFF
    restart_at: float | None = None

    def check(self, now: float) -> bool:
        """Schedule a restart if the part has exited, and restart it when it is due. Whether its process changed."""
        if self.restart_at is not None:
            return self._restart_if_due(now)
        if not self.part.has_exited():
            return False
        # Only after a healthy minute: otherwise a part that crashes on start would never reach a long backoff.
        if now - self.since > HEALTHY_AFTER:
            self.backoff = MIN_BACKOFF
        print_line(f"{self.part.name} {_exit_reason(self.part.reap())}; restarting in {self.backoff:g} s")
        print_line(_indented(self.part.tail()))
        self.restart_at, self.backoff = now + self.backoff, min(self.backoff * 2, MAX_BACKOFF)
        return True

    def _restart_if_due(self, now: float) -> bool:
        if self.restart_at is None or now < self.restart_at:
            return False
        self.part.start()
        self.since, self.restart_at = now, None
        print_line(f"{self.part.name} restarted (process {self.part.pid})")
        return True


def _exit_reason(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"exited with status {status}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


@dataclass(frozen=True, slots=True)
class Address:
    """Where the dashboard and ingest listen."""

    host: str
    port: int

    @property
    def url(self) -> str:
        shown = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 (compared, not bound)
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    def check(self, patience: float = 0.0) -> None:
        """Raises HomeError if the port cannot be bound within `patience` seconds."""
        until = time.monotonic() + patience
        while error := self._try_bind():
            if time.monotonic() >= until:
                raise HomeError(self._bind_error(error))
            time.sleep(0.05)

    def _try_bind(self) -> OSError | None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            # As the web server does; otherwise connections of the last run in TIME_WAIT would block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                return error
        return None

    def _bind_error(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"port {self.port} on {self.host} is in use by another program; set PORT={self.port + 1}"
        return f"cannot listen on {self.host}:{self.port} ({error.strerror}); set PORT or FIRSTHAND_BIND"


def address() -> Address:
    port = env.integer("PORT", 8000, least=1)
    if port > 65535:
        raise env.ConfigurationError(f"PORT={port} is too large; the largest is 65535")
    return Address(env.text("FIRSTHAND_BIND", "127.0.0.1"), port)


def site_url(home: Home) -> str:
    """The address where the installation of this home is running, or would start."""
    # From the lock file: the shell of this command may have another PORT than the running installation.
    running = lock.read_holder(home).address if lock.is_held(home) else ""
    return running or address().url


def web_workers() -> int:
    return env.integer("FIRSTHAND_WEB_WORKERS", 1, least=1)


def connections(workers: int) -> dict[str, str]:
    """PostgreSQL's setting: up to 16 for each web process, the rest for the worker and commands."""
    return {"max_connections": str(max(100, 36 + 16 * workers))}


def web(home: Home, at: Address, workers: int) -> Part:
    # Without --http 1, Granian waits for the first byte of a connection to tell HTTP/1 from HTTP/2, and has no time
    # limit for that. The limit for headers also closes connections that are idle after a request. It is longer than
    # that of most proxies, because the proxy should be the one to close.
    connections = ["--http", "1", "--http1-header-read-timeout", "60000"]
    connections += ["--backpressure", str(max_connections())]
    options = ["--interface", "asgi", "--loop", "uvloop", "--workers", str(workers), "--backlog", "4096"]
    listen = ["--host", at.host, "--port", str(at.port)]
    # Granian answers everything below the route itself, and PostHog's snippet loads its script from /static.
    static = ["--static-path-route", "/assets", "--static-path-mount", str(home.static)]
    # Granian exits when one of its processes dies, so only this supervisor restarts anything.
    drain = ["--workers-kill-timeout", "10", "--no-ws", "--log-level", "warning"]
    drain += ["--static-path-expires", "3600", *connections]
    command = [sys.executable, "-m", "granian", *options, *listen, *static, *drain, "config.asgi:application"]
    # Longer than Granian's own timeout, so that Granian ends its processes and we need not kill it.
    return Part("web", command, home.logs / "web.log", stop_timeout=15)


def worker(home: Home) -> Part:
    # One thread per periodic task, so that a long load does not delay enrich. Two more for deliveries, which wait for
    # other servers.
    pool = ["--with-beat", "--pool", "threads", "--concurrency", "6"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "warning"]
    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", *pool, *quiet]
    return Part("worker", priority.in_background(command), home.logs / "worker.log", stop_timeout=30)


@dataclass(slots=True)
class Installation:
    """All parts that `up` runs. `parts` is in the order of starting."""

    home: Home
    address: Address
    web_workers: int
    held: lock.HomeLock
    stop: StopRequest
    parts: list[Part] = field(default_factory=list)

    def run(self) -> None:
        try:
            self._start()
            if not self.stop.received:
                self._supervise()
        finally:
            self._stop()

    def _start(self) -> None:
        if not env.secret("DATABASE_URL"):
            postgres.prepare(self.home)
            self._launch(postgres.server_part(self.home, connections(self.web_workers)))
            postgres.wait_until_ready(self.home, self.parts[0], cancelled=lambda: self.stop.received)
        if self.stop.received:
            return
        prepare = [sys.executable, str(part.ROOT / "manage.py"), "prepare"]
        credentials = json.loads(part.run(prepare, self.home.logs / "prepare.log"))
        self._launch(web(self.home, self.address, self.web_workers))
        self._launch(worker(self.home))
        self._wait_for_web()
        if not self.stop.received:
            print_line(greeting(self.home, self.address, credentials))

    def _launch(self, each: Part) -> None:
        each.start()
        self.parts.append(each)
        self.held.record_children(self.parts)

    def _wait_for_web(self) -> None:
        page = f"{self.address.url}/healthz"
        while not self.stop.received and not _answers(page):
            # A part that cannot start would otherwise be waited for without end.
            for each in self.parts:
                if each.has_exited():
                    raise HomeError(f"{each.name} could not start; {each.log} ends with:\n{each.tail(15)}")
            time.sleep(0.05)

    def _supervise(self) -> None:
        watchdogs = [Watchdog(each) for each in self.parts]
        while not self.stop.received:
            time.sleep(0.2)
            for each in self.parts:
                each.rotate_log()
            changed = [each.check(time.monotonic()) for each in watchdogs]
            if any(changed):
                self.held.record_children(self.parts)

    def _stop(self) -> None:
        if self.parts:
            print_line("Stopping.")
        # PostgreSQL last: web must still store the events that it has acknowledged or is about to.
        database = [each for each in self.parts if each.name == "PostgreSQL"]
        for each in [each for each in self.parts if each not in database] + database:
            each.stop()


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=2):  # noqa: S310 (our own address)
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def greeting(home: Home, at: Address, credentials: dict[str, str]) -> str:
    """The text on the console after the start. `credentials` is the output of `manage.py prepare`."""
    rows = [
        ("address", at.url),
        (
            "sign in",
            f"{at.url}{credentials['sign_in']}  (works once, within 15 minutes; for a new link: manage.py signin)",
        ),
        ("project", credentials.get("project", "")),
        ("write key", credentials.get("write_key", "")),
        ("API key", f"{credentials['api_key']}  (shown only now)" if credentials.get("api_key") else ""),
        ("home", f"{home.root}  (data and logs)"),
    ]
    lines = [f"  {name:<10} {value}" for name, value in rows if value]
    return "\n".join(["", "Firsthand is running.", *lines, "  Press Ctrl-C to stop.", ""])


@contextlib.contextmanager
def _locked_home(home: Home, at: Address) -> Iterator[lock.HomeLock]:
    last = lock.read_holder(home)
    with lock.hold(home, "up") as held:
        held.holder.address = at.url
        held.write()
        was_killed_here = bool(last.children) and last.address == at.url
        # After the lock: a second start on this home must report the home in use, not its port.
        at.check(PORT_PATIENCE if was_killed_here else 0.0)
        yield held


def main() -> int:
    """Run until stopped, and return the exit status: 1, with the reason on stderr, if it cannot start."""
    stop = StopRequest()
    # First, so that a signal during the start stops what was already started.
    stop.listen()
    try:
        # First: everything that is created from here on is private.
        private.restrict_new_files()
        # Before anything starts: a wrong value would otherwise stop a running installation.
        part.log_limits()
        home = layout.home()
        # Parts run in the program's folder, where a relative path would be another home.
        os.environ["FIRSTHAND_HOME"] = str(home.root)
        raise_file_limit()
        at, workers = address(), web_workers()
        with _locked_home(home, at) as held:
            Installation(home, at, workers, held, stop).run()
    except (HomeError, env.ConfigurationError) as error:
        sys.stderr.write(f"Firsthand could not start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
