"""posthog-js, unmodified: bundled from npm, and by the HTML snippets, whose script is ours."""

import json
import subprocess
from collections import Counter

import pytest

from analytics.enrich.batches import enrich
from analytics.models import DistinctId, Person, Session
from tests.analytics.ingest.conftest import ledger
from tests.sdks.conftest import PACKAGES, Shop, stored

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Tests run in an automated browser, which posthog-js takes for a bot.
HUMAN = {"opt_out_useragent_filter": True}
LISTEN = """
window.sent = [];
window.flags = 0;
posthog.push(function () { this.on("eventCaptured", (event) => window.sent.push(event.uuid)); });
posthog.onFeatureFlags(() => window.flags++);
"""


def npm(shop: Shop, **options: object) -> str:
    """The bundle of a page that imports posthog-js."""
    given = json.dumps({"api_host": shop.firsthand, **HUMAN, **options})
    return shop.bundle(f"""
        import posthog from "posthog-js";
        window.posthog = posthog;
        posthog.init({json.dumps(shop.team.write_key)}, {given});
        {LISTEN}
    """)


def snippet(shop: Shop, calls: str = "", **options: object) -> str:
    """PostHog's snippet for a site's head, which its plugin for Docusaurus carries, and calls right after it."""
    given = json.dumps({"apiKey": shop.team.write_key, "appUrl": shop.firsthand, **options})
    script = (
        f"console.log(require('posthog-docusaurus')({{}}, {given}).injectHtmlTags().headTags[1].innerHTML)"
    )
    node = subprocess.run(
        ["node", "-e", script], cwd=PACKAGES, env={"NODE_ENV": "production", "PATH": "/usr/bin:/bin"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return f"<script>{node.stdout}{LISTEN}{calls}</script>"


def bootstrap(shop: Shop, *, version: str = "") -> str:
    """The newer snippet: posthog-js's own bootstrap, from the shop's site, then init."""
    source = (PACKAGES / "posthog-js" / "dist" / "loader-bootstrap.js").read_text(encoding="utf-8")
    (shop.folder / "bootstrap.js").write_text(source, encoding="utf-8")
    init = f"posthog.init({json.dumps(shop.team.write_key)}, {{api_host: {json.dumps(shop.firsthand)}}});"
    pin = f"data-sdk-version={version}" if version else ""
    tag = f"<script src=/bootstrap.js data-asset-host={shop.firsthand} {pin}></script>"
    return f"{tag}<script>{init}{LISTEN}</script>"


def visit(shop: Shop, url: str) -> None:
    """Ana looks around, orders a lamp, says who she is, and leaves."""
    shop.page.goto(url)
    shop.page.wait_for_function("window.flags > 0")
    shop.page.click("#buy")
    shop.page.click("#close")
    shop.page.fill("[name=email]", "ana@example.com")
    shop.page.click("#order button")
    shop.page.evaluate("window.flags = 0; posthog.identify('ana', {name: 'Ana'})")
    shop.page.evaluate("posthog.onFeatureFlags(() => window.flags++)")
    shop.page.wait_for_function("window.flags > 0")
    shop.page.evaluate("posthog.capture('ordered', {price: 30})")


def expect_ana(shop: Shop) -> None:
    """What she did is stored once and is one person's, in one session."""
    sent = shop.sent()
    shop.leave()
    found = stored(shop.team, len(sent) + 1)
    assert set(sent) < {str(row["id"]) for row in found}
    names = Counter(str(row["event"]) for row in found)
    assert names >= Counter(
        {"$pageview": 1, "$autocapture": 5, "$identify": 1, "ordered": 1, "$pageleave": 1}
    )
    at_the_end = {str(row["event"]) for row in found if str(row["id"]) not in sent}
    assert at_the_end <= {"$pageleave", "$set", "$$heatmap"}
    assert set(ledger(shop.team.id)) == {"received"}
    enrich()
    [person] = Person.objects.filter(project=shop.team.id, merged_into=None)
    assert (person.name, person.events) == ("Ana", len(found))
    assert DistinctId.objects.filter(project=shop.team.id, person=person).count() == 2
    [session] = Session.objects.filter(project=shop.team.id)
    assert session.events == len(found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"defaults": "2026-01-30"},
        {
            "capture_exceptions": True, "capture_dead_clicks": True, "enable_heatmaps": True,
            "capture_performance": {"web_vitals": True}, "advanced_enable_surveys": True,
        },
    ],
    ids=["plain", "newest defaults", "every feature"],
)  # fmt: skip
def test_from_npm(shop: Shop, options: dict[str, object]) -> None:
    visit(shop, shop.build("npm", body=npm(shop, **options)))
    expect_ana(shop)


@pytest.mark.parametrize("strict", [True, "fallback"])
def test_from_npm_with_versioned_scripts(shop: Shop, strict: bool | str) -> None:
    visit(shop, shop.build("npm", body=npm(shop, strict_script_versioning=strict, capture_exceptions=True)))
    expect_ana(shop)


def test_from_npm_while_the_page_stays_open(shop: Shop) -> None:
    visit(shop, shop.build("npm", body=npm(shop)))
    sent = shop.sent()
    assert set(sent) == {str(row["id"]) for row in stored(shop.team, len(sent))}


def test_what_from_npm_asks_for_beside_events(shop: Shop) -> None:
    shop.page.goto(shop.build("npm", body=npm(shop, disable_session_recording=False)))
    shop.page.wait_for_function("window.flags > 0")
    shop.page.evaluate("posthog.startSessionRecording()")
    surveys = shop.page.evaluate("new Promise((resolve) => posthog.getSurveys(resolve, true))")
    features = shop.page.evaluate("new Promise((resolve) => posthog.getEarlyAccessFeatures(resolve, true))")
    assert (surveys, features) == ([], [])
    assert shop.page.evaluate("posthog.isFeatureEnabled('dark')") is None


def test_by_the_snippet(shop: Shop) -> None:
    visit(shop, shop.build("snippet", head=snippet(shop)))
    expect_ana(shop)


@pytest.mark.parametrize("version", ["", "1", "1.449.2"])
def test_by_the_bootstrap(shop: Shop, version: str) -> None:
    visit(shop, shop.build("bootstrap", head=bootstrap(shop, version=version)))
    expect_ana(shop)
