"""make run, as somebody lives through it who has never seen Firsthand: starts, crashes, a pulled plug, stops."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.config.installation import PARTS, Installation, eventually, free_port

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("up")]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="firsthand up "))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Installation]:
    """One home for all tests of this file; its path has blanks and is too long for a socket."""
    root = folder / "my home" / ("long " + "x" * 120) / "firsthand"
    root.parent.mkdir(parents=True)
    installation = Installation(root)
    yield installation
    if not installation.ended():
        installation.signal(signal.SIGTERM)


@pytest.fixture
def ana(shared: Installation) -> Installation:
    """Ana's installation, running."""
    shared.ensure_running()
    return shared


def test_the_first_start_shows_everything_that_is_needed(shared: Installation) -> None:
    shared.start()
    console = shared.console.read_text()
    assert f"http://127.0.0.1:{shared.port}" in console
    assert re.search(r"write key +fhw_\S+", console)
    assert re.search(r"API key +fhk_\S+ +\(shown only now\)", console)
    assert shared.get("/healthz").text == "ok\n"


def test_the_printed_link_signs_in_once(ana: Installation) -> None:
    site, link = f"http://127.0.0.1:{ana.port}", ana.link()
    with httpx.Client(base_url=site, follow_redirects=True) as browser:
        page = browser.get(link)
        assert page.status_code == 200
        done = browser.post(link, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        assert done.history[0].status_code == 302
        assert done.url.path == "/projects/my-product/"
    assert httpx.get(site + link).status_code == 410


def test_static_files_are_served(ana: Installation) -> None:
    answer = ana.get("/static/css/base.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_it_is_ready_when_database_lake_and_worker_are(ana: Installation) -> None:
    eventually(lambda: ana.answers("/readyz"), f"readiness: {ana.get('/readyz').text}", 30)
    assert set(ana.get("/readyz").json()["parts"]) == {"database", "lake", "worker"}


def test_a_second_up_names_the_first_one(ana: Installation) -> None:
    second = ana.manage("up", PORT=str(free_port()))
    assert second.returncode == 1
    assert ana.process is not None
    assert f"process {ana.process.pid}" in second.stderr
    assert f"http://127.0.0.1:{ana.port}" in second.stderr


def test_other_commands_work_beside_it(ana: Installation) -> None:
    made = ana.manage("newproject", "Bo's shop", "--json")
    assert made.returncode == 0, made.stderr
    assert '"project": "bos-shop"' in made.stdout
    link = ana.manage("signin", PORT="1").stdout.strip()
    assert link.startswith(f"http://127.0.0.1:{ana.port}/"), (
        "it leads to what runs, whatever this shell's PORT says"
    )
    with httpx.Client(follow_redirects=True) as browser:
        browser.get(link)
        page = browser.post(link, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
    assert page.url.path == "/projects/", "the only owner owns the new project, too"
    assert "/projects/bos-shop/" in page.text


def test_a_link_for_somebody_unknown_is_refused_with_the_known(ana: Installation) -> None:
    refused = ana.manage("signin", "zoe")
    assert refused.returncode == 1
    assert "there is no user 'zoe'; there are: owner" in refused.stderr


def test_the_database_is_reached_by_its_socket_only(ana: Installation) -> None:
    server = psutil.Process(ana.pids()["PostgreSQL"])
    assert [each for each in server.net_connections(kind="inet") if each.status == psutil.CONN_LISTEN] == []
    assert server.username() != "root"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_is_started_again(ana: Installation, name: str) -> None:
    ana.kill(name)
    assert ana.pids().keys() == set(PARTS)
    eventually(lambda: ana.says(f"{name} was ended by SIGKILL"), "the console says so")
    eventually(lambda: ana.answers("/healthz"), "the web answers")
    eventually(lambda: ana.get("/readyz").json()["parts"]["database"]["ready"], "the database answers")


def test_a_killed_process_below_the_web_brings_a_new_web(ana: Installation) -> None:
    web = ana.pids()["web"]
    for each in psutil.Process(web).children(recursive=True):
        each.kill()
    eventually(lambda: ana.pids().get("web", web) != web, "another web")
    eventually(lambda: ana.answers("/healthz"), "its answer")
    assert not psutil.pid_exists(web)


def test_health_is_told_while_the_database_is_away(ana: Installation) -> None:
    server = psutil.Process(ana.pids()["PostgreSQL"])
    server.suspend()
    try:
        assert ana.get("/healthz").status_code == 200
        away = ana.get("/readyz")
    finally:
        server.resume()
    assert away.status_code == 503
    assert not away.json()["parts"]["database"]["ready"]


def test_a_killed_supervisor_leaves_nothing_behind(ana: Installation) -> None:
    assert ana.signal(signal.SIGKILL) == -signal.SIGKILL
    ana.start()
    assert ana.answers("/healthz")
    pids = ana.pids()
    ana.signal(signal.SIGTERM)
    assert ana.processes() == []
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


def test_everything_killed_at_once_is_no_obstacle(ana: Installation) -> None:
    assert ana.process is not None
    family = [
        ana.process.pid,
        *(child.pid for child in psutil.Process(ana.process.pid).children(recursive=True)),
    ]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    ana.process.wait()
    ana.start()
    assert ana.get("/readyz").json()["parts"]["database"]["ready"]


def test_a_pid_file_that_names_somebody_else_is_no_obstacle(ana: Installation) -> None:
    ana.signal(signal.SIGTERM)
    note = ana.root / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{ana.root / 'postgres'}\n1\n5432\n/nowhere\n\n1 1\nready\n")
    ana.start()
    assert ana.get("/readyz").json()["parts"]["database"]["ready"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(ana: Installation, number: signal.Signals) -> None:
    assert ana.signal(number) == 0
    assert ana.processes() == []
    assert not (ana.root / "postgres" / "postmaster.pid").exists()


def test_the_next_start_keeps_the_secrets(shared: Installation) -> None:
    if not shared.ended():
        shared.signal(signal.SIGTERM)
    key = (shared.root / "secret_key").read_text()
    shared.start()
    assert "fhk_" not in shared.console.read_text()
    assert (shared.root / "secret_key").read_text() == key


def test_a_port_in_use_is_named(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        refused = Installation(folder / "another", port=taken).manage("up")
    assert refused.returncode == 1
    assert f"port {taken} on 127.0.0.1 is in use" in refused.stderr
    assert f"PORT={taken + 1}" in refused.stderr


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_is_refused(folder: Path, port: str) -> None:
    refused = Installation(folder / "another").manage("up", PORT=port)
    assert refused.returncode == 1
    assert f"PORT={port}" in refused.stderr.replace("'", "")


def test_commands_bring_the_database_when_nothing_runs(folder: Path) -> None:
    quiet = Installation(folder / "quiet")
    made = quiet.manage("newproject", "Cy's garden", "--timezone", "Europe/Berlin", "--json")
    assert made.returncode == 0, made.stderr
    again = quiet.manage("newproject", "Cy's garden", "--json")
    assert '"project": "cys-garden-2"' in again.stdout
    assert quiet.processes() == []


def test_an_ordinary_user_can_run_it(folder: Path) -> None:
    root = folder / "dee"
    root.mkdir()
    dee = Installation(root / "home", prefix=as_an_ordinary_user(root))
    dee.start()
    try:
        owner = psutil.Process(dee.pids()["PostgreSQL"]).uids().real
        assert owner == root.stat().st_uid != 0
        assert dee.answers("/healthz")
    finally:
        assert dee.signal(signal.SIGTERM) == 0


def as_an_ordinary_user(root: Path) -> list[str]:
    """The words before a command that make it Dee's. Root's own Python may lie where Dee may not look: she may here."""
    if os.geteuid() != 0:
        return []
    os.chown(root, 65534, 65534)
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    look = "import os, sys; sys.exit(not os.access(sys.executable, os.X_OK))"
    if subprocess.run([*line, sys.executable, "-c", look], check=False).returncode:
        line += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return line
