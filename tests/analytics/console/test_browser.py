"""The dashboard in a real browser, on the real server: nothing complains, keys work, news come by themselves."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.db import connection
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from analytics.enrich.batches import enrich
from analytics.pipeline import until_idle
from tests import clock
from tests.analytics.console.pages import signed_in
from tests.journey import Journey
from tests.people import Team
from tests.ports import free_port

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ["people/", "inbox/", "insights/retention/", "insights/trends/", "settings/", "settings/ingestion/"]
PAGES += [
    "settings/health/",
    "settings/identity/",
    "settings/notifications/",
    "settings/webhooks/",
    "settings/deliveries/",
]
NARROW, WIDE = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)
ZOOMED = ViewportSize(width=320, height=400)
"""What is left of a small laptop at 400 %: WCAG's reflow."""
PATIENCE = 60_000
"""Milliseconds for what comes by itself. benchmarks/tabs.py measures how quickly it comes."""


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    """Granian with the whole application, on the run's database; its address."""
    port = free_port()
    static = ["--static-path-route", "/assets", "--static-path-mount", str(ROOT / "static")]
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "asgi", "--port", str(port)]
    process = subprocess.Popen([*command, *static, "config.asgi:application"], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        await_answer(address)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def await_answer(address: str, patience: float = 120) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            httpx.get(f"{address}/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{address} does not answer")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for a sign of asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
        # Beside that loop Django keeps another connection than elsewhere in this thread, which nobody else closes.
        connection.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console says against a page."""
    return []


@pytest.fixture
def screen(chromium: Browser, server: str, team: Team, complaints: list[str]) -> Iterator[Page]:
    """Ana's browser, signed in; a page that complains fails its test."""
    context = chromium.new_context(base_url=f"{server}/projects/{team.slug}/", viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    cookie = signed_in(team.ana).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": server}])
    page = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def crowd(team: Team) -> Team:
    """Three people with a story each, and everything computed."""
    journey = Journey(team)
    for number, name in enumerate(("Mina", "Noor", "Omar")):
        journey.identify(name.lower(), traits={"name": name}, at=clock.day(number))
        journey.page(name.lower(), "/notes", at=clock.day(number, minutes=1), session=f"s{number}")
        journey.track(name.lower(), "wrote", at=clock.day(number + 7))
    journey.through()
    return team


@pytest.fixture
def worker() -> Iterator[None]:
    """Enrich as the worker's clock does it, once a second."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(1):
            enrich()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(20)


def send(server: str, team: Team, body: dict[str, object], kind: str = "track") -> None:
    """Send one call."""
    answer = httpx.post(f"{server}/v1/{kind}", json=body, auth=(team.write_key, ""), timeout=60)
    assert answer.json() == {"success": True}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [ZOOMED, NARROW, WIDE], ids=["zoomed", "narrow", "wide"])
def test_pages_open_without_complaint(screen: Page, crowd: Team, theme: str, size: ViewportSize) -> None:
    screen.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    screen.set_viewport_size(size)
    for address in PAGES:
        screen.goto(address, wait_until="networkidle")
        expect(screen.locator("h1")).to_be_visible()
        beyond = screen.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{address} is {beyond} px too wide"


def test_only_an_api_key_has_an_access_to_choose(screen: Page) -> None:
    screen.goto("settings/")
    access = screen.get_by_label("API key access")
    expect(access).to_be_hidden()
    screen.get_by_label("Kind").select_option("api")
    expect(access).to_be_visible()


def test_on_a_phone_a_person_is_told_in_short_above_their_story(screen: Page, crowd: Team) -> None:
    screen.set_viewport_size(NARROW)
    screen.goto("people/?search=mina")
    screen.locator("#people .name").click()
    tops = [
        screen.locator(part).first.evaluate("element => element.getBoundingClientRect().top")
        for part in (".summary", "#timeline", "#facts-title")
    ]
    assert tops == sorted(tops)


def test_the_keyboard_leads_everywhere(screen: Page, crowd: Team) -> None:
    screen.goto("people/")
    for key, title in {"t": "Trends", "r": "Retention", "s": "Settings", "p": "People"}.items():
        screen.keyboard.press("g")
        screen.keyboard.press(key)
        expect(screen.locator("h1")).to_have_text(title)
    screen.keyboard.press("j")
    screen.keyboard.press("j")
    expect(screen.locator(":focus .name")).to_have_text("Noor")
    screen.keyboard.press("k")
    screen.keyboard.press("Enter")
    expect(screen.locator("h1")).to_have_text("Omar")


def test_help_opens_and_closes(screen: Page, crowd: Team) -> None:
    screen.goto("people/")
    screen.keyboard.press("?")
    expect(screen.locator("#help")).to_be_visible()
    screen.keyboard.press("Escape")
    expect(screen.locator("#help")).to_be_hidden()


def test_letters_typed_into_a_field_are_text(screen: Page, crowd: Team) -> None:
    screen.goto("people/")
    screen.keyboard.press("/")
    screen.keyboard.type("gp?j")
    expect(screen.locator("input[type=search]")).to_have_value("gp?j")
    expect(screen.locator("#help")).to_be_hidden()


def test_the_list_filters_while_one_types(screen: Page, crowd: Team) -> None:
    screen.goto("people/")
    screen.keyboard.press("/")
    screen.keyboard.type("min")
    expect(screen.locator("#people .name")).to_have_text(["Mina"])
    expect(screen.locator("input[type=search]")).to_be_focused()
    assert "search=min" in screen.url
    screen.locator("input[type=search]").fill("")
    expect(screen.locator("#people .name")).to_have_count(3)


def test_the_theme_is_kept(screen: Page, crowd: Team) -> None:
    screen.emulate_media(color_scheme="light")
    screen.goto("people/")
    before = screen.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    screen.locator("[data-toggle-theme]").click()
    dark = screen.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert dark != before
    screen.reload()
    assert screen.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_a_cell_opens_its_people_beside_the_triangle(screen: Page, crowd: Team) -> None:
    screen.goto("insights/retention/?from=2020-06-10&to=2020-06-28&period=week")
    screen.locator(".triangle tbody td a").first.click()
    expect(screen.locator(".panel .name")).to_have_text(["Mina", "Noor", "Omar"])
    screen.keyboard.press("Escape")
    expect(screen.locator(".panel")).to_have_count(0)
    expect(screen.locator(".triangle tbody td a").first).to_be_focused()
    screen.keyboard.press("Enter")
    expect(screen.locator("[data-close-panel]")).to_be_focused()
    screen.locator("h1").click()
    expect(screen.locator(".panel")).to_have_count(0)
    screen.locator(".triangle tbody td a").first.click()
    screen.locator(".panel .person", has_text="Noor").click()
    expect(screen.locator("h1")).to_have_text("Noor")


def test_a_choice_asks_at_once(screen: Page, crowd: Team) -> None:
    screen.goto("insights/trends/?from=2020-06-10&to=2020-06-28")
    expect(screen.locator(".bar")).to_have_count(19)
    screen.locator("#interval").select_option("week")
    expect(screen.locator(".bar")).to_have_count(3)


@pytest.mark.parametrize("size", [ZOOMED, NARROW, WIDE], ids=["zoomed", "narrow", "wide"])
def test_fifteen_years_of_months_are_bars_that_can_be_seen(
    screen: Page, crowd: Team, size: ViewportSize
) -> None:
    screen.set_viewport_size(size)
    screen.goto("insights/trends/?interval=month&from=2011-01-01&to=2026-06-30")
    expect(screen.locator(".bar")).to_have_count(186)
    narrowest = screen.locator(".bars").evaluate(
        "bars => Math.min(...[...bars.children].map(bar => bar.getBoundingClientRect().width))"
    )
    assert narrowest > 1, f"the narrowest bar is {narrowest} px wide"


@pytest.mark.usefixtures("worker")
def test_an_event_appears_on_the_timeline_by_itself(screen: Page, server: str, crowd: Team) -> None:
    screen.goto("people/")
    screen.locator(".person", has_text="Mina").click()
    expect(screen.locator("h1")).to_have_text("Mina")
    visit = screen.locator("details", has_text="/notes")
    was_open = visit.evaluate("element => { element.open = !element.open; return element.open; }")
    for number in range(3):
        send(server, crowd, {"userId": "mina", "event": f"shared_note_{number}"})
        expect(screen.locator(".timeline .sentence", has_text=f"shared note {number}")).to_be_visible(
            timeout=PATIENCE
        )
    assert visit.evaluate("element => element.open") is was_open
    expect(screen.locator(".timeline .sentence", has_text="shared note 0")).to_have_count(1)
    expect(screen.locator("#facts .total").first).to_have_text("Events6")


@pytest.mark.usefixtures("worker")
def test_the_start_page_says_who_came_and_keeps_its_lines(screen: Page, server: str, team: Team) -> None:
    screen.goto("./")
    expect(screen.locator("h1")).to_have_text("Meet your first user")
    send(server, team, {"userId": "ana", "traits": {"name": "Ana"}}, "identify")
    expect(screen.locator(".waiting")).to_contain_text("Ana is here", timeout=PATIENCE)
    expect(screen.locator(".code")).to_have_count(4)
    screen.get_by_role("link", name="Open timeline").click()
    expect(screen.locator("h1")).to_have_text("Ana")


def test_an_idle_page_asks_the_database_for_nothing(screen: Page, crowd: Team) -> None:
    """It polls the server's memory. Only after a change, and once at first, it asks for the timeline."""
    asked: list[str] = []
    screen.on("request", lambda request: asked.append(request.url.split("/projects/")[-1].split("/live/")[0]))
    screen.goto("people/")
    screen.locator(".person", has_text="Mina").click()
    expect(screen.locator("[data-live-label]")).to_have_text("Live")
    for _ in range(5):
        with screen.expect_response("**/live/**"):
            pass
    assert sum("/news/" in url for url in asked) == 1


def test_numbers_that_are_not_computed_yet_appear_when_they_are(screen: Page, team: Team) -> None:
    Journey(team).track("mina", "wrote").enriched()
    pages: list[str] = []
    screen.on("request", lambda request: pages.append(request.url) if "/insights/" in request.url else None)
    screen.goto("insights/trends/")
    expect(screen.locator("#content")).to_contain_text("No data yet")
    for _ in range(5):
        with screen.expect_response("**/live/**"):
            pass
    # The page, and once more in case something changed while it loaded.
    assert len(pages) == 2
    until_idle()
    expect(screen.locator(".bar").first).to_be_visible()
