"""One process of the installation: started in a group of its own, so that it and its helpers end together."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.home.layout import HomeError

LOG_LIMIT = 5_000_000
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(slots=True)
class Part:
    """How a process is started and asked to stop; `patience` in seconds is how long it may take over that."""

    name: str
    command: list[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def died(self) -> bool:
        """Whether it has ended by itself. It is not reaped yet: until then its group's number is surely ours."""
        if self.process is None:
            return False
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def bury(self) -> int:
        """Its exit status, once it has ended; what is left of its group (a server's worker) ends with it."""
        if self.process is None:
            return 0
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self.process = None
        return status

    def stop(self) -> None:
        """Ask, wait, and insist."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + self.patience
        while not self.died() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.bury()

    def tail(self, lines: int = 5) -> str:
        """The end of its log, for the console."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def run(command: list[str], log: Path) -> str:
    """Run to the end and return its output; raises HomeError with the end of its complaints."""
    log.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, start_new_session=True
    )
    with log.open("a") as stream:
        stream.write(done.stderr)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise HomeError(
            f"{Path(command[-1]).name or command[0]} ended with status {done.returncode}:\n{said}"
        )
    return done.stdout


def _rotate(log: Path) -> None:
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))


def started_at(pid: int) -> float:
    """When this process began (seconds since 1970): with its pid it names one process for ever. 0 for none."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def end_orphan(pid: int, began: float, stop_signal: signal.Signals, patience: float = 15) -> None:
    """End a process that a killed supervisor has left behind, with its group; nothing if it is another one by now."""
    if not began or started_at(pid) != began:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, stop_signal)
    deadline = time.monotonic() + patience
    while started_at(pid) == began and time.monotonic() < deadline:
        time.sleep(0.05)
    with suppress(ProcessLookupError, PermissionError):
        if os.getsid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
