"""What is recorded of clicks and forms, and what never is."""

import json
from typing import Any

import pytest

from tests.widget.conftest import BODY, Shop, part_started

pytestmark = pytest.mark.browser
QUIET = {"vitals": "off", "pageviews": "off"}


def clicks(shop: Shop, *selectors: str, body: str = BODY, **given: Any) -> None:
    shop.visit(body=body, **QUIET, **given)
    for selector in selectors:
        shop.page.click(selector)


def described(shop: Shop, count: int) -> list[dict[str, Any]]:
    return [each.properties for each in shop.left(*["$autocapture"] * count)]


@pytest.mark.slow
def test_clicks_and_submitted_forms(shop: Shop) -> None:
    clicks(shop, "#buy", "#close", "h1", "#order button", "#order input")
    buy, close, order, submitted = described(shop, 4)
    assert {name: value for name, value in buy.items() if not name.startswith(("$screen", "$timezone"))} == {
        "$event_type": "click", "$el_selector": "#buy", "$el_text": "Buy the red lamp",
    }  # fmt: skip
    assert (close["$el_text"], close["$el_label"]) == ("×", "Close the banner")
    assert (order["$el_selector"], order["$el_text"]) == ("#order > button", "Order")
    assert (submitted["$event_type"], submitted["$el_selector"]) == ("submit", "#order")
    assert (submitted["$el_label"], submitted["$el_text"]) == ("Order", "Order")


@pytest.mark.slow
def test_a_click_that_leaves_the_page_is_kept(shop: Shop) -> None:
    shop.write("/prices", tag="")
    clicks(shop, "#next")
    [link] = described(shop, 1)
    # Neither query nor fragment.
    assert (link["$el_text"], link["$el_href"]) == ("Prices", f"{shop.site.address}/prices")


SECRETS = """
<label id=label>Insulin <input type=checkbox id=check></label>
<select id=choice><option>Secret choice</option></select>
<textarea id=area>Secret text</textarea><div contenteditable id=note><button id=inside>Secret note</button></div>
<form><input id=field type=password value="Secret word"></form><input type=submit value="Pay now" id=pay form=none>
<div id=card style="cursor:pointer">Secret patient</div>
<div data-fh-show><div id=row style="cursor:pointer">Red lamp <b>new</b></div>
  <button data-fh-mask id=hidden aria-label="Secret label">Secret name</button></div>
<div data-fh-mask><a id=link href="/secret-path">Secret link</a><button data-fh-show id=shown>Shown</button></div>
<div data-fh-ignore><button id=ignored>Secret button</button></div>
<button id=partly>Pay <b data-fh-mask>Secret 40 €</b></button>
<div role=button id=box><b>Note</b> <p contenteditable>Secret note</p></div>
<form id=ask><button data-fh-mask id=send>Secret question</button></form>
<form id=tell><button data-fh-ignore id=go>Secret answer</button></form>
<button id=mail>Write to ana@example.com</button><button id=number>4111 1111 1111 1111</button>
"""


