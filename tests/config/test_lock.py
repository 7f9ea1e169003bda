"""One holder per home, by name; and what a killed holder has left is ended, but nothing else."""

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
    made = Part("sleeper", SLEEPER, home.logs / "sleeper.log", patience=1)
    made.start()
    return made


def test_it_is_held_while_the_block_runs(home: Home) -> None:
    assert not lock.is_held(home)
    with lock.hold(home, "up"):
        assert lock.is_held(home)
    assert not lock.is_held(home)


def test_a_second_holder_is_told_who_the_first_is(home: Home) -> None:
    with lock.hold(home, "up") as held:
        held.note.address = "http://127.0.0.1:8000"
        held.write()
        with pytest.raises(HomeError) as refused, lock.hold(home, "demo"):
            pass
    assert f"`manage.py up` runs there as process {os.getpid()} at http://127.0.0.1:8000" in str(
        refused.value
    )
    assert "FIRSTHAND_HOME" in str(refused.value)


def test_what_a_killed_holder_started_is_ended(home: Home) -> None:
    orphan = sleeper(home)
    with lock.hold(home, "up") as held:
        held.remember([orphan])
        note = lock.file(home).read_text()
    lock.file(home).write_text(note)  # as a kill -9 leaves it
    with lock.hold(home, "up"):
        assert orphan.died()
    assert orphan.bury() == -signal.SIGTERM


def test_a_process_that_has_got_the_number_since_is_left_alone(home: Home) -> None:
    innocent = sleeper(home)
    try:
        began = part.started_at(innocent.pid)
        part.end_orphan(innocent.pid, began - 1, signal.SIGKILL)
        time.sleep(0.1)
        assert not innocent.died()
    finally:
        innocent.stop()


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"pid": 1}', '{"pid":1,"command":"up","address":"","children":[{}]}']
)
def test_a_note_that_was_cut_short_is_no_obstacle(home: Home, note: str) -> None:
    home.root.mkdir()
    lock.file(home).write_text(note)
    with lock.hold(home, "up"):
        assert lock.read(home).pid == os.getpid()


def test_an_orphan_that_will_not_listen_is_ended_with_its_group(home: Home) -> None:
    deaf = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    deaf += f"subprocess.Popen({SLEEPER!r}); print('ready', flush=True); time.sleep(60)"
    parent = Part("deaf", [sys.executable, "-c", deaf], home.logs / "deaf.log")
    parent.start()
    while "ready" not in parent.tail():
        time.sleep(0.01)
    (child,) = psutil.Process(parent.pid).children()
    part.end_orphan(parent.pid, part.started_at(parent.pid), signal.SIGTERM, patience=0.2)
    child.wait(5)
    assert parent.bury() == -signal.SIGKILL


def test_the_end_of_a_part_is_seen_and_its_helpers_end_too(home: Home) -> None:
    script = f"import subprocess; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); raise SystemExit(3)"
    short = Part("short", [sys.executable, "-c", script], home.logs / "short.log")
    short.start()
    while not short.died():
        time.sleep(0.01)
    helper = psutil.Process(int(short.tail()))
    assert short.bury() == 3
    helper.wait(5)


def test_a_long_log_is_turned_over_at_the_start(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "LOG_LIMIT", 10)
    home.logs.mkdir(parents=True)
    log = home.logs / "short.log"
    log.write_text("a line that is long enough\n")
    short = Part("short", [sys.executable, "-c", "print('new')"], log)
    short.start()
    while not short.died():
        time.sleep(0.01)
    short.bury()
    assert (home.logs / "short.log.1").read_text() == "a line that is long enough\n"
    assert log.read_text() == "new\n"


def test_a_failed_step_says_how_it_ended(home: Home) -> None:
    complaint = [sys.executable, "-c", "raise SystemExit('no more disk')"]
    with pytest.raises(HomeError, match="status 1:\nno more disk"):
        part.run(complaint, home.logs / "step.log")


def test_a_lock_goes_with_its_process(home: Home) -> None:
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
