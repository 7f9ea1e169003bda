"""dlt's generic REST source, as docs/api.md configures it, against a real server: a full sync, then only changes."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import duckdb
import pytest
from django.core.wsgi import get_wsgi_application

from feedback.comments import delete_comment
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text(encoding="utf-8")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Requests(list[str]):
    """The paths and queries that the server was asked for, since they were last taken."""

    def take(self) -> list[str]:
        taken, self[:] = [*self], []
        return taken


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def address(requests: Requests) -> Iterator[str]:
    application = get_wsgi_application()

    def served(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        requests.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        return application(environ, start_response)

    with make_server("127.0.0.1", 0, served, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_second_sync_brings_only_changes_and_removes_who_was_merged(
    team: Team, address: str, requests: Requests, tmp_path: Path
) -> None:
    journey = Journey(team).track("ana", "signup").page("laptop", known=False, session="s1")
    journey.track("bo", "signup").enriched()
    said = say(team, "bo", "Where is it?")
    sync(team, address, tmp_path)
    first = requests.take()
    assert people(tmp_path) == ["ana", "anonymous laptop", "bo"]
    assert [request for request in first if "since=" in request] == []

    Journey(team).identify("ana", device="laptop").track("cy", "signup").enriched()
    delete_comment(said)
    sync(team, address, tmp_path)

    assert people(tmp_path) == ["ana", "bo", "cy"]
    assert stored(tmp_path, "SELECT count(*), count(DISTINCT id) FROM events WHERE event <> '$comment'") == [
        (5, 5)
    ]
    assert stored(tmp_path, "SELECT id FROM comments") == []
    second = requests.take()
    assert len(second) == 4, "one page of each list"
    assert all("since=" in request for request in second)
    sync(team, address, tmp_path)
    assert len(requests.take()) == 4
    assert people(tmp_path) == ["ana", "bo", "cy"]


def people(folder: Path) -> list[str]:
    return [name for (name,) in stored(folder, "SELECT name FROM people ORDER BY name")]


def stored(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "firsthand.duckdb")) as database:
        database.execute("SET search_path = 'product'")
        return database.execute(query).fetchall()


def sync(team: Team, address: str, folder: Path) -> None:
    """Run the example of docs/api.md in a process of its own, as a scheduler would."""
    (code,) = re.findall(r"```python\n(import dlt\n.*?)```", PAGE, re.S)
    code = code.replace("https://YOUR-HOST", address).replace("API_KEY", team.api_key)
    environment = {
        "HOME": str(folder), "PATH": "", "DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
