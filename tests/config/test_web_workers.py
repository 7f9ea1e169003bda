"""Two web processes behind one port share cache and rate limits."""

import json
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.config.installation import Installation, eventually

pytestmark = [pytest.mark.system, pytest.mark.slow]

CLIENTS = 16
RATE = 60
QUESTION = {
    "series": [{"event": "wrote", "measure": "total"}, {"event": "wrote", "measure": "people"}],
    "interval": "hour",
    "breakdown": {"property": "length"},
    "from": "2026-03-02",
    "to": "2026-03-08",
}


@pytest.fixture(scope="module")
def ana() -> Iterator[Installation]:
    """Ana's installation with two web processes, a few thousand events in it."""
    folder = Path(tempfile.mkdtemp(prefix="firsthand-two-"))
    settings = {"FIRSTHAND_WEB_WORKERS": "2", "FIRSTHAND_API_RATE": str(RATE), "FIRSTHAND_LOG_LEVEL": "INFO"}
    settings["FIRSTHAND_COMMENT_RATE"] = str(RATE)
    installation = Installation(folder / "home", settings=settings)
    installation.start()
    try:
        fill(installation)
        yield installation
    finally:
        installation.signal(signal.SIGTERM)
        shutil.rmtree(folder)


def key(installation: Installation, kind: str) -> str:
    found = re.search(rf"{kind} key +(\S+)", installation.console.read_text())
    assert found is not None
    return found[1]


def fill(installation: Installation) -> None:
    for batch in range(20):
        calls = [
            {
                "type": "track",
                "event": "wrote",
                "userId": f"user {number}",
                "messageId": f"{batch}-{number}",
                "timestamp": f"2026-03-0{2 + number % 7}T{batch:02}:00:00Z",
                "properties": {"length": number % 9},
            }
            for number in range(200)
        ]
        taken = httpx.post(
            f"http://127.0.0.1:{installation.port}/v1/batch",
            json={"batch": calls},
            auth=(key(installation, "write"), ""),
        )
        assert taken.status_code == 200, taken.text
    done = installation.manage("pipeline", "--until-idle")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def clients(ana: Installation) -> Iterator[list[httpx.Client]]:
    """Open connections. The kernel chooses which process accepts each."""
    with ExitStack() as stack:
        site = f"http://127.0.0.1:{ana.port}"
        yield [stack.enter_context(httpx.Client(base_url=site, timeout=60)) for _ in range(CLIENTS)]


def processes(installation: Installation) -> list[psutil.Process]:
    """The processes that serve, without the resource tracker of Python's multiprocessing."""
    children = psutil.Process(installation.pids()["web"]).children()
    return [
        each for each in children if any(line.status == psutil.CONN_LISTEN for line in each.net_connections())
    ]


def both_answered(installation: Installation) -> bool:
    open_now = [
        {line.status for line in each.net_connections() if line.laddr.port == installation.port}
        for each in processes(installation)
    ]
    return len(open_now) == 2 and all(psutil.CONN_ESTABLISHED in states for states in open_now)


def computed(installation: Installation) -> int:
    return (installation.root / "logs" / "web.log").read_text().count("computed ")


def ask(installation: Installation, client: httpx.Client) -> dict[str, Any]:
    header = {"authorization": f"Bearer {key(installation, 'API')}"}
    answer = client.post("/api/v1/insights/trends", json=QUESTION, headers=header)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_question_is_computed_once_for_both_processes(
    ana: Installation, clients: list[httpx.Client]
) -> None:
    before = computed(ana)
    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = list(threads.map(lambda client: ask(ana, client), clients))
    assert both_answered(ana)
    assert computed(ana) == before + 1
    assert all(answer["series"] == answers[0]["series"] for answer in answers)
    assert sum(series["total"] for series in answers[0]["series"] if series["measure"] == "total") == 4_000


def test_an_answer_outlives_the_process_that_computed_it(
    ana: Installation, clients: list[httpx.Client]
) -> None:
    ask(ana, clients[0])
    before = computed(ana)
    ana.kill("web")
    eventually(lambda: ana.answers("/healthz"), "the web to answer again")
    with httpx.Client(base_url=f"http://127.0.0.1:{ana.port}", timeout=60) as client:
        ask(ana, client)
    assert computed(ana) == before


def test_both_processes_share_a_rate_limit(ana: Installation, clients: list[httpx.Client]) -> None:
    made = ana.manage("newproject", "Bo's shop", "--json")
    header = {"authorization": f"Bearer {json.loads(made.stdout)['api_key']}"}
    began = time.monotonic()

    def knock(client: httpx.Client) -> list[int]:
        return [client.get("/api/v1/project", headers=header).status_code for _ in range(10)]

    with ThreadPoolExecutor(CLIENTS) as threads:
        statuses = [status for found in threads.map(knock, clients) for status in found]
    allowed = RATE + int((time.monotonic() - began) * RATE / 60) + 1
    assert both_answered(ana)
    assert set(statuses) == {200, 429}
    assert RATE <= statuses.count(200) <= allowed


def test_both_processes_share_the_limit_of_comments(ana: Installation, clients: list[httpx.Client]) -> None:
    made = ana.manage("newproject", "Cy's shop", "--json")
    auth = (json.loads(made.stdout)["write_key"], "")
    began = time.monotonic()

    def say(client: httpx.Client) -> list[int]:
        comments = [{"userId": "bo", "reaction": "useful"}] * 10
        return [client.post("/v1/comments", json=each, auth=auth).status_code for each in comments]

    with ThreadPoolExecutor(CLIENTS) as threads:
        statuses = [status for found in threads.map(say, clients) for status in found]
    allowed = RATE + int((time.monotonic() - began) * RATE / 60) + 1
    assert both_answered(ana)
    assert set(statuses) == {201, 429}
    assert RATE <= statuses.count(201) <= allowed


def test_an_invalid_number_of_processes_is_rejected(tmp_path: Path) -> None:
    refused = Installation(tmp_path / "home").manage("up", FIRSTHAND_WEB_WORKERS="0")
    assert refused.returncode == 1
    assert "FIRSTHAND_WEB_WORKERS=0 is too small" in refused.stderr
