"""The whole installation, as a user runs it: comments reach a webhook, and a receiver that hangs stops nobody else."""

import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from outbox.sending import SLOTS
from tests.config.installation import Installation, eventually
from tests.outbox.receiver import Receiver, receiving

pytestmark = [pytest.mark.system, pytest.mark.slow]

PROJECT = "/projects/my-product/"
COMMENTS = 12 * SLOTS
"""An attempt gives up after 10 s, so all threads of the worker would be taken for longer than PATIENCE."""

PATIENCE = 30


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="firsthand outbox "))
    folder.chmod(0o755)
    installation = Installation(folder / "home", settings={"FIRSTHAND_WEBHOOK_PRIVATE": "1"})
    installation.start()
    yield installation
    installation.signal(signal.SIGTERM)
    shutil.rmtree(folder)


def key(installed: Installation, name: str) -> str:
    found = re.search(rf"{name} +(\S+)", installed.console.read_text())
    assert found is not None
    return found[1]


def add_webhook(installed: Installation, receiver: Receiver) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{installed.port}", follow_redirects=True) as browser:
        link = installed.sign_in_path()
        browser.get(link)
        browser.post(link, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        entered = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "url": receiver.url}
        assert "Webhook added" in browser.post(f"{PROJECT}settings/webhooks/", data=entered).text


def send(installed: Installation, path: str, body: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{installed.port}{path}"
    answer = httpx.post(url, json=body, auth=(key(installed, "write key"), ""), timeout=10)
    assert answer.is_success, answer.text


def is_enriched(installed: Installation, who: str) -> bool:
    headers = {"Authorization": f"Bearer {key(installed, 'API key')}"}
    url = f"http://127.0.0.1:{installed.port}/api/v1/people"
    return who in httpx.get(url, headers=headers, timeout=10).text


def test_a_receiver_that_hangs_stops_neither_enrich_nor_other_deliveries(installed: Installation) -> None:
    with receiving() as receiver:
        add_webhook(installed, receiver)
        receiver.open.clear()
        texts = {f"Comment {n}" for n in range(COMMENTS)}
        for text in sorted(texts):
            send(installed, "/v1/comments", {"userId": "mina", "text": text})
        for _ in range(SLOTS):
            receiver.await_request()
        send(installed, "/v1/track", {"userId": "noor", "event": "came"})
        eventually(lambda: is_enriched(installed, "noor"), "enrich", PATIENCE)
        receiver.open.set()
        eventually(
            lambda: {request.json["data"]["text"] for request in receiver.requests} == texts, "delivery"
        )
