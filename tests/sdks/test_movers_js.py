"""mixpanel-browser and Amplitude's browser SDK, unmodified: only their host and key are Firsthand's."""

import json
from collections import Counter

import pytest

from analytics.enrich.batches import enrich
from analytics.models import Person
from tests.analytics.ingest.conftest import ledger
from tests.sdks.conftest import Shop, stored

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def visit(shop: Shop, name: str, source: str) -> None:
    given = f"const KEY = {json.dumps(shop.team.write_key)}, HOST = {json.dumps(shop.firsthand)};"
    shop.page.goto(shop.build(name, body=shop.bundle(source.replace("GIVEN", given))))
    shop.page.wait_for_function("window.done === true")


MIXPANEL = """
import mixpanel from "mixpanel-browser";
GIVEN
mixpanel.init(KEY, {api_host: HOST, persistence: "localStorage", record_sessions_percent: 0});
mixpanel.track_pageview();
mixpanel.track("looked", {lamp: "red"});
mixpanel.identify("ana");
mixpanel.people.set({$name: "Ana", plan: "pro"});
mixpanel.get_group("company", "Acme").set({seats: 4});
mixpanel.track("ordered");
window.done = true;
"""


def test_mixpanel(shop: Shop) -> None:
    visit(shop, "mixpanel", MIXPANEL)
    found = stored(shop.team, 6)
    events = Counter(str(row["event"]) for row in found)
    assert {name: events[name] for name in ("$pageview", "looked", "$identify", "ordered")} == {
        "$pageview": 1, "looked": 1, "$identify": 1, "ordered": 1,
    }  # fmt: skip
    assert events["$groupidentify"] == 1
    assert ledger(shop.team.id) == {"received": sum(events.values())}
    enrich()
    [ana] = [
        person
        for person in Person.objects.filter(project=shop.team.id, merged_into=None)
        if person.identified
    ]
    assert ana.properties["plan"] == "pro"
    assert {each.distinct_id.partition(":")[0] for each in ana.distinct_ids.all()} == {"ana", "$device"}


AMPLITUDE = """
import * as amplitude from "@amplitude/analytics-browser";
GIVEN
async function shopping() {
  const client = amplitude.createInstance();
  const options = {
    serverUrl: HOST + "/2/httpapi", flushIntervalMillis: 50, fetchRemoteConfig: false, autocapture: true,
  };
  await client.init(KEY, options).promise;
  client.track("looked", {lamp: "red"});
  client.setUserId("ana");
  client.identify(new amplitude.Identify().set("plan", "pro").setOnce("source", "news").unset("city"));
  client.groupIdentify("company", "Acme", new amplitude.Identify().set("seats", 4));
  window.code = (await client.track("ordered").promise).code;
  window.done = true;
}
shopping();
"""


def test_amplitude(shop: Shop) -> None:
    visit(shop, "amplitude", AMPLITUDE)
    assert shop.page.evaluate("window.code") == 200
    found = stored(shop.team, 6)
    events = Counter(str(row["event"]) for row in found)
    assert {name: events[name] for name in ("$pageview", "looked", "$groupidentify", "ordered")} == {
        "$pageview": 1, "looked": 1, "$groupidentify": 1, "ordered": 1,
    }  # fmt: skip
    assert ledger(shop.team.id) == {"received": sum(events.values())}
    enrich()
    [ana] = [
        person
        for person in Person.objects.filter(project=shop.team.id, merged_into=None)
        if person.identified
    ]
    assert ana.properties["plan"] == "pro"
    assert len({row["client_session"] for row in found}) == 1
