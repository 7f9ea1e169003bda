"""Page views of single-page applications."""

import pytest

from tests.widget.conftest import Shop

pytestmark = pytest.mark.browser
QUIET = {"vitals": "off", "autocapture": "off"}


def paths(shop: Shop, *expected: str) -> None:
    found = shop.left(*["$pageview"] * len(expected))
    assert [each["url"].removeprefix(shop.site.address) for each in found] == list(expected)


def settled(shop: Shop, script: str, after: str = "null") -> None:
    """Run, then wait longer than the script does for a title and for redirects, by the page's own clock."""
    wait = "await new Promise((done) => setTimeout(done, 100));"
    shop.page.evaluate(f"async () => {{ const ready = {after}; {script}; await ready; {wait} }}")


@pytest.mark.slow
def test_routes_of_a_single_page_application(shop: Shop) -> None:
    shop.visit(**QUIET)
    settled(shop, "history.pushState({}, '', '/lamps/red'); document.title = 'Red lamp'")
    settled(shop, "history.replaceState({}, '', '/lamps/red?sort=price')")
    settled(shop, "history.pushState({}, '', '/login'); history.replaceState({}, '', '/login/choose')")
    settled(shop, "location.hash = 'footer'")
    settled(shop, "location.hash = '#/checkout'")
    went = "new Promise((done) => addEventListener('popstate', done, {once: true}))"
    settled(shop, "history.go(-2)", after=went)
    found = shop.left(*["$pageview"] * 5)
    assert [each["url"].removeprefix(shop.site.address) for each in found] == [
        "/lamps", "/lamps/red", "/login/choose", "/login/choose#/checkout", "/login/choose",
    ]  # fmt: skip
    assert found[1]["title"] == "Red lamp"


@pytest.mark.slow
def test_a_view_right_before_leaving_is_kept(shop: Shop) -> None:
    shop.visit(**QUIET)
    shop.page.evaluate("() => history.pushState({}, '', '/thanks')")
    paths(shop, "/lamps", "/thanks")


@pytest.mark.slow
def test_pages_that_report_their_views_themselves(shop: Shop) -> None:
    shop.visit(pageviews="off", **QUIET)
    settled(shop, "history.pushState({}, '', '/hidden')")
    settled(shop, "history.pushState({}, '', '/shown'); firsthand.page({category: 'docs'})")
    [view] = shop.left("$pageview")
    assert (view["path"], view.properties["category"]) == ("/shown", "docs")


@pytest.mark.slow
def test_the_history_of_the_page_works_as_before(shop: Shop) -> None:
    shop.visit(**QUIET)
    assert shop.page.evaluate(
        """() => {
            let thrown = "";
            try { history.pushState(() => {}, ""); } catch (error) { thrown = error.name; }
            history.pushState({step: 2}, "", "/two");
            return [thrown, history.state.step, history.pushState.length];
        }"""
    )[:2] == ["DataCloneError", 2]


@pytest.mark.slow
def test_a_page_that_is_shown_again_from_the_cache_is_viewed_again(shop: Shop) -> None:
    shop.visit(**QUIET)
    shop.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    paths(shop, "/lamps", "/lamps")
