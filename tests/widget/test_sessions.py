"""Sessions and ids: shared by tabs, ended by silence, and possible without any storage."""

import datetime as dt

import pytest

from tests.config.installation import eventually
from tests.widget.conftest import Shop, taken_over
from tests.widget.test_recording import ONLY_CALLS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOON = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)


def at(shop: Shop, minutes: int) -> None:
    shop.page.clock.set_system_time(NOON + dt.timedelta(minutes=minutes))


def sessions(shop: Shop, *names: str) -> dict[str, str]:
    shop.page.goto("about:blank")
    return {each.event: each["client_session"] for each in shop.stored(len(names))}


def test_tabs_share_a_person_and_a_session(shop: Shop) -> None:
    shop.visit(vitals="off")
    tab = shop.tab()
    tab.goto(shop.page.url)
    taken_over(tab)
    tab.evaluate("() => firsthand.track('elsewhere')")
    shop.call("track", "here")
    tab.close()
    shop.page.goto("about:blank")
    found = shop.stored(4)
    assert sorted(each.event for each in found) == ["$pageview", "$pageview", "elsewhere", "here"]
    assert len({each["distinct_id"] for each in found}) == 1
    assert len({each["client_session"] for each in found}) == 1


def test_a_session_ends_after_half_an_hour_without_events(shop: Shop) -> None:
    at(shop, 0)
    shop.visit(**ONLY_CALLS)
    names = [f"after {minutes}" for minutes in (0, 29, 58, 89)]
    for name in names:
        at(shop, int(name.removeprefix("after ")))
        shop.call("track", name)
    found = sessions(shop, *names)
    assert found["after 0"] == found["after 29"] == found["after 58"] != found["after 89"]


def test_a_session_ends_after_a_day_of_events(shop: Shop) -> None:
    at(shop, 0)
    shop.visit(**ONLY_CALLS)
    names = [f"after {minutes}" for minutes in range(0, 25 * 60, 20)]
    for name in names:
        at(shop, int(name.removeprefix("after ")))
        shop.call("track", name)
    found = sessions(shop, *names)
    assert found["after 0"] == found["after 1440"] != found["after 1460"] == found["after 1480"]


def test_an_error_in_a_forgotten_tab_neither_begins_nor_extends_a_session(shop: Shop) -> None:
    loaded: list[str] = []
    shop.page.on("requestfinished", lambda request: loaded.append(request.url))
    at(shop, 0)
    shop.visit(**ONLY_CALLS)
    shop.call("track", "first")
    at(shop, 25)
    shop.call("captureException", "once")
    # An error gets its session when the part that reads it has started. The page's clock, which stands still, cannot
    # tell when that is.
    eventually(
        lambda: shop.page.evaluate("0") or any("/fh/watch-" in url for url in loaded), "the part to load"
    )
    part = next(url for url in loaded if "/fh/watch-" in url)
    shop.page.evaluate("(part) => import(part).then(() => {})", part)
    at(shop, 50)
    shop.call("captureException", "twice")
    at(shop, 51)
    shop.call("track", "back")
    shop.page.goto("about:blank")
    found = sorted(shop.stored(4), key=lambda each: str(each["timestamp"]))
    assert [each.event for each in found] == ["first", "$exception", "$exception", "back"]
    assert len({each["client_session"] for each in found[:3]}) == 1
    assert found[3]["client_session"] != found[0]["client_session"]


def test_nothing_is_kept_on_the_device_if_the_page_says_so(shop: Shop) -> None:
    shop.visit(storage="memory", **ONLY_CALLS)
    shop.call("track", "one")
    shop.call("track", "two")
    assert shop.page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]") == [
        0,
        0,
        "",
    ]
    one, two = shop.left("one", "two")
    assert one["distinct_id"] == two["distinct_id"]
    assert one["client_session"] == two["client_session"]


@pytest.mark.parametrize(
    "broken",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
        "Object.defineProperty(window, 'localStorage', {value: null});",
    ],
    ids=["forbidden", "full", "missing"],
)
def test_a_browser_without_storage_is_one_person_per_page(shop: Shop, broken: str) -> None:
    shop.visit(app=broken, **ONLY_CALLS)
    shop.call("track", "one")
    shop.call("identify", "ana")
    shop.call("track", "two")
    one, _, two = shop.left("one", "$identify", "two")
    assert (one["client_session"], two["distinct_id"]) == (two["client_session"], "ana")


def test_damaged_storage_is_replaced(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    shop.page.evaluate("(key) => localStorage.setItem(`fh_${key}`, '{broken')", shop.team.write_key)
    shop.call("track", "one")
    shop.page.evaluate("(key) => localStorage.setItem(`fh_${key}`, '[1, \"two\"]')", shop.team.write_key)
    shop.call("track", "two")
    shop.left("one", "two")
