"""A running installation with the demo's data, and a signed-in browser on it."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from config.home.layout import Home
from tests.config.installation import Installation

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
DEMO = "/projects/demo/"


@contextmanager
def installation(people: int = 0) -> Iterator[Installation]:
    """`up` with a home of its own, and the demo of so many people."""
    with tempfile.TemporaryDirectory(prefix="firsthand-benchmark-") as folder:
        started = Installation(Path(folder) / "home")
        started.start()
        try:
            if people:
                done = started.manage("demo", "--people", str(people), "--days", "60")
                assert done.returncode == 0, done.stderr
            yield started
        finally:
            if started.process is not None:
                started.process.terminate()
                started.process.wait(60)


def signed_in(installation: Installation) -> httpx.Client:
    browser = httpx.Client(base_url=f"http://127.0.0.1:{installation.port}", timeout=60)
    link = re.search(r"(/sign-in/\S+)", installation.manage("signin").stdout)
    assert link is not None
    token = TOKEN.search(browser.get(link[1]).text)
    assert token is not None
    answer = browser.post(link[1], data={"csrfmiddlewaretoken": token[1]})
    assert answer.status_code == 302, answer.text
    return browser


def spent(installation: Installation, part: str) -> float:
    """Seconds of processor time so far, of a part and everything below it."""
    process = psutil.Process(installation.pids()[part])
    found = 0.0
    for each in (process, *process.children(recursive=True)):
        # PostgreSQL's own workers come and go.
        with suppress(psutil.NoSuchProcess):
            found += sum(each.cpu_times()[:2])
    return found


def database_url(installation: Installation) -> str:
    return Home(installation.root).database_url
