"""The widget in Chromium, on a shop's pages, against ingest alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

from tests.analytics.ingest.conftest import rows
from tests.people import Team
from tests.ports import free_port
from tests.widget.site import Site, serving

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60.0
VISITOR = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
BODY = """
<h1>Lamps</h1>
<button id=buy>Buy the red lamp</button> <button id=close aria-label="Close the banner">×</button>
<a id=next href="/prices?for=ana#top">Prices</a>
<form id=order aria-label="Order"><input name=email aria-label="Your e-mail"> <button>Order</button></form>
"""
PART = "performance.getEntriesByType('resource').find(({name}) => /\\/(watch|part)-/.test(name))"
# A script of the shop's own, since its policy allows no other.
APP = 'document.addEventListener("submit", (event) => event.preventDefault());'


@pytest.fixture(scope="session")
def firsthand(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ingest alone under Granian, on the run's database; its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    home = tmp_path_factory.mktemp("ingest")
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "analytics.ingest.app:app"], cwd=ROOT, env={**os.environ, "FIRSTHAND_HOME": str(home)}
    )
    try:
        await_answer(f"{address}/fh.js")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def await_answer(address: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.get(address)
        except httpx.TransportError:
            assert time.monotonic() < until, f"{address} does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def site(firsthand: str) -> Iterator[Site]:
    with serving(firsthand) as site:
        yield site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for a sign of asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
        # Beside that loop Django keeps another connection than elsewhere in this thread, which nobody else closes.
        connection.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Shop:
    """The shop, and somebody's browser that nobody has used before."""

    site: Site
    team: Team
    context: BrowserContext
    page: Page
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def tag(self, source: str = "/fh/fh.js", **data: str) -> str:
        given = "".join(
            f' data-{name}="{value}"' for name, value in {"key": self.team.write_key, **data}.items()
        )
        return f'<script async src="{source}"{given}></script>'

    def write(
        self, path: str, *, body: str = BODY, app: str = APP, tag: str | None = None, **data: str
    ) -> str:
        """Write a page with the tag in it. Returns its address."""
        self.site.files[f"{path}.js"] = app
        head = f"<!doctype html><meta charset=utf-8><title>The page {path}</title><link rel=icon href=data:,>"
        scripts = f"<script src={path}.js></script>{self.tag(**data) if tag is None else tag}"
        self.site.files[path] = f"{head}{scripts}<body>{body}</body>"
        return self.site.address + path

    def visit(self, path: str = "/lamps", **given: Any) -> Page:
        """Write a page, open it, and wait until the script has taken over."""
        self.page.goto(self.write(path, **given))
        taken_over(self.page)
        return self.page

    def call(self, method: str, *given: object) -> None:
        """Call the script as the page would."""
        self.page.evaluate("([name, given]) => firsthand[name](...given)", [method, list(given)])

    def listen(self, page: Page) -> None:
        def heard(message: ConsoleMessage) -> None:
            # Chromium's advice on the markup of forms.
            if not message.text.startswith("[DOM]"):
                self.console.append(f"{message.type}: {message.text}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.failed.append(f"{response.status} {response.url}")

        page.on("console", heard)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        page.on("response", answered)

    def tab(self) -> Page:
        """Another tab of the same browser."""
        page = self.context.new_page()
        self.listen(page)
        return page

    def stored(self, count: int) -> "list[Stored]":
        """What arrived, as soon as there are so many events."""
        until = time.monotonic() + PATIENCE
        while True:
            # Ids are in the order in which the page made them. Times are corrected by how long each request took.
            query = "SELECT * FROM analytics_inbox WHERE project_id = %s ORDER BY id"
            # What a leaving page sends twice is dropped later, by enrich.
            once = {row["id"]: row for row in rows(query, self.team.id)}
            if len(once) >= count or time.monotonic() > until:
                return [Stored(row) for row in once.values()]
            # Not time.sleep(), during which Playwright tells nothing of the page.
            self.page.wait_for_timeout(20)

    def left(self, *expected: str) -> "list[Stored]":
        """Leave for another site, and read what was stored: exactly these events, in the order of their ids."""
        self.page.goto("about:blank")
        found = self.stored(len(expected))
        assert [each.event for each in found] == list(expected)
        return found


@dataclass
class Stored:
    """One event as ingest stored it."""

    row: dict[str, Any]

    @property
    def event(self) -> str:
        return str(self.row["event"])

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.row["properties"])
        return found

    def __getitem__(self, name: str) -> Any:
        return self.row[name] if name in self.row else self.properties.get(name)


def taken_over(page: Page) -> None:
    """Wait until the script has taken over."""
    page.wait_for_function("() => window.firsthand && !Array.isArray(window.firsthand)")


def part_started(page: Page) -> None:
    """Wait until the part that is loaded when the page is idle has started, however long that takes."""
    page.wait_for_function(f"() => {PART}")
    page.evaluate(
        f"async () => {{ await import({PART}.name); await new Promise((done) => setTimeout(done)); }}"
    )


@pytest.fixture
def shop(chromium: Browser, site: Site, team: Team) -> Iterator[Shop]:
    """A page that writes to the console, or a failed request, fails its test."""
    context = chromium.new_context(user_agent=VISITOR)
    site.clear()
    shop = Shop(site, team, context, context.new_page())
    shop.listen(shop.page)
    yield shop
    context.close()
    assert shop.console == []
    assert shop.failed == []
