"""How fh.js, its parts and PostHog's loader are served."""

import gzip
import re

import httpx
import pytest

from analytics.ingest import script_files
from tests.analytics.ingest.conftest import Harness

SHOP = {"accept-encoding": "gzip", "origin": "https://shop.example"}
YEAR = "public, max-age=31536000, immutable"


def loaded(harness: Harness, path: str, **headers: str) -> httpx.Response:
    return harness.ingest.request("GET", path, headers=SHOP | headers)


@pytest.mark.parametrize("path", ["/fh.js", "/fh.mjs"])
def test_pages_of_any_site_load_the_script(harness: Harness, path: str) -> None:
    script = loaded(harness, path)
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["cache-control"] == "public, max-age=600"
    assert script.headers["access-control-allow-origin"] == SHOP["origin"]
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in script.headers
    plain = harness.ingest.request("GET", path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == script.content == script_files.ENTRIES[path].plain
    assert harness.ingest.request("POST", path).status_code == 405


def test_a_browser_that_has_the_script_loads_nothing(harness: Harness) -> None:
    etag = loaded(harness, "/fh.js").headers["etag"]
    again = loaded(harness, "/fh.js", **{"if-none-match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert loaded(harness, "/fh.js", **{"if-none-match": '"other"'}).status_code == 200


def test_parts_are_named_by_their_contents_and_kept_forever(harness: Harness) -> None:
    for path, script in script_files.PARTS.items():
        served = loaded(harness, path)
        assert (served.content, served.headers["cache-control"]) == (script.plain, YEAR)
        assert gzip.decompress(script.gzipped) == script.plain
        assert served.headers["access-control-allow-origin"] == SHOP["origin"]


def test_the_script_loads_parts_that_exist() -> None:
    for entry in script_files.ENTRIES.values():
        named = set(re.findall(rb"fh/\w+-[0-9a-f]+\.js", entry.plain))
        assert {f"/{name.decode()}" for name in named} == set(script_files.PARTS)


def test_a_page_that_was_open_during_an_upgrade_gets_the_newest_part(harness: Harness) -> None:
    served = loaded(harness, "/fh/watch-0123456789ab.js")
    assert served.headers["cache-control"] == "no-cache"
    assert served.content == next(iter(script_files.PARTS.values())).plain


@pytest.mark.parametrize(
    "path", ["/fh/other-0123456789ab.js", "/fh/watch.js", "/fh/", "/fh/../array.js", "/fh/x%00-00.js"]
)
def test_there_are_no_other_parts(harness: Harness, path: str) -> None:
    missing = loaded(harness, path)
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/json")
