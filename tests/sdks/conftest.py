"""Unmodified SDKs from npm, in Chromium and in Node.js, against the whole application."""

import functools
import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from django.db import connection
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.analytics.ingest.conftest import rows
from tests.people import Team
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60.0
VISITOR = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.fixture(scope="session")
def firsthand(django_db_setup: None) -> Iterator[str]:
    """Granian with the whole application, on the run's database; its address."""
    port = free_port()
    static = ["--static-path-route", "/assets", "--static-path-mount", str(ROOT / "static")]
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "asgi", "--port", str(port)]
    process = subprocess.Popen([*command, *static, "config.asgi:application"], cwd=ROOT)
    try:
        await_answer(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def await_answer(address: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            httpx.get(address)
        except httpx.TransportError:
            assert time.monotonic() < until, f"{address} does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session", autouse=True)
def packages() -> Path:
    """The folder with the pinned packages. `make` installs it."""
    assert PACKAGES.is_dir(), "the npm packages are not installed: run make slow"
    return PACKAGES


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for a sign of asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        yield browser
        browser.close()
        # Beside that loop Django keeps another connection than elsewhere in this thread, which nobody else closes.
        connection.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given: object) -> None:
        pass


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="session")
def site(site_folder: Path) -> Iterator[str]:
    """The web site of a shop, on an origin of its own; its address."""
    handler = functools.partial(Quiet, directory=str(site_folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Shop:
    """A page of the shop with an SDK in it, and somebody's browser that visits it."""

    address: str
    folder: Path
    firsthand: str
    team: Team
    page: Page
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def build(self, name: str, *, head: str = "", body: str = "") -> str:
        """Write a page. Returns its URL."""
        html = f"<!doctype html><title>The {name} page</title><meta charset=utf-8><link rel=icon href=data:,>{head}"
        (self.folder / f"{name}.html").write_text(f"{html}<body>{BODY}{body}</body>", encoding="utf-8")
        return f"{self.address}/{name}.html"

    def bundle(self, source: str) -> str:
        """Bundle a module with its packages, as a mover's build does. Returns the script tag."""
        name = f"bundle{self.team.id}.js"
        command = ["node_modules/.bin/esbuild", "--bundle", "--log-level=error", "--loader=js"]
        command.append(f"--outfile={self.folder / name}")
        subprocess.run(command, input=source.encode(), cwd=HERE, check=True)
        return f"<script defer src=/{name}></script>"

    def listen(self) -> None:
        def heard(message: ConsoleMessage) -> None:
            self.console.append(f"{message.type}: {message.text}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.failed.append(f"{response.status} {response.url}")

        self.page.on("console", heard)
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self.fail)
        self.page.on("response", answered)

    def sent(self) -> list[str]:
        """The ids of the events that the SDK sent, by its own account."""
        found: list[str] = self.page.evaluate("window.sent")
        return found

    def fail(self, request: Request) -> None:
        self.failed.append(f"failed {request.url}")

    def leave(self) -> None:
        """Go to another site, as people do: the SDK sends what is left. Requests under way are cancelled."""
        self.page.remove_listener("requestfailed", self.fail)
        self.page.goto("about:blank")


BODY = """
<h1>Lamps</h1>
<button id=buy>Buy the red lamp</button> <button id=close aria-label="Close the banner">×</button>
<a id=next href="#prices">Prices</a>
<form id=order onsubmit="return false"><input name=email aria-label="Your e-mail"> <button>Order</button></form>
"""


@pytest.fixture
def shop(chromium: Browser, site: str, site_folder: Path, firsthand: str, team: Team) -> Iterator[Shop]:
    """A browser that nobody has used before. A page that writes to the console, or a failed request, fails its test."""
    context = chromium.new_context(user_agent=VISITOR)
    found = Shop(site, site_folder, firsthand, team, context.new_page())
    found.listen()
    yield found
    context.close()
    assert found.console == []
    assert found.failed == []


def stored(team: Team, count: int) -> list[dict[str, object]]:
    """The project's events in the inbox, each once, as soon as there are at least so many."""
    until = time.monotonic() + PATIENCE
    while True:
        found = rows("SELECT * FROM analytics_inbox WHERE project_id = %s ORDER BY position", team.id)
        # What a leaving page sends twice is dropped later, by enrich.
        once = {row["id"]: row for row in reversed(found)}
        if len(once) >= count or time.monotonic() > until:
            return list(reversed(once.values()))
        time.sleep(0.05)
