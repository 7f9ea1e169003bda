"""`manage.py up`: the whole installation under one supervisor, which itself loads no Django and stays small.

Start: lock, port, PostgreSQL, `manage.py prepare` (tables, static files, first user), web, worker.
Stop:  web first, so that nothing is acknowledged without a database; then the worker, then PostgreSQL.
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
from config.home import layout, lock, part, postgres
from config.home.layout import Home, HomeError
from config.home.part import Part

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Asked:
    """Whether somebody has asked us to stop (Ctrl-C, TERM, the terminal closing)."""

    to_stop: bool = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.to_stop = True


@dataclass(slots=True)
class Watch:
    """One part under supervision: when it came up, and how long to wait before it is started again."""

    part: Part
    since: float = field(default_factory=time.monotonic)
    pause: float = FIRST_PAUSE
    again_at: float | None = None

    def look(self, now: float) -> bool:
        """Restart it if it is due; note its end if it has ended. Whether its process changed."""
        if self.again_at is not None:
            return self._restart(now)
        if not self.part.died():
            return False
        if now - self.since > HEALTHY_AFTER:
            self.pause = FIRST_PAUSE
        say(f"{self.part.name} {_ending(self.part.bury())}; starting it again in {self.pause:g} s")
        say(_indented(self.part.tail()))
        self.again_at, self.pause = now + self.pause, min(self.pause * 2, LONGEST_PAUSE)
        return True

    def _restart(self, now: float) -> bool:
        if self.again_at is None or now < self.again_at:
            return False
        self.part.start()
        self.since, self.again_at = now, None
        say(f"{self.part.name} started again (process {self.part.pid})")
        return True


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


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

    def check(self) -> None:
        """HomeError when another program listens there already."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise HomeError(self._why_not(error)) from None

    def _why_not(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            another = f"choose another one: PORT={self.port + 1}"
            return f"port {self.port} on {self.host} is in use by another program; {another}"
        return f"cannot listen on {self.host}:{self.port} ({error.strerror}); set PORT or FIRSTHAND_BIND"


def address() -> Address:
    port = env.integer("PORT", 8000, least=1)
    if port > 65535:
        raise env.ConfigurationError(f"PORT={port} is too large; the largest is 65535")
    return Address(env.text("FIRSTHAND_BIND", "127.0.0.1"), port)


def site(home: Home) -> str:
    """Where the installation of this home is to be found: where it runs, or where it would start."""
    running = lock.read(home).address if lock.is_held(home) else ""
    return running or address().url


def web_workers() -> int:
    return env.integer("FIRSTHAND_WEB_WORKERS", 1, least=1)


def connections(workers: int) -> dict[str, str]:
    """The server's setting: each web process takes up to 16, and the worker and commands the rest."""
    return {"max_connections": str(max(100, 36 + 16 * workers))}


def web(home: Home, at: Address, workers: int) -> Part:
    options = ["--interface", "asgi", "--loop", "uvloop", "--workers", str(workers), "--backlog", "4096"]
    listen = ["--host", at.host, "--port", str(at.port)]
    static = ["--static-path-mount", str(home.static), "--static-path-expires", "3600"]
    # A worker process that dies takes its parent along, so that one supervisor, this one, starts it again.
    drain = ["--workers-kill-timeout", "10", "--no-ws", "--log-level", "warning"]
    command = [sys.executable, "-m", "granian", *options, *listen, *static, *drain, "config.asgi:application"]
    return Part("web", command, home.logs / "web.log", patience=15)


def worker(home: Home) -> Part:
    # One thread for each tick, so that a long load never keeps people's pages waiting for enrich; and two more for
    # deliveries, which wait for other people's servers.
    pool = ["--with-beat", "--pool", "threads", "--concurrency", "6"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "warning"]
    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", *pool, *quiet]
    return Part("worker", command, home.logs / "worker.log", patience=30)


@dataclass(slots=True)
class Installation:
    """Everything that `up` runs, in the order of starting."""

    home: Home
    address: Address
    web_workers: int
    held: lock.Held
    asked: Asked
    parts: list[Part] = field(default_factory=list)

    def run(self) -> None:
        try:
            self._start()
            if not self.asked.to_stop:
                self._supervise()
        finally:
            self._stop()

    def _start(self) -> None:
        if not env.secret("DATABASE_URL"):
            postgres.prepare(self.home)
            self._launch(postgres.describe(self.home, connections(self.web_workers)))
            postgres.wait(self.home, self.parts[0], given_up=lambda: self.asked.to_stop)
        if self.asked.to_stop:
            return
        prepare = [sys.executable, str(part.ROOT / "manage.py"), "prepare"]
        welcome = json.loads(part.run(prepare, self.home.logs / "prepare.log"))
        self._launch(web(self.home, self.address, self.web_workers))
        self._launch(worker(self.home))
        self._wait_for_web()
        if not self.asked.to_stop:
            say(greeting(self.home, self.address, welcome))

    def _launch(self, each: Part) -> None:
        each.start()
        self.parts.append(each)
        self.held.remember(self.parts)

    def _wait_for_web(self) -> None:
        page = f"{self.address.url}/healthz"
        while not self.asked.to_stop and not _answers(page):
            for each in self.parts:
                if each.died():
                    raise HomeError(f"{each.name} does not start; {each.log} ends with:\n{each.tail(15)}")
            time.sleep(0.05)

    def _supervise(self) -> None:
        watches = [Watch(each) for each in self.parts]
        while not self.asked.to_stop:
            time.sleep(0.2)
            changed = [watch.look(time.monotonic()) for watch in watches]
            if any(changed):
                self.held.remember(self.parts)

    def _stop(self) -> None:
        if self.parts:
            say("stopping")
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


def greeting(home: Home, at: Address, welcome: dict[str, str]) -> str:
    """What the console shows once everything runs; `welcome` is what `manage.py prepare` printed."""
    rows = [
        ("address", at.url),
        ("sign in", f"{at.url}{welcome['sign_in']}  (works once, for 15 minutes; another: manage.py signin)"),
        ("project", welcome.get("project", "")),
        ("write key", welcome.get("write_key", "")),
        ("API key", f"{welcome['api_key']}  (shown only now)" if welcome.get("api_key") else ""),
        ("home", f"{home.root}  (data and logs)"),
    ]
    lines = [f"  {name:<10} {value}" for name, value in rows if value]
    return "\n".join(["", "Firsthand runs.", *lines, "  Ctrl-C stops everything.", ""])


@contextlib.contextmanager
def _occupied(home: Home, at: Address) -> Iterator[lock.Held]:
    with lock.hold(home, "up") as held:
        held.note.address = at.url
        held.write()
        at.check()
        yield held


def main() -> int:
    """Run until asked to stop; the exit status. 1 with a reason on stderr when it cannot start."""
    asked = Asked()
    asked.listen()
    try:
        home = layout.home()
        # Parts run in the program's folder: a relative path would mean another home there.
        os.environ["FIRSTHAND_HOME"] = str(home.root)
        at, workers = address(), web_workers()
        with _occupied(home, at) as held:
            Installation(home, at, workers, held, asked).run()
    except (HomeError, env.ConfigurationError) as error:
        sys.stderr.write(f"Firsthand does not start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