@pytest.mark.slow
def test_neither_values_nor_masked_parts_are_recorded(shop: Shop) -> None:
    selectors = (
        "#label", "#check", "#choice", "#area", "#inside", "#field", "#pay", "#card", "#row b", "#hidden", "#link",
        "#shown", "#ignored", "#partly", "#box b", "#send", "#go",
        "#mail", "#number",
    )  # fmt: skip
    app = """
        document.addEventListener("click", (event) => event.target.closest("a") && event.preventDefault());
        document.addEventListener("submit", (event) => event.preventDefault());
    """
    shop.site.clear("style-src 'unsafe-inline'")
    clicks(shop, *selectors, body=SECRETS, app=app)
    found = {each["$el_selector"]: each.get("$el_text") for each in described(shop, 13)}
    assert found == {
        "#pay": "Pay now", "#card": None, "#row": "Red lamp new", "#hidden": None, "#link": None,
        "#shown": "Shown", "#partly": None, "#box": None, "#send": None, "#ask": None,
        "#tell": None, "#mail": "Write to ***", "#number": "***",
    }  # fmt: skip
    text = json.dumps([each.row for each in shop.stored(1)], default=str)
    assert not [word for word in ("Secret", "secret", "Insulin", "4111", "example.com") if word in text]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "selector", "expected"),
    [
        ("<i><a href=#1>1</a></i><i><a href=#2>2</a></i>", "i:nth-of-type(2) a", "body > i:nth-of-type(2) > a"),
        ('<main id=":r1:"><button>x</button></main>', "button", "body > main > button"),
        ('<main id="view-8241"><button>x</button></main>', "button", "body > main > button"),
        (f"<i id=far>{'<b>' * 7}<button>x</button>", "button", "b > b > b > b > b > button"),
        ("<svg width=9 height=9><g id=icon><rect width=9 height=9 /></g></svg>", "rect", None),
        ("<button><svg width=9 height=9><rect width=9 height=9 /></svg></button>", "rect", "body > button"),
        ("<button id=disabled disabled>x</button>", "button", None),
    ],
    ids=["siblings", "made-up id", "numbered id", "deep", "drawing", "icon", "disabled"],
)  # fmt: skip
def test_selectors(shop: Shop, body: str, selector: str, expected: str | None) -> None:
    shop.visit(body=body, **QUIET)
    shop.page.click(selector, force=True)
    shop.call("track", "done")
    shop.page.goto("about:blank")
    found = [each.properties.get("$el_selector") for each in shop.stored(2 if expected else 1)]
    assert [each for each in found if each] == ([expected] if expected else [])


@pytest.mark.slow
def test_elements_of_shadow_trees(shop: Shop) -> None:
    app = """
        addEventListener("DOMContentLoaded", () => {
            const root = document.querySelector("#box").attachShadow({mode: "open"});
            root.append(Object.assign(document.createElement("button"), {textContent: "Inside"}));
        });
    """
    clicks(shop, "#box button", body="<div id=box></div>", app=app)
    [inside] = described(shop, 1)
    assert (inside["$el_selector"], inside["$el_text"]) == ("#box > button", "Inside")


@pytest.mark.slow
def test_clicks_of_scripts_and_turned_off_autocapture(shop: Shop) -> None:
    shop.visit(**QUIET)
    shop.page.evaluate("() => document.querySelector('#buy').click()")
    shop.visit("/silent", autocapture="off", **QUIET)
    shop.page.click("#buy")
    shop.call("track", "done")
    shop.left("done")


@pytest.mark.slow
def test_rage_clicks(shop: Shop) -> None:
    shop.visit(**QUIET)
    part_started(shop.page)
    shop.page.click("#buy", click_count=4)
    shop.page.goto("about:blank")
    found = shop.stored(5)
    assert sorted(each.event for each in found) == [*["$autocapture"] * 4, "$rageclick"]
    [rage] = [each for each in found if each.event == "$rageclick"]
    assert rage.properties["$el_text"] == "Buy the red lamp"


DEAD = """
    addEventListener("DOMContentLoaded", () => {
        const on = (id, work) => document.querySelector(id).addEventListener("click", work);
        on("#changes", () => document.body.append("changed"));
        on("#loads", () => fetch("/lamps.js", {cache: "force-cache"}));
        on("#scrolls", () => scrollTo(0, 500));
        on("#moves", () => document.querySelector("#field").focus());
    });
"""
DEAD_BODY = """
<button id=dead>Nothing</button><button id=changes>Change</button><button id=loads>Load</button>
<button id=scrolls>Scroll</button><button id=moves>Move</button><input id=field>
<a id=away href="/file.zip" download>Load</a>
"""


@pytest.mark.slow
def test_dead_clicks(shop: Shop) -> None:
    shop.write("/file.zip", tag="")
    shop.visit(body=DEAD_BODY + "<br>" * 200, app=DEAD, **QUIET)
    part_started(shop.page)
    for selector in ("#changes", "#loads", "#scrolls", "#moves", "#away", "#dead"):
        shop.page.evaluate("() => scrollTo(0, 0)")
        shop.page.click(selector)
        # Longer than the script waits for a sign, by the page's own clock: timers of a page fire in order.
        shop.page.evaluate("() => new Promise((done) => setTimeout(done, 2700))")
    shop.page.goto("about:blank")
    found = shop.stored(7)
    assert [each["$el_selector"] for each in found if each.event == "$dead_click"] == ["#dead"]
