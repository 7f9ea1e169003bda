"""`manage.py up` from a user's view: starts, crashes, power cuts and stops."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from config import limits
from config.home import up
from config.home.layout import HomeError
from tests.config.installation import PARTS, Installation, eventually
from tests.ports import free_port

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="firsthand up "))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Installation]:
    """One home for all tests in this file. Its path has blanks and is too long for a socket."""
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


def test_the_first_start_prints_address_and_keys(shared: Installation) -> None:
    shared.start()
    console = shared.console.read_text()
    assert f"http://127.0.0.1:{shared.port}" in console
    assert re.search(r"write key +fhw_\S+", console)
    assert re.search(r"API key +fhk_\S+ +\(shown only now\)", console)
    assert shared.get("/healthz").text == "ok\n"


def test_thousands_of_silent_connections_keep_nobody_out(ana: Installation) -> None:
    limits.raise_file_limit()
    with ExitStack() as stack:
        silent = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", ana.port), 10, source_address=("127.0.0.2", 0))
            )
            for _ in range(4_200)
        ]
        assert ana.get("/healthz").status_code == 200
        # All but FIRSTHAND_ADDRESS_CONNECTIONS, which nothing else needs.
        eventually(lambda: sum(map(hung_up, silent)) == 4_200 - 500, "the silent connections to be closed")


def hung_up(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def test_the_printed_link_signs_in_once(ana: Installation) -> None:
    site, link = f"http://127.0.0.1:{ana.port}", ana.sign_in_path()
    with httpx.Client(base_url=site, follow_redirects=True) as browser:
        page = browser.get(link)
        assert page.status_code == 200
        done = browser.post(link, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        assert done.history[0].status_code == 302
        assert done.url.path == "/projects/my-product/"
    assert httpx.get(site + link).status_code == 410


def test_static_files_are_served(ana: Installation) -> None:
    answer = ana.get("/assets/css/base.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_it_becomes_ready(ana: Installation) -> None:
    eventually(lambda: ana.answers("/readyz"), f"readiness: {ana.get('/readyz').text}", 30)
    assert set(ana.get("/readyz").json()["parts"]) == {
        "database",
        "lake",
        "worker",
        "enrich",
        "load",
        "rollup",
    }


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
        "the link uses the running address, not PORT of this shell"
    )
    with httpx.Client(follow_redirects=True) as browser:
        browser.get(link)
        page = browser.post(link, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
    assert page.url.path == "/projects/", "the only owner also owns the new project"
    assert "/projects/bos-shop/" in page.text


def test_signin_for_an_unknown_user_lists_the_users(ana: Installation) -> None:
    refused = ana.manage("signin", "zoe")
    assert refused.returncode == 1
    assert "there is no user 'zoe'; existing users: owner" in refused.stderr


def test_the_database_is_reached_by_its_socket_only(ana: Installation) -> None:
    server = psutil.Process(ana.pids()["PostgreSQL"])
    assert [each for each in server.net_connections(kind="inet") if each.status == psutil.CONN_LISTEN] == []
    assert server.username() != "root"


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_restarted(ana: Installation, name: str) -> None:
    ana.kill(name)
    assert ana.pids().keys() == set(PARTS)
    eventually(lambda: ana.says(f"{name} was killed by SIGKILL"), "the console says so")
    eventually(lambda: ana.answers("/healthz"), "the web answers")
    eventually(lambda: ana.get("/readyz").json()["parts"]["database"]["ready"], "the database answers")


def test_a_killed_web_process_restarts_the_web(ana: Installation) -> None:
    web = ana.pids()["web"]
    for each in psutil.Process(web).children(recursive=True):
        each.kill()
    eventually(lambda: ana.pids().get("web", web) != web, "another web")
    eventually(lambda: ana.answers("/healthz"), "its answer")
    assert not psutil.pid_exists(web)


def test_health_checks_respond_while_the_database_hangs(ana: Installation) -> None:
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


def test_it_starts_again_after_everything_was_killed(ana: Installation) -> None:
    assert ana.process is not None
    family = [
        ana.process.pid,
        *(child.pid for child in psutil.Process(ana.process.pid).children(recursive=True)),
    ]
    for pid in family:
        # Some exit by themselves as soon as their parent is killed.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    ana.process.wait()
    ana.start()
    assert ana.get("/readyz").json()["parts"]["database"]["ready"]


def test_a_pid_file_that_names_another_process_is_no_obstacle(ana: Installation) -> None:
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


def test_a_port_that_a_killed_installation_still_holds_is_waited_for() -> None:
    other = socket.create_server(("127.0.0.1", free_port()))
    at = up.Address("127.0.0.1", other.getsockname()[1])
    with pytest.raises(HomeError, match="in use"):
        at.check()
    closing = threading.Timer(0.2, other.close)
    closing.start()
    at.check(patience=60)
    closing.join()


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_an_invalid_port_is_rejected(folder: Path, port: str) -> None:
    refused = Installation(folder / "another").manage("up", PORT=port)
    assert refused.returncode == 1
    assert f"PORT={port}" in refused.stderr.replace("'", "")


def test_commands_start_the_database_when_nothing_is_running(folder: Path) -> None:
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
    """The words before a command that run it as Dee, who may read root's Python installation."""
    if os.geteuid() != 0:
        return []
    os.chown(root, 65534, 65534)
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    look = "import os, sys; sys.exit(not os.access(sys.executable, os.X_OK))"
    if subprocess.run([*line, sys.executable, "-c", look], check=False).returncode:
        line += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return line
