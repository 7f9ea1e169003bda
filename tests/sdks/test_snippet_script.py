"""What the script behind PostHog's snippet does beyond the first visit."""

import datetime as dt
import json
from typing import Any

import pytest

from analytics.enrich.batches import enrich
from analytics.models import Person, Session
from tests.sdks.conftest import Shop, stored
from tests.sdks.test_posthog_js import snippet

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def opened(shop: Shop, calls: str = "", **options: object) -> None:
    shop.page.goto(shop.build("script", head=snippet(shop, calls, **options)))
    shop.page.wait_for_function("window.flags > 0")


def properties(row: dict[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(row["properties"]))
    return found


def all_stored(shop: Shop, count: int) -> list[dict[str, object]]:
    """Leave, and read what is stored: exactly so many events."""
    shop.leave()
    found = stored(shop.team, count)
    assert len(found) == count, [row["event"] for row in found]
    return found


def test_calls_before_the_script_has_loaded_are_sent(shop: Shop) -> None:
    calls = """
        posthog.register({plan: "pro"});
        posthog.capture("early", {price: 3});
        posthog.people.set({city: "Oslo"});
        posthog.group("company", "acme", {seats: 4});
        posthog.identify("ana", {name: "Ana"}, {source: "fair"});
        posthog.alias("ana@old.example");
    """
    opened(shop, calls, capture_pageview=False)
    found = {str(row["event"]): row for row in all_stored(shop, 5)}
    assert set(found) == {"early", "$set", "$groupidentify", "$identify", "$create_alias"}
    early = properties(found["early"])
    assert (early["plan"], early["price"]) == ("pro", 3)
    assert properties(found["$set"])["$set"] == {"city": "Oslo"}
    assert properties(found["$groupidentify"])["$group_key"] == "acme"
    identified = properties(found["$identify"])
    assert identified["$set"] == {"name": "Ana"}
    assert identified["$set_once"]["source"] == "fair"
    assert identified["$set_once"]["$initial_pathname"] == "/script.html"
    assert identified["$groups"] == {"company": "acme"}
    assert (found["$identify"]["link"], found["$create_alias"]["link"]) == ("identify", "alias")


def test_a_person_and_a_session_last_over_pages_and_tabs(shop: Shop) -> None:
    opened(shop)
    shop.page.reload()
    shop.page.wait_for_function("window.sent.length")
    tab = shop.page.context.new_page()
    tab.goto(shop.page.url)
    tab.wait_for_function("window.sent.length")
    found = stored(shop.team, 4)
    tab.close()
    assert [row["event"] for row in found].count("$pageview") == 3
    assert len({row["distinct_id"] for row in found}) == len({row["client_session"] for row in found}) == 1
    assert len({properties(row)["$window_id"] for row in found}) == 2
    enrich()
    assert Person.objects.filter(project=shop.team.id, merged_into=None).count() == 1
    assert Session.objects.filter(project=shop.team.id).count() == 1


def test_a_session_ends_after_half_an_hour_without_events(shop: Shop) -> None:
    noon = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
    shop.page.clock.set_system_time(noon)
    opened(shop, capture_pageview=False, capture_pageleave=False)
    for minutes in (0, 29, 60):
        shop.page.clock.set_system_time(noon + dt.timedelta(minutes=minutes))
        shop.page.evaluate(f"posthog.capture('after {minutes}')")
    found = {str(row["event"]): row["client_session"] for row in all_stored(shop, 3)}
    assert found["after 0"] == found["after 29"] != found["after 60"]


def test_after_a_reset_it_is_somebody_else_on_the_same_device(shop: Shop) -> None:
    opened(shop, capture_pageview=False, capture_pageleave=False)
    shop.page.evaluate("posthog.identify('ana'); posthog.reset(); posthog.capture('next')")
    identified, following = all_stored(shop, 2)
    assert following["distinct_id"] not in ("ana", identified["linked_id"])
    assert properties(following)["$device_id"] == properties(identified)["$device_id"]
    enrich()
    assert Person.objects.filter(project=shop.team.id, merged_into=None).count() == 2


def test_who_opts_out_is_not_recorded(shop: Shop) -> None:
    opened(shop, "posthog.opt_out_capturing(); posthog.capture('early');")
    shop.page.click("#buy")
    shop.page.reload()
    shop.page.wait_for_function("window.flags > 0")
    assert shop.page.evaluate("posthog.has_opted_out_capturing()") is True
    shop.page.evaluate("posthog.opt_in_capturing()")
    assert [row["event"] for row in all_stored(shop, 3)] == ["$opt_in", "$pageview", "$pageleave"]


def test_views_of_a_single_page_application(shop: Shop) -> None:
    opened(shop, defaults="2025-05-24")
    shop.page.wait_for_function("window.sent.length")
    shop.page.evaluate(
        "history.pushState({}, '', '/lamps'); history.replaceState({}, '', '/lamps?sort=price')"
    )
    shop.page.evaluate("history.back()")
    shop.page.wait_for_function("window.sent.length === 3")
    found = all_stored(shop, 4)
    assert [row["path"] for row in found if row["event"] == "$pageview"] == [
        "/script.html",
        "/lamps",
        "/script.html",
    ]


def test_neither_values_nor_hidden_parts_are_captured(shop: Shop) -> None:
    body = """
        <div class=ph-no-capture><button id=secret>Secret</button></div>
        <button id=masked class=ph-sensitive>4 lamps for Ana</button>
        <label>Card <input id=card></label> <button id=number>4111 1111 1111 1111</button>
    """
    shop.page.goto(shop.build("private", head=snippet(shop, capture_pageview=False), body=body))
    shop.page.wait_for_function("window.flags > 0")
    shop.page.fill("#card", "4000 0000 0000 0002")
    for id in ("secret", "masked", "number"):
        shop.page.click(f"#{id}")
    found = all_stored(shop, 3)
    text = json.dumps([properties(row) for row in found])
    assert [properties(row).get("$event_type") for row in found] == ["change", "click", "click"]
    assert not [word for word in ("Secret", "4 lamps", "4000 0000", "4111") if word in text]


def test_errors(shop: Shop) -> None:
    opened(shop, capture_pageview=False, capture_pageleave=False)
    shop.page.evaluate("posthog.captureException(new TypeError('x is undefined'), {step: 2})")
    [found] = all_stored(shop, 1)
    [listed] = properties(found)["$exception_list"]
    assert (listed["type"], listed["value"]) == ("TypeError", "x is undefined")


def test_a_second_instance_and_a_filter(shop: Shop) -> None:
    calls = f"""
        posthog.init({json.dumps(shop.team.write_key)}, {{
            api_host: {json.dumps(shop.firsthand)}, capture_pageview: false, autocapture: false,
            before_send: (data) => data.event !== "noise" && {{...data, event: `ours ${{data.event}}`}},
        }}, "ours");
        posthog.ours.capture("noise");
        posthog.ours.capture("sale");
    """
    opened(shop, calls, capture_pageview=False, capture_pageleave=False)
    assert [row["event"] for row in all_stored(shop, 1)] == ["ours sale"]


def test_events_wait_while_the_server_is_away(shop: Shop) -> None:
    shop.page.route("**/e/", lambda route: route.fulfill(status=503, headers={"retry-after": "1"}))
    opened(shop)
    with shop.page.expect_response("**/e/"):
        shop.page.click("#buy")
    shop.page.unroute("**/e/")
    assert len(stored(shop.team, 2)) == 2
    shop.failed.clear()
    shop.console.clear()
