"""What fh.js records, from a page with a strict policy to the inbox."""

import json

import pytest
from playwright.sync_api import Request

from analytics.enrich.batches import enrich
from analytics.models import Person
from tests.feedback.embed.visiting import token
from tests.widget.conftest import APP, Shop, taken_over

pytestmark = pytest.mark.browser
ONLY_CALLS = {"pageviews": "off", "vitals": "off"}
"""Attributes of a tag that leave only what a test does."""
# What docs/embed.md tells pages to put above the tag.
STUB = """
window.firsthand ||= new Proxy([], {
    get: (calls, name) => name in calls ? calls[name] : (...given) => void calls.push([name, ...given]),
});
"""


def test_one_tag_records_a_visit_and_what_the_page_reports(shop: Shop) -> None:
    shop.visit(vitals="off")
    shop.call("track", "bought", {"price": 3})
    view, bought = shop.left("$pageview", "bought")
    assert (view["url"], view["path"], view["title"]) == (
        f"{shop.site.address}/lamps", "/lamps", "The page /lamps",
    )  # fmt: skip
    assert bought.properties["price"] == 3
    assert (bought["library"], bought["locale"]) == ("firsthand 0.1.0", "en-US")
    assert bought.properties["$screen_width"] == 1280
    assert view["distinct_id"] == bought["distinct_id"]
    assert view["client_session"] == bought["client_session"]
    assert view["id"].version == bought["id"].version == 7


@pytest.mark.slow
def test_how_somebody_came_is_told_once(shop: Shop) -> None:
    shop.write(
        "/start",
        body='<a id=go href="/lamps?utm_source=fair&utm_campaign=may&token=s3cret">Lamps</a>',
        tag="",
    )
    shop.write("/lamps", vitals="off", autocapture="off")
    shop.page.goto(f"{shop.site.address}/start")
    shop.page.click("#go")
    taken_over(shop.page)
    shop.page.reload()
    taken_over(shop.page)
    first, second = shop.left("$pageview", "$pageview")
    assert first.properties["$set_once"] == {
        "$initial_current_url": f"{shop.site.address}/lamps?utm_source=fair&utm_campaign=may&token=***",
        "$initial_referrer": f"{shop.site.address}/start",
        "$initial_utm_source": "fair",
        "$initial_utm_campaign": "may",
    }
    assert "$set_once" not in second.properties
    assert [first["utm_source"], first["referrer"]] == ["fair", f"{shop.site.address}/start"]
    assert "s3cret" not in json.dumps([first.row, second.row], default=str)


@pytest.mark.slow
@pytest.mark.parametrize("stub", [STUB, "window.firsthand ||= [];"], ids=["proxy", "list"])
def test_calls_before_the_script_has_loaded_are_taken_over(shop: Shop, stub: str) -> None:
    calls = """
        firsthand.push(["identify", "ana", {name: "Ana"}]);
        firsthand.push(["track", "early", {price: 3}]);
    """
    shop.visit(app=stub + calls, **ONLY_CALLS)
    shop.page.evaluate("() => firsthand.push(['track', 'late'])")
    identified, early, late = shop.left("$identify", "early", "late")
    assert identified.properties["$set"] == {"name": "Ana"}
    assert early["distinct_id"] == late["distinct_id"] == "ana"
    assert early.properties["price"] == 3


