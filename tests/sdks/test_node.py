"""Unmodified SDKs from npm in Node.js: they lose nothing and send nothing twice."""

import json
import subprocess
from collections import Counter

import pytest

from tests.analytics.ingest.conftest import ledger
from tests.people import Team
from tests.sdks.conftest import PACKAGES, stored

pytestmark = pytest.mark.slow

MANY = 250
"""More than two batches of each SDK."""

SEGMENT = """
for (let number = 0; number < MANY; number++) client.track({userId: "ana", event: "step", properties: {number}});
client.identify({userId: "ana", traits: {name: "Ana"}});
client.page({userId: "ana", name: "Home", properties: {url: "https://shop.example/"}});
client.group({userId: "ana", groupId: "acme", traits: {seats: 3}});
client.alias({userId: "ana", previousId: "device"});
"""
ANALYTICS_NODE = f"""
const {{ Analytics }} = require("@segment/analytics-node");
const client = new Analytics({{writeKey: KEY, host: HOST, flushInterval: 100}});
client.on("error", (error) => console.error(error));
{SEGMENT}
client.closeAndFlush();
"""
RUDDER = f"""
const Analytics = require("@rudderstack/rudder-sdk-node");
const client = new Analytics(KEY, {{dataPlaneUrl: HOST, flushInterval: 100, logLevel: "error"}});
{SEGMENT}
client.flush();
"""
POSTHOG = """
const { PostHog } = require("posthog-node");
const client = new PostHog(KEY, {host: HOST, flushInterval: 100});
client.on("error", (error) => console.error(error));
for (let number = 0; number < MANY; number++)
  client.capture({distinctId: "ana", event: "step", properties: {number}});
client.identify({distinctId: "ana", properties: {name: "Ana"}});
client.capture({distinctId: "ana", event: "$pageview", properties: {$current_url: "https://shop.example/"}});
client.groupIdentify({groupType: "company", groupKey: "acme", properties: {seats: 3}});
client.alias({distinctId: "ana", alias: "device"});
client.getAllFlags("ana").then(() => client.shutdown());
"""


@pytest.mark.parametrize(
    "script", [ANALYTICS_NODE, RUDDER, POSTHOG], ids=["analytics-node", "rudder", "posthog-node"]
)
def test_sent_is_stored(firsthand: str, team: Team, script: str) -> None:
    given = f"const KEY = {json.dumps(team.write_key)}, HOST = {json.dumps(firsthand)}, MANY = {MANY};"
    node = subprocess.run(
        ["node", "-e", given + script], cwd=PACKAGES, check=True, capture_output=True, text=True, timeout=60
    )
    assert (node.stdout, node.stderr) == ("", "")
    found = stored(team, MANY + 4)
    assert Counter(str(row["event"]) for row in found) == {
        "step": MANY, "$identify": 1, "$pageview": 1, "$groupidentify": 1, "$create_alias": 1,
    }  # fmt: skip
    numbers = [json.loads(str(row["properties"]))["number"] for row in found if row["event"] == "step"]
    assert sorted(numbers) == list(range(MANY))
    assert len({row["id"] for row in found}) == MANY + 4
    assert ledger(team.id) == {"received": MANY + 4}
