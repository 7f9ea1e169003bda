"""A running installation for each test, and the length of the tests."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.config.installation import Installation

LONG = os.environ.get("FIRSTHAND_CHAOS") == "long"


@dataclass(frozen=True)
class Target:
    """An installation under load, with the keys that its first start printed."""

    installation: Installation
    write_key: str
    api_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.installation.port}"

    def counted(self) -> int:
        """The number of stored events, from the export API; -1 while it does not respond."""
        try:
            answer = self._get("/api/v1/project")
            return int(answer.json()["events"]) if answer.status_code == httpx.codes.OK else -1
        except httpx.HTTPError:
            return -1

    def ids(self) -> list[str]:
        """The ids of all stored events, from the export API."""
        answer = self._get("/api/v1/events?format=csv")
        header, *rows = answer.raise_for_status().text.splitlines()
        column = header.split(",").index("id")
        return [row.split(",")[column] for row in rows]

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=60)


def started(installation: Installation) -> Target:
    installation.start()
    console = installation.console.read_text()
    keys = {kind: re.search(rf"{kind}_\S+", console) for kind in ("fhw", "fhk")}
    assert keys["fhw"] is not None
    assert keys["fhk"] is not None
    return Target(installation, keys["fhw"][0], keys["fhk"][0])


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="firsthand-chaos-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def target(folder: Path) -> Iterator[Target]:
    installation = Installation(folder / "home")
    yield started(installation)
    if not installation.ended():
        installation.signal(signal.SIGTERM)
