"""Errors: uncaught, rejected and handled, with stack frames, also before their part is loaded."""

from typing import Any

import pytest
from playwright.sync_api import Route

from tests.widget.conftest import Shop, Stored, part_started

pytestmark = pytest.mark.browser
QUIET = {"vitals": "off", "pageviews": "off", "autocapture": "off"}
APP = """
function outer() { inner(); }
function inner() { throw new TypeError("the lamp of ana@example.com is broken"); }
window.fail = outer;
"""


def listed(error: Stored) -> dict[str, Any]:
    found: dict[str, Any] = error.properties["$exception_list"][0]
    return found


def thrown(shop: Shop, *scripts: str) -> None:
    """Run scripts as the page's own timers, outside of Playwright."""
    for script in scripts:
        shop.page.evaluate(f"() => void setTimeout(() => {{ {script} }})")
    expect_errors(shop, len(scripts))


def expect_errors(shop: Shop, count: int) -> None:
    """Wait for the browser's own report of so many errors, which the page does not suppress."""
    while len([line for line in shop.console if line.startswith("uncaught: ")]) < count:
        shop.page.wait_for_timeout(10)
    shop.console[:] = [line for line in shop.console if not line.startswith("uncaught: ")]


def watched(shop: Shop, **given: Any) -> None:
    """Visit, and wait for the part that reads stacks."""
    shop.visit(**QUIET, **given)
    part_started(shop.page)


@pytest.mark.slow
def test_an_uncaught_error_has_its_frames(shop: Shop) -> None:
    watched(shop, app=APP)
    thrown(shop, "fail()")
    [error] = shop.left("$exception")
    found = listed(error)
    assert (found["type"], found["value"]) == ("TypeError", "the lamp of *** is broken")
    assert found["mechanism"] == {"type": "error", "handled": False}
    frames = found["stacktrace"]["frames"]
    outer, inner = frames[-2:]
    assert (outer["function"], inner["function"]) == ("outer", "inner")
    assert (inner["filename"], inner["lineno"]) == (f"{shop.site.address}/lamps.js", 3)
    assert inner["colno"] > 0
    assert error.properties["$exception_type"] == "TypeError"


@pytest.mark.slow
def test_errors_before_the_part_is_loaded_wait_for_it(shop: Shop) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shop.page.route("**/fh/watch-*.js", hold)
    shop.visit(app=APP, **QUIET)
    thrown(shop, "fail()", "Promise.reject(new RangeError('too far'))")
    while not held:
        shop.page.wait_for_timeout(20)
    held[0].continue_()
    part_started(shop.page)
    error, rejected = shop.left("$exception", "$exception")
    assert listed(error)["stacktrace"]["frames"][-1]["function"] == "inner"
    assert (listed(rejected)["type"], listed(rejected)["mechanism"]["type"]) == (
        "RangeError",
        "unhandledrejection",
    )


@pytest.mark.slow
def test_errors_of_a_page_that_never_loads_the_part_are_kept(shop: Shop) -> None:
    shop.page.route("**/fh/watch-*.js", lambda route: route.abort())
    shop.visit(app=APP, **QUIET)
    thrown(shop, "fail()", "throw 'a text'", "Promise.reject({code: 3})")
    found = [listed(each) for each in shop.left(*["$exception"] * 3)]
    assert [(each["type"], each["value"]) for each in found][:2] == [
        ("TypeError", "the lamp of *** is broken"), ("Error", "a text"),
    ]  # fmt: skip
    # The browser's own line, once.
    assert shop.console == ["error: Failed to load resource: net::ERR_FAILED"]
    shop.console.clear()


