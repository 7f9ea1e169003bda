"""How events travel: batches, compression, retries, and the last ones of a page."""

import gzip
import json
from typing import Any

import pytest
from playwright.sync_api import Request, Route

from tests.widget.conftest import Shop, part_started

pytestmark = pytest.mark.browser
QUIET = {"vitals": "off", "pageviews": "off", "autocapture": "off", "errors": "off"}
TRACK_MANY = """([count, size]) => {
    for (let i = 0; i < count; i++) firsthand.track(`event ${i}`, {text: "x".repeat(size)});
}"""


class Line:
    """The way to the server, which a test may cut. `answers` are given in order, then requests pass."""

    def __init__(self, shop: Shop, *answers: dict[str, Any] | None) -> None:
        self.bodies: list[bytes] = []
        self.answers = list(answers)
        self.shop = shop
        shop.page.route("**/v1/b", self.handle)

    def handle(self, route: Route, request: Request) -> None:
        self.bodies.append(request.post_data_buffer or b"")
        if not self.answers:
            route.continue_()
        elif (answer := self.answers.pop(0)) is None:
            route.abort()
        else:
            route.fulfill(**answer)

    def batches(self) -> list[list[str]]:
        """The names of the events in each request, without those of beacons, which Playwright does not show."""
        plain = [gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in self.bodies if body]
        return [[call.get("event", call["type"]) for call in json.loads(body)["batch"]] for body in plain]

    def wait(self, count: int) -> None:
        while len(self.bodies) < count:
            self.shop.page.wait_for_timeout(20)


def quickly(shop: Shop) -> None:
    """Let the page's timers run at once, in order, as if their time had passed."""
    shop.page.add_init_script(
        "const wait = setTimeout; window.setTimeout = (work, ms) => wait(work, ms / 50);"
    )


@pytest.mark.slow
def test_batches_are_compressed_and_need_no_preflight(shop: Shop) -> None:
    methods: list[str] = []
    shop.page.on("request", lambda request: methods.append(request.method))
    line = Line(shop)
    # On another origin than the site, where a preflight would be needed.
    shop.site.clear(policy="")
    shop.visit(tag=shop.tag(f"{shop.site.firsthand}/fh.js", **QUIET))
    shop.page.evaluate(TRACK_MANY, [50, 100])
    assert len(shop.stored(50)) == 50
    [body] = line.bodies
    assert body.startswith(b"\x1f\x8b")
    assert len(body) < 5000
    assert "OPTIONS" not in methods


@pytest.mark.slow
def test_events_wait_while_the_server_is_away(shop: Shop) -> None:
    line = Line(shop, {"status": 503}, None, {"status": 429, "headers": {"retry-after": "2"}})
    quickly(shop)
    shop.visit(**QUIET)
    shop.call("track", "one")
    line.wait(1)
    shop.call("track", "two")
    line.wait(4)
    assert [each.event for each in shop.stored(2)] == ["one", "two"]
    assert line.batches()[0] == ["one"]
    assert line.batches()[-1] == ["one", "two"]
    shop.console.clear()
    shop.failed.clear()


@pytest.mark.slow
def test_the_server_says_how_long_to_wait(shop: Shop) -> None:
    line = Line(
        shop,
        {"status": 503, "headers": {"retry-after": "3600", "access-control-expose-headers": "retry-after"}},
    )
    quickly(shop)
    shop.visit(**QUIET)
    shop.call("track", "one")
    line.wait(1)
    # 72 seconds at this speed. A backoff would have been at most 60 ms.
    shop.page.wait_for_timeout(1000)
    assert len(line.bodies) == 1
    shop.page.evaluate("() => dispatchEvent(new Event('online'))")
    assert len(shop.stored(1)) == 1
    shop.console.clear()
    shop.failed.clear()


