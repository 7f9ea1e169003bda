"""The script under strict policies: nothing is blocked, and nothing needs an exception."""

import json

import pytest

from tests.widget.conftest import APP, Shop, part_started

pytestmark = pytest.mark.browser
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
ICON = "img-src data:"
STRICT = f"default-src 'none'; script-src 'self' HOST; connect-src HOST; {ICON}; require-trusted-types-for 'script'"
SANDBOXED = f"default-src 'self' HOST; {ICON}; sandbox allow-scripts allow-forms"


def use(shop: Shop) -> None:
    """Record something of every kind, with the part that is loaded later."""
    part_started(shop.page)
    shop.page.click("#buy")
    shop.page.evaluate("() => firsthand.captureException(new Error('broken'))")
    shop.page.evaluate("() => firsthand.track('done')")
    assert shop.page.evaluate("() => window.violations") == []


def expect_everything(shop: Shop) -> None:
    shop.page.goto("about:blank")
    found = shop.stored(5)
    assert sorted(each.event for each in found) == [
        "$autocapture",
        "$exception",
        "$pageview",
        "$web_vitals",
        "done",
    ]
    [error] = [each for each in found if each.event == "$exception"]
    assert error.properties["$exception_list"][0]["stacktrace"]["frames"]


def test_from_the_sites_own_domain(shop: Shop) -> None:
    shop.visit(app=LISTEN + APP)
    use(shop)
    expect_everything(shop)


@pytest.mark.slow
@pytest.mark.parametrize("policy", [STRICT, SANDBOXED], ids=["strict", "sandboxed"])
def test_from_another_origin(shop: Shop, policy: str) -> None:
    shop.site.clear(policy.replace("HOST", shop.site.firsthand))
    # In a sandbox there is no storage.
    shop.visit(app=LISTEN + APP, tag=shop.tag(f"{shop.site.firsthand}/fh.js"))
    use(shop)
    expect_everything(shop)


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False], ids=["own domain", "another origin"])
def test_the_module(shop: Shop, own: bool) -> None:
    host = "/fh" if own else shop.site.firsthand
    if not own:
        shop.site.clear(STRICT.replace("HOST", host))
    shop.site.files["/app.mjs"] = f"""
        import firsthand, {{ init }} from "{host}/fh.mjs";
        firsthand.track("early");
        init({json.dumps(shop.team.write_key)}, {{ vitals: false, pageviews: false }});
        init("another key");
        window.firsthand = firsthand;
    """
    shop.visit(app=LISTEN + APP, tag="<script type=module src=/app.mjs></script>")
    shop.call("track", "late")
    assert shop.page.evaluate("() => violations") == []
    shop.left("early", "late")


@pytest.mark.slow
def test_a_page_that_isolates_itself(shop: Shop) -> None:
    """Cross-Origin-Embedder-Policy blocks whatever does not allow it."""
    shop.site.headers = {"cross-origin-embedder-policy": "require-corp"}
    shop.visit(tag=shop.tag(f"{shop.site.firsthand}/fh.js", vitals="off"))
    shop.left("$pageview")