@pytest.mark.slow
def test_whatever_is_thrown_gets_a_name(shop: Shop) -> None:
    watched(shop)
    thrown(
        shop,
        "throw 'a text'",
        "throw null",
        "Promise.reject()",
        "throw {code: 3, secret: 'x'}",
        "Promise.reject(new Event('load'))",
        "Promise.reject(new DOMException('stopped', 'AbortError'))",
        "throw new Error('outer', {cause: new TypeError('inner')})",
        "class PaymentError extends Error { name = 'PaymentError' }; throw new PaymentError('declined')",
        "throw new Error('x'.repeat(5000))",
        "throw Object.create(null)",
    )
    found = [each.properties["$exception_list"] for each in shop.left(*["$exception"] * 10)]
    assert [(each[0]["type"], each[0]["value"][:40]) for each in found] == [
        ("Error", "a text"),
        ("Error", "Uncaught null"),
        ("Error", "undefined"),
        ("Error", "an object with code, secret"),
        ("Error", "an event of type load"),
        ("AbortError", "stopped"),
        ("Error", "outer"),
        ("PaymentError", "declined"),
        ("Error", "x" * 40),
        ("Error", "an object with nothing"),
    ]
    assert found[6][1]["type"] == "TypeError"
    assert len(found[8][0]["value"]) == 1000


@pytest.mark.slow
def test_handled_errors_and_the_same_error_twice(shop: Shop) -> None:
    watched(shop)
    shop.page.evaluate(
        """() => {
            try { null.lamp } catch (error) {
                firsthand.captureException(error);
                setTimeout(() => { throw error; });
            }
        }"""
    )
    expect_errors(shop, 1)
    [error] = shop.left("$exception")
    assert listed(error)["mechanism"] == {"type": "handled", "handled": True}


@pytest.mark.slow
def test_an_error_in_a_loop_is_recorded_three_times_and_all_together_fifty_times(shop: Shop) -> None:
    watched(shop, app=APP)
    shop.page.evaluate("() => { for (let i = 0; i < 200; i++) setTimeout(fail); }")
    shop.page.evaluate(
        "() => { for (let i = 0; i < 200; i++) setTimeout(() => { throw new Error(`number ${i}`); }); }"
    )
    expect_errors(shop, 400)
    found = [listed(each)["type"] for each in shop.left(*["$exception"] * 50)]
    assert (found.count("TypeError"), found.count("Error")) == (3, 47)


@pytest.mark.slow
def test_noise_and_turned_off_errors(shop: Shop) -> None:
    watched(shop)
    shop.page.evaluate(
        """() => {
            const stack = "Error: x\\n    at run (chrome-extension://abc/content.js:1:2)";
            firsthand.captureException(Object.assign(new Error("x"), {stack}));
            firsthand.captureException(new Error("ResizeObserver loop completed with undelivered notifications."));
            dispatchEvent(new ErrorEvent("error", {message: "Script error."}));
        }"""
    )
    shop.visit("/silent", errors="off", app=APP, **QUIET)
    thrown(shop, "fail()")
    shop.call("track", "done")
    shop.left("done")


FILE = "https://shop.example/app.js"
STACKS = [
    f"inner@{FILE}?v=1:3:30\nouter/<@{FILE}:2:20\n@{FILE}:9:1\n",
    f"inner@{FILE}:3:30\nglobal code@{FILE}:9:1\n[native code]",
    f"Error: x\n    at async Promise.all (index 0)\n    at async inner ({FILE}:3:30)\n    at {FILE}:9:1\n    at new X",
    "a" * 1_000_000 + ":1:1\n" * 100_000,
]
"""Of Firefox, Safari, Chromium, and one that would keep a careless expression busy."""


@pytest.mark.slow
def test_stacks_of_other_browsers(shop: Shop) -> None:
    watched(shop)
    shop.page.evaluate(
        """(stacks) => stacks.forEach((stack, at) =>
            firsthand.captureException(Object.assign(new Error(`number ${at}`), {stack})))""",
        STACKS,
    )
    found = [
        [(frame["function"], frame["lineno"], frame["colno"]) for frame in trace["frames"]]
        for error in shop.left(*["$exception"] * 4)
        if (trace := listed(error).get("stacktrace"))
    ]
    assert found == [
        [("?", 9, 1), ("outer/<", 2, 20), ("inner", 3, 30)],
        [("global code", 9, 1), ("inner", 3, 30)],
        [("?", 9, 1), ("inner", 3, 30)],
    ]
    [error, *_] = shop.stored(4)
    assert {frame["filename"] for frame in listed(error)["stacktrace"]["frames"]} == {FILE}
