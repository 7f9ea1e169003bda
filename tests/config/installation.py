"""A whole installation as a user starts it: `manage.py up` with its own home."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from config.home import lock
from config.home.layout import Home
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("PostgreSQL", "web", "worker")
TIMEOUT = 120


def eventually(happens: Callable[[], object], what: str, seconds: float = TIMEOUT) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for: {what}"
        time.sleep(0.05)


@dataclass
class Installation:
    """`prefix` is put before every command, for example to switch users. `settings` are added to the environment."""

    root: Path
    port: int = field(default_factory=free_port)
    prefix: Sequence[str] = ()
    process: subprocess.Popen[str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def console(self) -> Path:
        return self.root.parent / "console.txt"

    def environment(self, **more: str) -> dict[str, str]:
        """As little as cron provides on a fresh machine."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return {**kept, "FIRSTHAND_HOME": str(self.root), "PORT": str(self.port), **self.settings, **more}

    def manage(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, sys.executable, str(ROOT / "manage.py"), *words],
            env=self.environment(**more),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

    def start(self) -> float:
        """Start it, and return the seconds until the first page is available."""
        began = time.monotonic()
        with self.console.open("w") as console:
            command = [*self.prefix, sys.executable, str(ROOT / "manage.py"), "up"]
            self.process = subprocess.Popen(
                command, env=self.environment(), cwd=ROOT, stdout=console, stderr=subprocess.STDOUT, text=True
            )
        eventually(lambda: self.says("Firsthand is running.") or self.ended(), "the greeting")
        assert self.says("Firsthand is running."), self.console.read_text()
        return time.monotonic() - began

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def says(self, text: str) -> bool:
        return text in self.console.read_text()

    def ensure_running(self) -> None:
        if self.ended():
            self.start()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the supervisor and return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT)

    def pids(self) -> dict[str, int]:
        """The pids of the running parts. A part that has exited and is not yet restarted is missing."""
        return {child.name: child.pid for child in lock.read_holder(Home(self.root)).children}

    def kill(self, part: str) -> None:
        """Kill a part and wait until the supervisor has restarted it."""
        eventually(lambda: part in self.pids(), f"{part} to run")
        victim = self.pids()[part]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: self.pids().get(part, victim) != victim, f"{part} to be restarted")

    def processes(self) -> list[str]:
        """All running processes of this home."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                mine = process.environ().get("FIRSTHAND_HOME") == str(self.root)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
        return found

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60)

    def answers(self, path: str, status: int = 200) -> bool:
        try:
            return self.get(path).status_code == status
        except httpx.HTTPError:
            return False

    def sign_in_path(self) -> str:
        """The path of the sign-in sign_in_path that the console shows."""
        found = re.search(r"(/sign-in/\S+)", self.console.read_text())
        assert found is not None
        return found[1]
