"""A supervised process of the installation. It has its own process group, so that its children stop with it."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config import env
from config.home.layout import HomeError

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(slots=True)
class Part:
    """How to start and stop a process. After `stop_timeout` seconds it is killed."""

    name: str
    command: list[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 10
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.rotate_log()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C must reach the supervisor alone, which stops its parts in order.
                start_new_session=True,
            )

    def rotate_log(self) -> None:
        """Move a log that is too large aside, also while the process is writing to it."""
        rotate(self.log, *log_limits())

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def has_exited(self) -> bool:
        """Whether the process has exited by itself."""
        if self.process is None:
            return False
        # WNOWAIT leaves it unreaped. Otherwise its pid could be reused, and reap() would kill another group.
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self) -> int:
        """Kill what is left of the process group, and return the exit status."""
        if self.process is None:
            return 0
        with suppress(ProcessLookupError, PermissionError):
            # Before wait(): afterwards another process may get the pid, and with it the group's ID.
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self.process = None
        return status

    def stop(self) -> None:
        """Send the stop signal, wait, then kill the process group."""
        if self.process is None:
            return
        # To the parent alone, so that it can stop its children in order. The rest of the group is killed below.
        self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + self.stop_timeout
        while not self.has_exited() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.reap()

    def tail(self, lines: int = 5) -> str:
        """The last lines of its log."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def run(command: list[str], log: Path) -> str:
    """Run a command and return its output. Raises HomeError with the end of its error output."""
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log, *log_limits())
    completed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, start_new_session=True
    )
    with log.open("a") as stream:
        # Not stdout, where `prepare` prints keys and a sign-in link.
        stream.write(completed.stderr)
    if completed.returncode:
        output = "\n".join((completed.stderr or completed.stdout).strip().splitlines()[-8:])
        raise HomeError(
            f"{Path(command[-1]).name or command[0]} exited with status {completed.returncode}:\n{output}"
        )
    return completed.stdout


def log_limits() -> tuple[int, int]:
    """Bytes of a log, and how many older files are kept beside it."""
    return env.integer("FIRSTHAND_LOG_SIZE", 5_000_000, least=1000), env.integer("FIRSTHAND_LOG_FILES", 3)


def rotate(log: Path, size: int, files: int) -> None:
    """Move a log above `size` bytes to `log.1`, that one to `log.2` and so on, and keep `files` older files."""
    if not log.exists() or log.stat().st_size <= size:
        return
    for number in range(files, 1, -1):
        with suppress(FileNotFoundError):
            _older(log, number - 1).replace(_older(log, number))
    with log.open("rb+") as stream:
        # Copied, not renamed: the process would go on writing to the renamed file. Not all of it, so that no burst
        # of lines between two looks makes an older file many times too large.
        stream.seek(-min(log.stat().st_size, 2 * size), os.SEEK_END)
        if files:
            _older(log, 1).write_bytes(stream.read())
        # The process appends, so its next line begins the empty file.
        stream.truncate(0)


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def started_at(pid: int) -> float:
    """The start time of a process as a Unix time, or 0. Unlike a pid alone, pid and start time are never reused."""
    try:
        process = psutil.Process(pid)
        # A zombie has ended. Waiting until it is reaped would take the whole timeout.
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def stop_orphan(pid: int, began: float, stop_signal: signal.Signals, stop_timeout: float = 15) -> None:
    """Stop a process, and its group, that a killed supervisor left behind. Does nothing if the pid was reused."""
    if not began or started_at(pid) != began:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, stop_signal)
    deadline = time.monotonic() + stop_timeout
    while started_at(pid) == began and time.monotonic() < deadline:
        time.sleep(0.05)
    with suppress(ProcessLookupError, PermissionError):
        # Our parts lead their own session. The group of anything else may be the user's shell.
        if os.getsid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
