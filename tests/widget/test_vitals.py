"""Web Vitals of a page load, in one event when the page is first hidden."""

from typing import Any

import pytest

from tests.widget.conftest import Shop, part_started

pytestmark = [pytest.mark.browser, pytest.mark.slow]
QUIET = {"pageviews": "off", "autocapture": "off"}
SLOW = """
addEventListener("DOMContentLoaded", () => {
    const block = (ms) => { const until = performance.now() + ms; while (performance.now() < until); };
    document.querySelector("#buy").addEventListener("click", () => block(600));
    // A shift that nobody asked for.
    requestAnimationFrame(() => requestAnimationFrame(() => {
        const banner = document.createElement("div");
        banner.style.height = "400px";
        document.body.prepend(banner);
    }));
});
"""


def reported(shop: Shop) -> dict[str, Any]:
    [vitals] = shop.left("$web_vitals")
    return {
        name.removeprefix("$web_vitals_").removesuffix("_value"): value
        for name, value in vitals.properties.items()
        if name.startswith("$web_vitals_")
    } | {"path": vitals["path"]}


def loaded(shop: Shop, **given: Any) -> None:
    shop.visit(**QUIET, **given)
    part_started(shop.page)
    # Two frames, so that everything was painted.
    shop.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def test_a_page_load(shop: Shop) -> None:
    loaded(shop)
    shop.page.evaluate("() => history.pushState({}, '', '/elsewhere')")
    found = reported(shop)
    assert found.keys() == {"FCP", "LCP", "CLS", "TTFB", "rating", "path"}
    # Of the page that was loaded, not of the route that was shown last.
    assert found["path"] == "/lamps"
    assert 0 < found["TTFB"] <= found["FCP"] <= found["LCP"]
    assert found["CLS"] == 0


def test_a_slow_click_and_a_shift(shop: Shop) -> None:
    loaded(shop, app=SLOW)
    shop.page.click("#buy")
    shop.page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    found = reported(shop)
    assert found["INP"] >= 600
    assert found["CLS"] > 0.1
    assert found["rating"] == "poor"


def test_a_page_is_reported_once(shop: Shop) -> None:
    loaded(shop)
    shop.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {value: true});
            for (let i = 0; i < 3; i++) document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    reported(shop)


def test_a_site_that_does_not_want_them(shop: Shop) -> None:
    shop.visit(vitals="off", **QUIET)
    shop.page.wait_for_load_state("networkidle")
    shop.call("track", "done")
    shop.left("done")