@pytest.mark.slow
def test_what_is_too_large_for_the_server_is_halved(shop: Shop) -> None:
    line = Line(shop, {"status": 413}, {"status": 413})
    quickly(shop)
    shop.visit(**QUIET)
    shop.page.evaluate(TRACK_MANY, [100, 10])
    assert len(shop.stored(100)) == 100
    assert [len(batch) for batch in line.batches()] == [100, 50, 25, 25, 25, 25]
    shop.console.clear()
    shop.failed.clear()


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_tried_again(shop: Shop, status: int) -> None:
    line = Line(shop, {"status": status})
    quickly(shop)
    shop.visit(**QUIET)
    shop.call("track", "one")
    line.wait(1)
    shop.call("track", "two")
    shop.page.wait_for_timeout(500)
    assert len(line.bodies) == 1
    shop.console.clear()
    shop.failed.clear()


@pytest.mark.slow
def test_the_queue_is_bounded_in_events_and_bytes(shop: Shop) -> None:
    line = Line(shop, None)
    shop.visit(**QUIET)
    shop.page.evaluate(TRACK_MANY, [1500, 1])
    names = [each.event for each in shop.stored(1000)]
    assert len(names) <= 1000 + 100
    assert {f"event {number}" for number in range(600, 1500)} <= set(names)
    shop.page.evaluate(TRACK_MANY, [60, 30_000])
    found = shop.stored(len(names) + 30)
    sizes = [len(json.dumps(each.properties)) for each in found if "x" * 30_000 in each["properties"]]
    assert 25 <= len(sizes) <= 34
    assert all(len(body) < 500_000 for body in line.bodies)
    shop.console.clear()


@pytest.mark.slow
def test_the_last_events_of_a_page_go_by_beacon(shop: Shop) -> None:
    shop.visit(**QUIET)
    shop.page.evaluate(TRACK_MANY, [100, 10])
    shop.left(*[f"event {number}" for number in range(100)])


@pytest.mark.slow
def test_a_request_that_the_page_cancels_by_leaving_is_sent_again(shop: Shop) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shop.page.route("**/v1/b", hold, times=1)
    shop.visit(**QUIET)
    # Large enough that the browser does not keep it alive: random, so that it cannot be compressed.
    shop.page.evaluate(
        """() => {
            for (const name of ["first", "second"]) {
                const noise = Array.from(crypto.getRandomValues(new Uint8Array(12000)), (n) => n.toString(16));
                firsthand.track(name, {noise: noise.join("")});
            }
        }"""
    )
    while not held:
        shop.page.wait_for_timeout(20)
    shop.left("first", "second")


@pytest.mark.slow
def test_a_hidden_page_sends_what_it_has_and_keeps_what_fails(shop: Shop) -> None:
    line = Line(shop, None)
    quickly(shop)
    shop.visit(**QUIET)
    shop.page.evaluate(
        """() => {
            firsthand.track("one");
            Object.defineProperty(document, "hidden", {value: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert [each.event for each in shop.stored(1)] == ["one"]
    assert line.batches() == [["one"], ["one"]]
    shop.console.clear()


@pytest.mark.slow
def test_everything_that_was_sent_is_stored(shop: Shop) -> None:
    """A visit as it is, over two pages: every event that the page made is there, once."""
    shop.visit()
    part_started(shop.page)
    shop.page.evaluate(TRACK_MANY, [120, 1000])
    shop.page.click("#buy")
    assert len(shop.stored(122)) == 122
    shop.visit("/more")
    part_started(shop.page)
    shop.call("identify", "ana")
    shop.page.evaluate(TRACK_MANY, [30, 10])
    shop.page.goto("about:blank")
    found = [each.event for each in shop.stored(156)]
    counts = {
        name: found.count(name)
        for name in ("$pageview", "$autocapture", "$identify", "$web_vitals", "event 0")
    }
    assert counts == {"$pageview": 2, "$autocapture": 1, "$identify": 1, "$web_vitals": 2, "event 0": 2}
    assert len(found) == 156
