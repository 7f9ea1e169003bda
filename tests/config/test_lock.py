"""One holder per home. Processes of a killed holder are stopped, and no others."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from config.home import lock, part
from config.home.layout import Home, HomeError
from config.home.part import Part

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "a home")


def sleeper(home: Home) -> Part:
    made = Part("sleeper", SLEEPER, home.logs / "sleeper.log", stop_timeout=1)
    made.start()
    return made


def test_it_is_held_while_the_block_runs(home: Home) -> None:
    assert not lock.is_held(home)
    with lock.hold(home, "up"):
        assert lock.is_held(home)
    assert not lock.is_held(home)


def test_a_second_holder_is_told_who_the_first_is(home: Home) -> None:
    with lock.hold(home, "up") as held:
        held.holder.address = "http://127.0.0.1:8000"
        held.write()
        with pytest.raises(HomeError) as refused, lock.hold(home, "demo"):
            pass
    assert f"`manage.py up` is running there as process {os.getpid()} at http://127.0.0.1:8000" in str(
        refused.value
    )
    assert "FIRSTHAND_HOME" in str(refused.value)


def test_processes_of_a_killed_holder_are_stopped(home: Home) -> None:
    orphan = sleeper(home)
    with lock.hold(home, "up") as held:
        held.record_children([orphan])
        note = lock.file(home).read_text()
    lock.file(home).write_text(note)  # as a kill -9 leaves it
    with lock.hold(home, "up"):
        assert orphan.has_exited()
    assert orphan.reap() == -signal.SIGTERM


def test_a_process_with_a_reused_pid_is_left_alone(home: Home) -> None:
    with subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as innocent:
        part.stop_orphan(innocent.pid, part.started_at(innocent.pid) - 1, signal.SIGKILL)
        # Lives, because a killed process could not repeat what it is told.
        assert innocent.communicate(b"still here", 60)[0] == b"still here"


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"pid": 1}', '{"pid":1,"command":"up","address":"","children":[{}]}']
)
def test_an_incomplete_lock_file_is_no_obstacle(home: Home, note: str) -> None:
    home.root.mkdir()
    lock.file(home).write_text(note)
    with lock.hold(home, "up"):
        assert lock.read_holder(home).pid == os.getpid()


def test_an_orphan_that_ignores_the_signal_is_killed_with_its_group(home: Home) -> None:
    deaf = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    deaf += f"subprocess.Popen({SLEEPER!r}); print('ready', flush=True); time.sleep(60)"
    parent = Part("deaf", [sys.executable, "-c", deaf], home.logs / "deaf.log")
    parent.start()
    while "ready" not in parent.tail():
        time.sleep(0.01)
    (child,) = psutil.Process(parent.pid).children()
    part.stop_orphan(parent.pid, part.started_at(parent.pid), signal.SIGTERM, stop_timeout=0.2)
    child.wait(60)
    assert parent.reap() == -signal.SIGKILL


def test_an_exited_part_is_noticed_and_its_children_are_killed(home: Home) -> None:
    script = f"import subprocess; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); raise SystemExit(3)"
    short = Part("short", [sys.executable, "-c", script], home.logs / "short.log")
    short.start()
    while not short.has_exited():
        time.sleep(0.01)
    helper = psutil.Process(int(short.tail()))
    assert short.reap() == 3
    helper.wait(60)


def test_a_long_log_is_rotated_at_the_start(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_LOG_SIZE", "1000")
    home.logs.mkdir(parents=True)
    log = home.logs / "short.log"
    log.write_text(long := "a line\n" * 200)
    short = Part("short", [sys.executable, "-c", "print('new')"], log)
    short.start()
    while not short.has_exited():
        time.sleep(0.01)
    short.reap()
    assert (home.logs / "short.log.1").read_text() == long
    assert log.read_text() == "new\n"


def test_a_failed_command_reports_its_exit_status(home: Home) -> None:
    complaint = [sys.executable, "-c", "raise SystemExit('no more disk')"]
    with pytest.raises(HomeError, match="status 1:\nno more disk"):
        part.run(complaint, home.logs / "step.log")


def test_a_lock_is_released_when_its_process_is_killed(home: Home) -> None:
    script = (
        "import sys, time, pathlib; from config.home import lock; from config.home.layout import Home\n"
        f"with lock.hold(Home(pathlib.Path({str(home.root)!r})), 'up'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=part.ROOT)
    assert holder.stdout is not None
    with holder, holder.stdout as words:
        assert words.readline() == b"held\n"
        assert lock.is_held(home)
        holder.kill()
    assert not lock.is_held(home)
