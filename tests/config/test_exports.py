"""Thirty exports at once, ten of whose clients never read: everybody else's pages go on."""

import shutil
import signal
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from config.limits import STREAMS_PER_PROJECT
from tests.config.installation import Installation, eventually
from tests.config.test_web_workers import key

pytestmark = [pytest.mark.system, pytest.mark.slow]

READERS, SLEEPERS = 20, 10
BATCHES, EVENTS = 10, 200
PADDING = 8_000
"""16 MB in all: far more than sockets hold for a client that does not read."""


@pytest.fixture(scope="module")
def ana() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="firsthand-exports-"))
    installation = Installation(folder / "home")
    installation.start()
    try:
        fill(installation)
        eventually(lambda: installation.answers("/readyz"), "the worker's first heartbeat")
        yield installation
    finally:
        installation.signal(signal.SIGTERM)
        shutil.rmtree(folder)


def fill(installation: Installation) -> None:
    for _ in range(BATCHES):
        calls = [
            {"event": "wrote", "distinct_id": "ana", "properties": {"text": "x" * PADDING}}
            for _ in range(EVENTS)
        ]
        body = {"api_key": key(installation, "write"), "batch": calls}
        site = f"http://127.0.0.1:{installation.port}"
        assert httpx.post(f"{site}/batch/", json=body).status_code == 200
    done = installation.manage("pipeline", "--until-idle")
    assert done.returncode == 0, done.stderr
    assert exported(installation) == BATCHES * EVENTS


def export(installation: Installation) -> httpx.Response:
    header = {"authorization": f"Bearer {key(installation, 'API')}"}
    site = f"http://127.0.0.1:{installation.port}"
    return httpx.get(f"{site}/api/v1/events?format=ndjson", headers=header, timeout=60)


def exported(installation: Installation) -> int:
    answer = export(installation)
    return answer.text.count("\n") if answer.status_code == 200 else 0


def sleeper(installation: Installation) -> socket.socket:
    """A client that asks for everything and reads nothing."""
    asking = socket.create_connection(("127.0.0.1", installation.port))
    head = f"GET /api/v1/events?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key(installation, 'API')}"
    asking.sendall(f"{head}\r\n\r\n".encode())
    return asking


def visits(installation: Installation) -> list[int]:
    """The statuses of what others ask for meanwhile."""
    site, header = (
        f"http://127.0.0.1:{installation.port}",
        {"authorization": f"Bearer {key(installation, 'API')}"},
    )
    paths = ["/readyz", "/api/v1/project", "/sign-in/", "/api/v1/events?limit=1", "/readyz"]
    return [httpx.get(site + path, headers=header, timeout=60).status_code for path in paths]


def test_others_go_on_and_everything_comes_back(ana: Installation) -> None:
    with ExitStack() as sleeping, ThreadPoolExecutor(READERS + 5) as threads:
        for _ in range(SLEEPERS):
            sleeping.enter_context(sleeper(ana))
        reading = [threads.submit(export, ana) for _ in range(READERS)]
        meanwhile = [threads.submit(visits, ana) for _ in range(5)]
        statuses = Counter(each.result().status_code for each in reading)
        pages = [visit for each in meanwhile for visit in each.result()]
        assert set(statuses) <= {200, 429}
        # A page that waits ten seconds for a connection fails.
        assert set(pages) == {200}
    eventually(lambda: exported(ana) == BATCHES * EVENTS, "the places of the sleepers to be free")
    with ThreadPoolExecutor(STREAMS_PER_PROJECT) as threads:
        assert {
            one.result() for one in [threads.submit(exported, ana) for _ in range(STREAMS_PER_PROJECT)]
        } == {BATCHES * EVENTS}
    assert ana.get("/readyz").status_code == 200


def test_one_export_more_is_told_to_wait(ana: Installation) -> None:
    with ExitStack() as sleeping:
        for _ in range(STREAMS_PER_PROJECT):
            asleep = sleeping.enter_context(sleeper(ana))
            assert asleep.recv(12) == b"HTTP/1.1 200"
        refused = export(ana)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "exports" in refused.json()["detail"]
