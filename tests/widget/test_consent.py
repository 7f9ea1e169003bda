"""Nothing is recorded, sent or kept without consent where it is needed, or against a person's will."""

import pytest

from tests.widget.conftest import APP, Shop, taken_over

pytestmark = pytest.mark.browser
QUIET = {"vitals": "off"}
STORED = "() => [localStorage.length, sessionStorage.length, document.cookie]"
REFUSALS = {
    "GPC": "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true});",
    "DNT": "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'});",
}


def use_everything(shop: Shop) -> list[str]:
    """What a page and a person may do. Returns the addresses of the requests that followed."""
    requests: list[str] = []
    shop.page.on("request", lambda request: requests.append(request.url))
    shop.page.click("#buy")
    shop.page.click("#order button")
    shop.call("identify", "ana", {"name": "Ana"})
    shop.call("group", "acme")
    shop.call("track", "bought")
    shop.call("page")
    shop.call("alias", "ana@example.com")
    shop.call("captureException", "broken")
    shop.page.evaluate("() => history.pushState({}, '', '/next')")
    # Longer than the script waits before it sends.
    shop.page.wait_for_timeout(2500)
    return requests


@pytest.mark.slow
def test_where_consent_is_required_nothing_happens_before(shop: Shop) -> None:
    shop.write("/next", consent="required", **QUIET)
    shop.visit(consent="required", **QUIET)
    assert use_everything(shop) == []
    assert shop.page.evaluate(STORED) == [0, 0, ""]
    shop.call("optIn")
    shop.call("track", "agreed")
    shop.page.reload()
    taken_over(shop.page)
    identified, grouped, view, agreed, again = shop.left(
        "$identify", "$groupidentify", "$pageview", "agreed", "$pageview"
    )
    assert (identified["distinct_id"], grouped["distinct_id"], agreed["distinct_id"]) == ("ana", "ana", "ana")
    assert (view["path"], again["path"]) == ("/next", "/next")


@pytest.mark.slow
@pytest.mark.parametrize("signal", REFUSALS.values(), ids=REFUSALS.keys())
def test_the_browsers_refusal_counts_until_the_person_agrees(shop: Shop, signal: str) -> None:
    shop.visit(app=APP + signal, **QUIET)
    assert use_everything(shop) == []
    assert shop.page.evaluate(STORED) == [0, 0, ""]
    shop.call("optIn")
    shop.left("$identify", "$groupidentify", "$pageview")


@pytest.mark.slow
def test_who_opts_out_is_forgotten_on_all_pages(shop: Shop) -> None:
    shop.visit(pageviews="off", **QUIET)
    shop.call("track", "kept back")
    shop.call("optOut")
    assert use_everything(shop) == []
    shop.page.goto(f"{shop.site.address}/lamps")
    taken_over(shop.page)
    shop.call("track", "also not")
    kept = shop.page.evaluate("(key) => localStorage.getItem(`fh_${key}`)", shop.team.write_key)
    assert kept == '{"consent":"out"}'
    shop.call("optIn")
    shop.call("track", "back")
    shop.left("back")


@pytest.mark.slow
def test_a_decision_counts_in_all_tabs_and_survives_a_reset(shop: Shop) -> None:
    shop.visit(**QUIET)
    tab = shop.tab()
    tab.goto(shop.page.url)
    taken_over(tab)
    tab.evaluate("() => { firsthand.optOut(); firsthand.reset(); }")
    shop.call("track", "too late")
    tab.close()
    shop.page.goto("about:blank")
    assert {each.event for each in shop.stored(1)} <= {"$pageview"}
