"""analytics-next, Segment's analytics.js, unmodified: with settings from Firsthand, or without."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping

import pytest

from analytics.enrich.batches import enrich
from analytics.models import Person
from tests.analytics.ingest.conftest import ledger
from tests.sdks.conftest import PACKAGES, Shop, stored

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REMEMBER = """
window.sent = [];
analytics.addSourceMiddleware(({payload, next}) => { window.sent.push(payload.obj.messageId); next(payload); });
"""


def npm(shop: Shop, settings: Mapping[str, object], options: str = "{}") -> str:
    """The bundle of a page that imports analytics-next."""
    given = json.dumps({"writeKey": shop.team.write_key, **settings})
    return shop.bundle(f"""
        import {{ AnalyticsBrowser }} from "@segment/analytics-next";
        const analytics = window.analytics = AnalyticsBrowser.load({given}, {options});
        {REMEMBER}
        analytics.page();
    """)


def snippet(shop: Shop) -> str:
    """Segment's snippet, with the script on the shop's own site and everything else from Firsthand."""
    source = (PACKAGES / "@segment" / "analytics-next" / "dist" / "umd" / "standalone.js").read_text(
        encoding="utf-8"
    )
    (shop.folder / "analytics.min.js").write_text(source, encoding="utf-8")
    given = {
        "apiKey": shop.team.write_key,
        "host": shop.address.split("//")[1],
        "ajsPath": "/analytics.min.js",
    }
    node = subprocess.run(
        ["node", "-e", f"console.log(require('@segment/snippet').max({json.dumps(given)}))"],
        cwd=PACKAGES, check=True, capture_output=True, text=True,
    )  # fmt: skip
    # The shop has no certificate.
    calls = f"analytics._cdn = {json.dumps(shop.firsthand)}; {REMEMBER}"
    return f"<script>{node.stdout.replace('https://', 'http://')}</script><script>{calls}</script>"


def visit(shop: Shop, url: str) -> None:
    shop.page.goto(url)
    shop.page.wait_for_function("window.sent.length === 1")
    shop.page.evaluate("analytics.track('looked', {lamp: 'red'})")
    shop.page.evaluate("analytics.identify('ana', {name: 'Ana'})")
    shop.page.evaluate("analytics.group('acme', {seats: 4})")
    shop.page.evaluate("analytics.alias('ana@old.example')")
    shop.page.evaluate("analytics.track('ordered')")


def expect_ana(shop: Shop) -> None:
    """What she did is stored once, and is one person's."""
    shop.page.wait_for_function("window.sent.length === 6")
    found = stored(shop.team, 6)
    assert Counter(str(row["event"]) for row in found) == {
        "$pageview": 1, "looked": 1, "$identify": 1, "$groupidentify": 1, "$create_alias": 1, "ordered": 1,
    }  # fmt: skip
    assert ledger(shop.team.id) == {"received": 6}
    enrich()
    [person] = Person.objects.filter(project=shop.team.id, merged_into=None)
    assert (person.name, person.events) == ("Ana", 6)


def test_from_npm_with_settings_from_firsthand(shop: Shop) -> None:
    visit(shop, shop.build("npm", body=npm(shop, {"cdnURL": shop.firsthand})))
    expect_ana(shop)


def test_from_npm_in_batches(shop: Shop) -> None:
    batching = {"strategy": "batching", "config": {"size": 4, "timeout": 200}}
    strategy = json.dumps({"integrations": {"Segment.io": {"deliveryStrategy": batching}}})
    visit(shop, shop.build("npm", body=npm(shop, {"cdnURL": shop.firsthand}, strategy)))
    expect_ana(shop)


def test_from_npm_with_its_own_settings(shop: Shop) -> None:
    destination = {
        "apiKey": shop.team.write_key,
        "apiHost": shop.firsthand.removeprefix("http://") + "/v1",
        "protocol": "http",
    }
    settings = {"cdnSettings": {"integrations": {"Segment.io": destination}, "metrics": {"sampleRate": 0}}}
    visit(shop, shop.build("npm", body=npm(shop, settings)))
    expect_ana(shop)


def test_by_the_snippet(shop: Shop) -> None:
    visit(shop, shop.build("snippet", head=snippet(shop)))
    expect_ana(shop)
