"""Every command in the README works as written."""

import datetime as dt
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.config.installation import ROOT, Installation, eventually

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="firsthand-readme-") as folder:
        Path(folder).chmod(0o755)
        fresh = Installation(Path(folder) / "home")
        fresh.start()
        yield fresh
        fresh.signal(signal.SIGTERM)


def commands(about: str) -> str:
    """The README's shell block that contains this text."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return next(str(block) for block in blocks if about in block)


def follow(installation: Installation, block: str, **keys: str) -> str:
    """Run the block in a shell, with the printed keys and this installation's port."""
    for name, key in keys.items():
        block = re.sub(rf"^{name}=\S+.*$", f"{name}={key}", block, flags=re.M)
    block = block.replace("localhost:8000", f"127.0.0.1:{installation.port}").replace(
        "curl ", "curl -sS --fail "
    )
    return subprocess.run(
        ["bash", "-ec", block], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def printed(installation: Installation, kind: str) -> str:
    found = re.search(rf"{kind}_\S+", installation.console.read_text())
    assert found is not None
    return str(found[0])


def ask(installation: Installation, path: str, body: object | None = None) -> Any:
    headers = {"Authorization": f"Bearer {printed(installation, 'fhk')}"}
    url = f"http://127.0.0.1:{installation.port}/api/v1/{path}"
    answer = httpx.request("POST" if body else "GET", url, json=body, headers=headers, timeout=60)
    return answer.raise_for_status().json()


def people(installation: Installation) -> list[str]:
    return [person["name"] for person in ask(installation, "people")["people"]]


def test_a_person_appears_then_their_comment_then_a_cohort(installation: Installation) -> None:
    said = follow(installation, commands("v1/comments"), KEY=printed(installation, "fhw"))
    assert said.count('"success":true') == 2
    assert "receipt" in said
    eventually(lambda: people(installation) == ["Ana"], "Ana on the people list")

    assert ask(installation, "comments")["comments"][0]["text"] == "Where do I invite Bo?"
    today = dt.datetime.now(dt.UTC).date().isoformat()
    query = {"period": "week", "from": today, "to": today}
    eventually(
        lambda: [c["people"] for c in ask(installation, "insights/retention", query)["cohorts"]] == [1],
        "Ana as this week's cohort",
    )


def test_everything_can_be_exported(installation: Installation) -> None:
    out = follow(installation, commands("format=ndjson"), API=printed(installation, "fhk"))
    assert '"event":"signup"' in out
    assert "Ana" in out
    assert '"cohorts"' in out