def test_who_somebody_is(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    shop.call("track", "looked")
    shop.call("identify", "ana", {"plan": "free"})
    shop.call("group", "acme", {"seats": 3})
    shop.call("alias", "ana@example.com")
    shop.call("track", "bought")
    looked, identified, grouped, aliased, bought = shop.left(
        "looked", "$identify", "$groupidentify", "$create_alias", "bought"
    )
    assert (identified["distinct_id"], identified["linked_id"]) == ("ana", looked["distinct_id"])
    assert (aliased["distinct_id"], aliased["linked_id"]) == ("ana@example.com", "ana")
    assert (grouped.properties["$group_key"], grouped.properties["$group_set"]) == ("acme", {"seats": 3})
    assert bought.properties["$group_id"] == "acme"
    enrich()
    [person] = Person.objects.filter(project=shop.team.id, merged_into=None)
    assert person.properties["plan"] == "free"


@pytest.mark.slow
def test_the_same_identity_is_sent_once_a_session(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    for traits in ({"plan": "free"}, {"plan": "free"}, {"plan": "pro"}):
        shop.call("identify", "ana", traits)
        shop.call("group", "acme")
    shop.visit(**ONLY_CALLS)
    shop.call("identify", "ana", {"plan": "pro"})
    shop.call("track", "done")
    shop.left("$identify", "$groupidentify", "$identify", "done")


@pytest.mark.slow
def test_two_people_on_one_device_stay_two(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    shop.call("identify", "ana")
    shop.call("group", "acme")
    shop.call("reset")
    shop.call("track", "nobody yet")
    shop.call("identify", "bo")
    shop.call("identify", "cy")
    ana, _, nobody, bo, cy = shop.left("$identify", "$groupidentify", "nobody yet", "$identify", "$identify")
    assert (ana["linked_id"], bo["linked_id"]) != (nobody["distinct_id"], ana["linked_id"])
    assert nobody["distinct_id"] == bo["linked_id"]
    assert len({ana["linked_id"], bo["linked_id"], cy["linked_id"]}) == 3
    assert nobody["client_session"] != ana["client_session"]
    assert "$group_id" not in nobody.properties
    enrich()
    assert Person.objects.filter(project=shop.team.id, merged_into=None).count() == 3


@pytest.mark.slow
def test_a_token_proves_the_identity_and_travels_alone(shop: Shop) -> None:
    sent: list[tuple[str | None, list[str]]] = []

    def look(request: Request) -> None:
        if request.method == "POST":
            calls = json.loads(request.post_data or "{}")["batch"]
            sent.append((request.headers.get("firsthand-identity"), [call["type"] for call in calls]))

    shop.page.on("request", look)
    shop.visit(**ONLY_CALLS)
    signed = token(shop.team)
    shop.call("identify", "ana", {}, {"token": signed})
    shop.call("track", "bought")
    identified, bought = shop.stored(2)
    assert sent == [(signed, ["identify"]), (None, ["track"])]
    # Proved, and claimed.
    assert (identified["user_known"], bought["user_known"]) == (2, 1)


@pytest.mark.slow
def test_nothing_that_a_page_does_makes_the_script_throw(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    shop.page.evaluate(
        """() => {
            const circle = {}; circle.circle = circle;
            firsthand.track("circle", circle);
            firsthand.track("big", {number: 10n});
            firsthand.track("hostile", {get price() { throw new Error("no price"); }});
            firsthand.track(); firsthand.identify(); firsthand.identify(null); firsthand.group(); firsthand.alias();
            firsthand.attachTo(null); firsthand.onReply(); firsthand.push([]); firsthand.push(["nothing"]);
            firsthand.track("too large", {text: "x".repeat(40000)});
            firsthand.track("done", {text: "ä".repeat(16000)});
        }"""
    )
    assert shop.stored(1)
    names = [each.event for each in shop.stored(2)]
    assert "done" in names
    assert not {"circle", "big", "hostile", "too large"} & set(names)


@pytest.mark.slow
def test_a_page_may_change_its_objects_after_a_call(shop: Shop) -> None:
    shop.visit(**ONLY_CALLS)
    shop.page.evaluate("() => { const cart = {lamps: 1}; firsthand.track('added', cart); cart.lamps = 2; }")
    [added] = shop.left("added")
    assert added.properties["lamps"] == 1


@pytest.mark.slow
def test_a_second_tag_does_nothing(shop: Shop) -> None:
    shop.write("/lamps", tag=shop.tag(vitals="off") * 2, app=APP)
    shop.page.goto(f"{shop.site.address}/lamps")
    taken_over(shop.page)
    shop.page.wait_for_load_state("networkidle")
    shop.left("$pageview")


@pytest.mark.slow
def test_what_goes_wrong_is_told_when_asked_for(shop: Shop) -> None:
    shop.visit(debug="on", **ONLY_CALLS)
    shop.call("track", "")
    shop.call("open")
    while len(shop.console) < 2:
        shop.page.wait_for_timeout(10)
    assert shop.console[0] == "warning: [firsthand] track() needs a name"
    assert shop.console[1].startswith("warning: [firsthand] TypeError")
    shop.console.clear()
